//! `wrong-type`: text where a number is meant, a list where one value is meant.

use crate::dialect::value::MAPPING;
use crate::facts::catalogue::Catalogue;
use crate::facts::field::{Field, Owner, Type};
use crate::facts::shape::{Completeness, Frontend};
use crate::facts::store::{Entry, Facts, RawKind};
use crate::facts::value::Value;
use crate::rule::model::{Phase, Severity};

use super::{Draft, Mend};

/// One finding for each setting whose value can't be what the setting takes.
#[must_use]
pub fn check(facts: &Facts, catalogue: &Catalogue) -> Vec<Draft> {
    // a printed listing has been through the parser: its values have the types they should
    if facts.frontend == Frontend::MegatronLm && facts.completeness == Completeness::Dump {
        return Vec::new();
    }
    facts
        .entries()
        .filter_map(|(id, entry)| {
            let field = catalogue.field(id);
            let ours = matches!(field.owner, Owner::TransformerConfig | Owner::MLATransformerConfig);
            let value = match &entry.value {
                Ok(value) => value,
                Err(why) if why == MAPPING && ours && !field.kind.any => {
                    return Some(mapping(facts.frontend, field, entry));
                }
                Err(_) => return None,
            };
            let quoted = entry.raw == RawKind::Quoted && !field.kind.text && value.number().is_some();
            (ours && (quoted || !fits(field.kind, value))).then(|| draft(facts.frontend, field, entry, value))
        })
        .collect()
}

/// Generous on purpose: only what no reader could make sense of is refused.
fn fits(kind: Type, value: &Value) -> bool {
    let number = kind.integer || kind.float;
    match value {
        _ if kind.any => true,
        Value::Null | Value::Int(_) => true,
        Value::Bool(_) => kind.boolean || number || kind.text || kind.list,
        Value::Float(float) => kind.float || kind.text || kind.list || (number && float.fract() == 0.0),
        Value::Str(_) => kind.text || (kind.list && !number),
        Value::List(_) => kind.list,
    }
}

fn draft(frontend: Frontend, field: &Field, entry: &Entry, value: &Value) -> Draft {
    let expected = describe(field.kind);
    let numeric = matches!(value, Value::Str(text) if text.parse::<f64>().is_ok()) || value.number().is_some();
    let mut mend = None;
    let (message, help) = if numeric && entry.raw == RawKind::Quoted {
        mend = Some(Mend::Rewrite(entry.key_span, value.to_string()));
        (
            format!("{} is text in quotes, it needs to be {expected}", field.name),
            format!("write {}: {value} without quotes", field.name),
        )
    } else if numeric && matches!(value, Value::Str(_)) {
        mend = Some(Mend::Rewrite(entry.key_span, with_dot(&value.to_string())));
        (
            format!("{} is `{value}`, which PyYAML reads as text: it wants a dot in the mantissa", field.name),
            format!("write {}: {}", field.name, with_dot(&value.to_string())),
        )
    } else {
        (
            format!("{} is {} `{value}`, it needs to be {expected}", field.name, article(value.type_name())),
            format!("give {} {expected}", field.name),
        )
    };
    Draft { mend, ..finish(frontend, field, entry, message, help) }
}

fn mapping(frontend: Frontend, field: &Field, entry: &Entry) -> Draft {
    let expected = describe(field.kind);
    let message = format!("{} is a mapping, it needs to be {expected}", field.name);
    finish(frontend, field, entry, message, format!("give {} {expected}", field.name))
}

fn finish(frontend: Frontend, field: &Field, entry: &Entry, message: String, help: String) -> Draft {
    // a dataclass takes anything and fails later, if it does; a flag's parser refuses at once
    let (severity, phase) = match frontend {
        Frontend::MegatronLm => (Severity::Error, Phase::Argparse),
        _ => (Severity::Warning, Phase::FirstIteration),
    };
    Draft {
        rule: "wrong-type",
        message,
        help,
        labels: vec![(entry.span, "written here".to_owned())],
        field: Some(field.name.clone()),
        path: entry.path.clone(),
        severity: Some(severity),
        phase: Some(phase),
        mend: None,
    }
}

/// `1e-3` → `1.0e-3`, `1e5` → `1.0e+5`: what every YAML reader takes as a number.
fn with_dot(text: &str) -> String {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "+0"));
    let dot = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['+', '-']) { "" } else { "+" };
    format!("{mantissa}{dot}e{sign}{exponent}")
}

fn describe(kind: Type) -> &'static str {
    match (kind.list, kind.boolean, kind.integer, kind.float) {
        (true, ..) => "a list",
        (_, true, ..) => "true or false",
        (_, _, true, false) => "an integer",
        (_, _, _, true) => "a number",
        _ => "text",
    }
}

fn article(noun: &'static str) -> &'static str {
    match noun {
        "integer" => "the integer",
        "boolean" => "the boolean",
        "number" => "the number",
        "list" => "the list",
        _ => "the text",
    }
}
