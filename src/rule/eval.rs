//! Evaluation with Kleene's three values: what nobody knows stays unknown unless the rest decides.

use crate::facts::field::FieldId;
use crate::facts::release::ReleaseSet;
use crate::facts::value::Value;

use super::expr::{Expr, Func, Node, Op};

/// A value while it is computed; text and lists are borrowed from the facts or from the rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Term<'a> {
    /// Nobody knows.
    Unknown,
    /// `None`.
    Null,
    /// `True` or `False`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// Text.
    Str(&'a str),
    /// A list.
    List(&'a [Value]),
}

/// Where an expression's facts come from.
pub trait Context {
    /// The setting's value in the release under evaluation; `None` when nobody knows.
    fn value(&self, field: FieldId) -> Option<&Value>;
    /// Whether the author asked for the setting.
    fn explicit(&self, field: FieldId) -> Option<bool>;
    #[allow(clippy::option_option, reason = "unknown, unset and set are three things")]
    /// The environment variable: `None` when nobody knows, `Some(None)` when it is known to be unset.
    fn env(&self, name: &str) -> Option<Option<&str>>;
    /// What the availability gate found for a backend.
    fn backend(&self, name: &str) -> Option<&str>;
    /// Whether the package's version is older; a package that isn't installed is older than any.
    fn version_before(&self, package: &str, version: &str) -> Option<bool>;
    /// Whether the release under evaluation is in the set.
    fn release_in(&self, set: ReleaseSet) -> bool;
}

impl<'a> From<&'a Value> for Term<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Int(number) => Self::Int(*number),
            Value::Float(number) => Self::Float(*number),
            Value::Str(text) => Self::Str(text),
            Value::List(items) => Self::List(items),
        }
    }
}

impl From<Option<bool>> for Term<'_> {
    fn from(truth: Option<bool>) -> Self {
        truth.map_or(Self::Unknown, Self::Bool)
    }
}

impl Term<'_> {
    /// Python's truthiness; `None` when unknown.
    #[must_use]
    pub fn truth(self) -> Option<bool> {
        match self {
            Self::Unknown => None,
            Self::Null => Some(false),
            Self::Bool(flag) => Some(flag),
            Self::Int(number) => Some(number != 0),
            Self::Float(number) => Some(number != 0.0),
            Self::Str(text) => Some(!text.is_empty()),
            Self::List(items) => Some(!items.is_empty()),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "settings stay far below 2^53")]
    fn number(self) -> Option<f64> {
        match self {
            Self::Bool(flag) => Some(f64::from(u8::from(flag))),
            Self::Int(number) => Some(number as f64),
            Self::Float(number) => Some(number),
            _ => None,
        }
    }

    fn integer(self) -> Option<i64> {
        match self {
            Self::Bool(flag) => Some(i64::from(flag)),
            Self::Int(number) => Some(number),
            _ => None,
        }
    }

    /// An owned copy; an unknown becomes null.
    #[must_use]
    pub fn to_value(self) -> Value {
        match self {
            Self::Unknown | Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(flag),
            Self::Int(number) => Value::Int(number),
            Self::Float(number) => Value::Float(number),
            Self::Str(text) => Value::Str(text.to_owned()),
            Self::List(items) => Value::List(items.to_vec()),
        }
    }
}

/// The value of `expr`. Total: never panics, and learning a fact never turns a known result into another.
pub fn eval<'a, C: Context>(expr: &'a Expr, context: &'a C) -> Term<'a> {
    Evaluator { context, variables: Vec::new() }.eval(expr)
}

struct Evaluator<'a, C> {
    context: &'a C,
    variables: Vec<Term<'a>>,
}

