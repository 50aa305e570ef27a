//! Megatron-Bridge's dumped config container (`run_config.yaml`, `ConfigContainer.yaml`), and its `nemo.tron` ancestor.

use crate::document::scalar::Schema;
use crate::document::tree::{Document, Entry as Pair, NodeId};
use crate::facts::catalogue::{Catalogue, Spelling};
use crate::facts::shape::{Completeness, Frontend, Stage};
use crate::facts::store::{Entry, EnvEntry, Facts, RawKind};
use crate::facts::value::Value;

use super::value::{MAPPING, Reading, plain_name, raw_kind, read};

/// Sections outside `model` whose keys are settings under the same name, the later ones filling gaps only.
const SECTIONS: [&str; 6] = ["train", "ddp", "dist", "rng", "dataset", "rerun_state_machine"];
/// Settings that a `mixed_precision` mapping writes into the model.
const PRECISION: [&str; 13] = [
    "bf16",
    "fp16",
    "fp8",
    "fp8_recipe",
    "fp8_param",
    "fp4",
    "fp4_recipe",
    "fp4_param",
    "fp8_param_gather",
    "first_last_layers_bf16",
    "num_layers_at_start_in_bf16",
    "num_layers_at_end_in_bf16",
    "reuse_grad_buf_for_mxfp8_param_ag",
];
/// Settings that `comm_overlap` writes into the model.
const OVERLAP: [&str; 2] = ["overlap_moe_expert_parallel_comm", "delay_wgrad_compute"];
/// The same, but null leaves the model's own value.
const OVERLAP_IF_SET: [&str; 3] = ["tp_comm_overlap", "defer_embedding_wgrad_compute", "wgrad_deferral_limit"];
/// Switches that do the same in two places: section, key there, the model's setting.
const TWINS: [(&str, &str, &str); 1] = [("rng", "te_rng_tracker", "use_te_rng_tracker")];
/// `CudaGraphScope`'s integers in Megatron-Core 0.16 and 0.17 (`transformer/enums.py`), from 1.
const GRAPH_SCOPE: [&str; 8] =
    ["full_iteration", "attn", "mlp", "moe", "moe_router", "moe_preprocess", "mamba", "full_iteration_inference"];
/// `CudaGraphModule`'s integers from Megatron-Core 0.18 on, from 1.
const GRAPH_MODULE: [&str; 6] = ["attn", "mlp", "moe", "moe_router", "moe_preprocess", "mamba"];
/// `AttnBackend`'s integers, from 1.
const ATTENTION: [&str; 5] = ["flash", "fused", "unfused", "local", "auto"];

/// Whether the document is such a dump: its root is a `ConfigContainer`, or its `model` a provider of the framework.
#[must_use]
pub fn recognises(document: &Document<'_>, root: NodeId) -> bool {
    let target = |node: NodeId| document.get(node, "_target_").and_then(|entry| document.text(entry.value));
    if target(root).is_some_and(|target| target.ends_with("ConfigContainer")) {
        return true;
    }
    section(document, root, "model").and_then(target).is_some_and(|target| {
        ["megatron.bridge.", "nemo.tron.", "megatron.hub."].iter().any(|prefix| target.starts_with(prefix))
    })
}

/// Reads the dump's one role.
#[must_use]
pub fn facts(document: &Document<'_>, root: NodeId, catalogue: &Catalogue) -> Vec<Facts> {
    let Some(model) = section_entry(document, root, "model").filter(|entry| document.is_mapping(entry.value)) else {
        return Vec::new();
    };
    let stage = stage(document, root, model.value);
    let mut facts = Facts::new(catalogue, "model", Frontend::MegatronBridge, Completeness::Dump, stage);
    facts.anchor = document.node(model.key).span;
    let mut reader = Reader { document, catalogue, facts: &mut facts };
    reader.section(document.text(model.key).unwrap_or("model"), model.value, true);
    if let Some(inner) = document.get(model.value, "transformer").filter(|entry| document.is_mapping(entry.value)) {
        reader.section("model.transformer", inner.value, true);
    }
    for name in SECTIONS {
        if let Some(entry) = section_entry(document, root, name) {
            reader.section(document.text(entry.key).unwrap_or(name), entry.value, false);
        }
    }
    reader.overlay(root, "comm_overlap", &OVERLAP, stage, true);
    reader.overlay(root, "comm_overlap", &OVERLAP_IF_SET, stage, false);
    reader.overlay(root, "mixed_precision", &PRECISION, stage, false);
    reader.twins(root);
    reader.precision_name(root, stage);
    reader.sequence_length(root);
    reader.world_size(root);
    reader.environment(root);
    vec![facts]
}

