//! In-house files: Megatron-Core's names in either spelling, at the root or under sections of any name.

use std::sync::Arc;

use crate::document::scalar::Schema;
use crate::document::tree::{Document, Entry as Pair, Kind, NodeId};
use crate::facts::catalogue::{Catalogue, Spelling};
use crate::facts::field::{FieldId, Owner};
use crate::facts::shape::{Completeness, Frontend, Stage};
use crate::facts::store::{Entry, Facts, RawKind, UnknownKey};
use crate::facts::value::Value;

use super::megatron_lm::{imply, spelled};
use super::value::{MAPPING, Reading, raw_kind, read};

/// Keys by which a file says that the rest of it stands elsewhere, or that it is another framework's: a model of the
/// Hugging Face hub.
const FOREIGN: [&str; 8] = [
    "defaults",
    "extends",
    "_base_",
    "hydra",
    "architectures",
    "model_type",
    "transformers_version",
    "num_hidden_layers",
];

/// A config has a handful of sections; a file with more of them that name our settings is a table of something.
const MAX_SECTIONS: usize = 256;

/// The settings of one section.
struct Section {
    name: Arc<str>,
    anchor: crate::document::Span,
    settings: Vec<(FieldId, Entry)>,
}

/// What a walk over the root and its sections found.
#[derive(Default)]
struct Found {
    sections: Vec<Section>,
    unknown: Vec<UnknownKey>,
    environment: Vec<NodeId>,
    keys: usize,
    /// Whether a key is spelled as a flag.
    flags: bool,
}

/// Reads the document if it holds settings that only a Megatron-Core config has; `None` if it is another kind of file.
#[must_use]
pub fn facts(document: &Document<'_>, root: NodeId, catalogue: &Catalogue) -> Option<Vec<Facts>> {
    if !document.is_mapping(root) || document.get(root, "_target_").is_some() {
        return None;
    }
    let entries = document.effective_entries(root);
    if entries.iter().any(|pair| document.text(pair.key).is_some_and(|key| FOREIGN.contains(&key))) {
        return None;
    }
    let mut walk = Walk { document, catalogue, schema: schema(document), found: Found::default() };
    walk.section("", document.node(root).span, &entries, true);
    let found = walk.found;
    let settings = || found.sections.iter().flat_map(|section| &section.settings);
    let names = || settings().map(|(field, _)| catalogue.field(*field));
    if !names().any(|field| is_distinctive(&field.name)) {
        return None;
    }
    if found.sections.len() > MAX_SECTIONS {
        return None;
    }
    let count = names().filter(|field| field.owner != Owner::Args).count();
    if count < 2 {
        return None;
    }
    let known = names().filter(|field| field.owner != Owner::Args || BESIDE.contains(&field.name.as_str())).count();
    let config = |owner| matches!(owner, Owner::TransformerConfig | Owner::MLATransformerConfig);
    let model = |section: &&Section| section.settings.iter().any(|(field, _)| config(catalogue.field(*field).owner));
    let together = found.sections.iter().filter(model).count() == 1;
    let keywords = together && count >= 8 && known * 10 >= found.keys * 9 && !found.flags;
    let frontend = if keywords { Frontend::Python } else { Frontend::Generic };
    Some(roles(document, catalogue, found, frontend))
}

/// Arguments that may stand beside the keywords of a `TransformerConfig` in a file that is nothing else.
const BESIDE: [&str; 3] = ["global_batch_size", "micro_batch_size", "seq_length"];

/// Names that no other kind of file uses.
fn is_distinctive(name: &str) -> bool {
    name.starts_with("moe_") || name.ends_with("_model_parallel_size") || name == "num_moe_experts"
}

/// JSON has its own rules for scalars.
fn schema(document: &Document<'_>) -> Schema {
    let json = document.source.trim_start().starts_with(['{', '[']);
    if json { Schema::Core } else { Schema::PyYaml }
}

struct Walk<'a, 's> {
    document: &'a Document<'s>,
    catalogue: &'a Catalogue,
    schema: Schema,
    found: Found,
}

impl Walk<'_, '_> {
    /// Reads one mapping; the root's own mappings are sections, deeper ones are not looked into.
    fn section(&mut self, name: &str, anchor: crate::document::Span, entries: &[Pair], root: bool) {
        let mut section = Section { name: name.into(), anchor, settings: Vec::new() };
        for pair in entries {
            let Some(key) = self.document.text(pair.key) else { continue };
            let place = self.document.node(pair.key).span;
            if root && self.document.is_mapping(pair.value) {
                if matches!(key, "ENV_VARS" | "env_vars" | "env" | "environment") {
                    self.found.environment.push(pair.value);
                }
                self.section(key, place, &self.document.effective_entries(pair.value), false);
                continue;
            }
            self.found.keys += 1;
            self.found.flags |= key.starts_with("--");
            let path = || if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
            match self.catalogue.find(key) {
                Some((field, spelling)) if self.fits(field, pair.value) => {
                    let entry = self.entry(*pair, spelling, path());
                    section.settings.push((field, entry));
                }
                Some(_) => {}
                None => self.found.unknown.push(UnknownKey { span: place, section: Arc::clone(&section.name) }),
            }
        }
        if !section.settings.is_empty() {
            self.found.sections.push(section);
        }
    }