impl<'a, C: Context> Evaluator<'a, C> {
    fn eval(&mut self, expr: &'a Expr) -> Term<'a> {
        match &expr.node {
            Node::Const(value) => value.into(),
            Node::Field(id) => self.context.value(*id).map_or(Term::Unknown, Term::from),
            Node::Var(depth) => self.variables.get(usize::from(*depth)).copied().unwrap_or(Term::Unknown),
            Node::Not(inner) => self.eval(inner).truth().map(|truth| !truth).into(),
            Node::Negate(inner) => arithmetic(Op::Subtract, Term::Int(0), self.eval(inner)),
            Node::Binary(Op::And, left, right) => self.decide(left, right, false),
            Node::Binary(Op::Or, left, right) => self.decide(left, right, true),
            Node::Binary(op, left, right) => binary(*op, self.eval(left), self.eval(right)),
            Node::Choose(condition, then, otherwise) => match self.eval(condition).truth() {
                Some(true) => self.eval(then),
                Some(false) => self.eval(otherwise),
                None => Term::Unknown,
            },
            Node::Has(id) => self.context.value(*id).map(|value| *value != Value::Null).into(),
            Node::Explicit(id) => self.context.explicit(*id).into(),
            Node::AsList(id) => self.context.value(*id).map_or(Term::Unknown, as_list),
            Node::Call(function, arguments) => self.call(*function, arguments),
            Node::Quantifier(all, list, body) => self.quantifier(*all, list, body),
            Node::Matches(inner, pattern) => match self.eval(inner) {
                Term::Str(text) => Term::Bool(pattern.matches(text)),
                Term::Unknown => Term::Unknown,
                _ => Term::Bool(false),
            },
            Node::Env(name) => self.context.env(name).map_or(Term::Unknown, |set| set.map_or(Term::Null, Term::Str)),
            Node::EnvInt(name, default) => match self.context.env(name) {
                None => Term::Unknown,
                Some(None | Some("")) => Term::Int(*default),
                Some(Some(text)) => text.trim().parse().map_or(Term::Unknown, Term::Int),
            },
            Node::Since(releases) => Term::Bool(self.context.release_in(*releases)),
            Node::Backend(name) => self.context.backend(name).map_or(Term::Unknown, Term::Str),
            Node::VersionBefore(package, version) => self.context.version_before(package, version).into(),
        }
    }

    /// `&&` (decided by false) and `||` (decided by true).
    fn decide(&mut self, left: &'a Expr, right: &'a Expr, decisive: bool) -> Term<'a> {
        let first = self.eval(left).truth();
        if first == Some(decisive) {
            return Term::Bool(decisive);
        }
        match (first, self.eval(right).truth()) {
            (_, Some(second)) if second == decisive => Term::Bool(decisive),
            (Some(_), Some(_)) => Term::Bool(!decisive),
            _ => Term::Unknown,
        }
    }

    fn quantifier(&mut self, all: bool, list: &'a Expr, body: &'a Expr) -> Term<'a> {
        let items = match self.eval(list) {
            Term::List(items) => items,
            Term::Null => &[],
            _ => return Term::Unknown,
        };
        let mut open = false;
        for item in items {
            self.variables.push(item.into());
            let truth = self.eval(body).truth();
            self.variables.pop();
            match truth {
                Some(truth) if truth != all => return Term::Bool(!all),
                Some(_) => {}
                None => open = true,
            }
        }
        if open { Term::Unknown } else { Term::Bool(all) }
    }

    fn call(&mut self, function: Func, arguments: &'a [Expr]) -> Term<'a> {
        let mut values = [Term::Unknown; 2];
        for (slot, argument) in values.iter_mut().zip(arguments) {
            *slot = self.eval(argument);
        }
        let [first, second] = values;
        match function {
            Func::Size => size(first),
            Func::Floor => floor(first),
            Func::Min => pick(first, second, Op::LessEqual),
            Func::Max => pick(first, second, Op::GreaterEqual),
            Func::RoundUp => round_up(first, second),
            Func::StartsWith => match (first, second) {
                (Term::Unknown, _) | (_, Term::Unknown) => Term::Unknown,
                (Term::Str(text), Term::Str(prefix)) => Term::Bool(text.starts_with(prefix)),
                _ => Term::Bool(false),
            },
            Func::Type => type_name(first),
            Func::Sum => sum(first),
            Func::Last => match first {
                Term::List(items) => items.last().map_or(Term::Null, Term::from),
                Term::Null => Term::Null,
                _ => Term::Unknown,
            },
            Func::Count => count(first, second),
        }
    }
}

