//! The typed tree of a rule's condition.

use std::sync::OnceLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::facts::field::FieldId;
use crate::facts::release::ReleaseSet;
use crate::facts::value::Value;

/// Bytes `start..end` of the expression's text in the rule file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExprSpan {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// One node with its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expr {
    /// Where it stands; only the loader needs to know.
    #[serde(skip)]
    pub span: ExprSpan,
    /// What it is.
    pub node: Node,
}

/// Operators on two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// `||`
    Or,
    /// `&&`
    And,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `in`
    In,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
}

/// Functions on evaluated arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Func {
    /// Length of a list or text.
    Size,
    /// The next multiple of the second argument.
    RoundUp,
    /// The smaller.
    Min,
    /// The larger.
    Max,
    /// The integer below.
    Floor,
    /// Whether the text begins with another.
    StartsWith,
    /// The type's name.
    Type,
    /// The sum of a list.
    Sum,
    /// A list's last element.
    Last,
    /// How often the second argument occurs in a text or list.
    Count,
}

/// A regular expression, compiled at first use.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pattern {
    /// As written.
    pub text: String,
    #[serde(skip)]
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Not yet compiled.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    /// Whether it matches anywhere in `text`; the loader has made sure that it compiles.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.compiled.get_or_init(|| Regex::new(&self.text).ok()).as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// What a node computes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Node {
    /// A literal, a list of literals included.
    Const(Value),
    /// A setting's value.
    Field(FieldId),
    /// The variable of the `depth`-th macro around it, counted from the outermost.
    Var(u8),
    /// `!x`
    Not(Box<Expr>),
    /// `-x`
    Negate(Box<Expr>),
    /// `a op b`
    Binary(Op, Box<Expr>, Box<Expr>),
    /// `condition ? then : otherwise`
    Choose(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `has(field)`: known and not null.
    Has(FieldId),
    /// `explicit(field)`: the author asked for it.
    Explicit(FieldId),
    /// `as_list(field)`: a scalar as a list of one, null as the empty list.
    AsList(FieldId),
    /// A function of its arguments.
    Call(Func, Vec<Expr>),
    /// `list.all(v, body)` (true) or `list.exists(v, body)` (false).
    Quantifier(bool, Box<Expr>, Box<Expr>),
    /// `text.matches("regex")`
    Matches(Box<Expr>, Pattern),
    /// `env("NAME")`
    Env(String),
    /// `env_int("NAME", default)`: the variable as an integer, the default when it is known to be unset.
    EnvInt(String, i64),
    /// `since("0.18")`: the releases for which it holds.
    Since(ReleaseSet),
    /// `backend("deepep")`
    Backend(String),
    /// `version_before("torch", "2.6.0")`
    VersionBefore(String, String),
}

impl Expr {
    /// Calls `visit` for this node and everything below it.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        match &self.node {
            Node::Not(inner) | Node::Negate(inner) | Node::Matches(inner, _) => inner.walk(visit),
            Node::Binary(_, left, right) | Node::Quantifier(_, left, right) => {
                left.walk(visit);
                right.walk(visit);
            }
            Node::Choose(condition, then, otherwise) => {
                condition.walk(visit);
                then.walk(visit);
                otherwise.walk(visit);
            }
            Node::Call(_, arguments) => arguments.iter().for_each(|argument| argument.walk(visit)),
            _ => {}
        }
    }

    /// The settings it reads, in the order of the text, each once.
    #[must_use]
    pub fn reads(&self) -> Vec<FieldId> {
        let mut fields = Vec::new();
        self.walk(&mut |expr| {
            if let Node::Field(id) | Node::Has(id) | Node::Explicit(id) | Node::AsList(id) = expr.node
                && !fields.contains(&id)
            {
                fields.push(id);
            }
        });
        fields
    }

    /// `self && other`, `other` coming second.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { span: other.span, node: Node::Binary(Op::And, Box::new(self), Box::new(other)) }
    }

    /// Gives the tree a single place: that of the short name it stands for.
    pub fn relocate(&mut self, place: ExprSpan) {
        self.span = place;
        match &mut self.node {
            Node::Not(inner) | Node::Negate(inner) | Node::Matches(inner, _) => inner.relocate(place),
            Node::Binary(_, left, right) | Node::Quantifier(_, left, right) => {
                left.relocate(place);
                right.relocate(place);
            }
            Node::Choose(one, two, three) => [one, two, three].into_iter().for_each(|inner| inner.relocate(place)),
            Node::Call(_, arguments) => arguments.iter_mut().for_each(|inner| inner.relocate(place)),
            _ => {}
        }
    }
}
