//! `lints/relevance.yaml` → the checked table; also compiled into the build script, so that a pattern that means nothing
//! fails the build with its place.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::facts::catalogue::Catalogue;
use crate::facts::field::from_yaml;
use crate::facts::value::Value;
use crate::rule::load::{LoadError, Loader};
use crate::rule::locate::line_column;

/// What a run shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Symptom {
    /// A package or one of its symbols can't be imported.
    Import,
    /// The framework refuses the config.
    ConfigRejected,
    /// No step ends.
    Hang,
    /// A kernel reads or writes where it must not.
    IllegalAccess,
    /// Out of memory.
    Oom,
    /// The loss or a gradient is no number.
    Nan,
    /// Steps take longer.
    Slow,
    /// The loss is worse.
    Accuracy,
}

impl Symptom {
    /// All of them, in the order in which a run would meet them.
    pub const ALL: [Self; 8] = [
        Self::Import,
        Self::ConfigRejected,
        Self::Hang,
        Self::IllegalAccess,
        Self::Oom,
        Self::Nan,
        Self::Slow,
        Self::Accuracy,
    ];

    /// The name used in flags and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::ConfigRejected => "config-rejected",
            Self::Hang => "hang",
            Self::IllegalAccess => "illegal-access",
            Self::Oom => "oom",
            Self::Nan => "nan",
            Self::Slow => "slow",
            Self::Accuracy => "accuracy",
        }
    }
}

/// What a setting is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Dispatcher, backend, SM counts.
    Dispatcher,
    /// Parallel sizes and layout.
    Topology,
    /// Overlap of communication and computation.
    Overlap,
    /// CUDA graphs.
    Graphs,
    /// Recomputation and offloading.
    Recompute,
    /// Number formats.
    Precision,
    /// Router, experts, capacity, balancing.
    Routing,
    /// Batch and sequence sizes.
    Batch,
    /// Environment variables, libraries.
    Environment,
    /// Anything else.
    Other,
}

impl Group {
    /// All of them, in the order in which a reader wants them.
    pub const ALL: [Self; 10] = [
        Self::Dispatcher,
        Self::Topology,
        Self::Overlap,
        Self::Graphs,
        Self::Recompute,
        Self::Precision,
        Self::Routing,
        Self::Batch,
        Self::Environment,
        Self::Other,
    ];

    /// The name used in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dispatcher => "dispatcher",
            Self::Topology => "topology",
            Self::Overlap => "overlap",
            Self::Graphs => "graphs",
            Self::Recompute => "recompute",
            Self::Precision => "precision",
            Self::Routing => "routing",
            Self::Batch => "batch",
            Self::Environment => "environment",
            Self::Other => "other",
        }
    }
}

/// The table as embedded.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Table {
    /// The first pattern that fits decides.
    pub groups: Vec<(Group, Vec<String>)>,
    /// Without a symptom, by group.
    pub weights: BTreeMap<Group, f64>,
    /// What no symptom points at unless it is listed there.
    pub bookkeeping: Bookkeeping,
    /// What is not read because of something else.
    pub unread: Vec<Unread>,
    /// One for each symptom, in the order of [`Symptom::ALL`].
    pub symptoms: Vec<Pointers>,
}

/// Settings that only say where and how often something is written, and the like.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bookkeeping {
    /// How much a change of one matters.
    pub weight: f64,
    /// Patterns.
    pub names: Vec<String>,
}

/// Settings that nobody reads while another one has one of these values.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unread {
    /// Patterns.
    pub names: Vec<String>,
    /// The one that decides.
    pub setting: String,
    /// Its values.
    pub off: Vec<Value>,
    /// In words.
    pub why: String,
}

/// What a symptom points at.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pointers {
    /// The symptom.
    pub symptom: Symptom,
    /// The weight of a setting that no entry covers.
    pub otherwise: f64,
    /// The first that fits decides.
    pub entries: Vec<Pointer>,
}

/// Settings that a symptom points at for one reason.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pointer {
    /// From 0.1 to 10.
    pub weight: f64,
    /// Patterns.
    #[serde(default)]
    pub names: Vec<String>,
    /// Whole groups.
    #[serde(default)]
    pub groups: Vec<Group>,
    /// What the settings have to do with the symptom.
    pub why: String,
    /// Where that is known from.
    pub source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    group: Group,
    names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    groups: Vec<RawGroup>,
    weights: BTreeMap<Group, f64>,
    bookkeeping: Bookkeeping,
    unread: Vec<RawUnread>,
    symptoms: Vec<Pointers>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUnread {
    names: Vec<String>,
    setting: String,
    off: Vec<serde_yaml::Value>,
    why: String,
}

impl From<RawUnread> for Unread {
    fn from(raw: RawUnread) -> Self {
        Self { names: raw.names, setting: raw.setting, off: raw.off.iter().map(from_yaml).collect(), why: raw.why }
    }
}

