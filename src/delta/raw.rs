//! Keys that are no setting of the catalogue: compared by their path, so that nothing a person changed goes unseen.

use crate::document::LineIndex;
use crate::document::arg_dump::find_arg_dumps;
use crate::document::scalar::{Scalar, Schema, resolve};
use crate::document::tree::{Document, Kind, NodeId, Span};
use crate::facts::value::Value;

use super::snapshot::{Place, Setting, Settings};

/// Deepest mapping that is looked into.
const MAX_DEPTH: usize = 32;
/// Most leaves of one file.
const MAX_LEAVES: usize = 20_000;

/// Adds every scalar or list whose key is not in `claimed` (sorted).
pub fn leaves(document: &Document<'_>, lines: &LineIndex, claimed: &[Span], settings: &mut Settings) {
    let mut walk = Walk { document, lines, claimed, settings, left: MAX_LEAVES };
    for (index, root) in document.roots.iter().enumerate() {
        let prefix = if index == 0 { String::new() } else { format!("{}:", index + 1) };
        walk.mapping(*root, &prefix, 0);
    }
    if document.roots.is_empty() {
        walk.arguments();
    }
}

struct Walk<'a, 's> {
    document: &'a Document<'s>,
    lines: &'a LineIndex,
    claimed: &'a [Span],
    settings: &'a mut Settings,
    left: usize,
}

impl Walk<'_, '_> {
    fn mapping(&mut self, node: NodeId, prefix: &str, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        for pair in self.document.effective_entries(node) {
            let Some(key) = self.document.text(pair.key).map(str::to_owned) else { continue };
            let path = if prefix.is_empty() || prefix.ends_with(':') {
                format!("{prefix}{key}")
            } else {
                format!("{prefix}.{key}")
            };
            let key_span = self.document.node(pair.key).span;
            if self.claimed.binary_search(&key_span).is_ok() {
                continue;
            }
            if self.document.is_mapping(pair.value) {
                self.mapping(pair.value, &path, depth + 1);
                continue;
            }
            let value = value(self.document, pair.value, 0);
            let span = self.document.node(pair.value).span;
            self.add(path, key_span, span, value);
        }
    }

    /// Arguments of a printed listing that the catalogue does not know.
    fn arguments(&mut self) {
        let source = self.document.source;
        for argument in find_arg_dumps(source).iter().take(1).flat_map(|dump| &dump.arguments) {
            if self.claimed.binary_search(&argument.name).is_err() {
                let text = argument.value.slice(source).trim();
                let value = as_number(text).unwrap_or_else(|| Value::Str(text.to_owned()));
                self.add(argument.name.slice(source).to_owned(), argument.name, argument.value, value);
            }
        }
    }

    fn add(&mut self, path: String, key_span: Span, span: Span, value: Value) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        let line = self.lines.position(self.document.source, key_span.start).line;
        let place = Place { key: path.clone(), line, key_span, span, via: None };
        let setting = Setting {
            field: None,
            written: Some(value.clone()),
            effective: value,
            default: false,
            place: Some(place),
            by: None,
        };
        self.settings.insert(path, setting);
    }
}

/// A node as a value; a mapping inside a list as its text.
fn value(document: &Document<'_>, node: NodeId, depth: usize) -> Value {
    let id = document.resolve(node);
    let about = document.node(id);
    match &about.kind {
        Kind::Scalar(text, style) => match resolve(text, *style, about.tag.as_deref(), Schema::OmegaConf) {
            Scalar::Null => Value::Null,
            Scalar::Bool(flag) => Value::Bool(flag),
            Scalar::Int(number) => Value::Int(number),
            Scalar::Float(number) => Value::Float(number),
            Scalar::Text(text) => Value::Str(text.to_owned()),
        },
        Kind::Sequence(..) if depth < MAX_DEPTH => {
            Value::List(document.items(id).iter().map(|item| value(document, *item, depth + 1)).collect())
        }
        _ => Value::Str(about.span.slice(document.source).split_whitespace().collect::<Vec<_>>().join(" ")),
    }
}

/// The number that the text is to any reader that looks for one.
#[must_use]
pub fn as_number(text: &str) -> Option<Value> {
    if let Ok(number) = text.parse::<i64>() {
        return Some(Value::Int(number));
    }
    let digits = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    text.parse::<f64>().ok().filter(|number| digits && number.is_finite()).map(Value::Float)
}