/// Resolved, when something stands there that only the framework's own finalising writes: the data-parallel size of
/// `comm_overlap`, or a partial as initialiser.
fn stage(document: &Document<'_>, root: NodeId, model: NodeId) -> Stage {
    let inner = document.get(model, "transformer").map_or(model, |entry| entry.value);
    let size = section(document, root, "comm_overlap").and_then(|overlap| document.get(overlap, "data_parallel_size"));
    let sized =
        size.is_some_and(|size| matches!(read(document, size.value, Schema::PyYaml, &object), Ok(Value::Int(_))));
    let init = document.get(inner, "init_method").and_then(|entry| document.get(entry.value, "_partial_"));
    if sized || init.is_some() { Stage::Resolved } else { Stage::Requested }
}

/// A section by its name, or by the one that `nemo.tron` gave it (`model_config`).
fn section(document: &Document<'_>, root: NodeId, name: &str) -> Option<NodeId> {
    section_entry(document, root, name).map(|entry| entry.value)
}

fn section_entry(document: &Document<'_>, root: NodeId, name: &str) -> Option<Pair> {
    document.get(root, name).or_else(|| document.get(root, &format!("{name}_config")))
}

struct Reader<'a, 's> {
    document: &'a Document<'s>,
    catalogue: &'a Catalogue,
    facts: &'a mut Facts,
}

impl Reader<'_, '_> {
    /// Every setting of a section; a section that is not the model's only fills gaps.
    fn section(&mut self, name: &str, section: NodeId, wins: bool) {
        for pair in self.document.effective_entries(section) {
            let Some(key) = self.document.text(pair.key) else { continue };
            if key.starts_with('_') {
                continue;
            }
            if let Some((field, Spelling::Plain)) = self.catalogue.find(key)
                && (wins || self.facts.entry(field).is_none())
                && self.catalogue.field(field).name == key
            {
                let entry = self.entry(pair, &format!("{name}.{key}"));
                self.facts.set(field, entry);
            }
        }
    }

    fn entry(&self, pair: Pair, path: &str) -> Entry {
        Entry {
            value: read(self.document, pair.value, Schema::PyYaml, &object),
            key_span: self.document.node(pair.key).span,
            span: self.document.node(pair.value).span,
            path: path.to_owned(),
            raw: raw_kind(self.document, pair.value),
            derived: false,
        }
    }

    /// Either of two switches is enough.
    fn twins(&mut self, root: NodeId) {
        for (section, key, name) in TWINS {
            let found = self::section(self.document, root, section);
            let Some(pair) = found.and_then(|section| self.document.get(section, key)) else { continue };
            let entry = self.entry(pair, &format!("{section}.{key}"));
            if let Some(field) = self.catalogue.by_name(name)
                && entry.value == Ok(Value::Bool(true))
            {
                self.facts.set(field, Entry { derived: true, ..entry });
            }
        }
    }

    /// Before the framework ran, what a section says wins over the model's own value; null leaves that, or means
    /// "not asked for" where `null_is_off`.
    fn overlay(&mut self, root: NodeId, section: &str, names: &[&str], stage: Stage, null_is_off: bool) {
        if stage == Stage::Resolved {
            return;
        }
        let Some(found) = self::section(self.document, root, section) else { return };
        for name in names {
            let Some(pair) = self.document.get(found, name) else { continue };
            let mut entry = self.entry(pair, &format!("{section}.{name}"));
            if entry.value == Ok(Value::Null) {
                if !null_is_off {
                    continue;
                }
                entry.value = Ok(Value::Bool(false));
            }
            entry.derived = true;
            if let Some((field, Spelling::Plain)) = self.catalogue.find(name) {
                self.facts.replace(field, entry);
            }
        }
    }

