//! Span tree → facts. A file is recognised by what is in it, never by its name.

pub mod arguments;
pub mod bridge;
pub mod generic;
pub mod megatron_lm;
pub mod python_list;
pub mod value;

use crate::document::arg_dump::{find_arg_dumps, has_arg_dump};
use crate::document::tree::{Document, NodeId};
use crate::facts::catalogue::Catalogue;
use crate::facts::layout;
use crate::facts::store::{Entry, Facts};
use crate::facts::value::Value;

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    /// Megatron-Bridge's dumped config container.
    MegatronBridge,
    /// Megatron-LM's `model_config.yaml`.
    MegatronLm,
    /// Megatron-LM's printed arguments.
    Arguments,
    /// Megatron-Core's names in a file of no known shape.
    Generic,
}

impl Dialect {
    /// The name used in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MegatronBridge => "megatron-bridge",
            Self::MegatronLm => "megatron-lm",
            Self::Arguments => "megatron-lm-arguments",
            Self::Generic => "generic",
        }
    }
}

/// The facts of every role of a file, and what kind of file it is; `None` when it is none that we know.
#[must_use]
pub fn recognise(document: &Document<'_>, catalogue: &Catalogue) -> Option<(Dialect, Vec<Facts>)> {
    let (dialect, mut roles) = recognise_plain(document, catalogue)?;
    for facts in &mut roles {
        unroll_layout(facts, catalogue);
    }
    Some((dialect, roles))
}

/// Adds the pipeline layout in the form that rules read.
fn unroll_layout(facts: &mut Facts, catalogue: &Catalogue) {
    let [written, unrolled] = ["pipeline_model_parallel_layout", "pipeline_layout"].map(|name| catalogue.by_name(name));
    let (Some(written), Some(unrolled)) = (written, unrolled) else { return };
    let Some(entry) = facts.entry(written).filter(|entry| entry.value != Ok(Value::Null)).cloned() else { return };
    let value = match &entry.value {
        Ok(layout) => layout::unrolled(layout).map(Value::Str).ok_or_else(|| "a layout that does not read".to_owned()),
        Err(why) => Err(why.clone()),
    };
    facts.set(unrolled, Entry { value, derived: true, ..entry });
}

fn recognise_plain(document: &Document<'_>, catalogue: &Catalogue) -> Option<(Dialect, Vec<Facts>)> {
    if has_arg_dump(document.source) {
        let dumps = find_arg_dumps(document.source);
        if !dumps.is_empty() {
            return Some((Dialect::Arguments, arguments::facts(document.source, &dumps, catalogue)));
        }
    }
    let mut found: Option<(Dialect, Vec<Facts>)> = None;
    for root in &document.roots {
        let Some((dialect, mut facts)) = one(document, *root, catalogue).filter(|found| !found.1.is_empty()) else {
            continue;
        };
        match &mut found {
            Some((known, all)) if *known == dialect => {
                let number = all.len() + 1;
                for role in &mut facts {
                    role.role = format!("{}-{number}", role.role);
                }
                all.append(&mut facts);
            }
            Some(_) => {}
            None => found = Some((dialect, facts)),
        }
    }
    found
}

fn one(document: &Document<'_>, root: NodeId, catalogue: &Catalogue) -> Option<(Dialect, Vec<Facts>)> {
    if bridge::recognises(document, root) {
        return Some((Dialect::MegatronBridge, bridge::facts(document, root, catalogue)));
    }
    if megatron_lm::recognises(document, root) {
        return Some((Dialect::MegatronLm, megatron_lm::facts(document, root, catalogue)));
    }
    generic::facts(document, root, catalogue).map(|facts| (Dialect::Generic, facts))
}

/// Whether a role is about a Mixture of Experts at all: it has experts, or asks for something that only makes sense
/// with them.
#[must_use]
pub fn is_moe(facts: &Facts, catalogue: &Catalogue) -> bool {
    let experts = catalogue.by_name("num_moe_experts").and_then(|field| facts.entry(field));
    match experts.filter(|entry| !entry.derived).map(|entry| &entry.value) {
        Some(Ok(Value::Int(number))) if *number != 0 => return true,
        Some(Err(_) | Ok(Value::Str(_) | Value::Float(_))) => return true,
        _ => {}
    }
    facts.entries().any(|(field, entry)| {
        let field = catalogue.field(field);
        let about = field.name.starts_with("moe_") || field.name == "expert_model_parallel_size";
        let default = || field.runs.iter().any(|run| matches!(&entry.value, Ok(value) if value.same(&run.default)));
        about && !entry.derived && entry.value != Ok(Value::Null) && !default()
    })
}

/// Adds the variables of an environment block.
fn environment_block(document: &Document<'_>, block: NodeId, facts: &mut Facts) {
    for pair in document.effective_entries(block) {
        if let Some((name, entry)) = bridge::environment_entry(document, pair) {
            facts.env.insert(name, entry);
        }
    }
}
