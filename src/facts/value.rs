//! A setting's value as the framework would hold it after reading the file.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One value of a setting. `Null` is Python's `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// `None`.
    #[default]
    Null,
    /// `True` or `False`.
    Bool(bool),
    /// An integer; larger ones than 64 bits are read as floats.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// Text, enumeration members (lower case) and dtypes (`bfloat16`).
    Str(String),
    /// A list or tuple.
    List(Vec<Value>),
}

impl Value {
    /// Python's truthiness: `None`, `False`, `0`, `""` and `[]` are false.
    #[must_use]
    pub fn truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(flag) => *flag,
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
        }
    }

    /// Equality as Python has it: numbers by value whatever their type, `True == 1` included.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        if let (Some(left), Some(right)) = (self.number(), other.number()) {
            return exactly_equal(left, right);
        }
        match (self, other) {
            (Self::List(left), Self::List(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(a, b)| a.same(b))
            }
            _ => self == other,
        }
    }

    /// The value as a number, booleans being 0 and 1.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Bool(flag) => Some(f64::from(u8::from(*flag))),
            #[expect(clippy::cast_precision_loss, reason = "settings stay far below 2^53")]
            Self::Int(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// The name of the value's type as a user would say it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Int(_) => "integer",
            Self::Float(_) => "number",
            Self::Str(_) => "text",
            Self::List(_) => "list",
        }
    }
}

/// Bit-for-bit equality of two settings' numbers: settings are written, never computed.
#[expect(clippy::float_cmp, reason = "settings are compared as written")]
fn exactly_equal(left: f64, right: f64) -> bool {
    left == right
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => out.write_str("null"),
            Self::Bool(flag) => write!(out, "{flag}"),
            Self::Int(number) => write!(out, "{number}"),
            Self::Float(number) => write!(out, "{number:?}"),
            Self::Str(text) => out.write_str(text),
            Self::List(items) => {
                out.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.write_str(", ")?;
                    }
                    write!(out, "{item}")?;
                }
                out.write_str("]")
            }
        }
    }
}
