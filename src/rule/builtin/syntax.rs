//! `syntax-error`: the file, or a document in it, can't be parsed.

use crate::document::tree::{Document, SyntaxError};

use super::Draft;

/// One finding a broken document.
#[must_use]
pub fn check(document: &Document<'_>) -> Vec<Draft> {
    document.errors.iter().map(draft).collect()
}

fn draft(error: &SyntaxError) -> Draft {
    Draft {
        rule: "syntax-error",
        message: format!("cannot be parsed: {}", error.message),
        help: "mend the text here; nothing from this document on was checked".to_owned(),
        labels: vec![(error.span, "the parser stopped here".to_owned())],
        field: None,
        path: String::new(),
        severity: None,
        phase: None,
        mend: None,
    }
}
