//! Bytes → span tree. Nothing is resolved on reading: what a scalar means depends on who reads the file.

pub mod ansi;
pub mod arg_dump;
pub mod comment;
pub mod edit;
pub mod lines;
pub mod plain;
pub mod scalar;
pub mod tree;
pub mod yaml;

pub use lines::{LineIndex, Position};
pub use tree::{Document, NodeId, Span};

use yaml::{looks_like_json_lines, parse_json_lines, parse_part, parse_yaml, printed_config};

/// Parses a file's text: YAML, JSON, JSON Lines, or a log with a printed config in it.
#[must_use]
pub fn parse(text: &str) -> Document<'_> {
    if looks_like_json_lines(text) {
        return parse_json_lines(text);
    }
    if arg_dump::has_arg_dump(text) {
        return Document { source: text, ..Document::default() };
    }
    printed_config(text).map_or_else(|| parse_yaml(text), |part| parse_part(text, part))
}
