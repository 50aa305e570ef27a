//! Megatron-LM's printed argument listing: Python's `str()` of every argument after `validate_args`.

use crate::document::ansi::without_codes;
use crate::document::arg_dump::{ArgDump, Argument};
use crate::facts::catalogue::Catalogue;
use crate::facts::shape::{Completeness, Frontend, Stage};
use crate::facts::store::{Entry, Facts, RawKind};
use crate::facts::value::Value;

use super::megatron_lm::{imply, spelled};
use super::value::plain_name;

/// One role a listing; a listing that says the same as the one before (another rank's copy) is passed over.
#[must_use]
pub fn facts(source: &str, dumps: &[ArgDump], catalogue: &Catalogue) -> Vec<Facts> {
    let mut roles: Vec<Facts> = Vec::new();
    let same = |one: &ArgDump, two: &ArgDump| {
        one.arguments.len() == two.arguments.len()
            && one.arguments.iter().zip(&two.arguments).all(|(one, two)| {
                one.name.slice(source) == two.name.slice(source) && one.value.slice(source) == two.value.slice(source)
            })
    };
    for (index, dump) in dumps.iter().enumerate() {
        if index > 0 && dumps.get(index - 1).is_some_and(|before| same(before, dump)) {
            continue;
        }
        let role = if roles.is_empty() { "arguments".to_owned() } else { format!("arguments-{}", roles.len() + 1) };
        let mut facts = Facts::new(catalogue, &role, Frontend::MegatronLm, Completeness::Dump, Stage::Requested);
        facts.anchor = dump.arguments.first().map(|argument| argument.name).unwrap_or_default();
        for argument in &dump.arguments {
            add(source, argument, catalogue, &mut facts);
        }
        imply(catalogue, &mut facts);
        facts.truncated = !dump.complete;
        roles.push(facts);
    }
    roles
}

fn add(source: &str, argument: &Argument, catalogue: &Catalogue, facts: &mut Facts) {
    let name = argument.name.slice(source);
    let Some((field, spelling)) = catalogue.find(name) else { return };
    let value = python_value(&without_codes(argument.value.slice(source)), 0);
    facts.set(
        field,
        Entry {
            value: Ok(spelled(value, spelling)),
            key_span: argument.name,
            span: argument.value,
            path: name.to_owned(),
            raw: RawKind::Other,
            derived: false,
        },
    );
}

/// Deepest list that is read.
const MAX_DEPTH: u8 = 8;

/// `None`, `True`, `1e-05`, `['a', 'b']`, `torch.bfloat16`, `AttnBackend.auto`, `<CudaGraphModule.attn: 1>`.
fn python_value(text: &str, depth: u8) -> Value {
    let text = text.trim();
    match text {
        "None" => return Value::Null,
        "True" => return Value::Bool(true),
        "False" => return Value::Bool(false),
        "nan" => return Value::Float(f64::NAN),
        "inf" => return Value::Float(f64::INFINITY),
        "-inf" => return Value::Float(f64::NEG_INFINITY),
        _ if depth > MAX_DEPTH => return Value::Str(text.to_owned()),
        _ => {}
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let items = inner.split(", ").map(str::trim).filter(|item| !item.is_empty());
        return Value::List(items.map(|item| python_value(item, depth + 1)).collect());
    }
    if let Ok(number) = text.parse() {
        return Value::Int(number);
    }
    if text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.')
        && let Ok(number) = text.parse()
    {
        return Value::Float(number);
    }
    let text = text.trim_matches('\'').trim_start_matches('<');
    let text = text.split(": ").next().unwrap_or(text).trim_end_matches('>');
    let member = ["AttnBackend.", "CudaGraphModule.", "CudaGraphScope.", "InferenceCudaGraphScope."];
    let name = member.iter().find_map(|class| text.strip_prefix(class)).unwrap_or(text);
    Value::Str(plain_name(name).to_owned())
}
