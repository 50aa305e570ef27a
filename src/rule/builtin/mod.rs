//! Rules that need code: they look at the file's text and keys, not at settings' values.
//!
//! Their words (summary, why, sources, severity) stand in `lints/rules/file/`, like any other rule's.

pub mod duplicate_key;
pub mod syntax;
pub mod unknown_key;
pub mod wrong_type;

use crate::document::Span;
use crate::rule::model::{Phase, Severity};

/// What would mend the finding, at the key that stands at a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    /// Take the pair out; whether that is provably the same.
    Remove(Span, bool),
    /// Give it another key.
    Rename(Span, String),
    /// Give it another value, as text of the file.
    Rewrite(Span, String),
}

/// What a built-in rule found; the engine adds the rest from the rule's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The rule's id.
    pub rule: &'static str,
    /// One line.
    pub message: String,
    /// What to type next.
    pub help: String,
    /// Places, the primary one first, each with its words.
    pub labels: Vec<(Span, String)>,
    /// The setting, where it is about one.
    pub field: Option<String>,
    /// The path of keys to it.
    pub path: String,
    /// Where it differs from the rule's own.
    pub severity: Option<Severity>,
    /// Where it differs from the rule's own.
    pub phase: Option<Phase>,
    /// How to mend it, where that is known.
    pub mend: Option<Mend>,
}