/// Reads and checks the file.
///
/// # Errors
/// The first thing wrong in it, with file, line and column.
pub fn load_table(file: &str, source: &str, catalogue: &Catalogue) -> Result<Table, LoadError> {
    let raw: RawTable = Loader { file, source, catalogue }.read()?;
    let error = |near: &str, message: String| {
        let (line, column) = line_column(source, place_of(source, near));
        LoadError { file: file.to_owned(), line, column, message }
    };
    for pattern in patterns(&raw) {
        if !is_free(pattern) && !catalogue.fields.iter().any(|field| fits(pattern, &field.name)) {
            return Err(error(pattern, format!("no setting is called `{pattern}`")));
        }
    }
    for (near, weight) in weights(&raw) {
        if !(0.1..=10.0).contains(&weight) {
            return Err(error(near, format!("weight {weight} under `{near}` needs to be from 0.1 to 10")));
        }
    }
    if let Some(group) = Group::ALL.iter().find(|group| !raw.weights.contains_key(group)) {
        return Err(error("weights", format!("`weights` lacks `{}`", group.name())));
    }
    let order: Vec<Symptom> = raw.symptoms.iter().map(|pointers| pointers.symptom).collect();
    if order != Symptom::ALL {
        let names = Symptom::ALL.map(Symptom::name).join(", ");
        return Err(error("symptoms", format!("`symptoms` needs each once, in this order: {names}")));
    }
    let bare = |entry: &&Pointer| {
        entry.why.is_empty() || entry.source.is_empty() || (entry.names.is_empty() && entry.groups.is_empty())
    };
    if let Some(entry) = raw.symptoms.iter().flat_map(|pointers| &pointers.entries).find(bare) {
        let near = entry.names.first().map_or("symptoms", String::as_str);
        return Err(error(near, "an entry needs `names` or `groups`, a `why` and a `source`".to_owned()));
    }
    Ok(Table {
        groups: raw.groups.into_iter().map(|entry| (entry.group, entry.names)).collect(),
        weights: raw.weights,
        bookkeeping: raw.bookkeeping,
        unread: raw.unread.into_iter().map(Unread::from).collect(),
        symptoms: raw.symptoms,
    })
}

fn patterns(raw: &RawTable) -> impl Iterator<Item = &str> {
    let groups = raw.groups.iter().flat_map(|entry| &entry.names);
    let symptoms = raw.symptoms.iter().flat_map(|pointers| &pointers.entries).flat_map(|entry| &entry.names);
    let unread = raw.unread.iter().flat_map(|entry| entry.names.iter().chain([&entry.setting]));
    groups.chain(&raw.bookkeeping.names).chain(unread).chain(symptoms).map(String::as_str)
}

fn weights(raw: &RawTable) -> Vec<(&str, f64)> {
    let mut all: Vec<(&str, f64)> = raw.weights.iter().map(|(group, weight)| (group.name(), *weight)).collect();
    all.push(("bookkeeping", raw.bookkeeping.weight));
    for pointers in &raw.symptoms {
        all.push((pointers.symptom.name(), pointers.otherwise));
        all.extend(pointers.entries.iter().map(|entry| (pointers.symptom.name(), entry.weight)));
    }
    all
}

/// Variables and paths of keys: nobody has a list of those.
fn is_free(pattern: &str) -> bool {
    pattern.starts_with("env ") || pattern.starts_with("key ") || pattern.contains('.')
}

/// Where `text` stands for itself in the file, not as a part of a longer name; 0: nowhere.
fn place_of(source: &str, text: &str) -> usize {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || "_*.".contains(c));
    let whole = |at: &usize| {
        let (before, after) = (source.get(..*at).unwrap_or(""), source.get(at + text.len()..).unwrap_or(""));
        !inside(before.chars().next_back()) && !inside(after.chars().next())
    };
    source.match_indices(text).map(|found| found.0).find(whole).unwrap_or(0)
}

/// Whether `name` is what `pattern` stands for; `*` is any run of characters.
#[must_use]
pub fn fits(pattern: &str, name: &str) -> bool {
    let Some((head, mut rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(head) else { return false };
    while let Some((part, more)) = rest.split_once('*') {
        let Some(at) = name.find(part) else { return false };
        name = name.get(at + part.len()..).unwrap_or("");
        rest = more;
    }
    name.ends_with(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_told_with_their_place() {
        let text = include_str!("../../lints/relevance.yaml");
        let catalogue = crate::facts::catalogue();
        assert!(load_table("relevance.yaml", text, catalogue).is_ok());
        for (right, wrong, told) in [
            (
                "moe_token_dispatcher_type",
                "moe_token_dispatcher_typo",
                "no setting is called `moe_token_dispatcher_typo`",
            ),
            ("\"recompute_*\"", "\"recompite_*\"", "no setting is called `recompite_*`"),
            ("weight: 10", "weight: 11", "from 0.1 to 10"),
            ("symptom: hang", "symptom: hangs", "unknown variant"),
            ("other: 0.5 }", "}", "`weights` lacks `other`"),
            ("symptom: oom", "symptom: nan", "each once"),
        ] {
            let text = text.replacen(right, wrong, 1);
            let error = load_table("relevance.yaml", &text, catalogue)
                .err()
                .map_or_else(String::new, |error| error.to_string());
            assert!(error.starts_with("relevance.yaml:") && error.contains(told), "{error}");
            assert!(!error.starts_with("relevance.yaml:1:1"), "{error}");
        }
    }
}