fn type_name(term: Term<'_>) -> Term<'_> {
    Term::Str(match term {
        Term::Unknown => return Term::Unknown,
        Term::Null => "null",
        Term::Bool(_) => "bool",
        Term::Int(_) => "int",
        Term::Float(_) => "float",
        Term::Str(_) => "string",
        Term::List(_) => "list",
    })
}

fn sum(term: Term<'_>) -> Term<'_> {
    match term {
        Term::List(items) => items.iter().fold(Term::Int(0), |total, item| arithmetic(Op::Add, total, item.into())),
        _ => Term::Unknown,
    }
}

fn count<'a>(all: Term<'a>, one: Term<'a>) -> Term<'a> {
    let found = match (all, one) {
        (_, Term::Unknown) => return Term::Unknown,
        (Term::List(items), one) => items.iter().filter(|item| equal(one, (*item).into())).count(),
        (Term::Str(text), Term::Str(part)) if !part.is_empty() => text.matches(part).count(),
        (Term::Null, _) => 0,
        _ => return Term::Unknown,
    };
    i64::try_from(found).map_or(Term::Unknown, Term::Int)
}

fn as_list(value: &Value) -> Term<'_> {
    match value {
        Value::Null => Term::List(&[]),
        Value::List(items) => Term::List(items),
        scalar => Term::List(std::slice::from_ref(scalar)),
    }
}

fn size(term: Term<'_>) -> Term<'_> {
    let count = |count: usize| i64::try_from(count).map_or(Term::Unknown, Term::Int);
    match term {
        Term::List(items) => count(items.len()),
        Term::Str(text) => count(text.chars().count()),
        Term::Null => Term::Int(0),
        _ => Term::Unknown,
    }
}

fn floor(term: Term<'_>) -> Term<'_> {
    match term {
        #[expect(clippy::cast_possible_truncation, reason = "checked to be in range")]
        Term::Float(number) if number.abs() < 9e15 => Term::Int(number.floor() as i64),
        Term::Float(_) => Term::Unknown,
        other => other,
    }
}

fn pick<'a>(first: Term<'a>, second: Term<'a>, keep_first: Op) -> Term<'a> {
    match order(keep_first, first, second) {
        Term::Bool(true) => first,
        Term::Bool(false) if first == Term::Null || second == Term::Null => Term::Null,
        Term::Bool(false) => second,
        _ => Term::Unknown,
    }
}

fn round_up<'a>(value: Term<'a>, step: Term<'a>) -> Term<'a> {
    let rest = arithmetic(Op::Modulo, value, step);
    match rest.number() {
        Some(0.0) => value,
        _ => arithmetic(Op::Subtract, arithmetic(Op::Add, value, step), rest),
    }
}

fn binary<'a>(op: Op, left: Term<'a>, right: Term<'a>) -> Term<'a> {
    if left == Term::Unknown || right == Term::Unknown {
        return Term::Unknown;
    }
    match op {
        Op::Equal => Term::Bool(equal(left, right)),
        Op::NotEqual => Term::Bool(!equal(left, right)),
        Op::In => Term::Bool(match right {
            Term::List(items) => items.iter().any(|item| equal(left, item.into())),
            other => equal(left, other),
        }),
        Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual => order(op, left, right),
        _ => arithmetic(op, left, right),
    }
}

#[expect(clippy::float_cmp, reason = "settings are compared as written")]
fn equal(left: Term<'_>, right: Term<'_>) -> bool {
    match (left.number(), right.number()) {
        (Some(one), Some(two)) => one == two,
        _ => match (left, right) {
            (Term::List(one), Term::List(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.same(two))
            }
            _ => left == right,
        },
    }
}

/// Ordering with null is false; with text or lists it is unknown, since the framework would fail on it.
fn order<'a>(op: Op, left: Term<'a>, right: Term<'a>) -> Term<'a> {
    match (left.number(), right.number()) {
        (Some(one), Some(two)) => Term::Bool(match op {
            Op::Less => one < two,
            Op::LessEqual => one <= two,
            Op::Greater => one > two,
            _ => one >= two,
        }),
        _ if left == Term::Null || right == Term::Null => Term::Bool(false),
        _ => Term::Unknown,
    }
}

/// Arithmetic with null is null; with text, on overflow and by zero it is unknown.
fn arithmetic<'a>(op: Op, left: Term<'a>, right: Term<'a>) -> Term<'a> {
    if left == Term::Unknown || right == Term::Unknown {
        return Term::Unknown;
    }
    if left == Term::Null || right == Term::Null {
        return Term::Null;
    }
    if let (Some(one), Some(two)) = (left.integer(), right.integer())
        && op != Op::Divide
    {
        let result = match op {
            Op::Add => one.checked_add(two),
            Op::Subtract => one.checked_sub(two),
            Op::Multiply => one.checked_mul(two),
            _ => python_modulo(one, two),
        };
        return result.map_or(Term::Unknown, Term::Int);
    }
    let (Some(one), Some(two)) = (left.number(), right.number()) else { return Term::Unknown };
    let result = match op {
        Op::Add => one + two,
        Op::Subtract => one - two,
        Op::Multiply => one * two,
        Op::Divide => one / two,
        _ => one - two * (one / two).floor(),
    };
    if result.is_finite() { Term::Float(result) } else { Term::Unknown }
}

/// Python's `%`: the result has the divisor's sign.
fn python_modulo(one: i64, two: i64) -> Option<i64> {
    let rest = one.checked_rem(two)?;
    if rest != 0 && (rest < 0) != (two < 0) { rest.checked_add(two) } else { Some(rest) }
}
