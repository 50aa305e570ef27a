//! Nodes → values, the way the framework's own reader would take them.

use crate::document::scalar::{Scalar, Schema, resolve};
use crate::document::tree::{Document, Kind, NodeId};
use crate::facts::store::RawKind;
use crate::facts::value::Value;

/// A value, or why it can't be known from this file.
pub type Reading = Result<Value, String>;

/// Deepest list that is read; settings have at most a list of lists.
const MAX_DEPTH: u8 = 8;
/// Most items that are read, over all levels: aliases of aliases multiply.
const MAX_ITEMS: usize = 100_000;
/// Why a mapping is no value.
pub const MAPPING: &str = "a mapping";

/// Reads a scalar or a list; a mapping goes through `object`.
///
/// # Errors
/// Why the value can't be known: a variable, a mandatory override, an object of a kind that no setting is.
pub fn read(
    document: &Document<'_>,
    node: NodeId,
    schema: Schema,
    object: &dyn Fn(&Document<'_>, NodeId) -> Reading,
) -> Reading {
    read_nested(document, node, schema, object, 0, &mut 0)
}

fn read_nested(
    document: &Document<'_>,
    node: NodeId,
    schema: Schema,
    object: &dyn Fn(&Document<'_>, NodeId) -> Reading,
    depth: u8,
    count: &mut usize,
) -> Reading {
    *count += 1;
    if *count > MAX_ITEMS {
        return Err(format!("a list with more than {MAX_ITEMS} items"));
    }
    let id = document.resolve(node);
    let node = document.node(id);
    match &node.kind {
        Kind::Scalar(text, style) => {
            if let Some(why) = placeholder(text) {
                return Err(why);
            }
            Ok(match resolve(text, *style, node.tag.as_deref(), schema) {
                Scalar::Null => Value::Null,
                Scalar::Bool(flag) => Value::Bool(flag),
                Scalar::Int(number) => Value::Int(number),
                Scalar::Float(number) => Value::Float(number),
                Scalar::Text(text) => Value::Str(plain_name(text).to_owned()),
            })
        }
        Kind::Sequence(..) if depth >= MAX_DEPTH => Err("a list nested too deeply".to_owned()),
        Kind::Sequence(..) => {
            let items = document.items(id).iter();
            items
                .map(|item| read_nested(document, *item, schema, object, depth + 1, count))
                .collect::<Result<_, _>>()
                .map(Value::List)
        }
        Kind::Mapping(..) => object(document, id),
        Kind::Alias(_) => Err("an alias of an alias".to_owned()),
    }
}

/// How the value stands in the file.
#[must_use]
pub fn raw_kind(document: &Document<'_>, node: NodeId) -> RawKind {
    match &document.node(document.resolve(node)).kind {
        Kind::Scalar(_, crate::document::tree::Style::Quoted | crate::document::tree::Style::Block) => RawKind::Quoted,
        Kind::Scalar(..) => RawKind::Scalar,
        _ => RawKind::Other,
    }
}

/// Why the text is no value yet: a variable or a mandatory override.
#[must_use]
pub fn placeholder(text: &str) -> Option<String> {
    if text == "???" {
        return Some("`???` has to be filled in by an override".to_owned());
    }
    let variable = text.contains("${") || (text.starts_with('$') && text.len() > 1);
    (variable || (text.contains("{{") && text.contains("}}"))).then(|| format!("`{text}` is filled in at launch"))
}

/// `torch.bfloat16` → `bfloat16`, so that dtypes compare whoever wrote them.
#[must_use]
pub fn plain_name(text: &str) -> &str {
    text.strip_prefix("torch.").unwrap_or(text)
}
