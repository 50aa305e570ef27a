//! Tokens → a tree whose names are resolved: a wrong name never gets past here.

use regex::Regex;

use crate::facts::catalogue::Catalogue;
use crate::facts::field::FieldId;
use crate::facts::value::Value;

use super::expr::{Expr, ExprSpan, Func, Node, Op, Pattern};
use super::nearest::unknown;
use super::token::{ExprError, Token, span, tokenize};

/// What names mean while an expression is read.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// Settings and short names.
    pub catalogue: &'a Catalogue,
    /// The package that `since()` names releases of.
    pub package: &'a str,
}

/// Backends that `backend()` knows.
pub const BACKENDS: [&str; 3] = ["deepep", "hybridep", "ncclep"];
/// Packages that `version_before()` knows.
pub const PACKAGES: [&str; 7] = ["cuda", "deep-ep", "flash-attn", "nccl", "nvshmem", "torch", "transformer-engine"];
/// Operators' binding powers, weakest first.
const BINARY: [(&str, Op, u8); 13] = [
    ("||", Op::Or, 1),
    ("&&", Op::And, 2),
    ("==", Op::Equal, 3),
    ("!=", Op::NotEqual, 3),
    ("<", Op::Less, 3),
    ("<=", Op::LessEqual, 3),
    (">", Op::Greater, 3),
    (">=", Op::GreaterEqual, 3),
    ("+", Op::Add, 4),
    ("-", Op::Subtract, 4),
    ("*", Op::Multiply, 5),
    ("/", Op::Divide, 5),
    ("%", Op::Modulo, 5),
];
const FUNCTIONS: [&str; 17] = [
    "as_list",
    "backend",
    "count",
    "env",
    "env_int",
    "explicit",
    "floor",
    "has",
    "last",
    "max",
    "min",
    "round_up",
    "since",
    "size",
    "sum",
    "type",
    "version_before",
];
const METHODS: [&str; 4] = ["all", "exists", "matches", "startsWith"];
/// Deepest nesting of brackets and short names; nobody writes more, and the parser recurses.
const MAX_DEPTH: u8 = 64;
/// Longest expression; chains of operators nest as deeply as they are long.
const MAX_TOKENS: usize = 1000;
/// `all` and `exists` inside one another: each multiplies the work.
const MAX_QUANTIFIERS: usize = 2;

/// Reads `text`.
///
/// # Errors
/// The first thing that is wrong, with the nearest right name where one is unknown.
pub fn parse(text: &str, scope: Scope<'_>) -> Result<Expr, ExprError> {
    parse_nested(text, scope, 0)
}

fn parse_nested(text: &str, scope: Scope<'_>, depth: u8) -> Result<Expr, ExprError> {
    let tokens = tokenize(text)?;
    if let Some((_, place)) = tokens.get(MAX_TOKENS) {
        return Err(ExprError::new(*place, format!("an expression of more than {MAX_TOKENS} words and marks")));
    }
    let mut parser = Parser { tokens, at: 0, scope, variables: Vec::new(), depth };
    let expr = parser.expression(0)?;
    match parser.peek() {
        (Token::End, _) => Ok(expr),
        (token, place) => Err(ExprError::new(place, format!("expected an operator, found {}", describe(&token)))),
    }
}

struct Parser<'a> {
    tokens: Vec<(Token, ExprSpan)>,
    at: usize,
    scope: Scope<'a>,
    variables: Vec<String>,
    depth: u8,
}