    /// `mixed_precision: bf16_mixed`: a recipe's name in place of its mapping. What a name with fp8 or fp4 in it sets
    /// stands in the framework's code.
    fn precision_name(&mut self, root: NodeId, stage: Stage) {
        let Some(pair) = self.document.get(root, "mixed_precision").filter(|_| stage == Stage::Requested) else {
            return;
        };
        let Some(name) = self.document.text(pair.value).filter(|name| name.len() > 1) else { return };
        let low = name.contains("fp8") || name.contains("fp4");
        for field in PRECISION {
            let (Some((id, _)), wide) = (self.catalogue.find(field), matches!(field, "bf16" | "fp16")) else {
                continue;
            };
            let mut entry = self.entry(pair, "mixed_precision");
            entry.raw = RawKind::Other;
            entry.derived = true;
            entry.value = match (wide, low) {
                (true, _) if name.contains(field) => Ok(Value::Bool(true)),
                (false, true) => Err(format!("set by the recipe `{name}`")),
                _ => continue,
            };
            self.facts.set(id, entry);
        }
    }

    /// The model's sequence length, or else the dataset's under either of its names.
    fn sequence_length(&mut self, root: NodeId) {
        let Some((field, _)) = self.catalogue.find("seq_length") else { return };
        if self.facts.entry(field).is_some() {
            return;
        }
        let dataset = section(self.document, root, "dataset");
        let pair = dataset.and_then(|dataset| self.document.get(dataset, "sequence_length"));
        if let Some(pair) = pair {
            let entry = self.entry(pair, "dataset.sequence_length");
            self.facts.set(field, entry);
        }
    }

    /// `comm_overlap.data_parallel_size × TP × PP × CP`, the only trace of the job's size in a dump.
    fn world_size(&mut self, root: NodeId) {
        let overlap = section(self.document, root, "comm_overlap");
        let Some(pair) = overlap.and_then(|overlap| self.document.get(overlap, "data_parallel_size")) else { return };
        let mut entry = self.entry(pair, "comm_overlap.data_parallel_size");
        let Ok(Value::Int(mut size)) = entry.value else { return };
        for name in ["tensor_model_parallel_size", "pipeline_model_parallel_size", "context_parallel_size"] {
            let known = self.catalogue.by_name(name).and_then(|field| self.facts.entry(field));
            match known.map(|entry| &entry.value) {
                Some(Ok(Value::Int(factor))) => size = size.saturating_mul(*factor),
                _ => return,
            }
        }
        entry.value = Ok(Value::Int(size));
        entry.raw = RawKind::Other;
        entry.derived = true;
        if let Some(field) = self.catalogue.by_name("world_size") {
            self.facts.set(field, entry);
        }
    }

    fn environment(&mut self, root: NodeId) {
        let Some(section) = self.document.get(root, "env_vars") else { return };
        super::environment_block(self.document, section.value, self.facts);
    }
}

/// An object as the serializer writes it: an enumeration member, a dtype, a function, a partial.
fn object(document: &Document<'_>, node: NodeId) -> Reading {
    let text = |key: &str| document.get(node, key).and_then(|entry| document.text(entry.value));
    if let Some(name) = text("_name_") {
        return Ok(Value::Str(name.to_owned()));
    }
    let Some(target) = text("_target_") else { return Err(MAPPING.to_owned()) };
    let name = target.rsplit('.').next().unwrap_or(target);
    let members: &[&str] = match name {
        "CudaGraphScope" => &GRAPH_SCOPE,
        "CudaGraphModule" => &GRAPH_MODULE,
        "AttnBackend" => &ATTENTION,
        _ => &[],
    };
    if members.is_empty() {
        return Ok(Value::Str(plain_name(target).rsplit('.').next().unwrap_or(name).to_owned()));
    }
    let argument = document.get(node, "_args_").and_then(|entry| document.items(entry.value).first().copied());
    let number = argument.and_then(|item| document.text(item)).and_then(|text| text.parse::<usize>().ok());
    let member = number.and_then(|number| members.get(number.checked_sub(1)?));
    member.map(|member| Value::Str((*member).to_owned())).ok_or_else(|| format!("a member of {name} that is not known"))
}

/// Environment entries of a mapping.
pub(super) fn environment_entry(document: &Document<'_>, pair: Pair) -> Option<(String, EnvEntry)> {
    let name = document.text(pair.key)?;
    let text = document.text(pair.value)?;
    let value = super::value::placeholder(text).is_none().then(|| text.to_owned());
    let place = |node: NodeId| document.node(node).span;
    Some((name.to_owned(), EnvEntry { value, key_span: place(pair.key), span: place(pair.value) }))
}
