//! Megatron-LM's `model_config.yaml`: command-line flags as keys of `MODEL_ARGS`.

use crate::document::scalar::Schema;
use crate::document::tree::{Document, Entry as Pair, Kind, NodeId, Style};
use crate::facts::catalogue::{Catalogue, Spelling};
use crate::facts::field::FieldId;
use crate::facts::shape::{Completeness, Frontend, Stage};
use crate::facts::store::{Entry, Facts, RawKind, UnknownKey};
use crate::facts::value::Value;

use super::python_list;
use super::value::{MAPPING, Reading, placeholder, plain_name, raw_kind, read};

/// Mappings of flags: `MODEL_ARGS`, `MODEL_ARGS_2` (the second run of a resume test), `ARGS` of the `MoE` recipes.
fn is_arguments(key: &str) -> bool {
    key == "ARGS" || key.strip_prefix("MODEL_ARGS").is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

/// Whether the document has such a mapping. One with dotted keys (`trainer.devices`) is `NeMo`'s.
#[must_use]
pub fn recognises(document: &Document<'_>, root: NodeId) -> bool {
    document.entries(root).iter().any(|pair| {
        let named = document.text(pair.key).is_some_and(is_arguments);
        let dotted = |entry: &Pair| document.text(entry.key).is_some_and(|key| key.contains('.'));
        let entries = document.effective_entries(pair.value);
        named && !entries.is_empty() && !entries.iter().any(dotted)
    })
}

/// One role a mapping of flags.
#[must_use]
pub fn facts(document: &Document<'_>, root: NodeId, catalogue: &Catalogue) -> Vec<Facts> {
    let mut roles = Vec::new();
    for pair in document.effective_entries(root) {
        let Some(key) = document.text(pair.key).filter(|key| is_arguments(key)) else { continue };
        if !document.is_mapping(pair.value) {
            continue;
        }
        let mut facts = Facts::new(catalogue, key, Frontend::MegatronLm, Completeness::Authored, Stage::Requested);
        facts.anchor = document.node(pair.key).span;
        for name in ["ENV_VARS", "MODEL_ENV_VARS"] {
            if let Some(section) = document.get(root, name) {
                super::environment_block(document, section.value, &mut facts);
            }
        }
        for argument in document.effective_entries(pair.value) {
            flag(document, catalogue, &mut facts, argument, key);
        }
        imply(catalogue, &mut facts);
        restore(catalogue, &mut facts);
        roles.push(facts);
    }
    roles
}

/// One `--flag: value`.
fn flag(document: &Document<'_>, catalogue: &Catalogue, facts: &mut Facts, pair: Pair, section: &str) {
    let Some(key) = document.text(pair.key) else { return };
    let span = document.node(pair.key).span;
    let Some((field, spelling)) = catalogue.find(key) else {
        facts.unknown_keys.push(UnknownKey { span, section: section.into() });
        return;
    };
    let path = format!("{section}.{key}");
    let text = document.text(pair.value);
    // an empty value is dropped by the launcher that reads these files
    let absent = matches!(document.node(document.resolve(pair.value)).kind, Kind::Scalar(_, Style::Absent));
    if text == Some("") || absent {
        return;
    }
    let kind = catalogue.field(field).kind;
    let list = text.filter(|text| kind.list && text.contains('[')).and_then(python_list::evaluate);
    let value = match text {
        _ if list.is_some() => Ok(Value::List(list.unwrap_or_default())),
        Some(text) if kind.list || text.starts_with('[') => {
            words(text, kind.list && !kind.text && !kind.integer && !kind.float, kind.text)
        }
        _ => read(document, pair.value, Schema::PyYaml, &no_object),
    };
    let value = value.map(|value| spelled(without_escapes(value), spelling));
    let raw = match raw_kind(document, pair.value) {
        // quotes mean nothing on a command line
        RawKind::Quoted => RawKind::Scalar,
        other => other,
    };
    let value =
        if raw == RawKind::Scalar && matches!(document.node(document.resolve(pair.value)).kind, Kind::Scalar(..)) {
            value.map(unquoted)
        } else {
            value
        };
    let single = UNWRAPPED.contains(&catalogue.field(field).name.as_str());
    let value = if single { value.map(unwrapped) } else { value };
    facts.set(field, Entry { value, key_span: span, span: document.node(pair.value).span, path, raw, derived: false });
}

/// `validate_args` takes the one element out of these lists (from 0.14 on; before, they were no lists).
const UNWRAPPED: [&str; 2] = ["moe_router_load_balancing_type", "moe_aux_loss_coeff"];

fn unwrapped(value: Value) -> Value {
    match value {
        Value::List(mut items) if items.len() == 1 => items.pop().unwrap_or(Value::Null),
        other => other,
    }
}

/// The launcher hands the value to a shell, which takes the backslashes away: `Et\\|tL`.
fn without_escapes(value: Value) -> Value {
    match value {
        Value::Str(text) if text.contains('\\') => Value::Str(text.replace('\\', "")),
        other => other,
    }
}

/// What the parser makes of quoted numbers: on a command line everything is text until its type is applied.
fn unquoted(value: Value) -> Value {
    match value {
        Value::Str(text) => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(number), _) => Value::Int(number),
            (_, Ok(number)) if text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.') => {
                Value::Float(number)
            }
            _ => Value::Str(text),
        },
        other => other,
    }
}

/// The setting's value behind a flag of the opposite meaning.
pub(super) fn spelled(value: Value, spelling: Spelling) -> Value {
    match spelling {
        Spelling::Plain => value,
        Spelling::Inverted | Spelling::Off => Value::Bool(!value.truthy()),
    }
}