impl Parser<'_> {
    fn peek(&self) -> (Token, ExprSpan) {
        self.tokens.get(self.at).or(self.tokens.last()).cloned().unwrap_or((Token::End, ExprSpan::default()))
    }

    fn next(&mut self) -> (Token, ExprSpan) {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn takes(&mut self, mark: &str) -> bool {
        let found = matches!(self.peek().0, Token::Mark(found) if found == mark);
        self.at += usize::from(found);
        found
    }

    fn require(&mut self, mark: &str) -> Result<ExprSpan, ExprError> {
        let (token, place) = self.peek();
        if self.takes(mark) {
            return Ok(place);
        }
        Err(ExprError::new(place, format!("expected `{mark}`, found {}", describe(&token))))
    }

    fn expression(&mut self, power: u8) -> Result<Expr, ExprError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ExprError::new(self.peek().1, "the expression is nested too deeply"));
        }
        let mut left = self.unary()?;
        while let Some((op, binds)) = self.operator() {
            if binds <= power {
                break;
            }
            self.at += 1;
            let right = self.expression(binds)?;
            left = joined(left.span, right.span, Node::Binary(op, Box::new(left), Box::new(right)));
        }
        if power == 0 && self.takes("?") {
            let then = self.expression(0)?;
            self.require(":")?;
            let otherwise = self.expression(0)?;
            let (start, end) = (left.span, otherwise.span);
            left = joined(start, end, Node::Choose(Box::new(left), Box::new(then), Box::new(otherwise)));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operator(&self) -> Option<(Op, u8)> {
        match self.peek().0 {
            Token::Mark(mark) => BINARY.iter().find(|entry| entry.0 == mark).map(|entry| (entry.1, entry.2)),
            Token::Name(name) if name == "in" => Some((Op::In, 3)),
            _ => None,
        }
    }

    fn unary(&mut self) -> Result<Expr, ExprError> {
        let place = self.peek().1;
        let negated: fn(Box<Expr>) -> Node = if self.takes("!") {
            Node::Not
        } else if self.takes("-") {
            Node::Negate
        } else {
            return self.postfix();
        };
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ExprError::new(place, "the expression is nested too deeply"));
        }
        let inner = self.unary()?;
        self.depth -= 1;
        Ok(joined(place, inner.span, negated(Box::new(inner))))
    }

    fn postfix(&mut self) -> Result<Expr, ExprError> {
        let mut expr = self.primary()?;
        while self.takes(".") {
            let (token, place) = self.next();
            let Token::Name(method) = token else {
                return Err(ExprError::new(place, "expected a method name after `.`"));
            };
            self.require("(")?;
            let start = expr.span;
            let node = match method.as_str() {
                "all" | "exists" => self.quantifier(method == "all", expr)?,
                "matches" => Node::Matches(Box::new(expr), self.pattern()?),
                "startsWith" => Node::Call(Func::StartsWith, vec![expr, self.expression(0)?]),
                _ => return Err(unknown("method", &method, place, METHODS)),
            };
            expr = joined(start, self.require(")")?, node);
        }
        Ok(expr)
    }

    fn quantifier(&mut self, all: bool, list: Expr) -> Result<Node, ExprError> {
        let (token, place) = self.next();
        let Token::Name(variable) = token else {
            return Err(ExprError::new(place, "expected the name of a variable"));
        };
        self.require(",")?;
        if self.variables.len() == MAX_QUANTIFIERS {
            return Err(ExprError::new(
                place,
                format!("more than {MAX_QUANTIFIERS} of `all` and `exists` inside one another"),
            ));
        }
        self.variables.push(variable);
        let body = self.expression(0)?;
        self.variables.pop();
        Ok(Node::Quantifier(all, Box::new(list), Box::new(body)))
    }

    fn pattern(&mut self) -> Result<Pattern, ExprError> {
        let (text, place) = self.literal("a regular expression in quotes")?;
        match Regex::new(&text) {
            Ok(_) => Ok(Pattern::new(text)),
            Err(error) => Err(ExprError::new(place, format!("bad regular expression: {error}"))),
        }
    }

    fn literal(&mut self, what: &str) -> Result<(String, ExprSpan), ExprError> {
        match self.next() {
            (Token::Text(text), place) => Ok((text, place)),
            (token, place) => Err(ExprError::new(place, format!("expected {what}, found {}", describe(&token)))),
        }
    }

    fn primary(&mut self) -> Result<Expr, ExprError> {
        let (token, place) = self.next();
        let constant = |value| Ok(Expr { span: place, node: Node::Const(value) });
        match token {
            Token::Int(number) => constant(Value::Int(number)),
            Token::Float(number) => constant(Value::Float(number)),
            Token::Text(text) => constant(Value::Str(text)),
            Token::Name(name) => self.name(&name, place),
            Token::Mark("(") => {
                let inner = self.expression(0)?;
                self.require(")")?;
                Ok(inner)
            }
            Token::Mark("[") => self.list(place),
            other => Err(ExprError::new(place, format!("expected a value, found {}", describe(&other)))),
        }
    }

    fn list(&mut self, open: ExprSpan) -> Result<Expr, ExprError> {
        let mut items = Vec::new();
        loop {
            let place = self.peek().1;
            if self.takes("]") {
                return Ok(joined(open, place, Node::Const(Value::List(items))));
            }
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(ExprError::new(place, "the list is nested too deeply"));
            }
            let item = self.unary()?;
            self.depth -= 1;
            match item.node {
                Node::Const(value) => items.push(value),
                _ => return Err(ExprError::new(place, "a list holds literals only")),
            }
            if !self.takes(",") {
                let close = self.require("]")?;
                return Ok(joined(open, close, Node::Const(Value::List(items))));
            }
        }
    }

    fn name(&mut self, name: &str, place: ExprSpan) -> Result<Expr, ExprError> {
        let node = match name {
            "true" => Node::Const(Value::Bool(true)),
            "false" => Node::Const(Value::Bool(false)),
            "null" => Node::Const(Value::Null),
            _ if matches!(self.peek().0, Token::Mark("(")) => return self.call(name, place),
            _ => {
                if let Some(depth) = self.variables.iter().rposition(|variable| variable == name) {
                    Node::Var(u8::try_from(depth).unwrap_or(u8::MAX))
                } else if let Some(id) = self.scope.catalogue.by_name(name) {
                    Node::Field(id)
                } else {
                    return self.short_name(name, place);
                }
            }
        };
        Ok(Expr { span: place, node })
    }

    fn short_name(&self, name: &str, place: ExprSpan) -> Result<Expr, ExprError> {
        let Some(text) = self.scope.catalogue.short_names.get(name) else {
            let fields = self.scope.catalogue.fields.iter().map(|field| field.name.as_str());
            let known = fields.chain(self.scope.catalogue.short_names.keys().map(String::as_str));
            return Err(unknown("field", name, place, known));
        };
        let mut expr = parse_nested(text, self.scope, self.depth)
            .map_err(|error| ExprError::new(place, format!("short name `{name}` does not read: {}", error.message)))?;
        expr.relocate(place);
        Ok(expr)
    }

    fn call(&mut self, name: &str, place: ExprSpan) -> Result<Expr, ExprError> {
        self.require("(")?;
        let node = match name {
            "has" => Node::Has(self.field()?),
            "explicit" => Node::Explicit(self.field()?),
            "as_list" => Node::AsList(self.field()?),
            "env" => Node::Env(self.literal("the name of an environment variable in quotes")?.0),
            "env_int" => self.env_int()?,
            "since" => self.since()?,
            "backend" => {
                let (name, at) = self.literal("a backend in quotes")?;
                known("backend", &name, at, &BACKENDS)?;
                Node::Backend(name)
            }
            "version_before" => {
                let (package, at) = self.literal("a package in quotes")?;
                known("package", &package, at, &PACKAGES)?;
                self.require(",")?;
                Node::VersionBefore(package, self.literal("a version in quotes")?.0)
            }
            "size" => self.arguments(Func::Size, 1)?,
            "floor" => self.arguments(Func::Floor, 1)?,
            "min" => self.arguments(Func::Min, 2)?,
            "max" => self.arguments(Func::Max, 2)?,
            "round_up" => self.arguments(Func::RoundUp, 2)?,
            "type" => self.arguments(Func::Type, 1)?,
            "sum" => self.arguments(Func::Sum, 1)?,
            "last" => self.arguments(Func::Last, 1)?,
            "count" => self.arguments(Func::Count, 2)?,
            _ => return Err(unknown("function", name, place, FUNCTIONS)),
        };
        let close = self.require(")")?;
        Ok(joined(place, close, node))
    }

    fn arguments(&mut self, function: Func, count: usize) -> Result<Node, ExprError> {
        let mut arguments = Vec::with_capacity(count);
        for index in 0..count {
            if index > 0 {
                self.require(",")?;
            }
            arguments.push(self.expression(0)?);
        }
        Ok(Node::Call(function, arguments))
    }

    fn env_int(&mut self) -> Result<Node, ExprError> {
        let (name, _) = self.literal("the name of an environment variable in quotes")?;
        self.require(",")?;
        match self.next() {
            (Token::Int(default), _) => Ok(Node::EnvInt(name, default)),
            (token, place) => Err(ExprError::new(place, format!("expected an integer, found {}", describe(&token)))),
        }
    }

    fn since(&mut self) -> Result<Node, ExprError> {
        let (release, place) = self.literal("a release in quotes")?;
        let range = self.scope.catalogue.releases.range(self.scope.package, &format!(">={release}"));
        range.map(Node::Since).map_err(|error| ExprError::new(place, error.to_string()))
    }

    fn field(&mut self) -> Result<FieldId, ExprError> {
        match self.next() {
            (Token::Name(name), place) => self.scope.catalogue.by_name(&name).ok_or_else(|| {
                unknown("field", &name, place, self.scope.catalogue.fields.iter().map(|field| field.name.as_str()))
            }),
            (token, place) => Err(ExprError::new(place, format!("expected a field, found {}", describe(&token)))),
        }
    }
}

fn joined(first: ExprSpan, last: ExprSpan, node: Node) -> Expr {
    Expr { span: span(first.start as usize, last.end as usize), node }
}

fn known(what: &str, name: &str, place: ExprSpan, candidates: &[&str]) -> Result<(), ExprError> {
    if candidates.contains(&name) { Ok(()) } else { Err(unknown(what, name, place, candidates.iter().copied())) }
}

fn describe(token: &Token) -> String {
    match token {
        Token::Name(name) => format!("`{name}`"),
        Token::Text(text) => format!("\"{text}\""),
        Token::Int(number) => format!("`{number}`"),
        Token::Float(number) => format!("`{number}`"),
        Token::Mark(mark) => format!("`{mark}`"),
        Token::End => "the end".to_owned(),
    }
}