    /// A mapping or a list of mappings under an argument's name is something else of the same name.
    fn fits(&self, field: FieldId, value: NodeId) -> bool {
        let node = &self.document.node(self.document.resolve(value)).kind;
        !matches!(node, Kind::Mapping(..)) || self.catalogue.field(field).owner != Owner::Args
    }

    fn entry(&self, pair: Pair, spelling: Spelling, path: String) -> Entry {
        let value = read(self.document, pair.value, self.schema, &no_object);
        Entry {
            value: value.map(|value| spelled(value, spelling)),
            key_span: self.document.node(pair.key).span,
            span: self.document.node(pair.value).span,
            path,
            raw: raw_kind(self.document, pair.value),
            derived: false,
        }
    }
}

fn no_object(_: &Document<'_>, _: NodeId) -> Reading {
    Err(MAPPING.to_owned())
}

/// All sections make one role; sections that give one setting different values are roles of their own, and share the
/// rest.
fn roles(document: &Document<'_>, catalogue: &Catalogue, found: Found, frontend: Frontend) -> Vec<Facts> {
    let Found { sections, unknown, environment, .. } = found;
    let own = colliding(&sections, catalogue);
    let mut base = Facts::new(catalogue, "config", frontend, Completeness::Authored, Stage::Requested);
    base.unknown_keys = unknown;
    base.anchor = sections.first().map(|section| section.anchor).unwrap_or_default();
    for block in environment {
        super::environment_block(document, block, &mut base);
    }
    let mut heads = Vec::new();
    for (section, own) in sections.into_iter().zip(own) {
        if own {
            heads.push(section);
        } else {
            add(catalogue, &mut base, section);
        }
    }
    let mut roles = Vec::new();
    for head in heads {
        let mut facts = base.clone();
        facts.role = if head.name.is_empty() { "root".to_owned() } else { head.name.to_string() };
        facts.anchor = head.anchor;
        add(catalogue, &mut facts, head);
        roles.push(facts);
    }
    if roles.is_empty() {
        roles.push(base);
    }
    for facts in &mut roles {
        imply(catalogue, facts);
        mark_excerpt(catalogue, facts);
    }
    roles
}

/// Which sections give a setting of the model another value than some other section does (`seed` and the like may
/// differ between sections of one run).
fn colliding(sections: &[Section], catalogue: &Catalogue) -> Vec<bool> {
    let mut all: Vec<(FieldId, usize, &Entry)> = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        let model = section.settings.iter().filter(|(field, _)| catalogue.field(*field).owner != Owner::Args);
        all.extend(model.map(|(field, entry)| (*field, index, entry)));
    }
    all.sort_by_key(|(field, index, _)| (*field, *index));
    let mut own = vec![false; sections.len()];
    for pair in all.windows(2) {
        if let [(field, one, theirs), (same, two, ours)] = pair
            && field == same
            && one != two
            && theirs.value != ours.value
        {
            for index in [*one, *two] {
                own[index] = true;
            }
        }
    }
    own
}

fn add(catalogue: &Catalogue, facts: &mut Facts, section: Section) {
    for (field, entry) in section.settings {
        facts.set(field, meant(catalogue, field, entry, facts.frontend));
    }
}

/// A number in quotes is taken as the number that was meant, so that the rules still see it; the quotes are a finding
/// of their own. `TransformerConfig` itself keeps the text.
fn meant(catalogue: &Catalogue, field: FieldId, mut entry: Entry, frontend: Frontend) -> Entry {
    let kind = catalogue.field(field).kind;
    if frontend == Frontend::Generic
        && entry.raw == RawKind::Quoted
        && (kind.integer || kind.float)
        && !(kind.text || kind.any)
        && let Ok(Value::Str(text)) = &entry.value
    {
        let whole = kind.integer.then(|| text.parse().ok().map(Value::Int)).flatten();
        let number = whole.or_else(|| text.parse().ok().map(Value::Float));
        entry.value = number.map_or(entry.value, Ok);
    }
    entry
}

/// A file with `MoE` options and none of the model's own sizes is an excerpt: how many experts there are is not known.
fn mark_excerpt(catalogue: &Catalogue, facts: &mut Facts) {
    let absent = |name: &str| catalogue.by_name(name).is_none_or(|field| facts.entry(field).is_none());
    if !["num_moe_experts", "num_layers", "hidden_size"].into_iter().all(absent) {
        return;
    }
    facts.partial = true;
    if let Some(field) = catalogue.by_name("num_moe_experts") {
        let why = "the number of experts stands in another file".to_owned();
        facts.set(
            field,
            Entry {
                value: Err(why),
                key_span: facts.anchor,
                span: facts.anchor,
                path: String::new(),
                raw: RawKind::Other,
                derived: true,
            },
        );
    }
}