/// `[attn moe_router]` and `attn moe_router`: several words behind one flag. One word stays one word unless the
/// setting is a list and nothing else. Where text is a value too, a comma may be part of it.
fn words(text: &str, always: bool, is_text: bool) -> Reading {
    if let Some(why) = placeholder(text) {
        return Err(why);
    }
    let inner = text.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let listed = inner.is_some();
    let between = |c: char| c == ' ' || (c == ',' && (listed || !is_text));
    let parts = inner.unwrap_or(text).split(between).filter(|part| !part.is_empty());
    let items: Vec<Value> = parts.map(|part| unquoted(Value::Str(plain_name(part).to_owned()))).collect();
    match items.as_slice() {
        [one] if !listed && !always => Ok(one.clone()),
        _ => Ok(Value::List(items)),
    }
}

fn no_object(_: &Document<'_>, _: NodeId) -> Reading {
    Err(MAPPING.to_owned())
}

/// Arguments that set config attributes under another name (`core_transformer_config_from_args`).
const IMPLIED: [(&str, &[(&str, &str)]); 3] = [
    ("swiglu", &[("gated_linear_unit", "true"), ("activation_func", "silu")]),
    ("quick_geglu", &[("gated_linear_unit", "true"), ("activation_func", "quick_gelu")]),
    ("squared_relu", &[("activation_func", "squared_relu")]),
];

/// Sets what the arguments imply, pointing at the argument.
pub(super) fn imply(catalogue: &Catalogue, facts: &mut Facts) {
    for (argument, settings) in IMPLIED {
        let Some((field, _)) = catalogue.find(argument) else { continue };
        let Some(entry) = facts.entry(field).filter(|entry| entry.value == Ok(Value::Bool(true))).cloned() else {
            continue;
        };
        for (name, value) in settings {
            let Some(target) = catalogue.by_name(name) else { continue };
            let value = if *value == "true" { Value::Bool(true) } else { Value::Str((*value).to_owned()) };
            set_if_absent(
                facts,
                target,
                Entry { value: Ok(value), raw: RawKind::Other, derived: true, ..entry.clone() },
            );
        }
    }
    // a number of offloaded layers switches offloading on
    let [layers, switch] = ["cpu_offloading_num_layers", "cpu_offloading"].map(|name| catalogue.by_name(name));
    if let (Some(layers), Some(switch)) = (layers, switch)
        && let Some(entry) = facts.entry(layers).cloned()
        && matches!(entry.value, Ok(Value::Int(count)) if count > 0)
    {
        set_if_absent(
            facts,
            switch,
            Entry { value: Ok(Value::Bool(true)), raw: RawKind::Other, derived: true, ..entry },
        );
    }
}

/// What `--use-checkpoint-args` replaces with the checkpoint's values, whatever the file says
/// (NVIDIA/Megatron-LM@core_v0.19.0:megatron/training/checkpointing.py, `load_args_from_checkpoint`).
const RESTORED: [&str; 36] = [
    "num_query_groups",
    "group_query_attention",
    "position_embedding_type",
    "add_position_embedding",
    "use_rotary_position_embeddings",
    "rotary_base",
    "rotary_percent",
    "rotary_interleaved",
    "add_bias_linear",
    "add_qkv_bias",
    "squared_relu",
    "swiglu",
    "gated_linear_unit",
    "activation_func",
    "untie_embeddings_and_output_weights",
    "normalization",
    "apply_query_key_layer_scaling",
    "attention_dropout",
    "hidden_dropout",
    "mtp_num_layers",
    "mtp_use_repeated_layer",
    "num_moe_experts",
    "moe_layer_freq",
    "moe_ffn_hidden_size",
    "moe_router_topk",
    "moe_router_pre_softmax",
    "moe_grouped_gemm",
    "moe_single_grouped_weight",
    "moe_single_grouped_bias",
    "moe_shared_expert_intermediate_size",
    "moe_router_score_function",
    "moe_router_enable_expert_bias",
    "moe_router_topk_scaling_factor",
    "moe_latent_size",
    "gdp_num_householder",
    "heterogeneous_layers_config_path",
];
/// The same, but only where the file leaves them out.
const RESTORED_IF_ABSENT: [&str; 8] = [
    "num_layers",
    "hidden_size",
    "ffn_hidden_size",
    "seq_length",
    "num_attention_heads",
    "kv_channels",
    "max_position_embeddings",
    "hybrid_layer_pattern",
];

/// Makes unknown what will come out of a checkpoint.
fn restore(catalogue: &Catalogue, facts: &mut Facts) {
    let switch = catalogue.find("use_checkpoint_args").and_then(|(field, _)| facts.entry(field)).cloned();
    let Some(switch) = switch.filter(|entry| entry.value == Ok(Value::Bool(true))) else { return };
    let why = || Err("restored from the checkpoint (--use-checkpoint-args)".to_owned());
    let always = RESTORED.iter().map(|name| (name, true));
    for (name, replaces) in always.chain(RESTORED_IF_ABSENT.iter().map(|name| (name, false))) {
        let Some(field) = catalogue.by_name(name) else { continue };
        match facts.entry(field).cloned() {
            Some(entry) if replaces => facts.set(field, Entry { value: why(), ..entry }),
            Some(_) => {}
            None => facts.set(field, Entry { value: why(), raw: RawKind::Other, derived: true, ..switch.clone() }),
        }
    }
}

fn set_if_absent(facts: &mut Facts, field: FieldId, entry: Entry) {
    if facts.entry(field).is_none() {
        facts.set(field, entry);
    }
}
