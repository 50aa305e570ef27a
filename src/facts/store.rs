//! The facts of one role of one file: what it says about each setting, and where.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::document::Span;

use super::catalogue::Catalogue;
use super::field::{FieldId, Owner};
use super::release::ReleaseSet;
use super::shape::{Completeness, Frontend, Stage};
use super::value::Value;

/// A setting that the file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The value, or why it can't be known (`${VAR}`, `???`).
    pub value: Result<Value, String>,
    /// The key, as written.
    pub key_span: Span,
    /// The value; empty where nothing is written.
    pub span: Span,
    /// The path of keys to it: `model.moe_router_topk`.
    pub path: String,
    /// Whether the file spells the setting as a bare flag or list that the value's text does not show.
    pub raw: RawKind,
    /// Whether the file holds it under another setting's name, from which the framework computes it: a world size
    /// from a data-parallel size, a gated MLP from `--swiglu`.
    pub derived: bool,
}

/// How the value stands in the file, for the checks that look at the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawKind {
    /// A scalar that is its value.
    Scalar,
    /// A scalar in quotes.
    Quoted,
    /// Anything else: a list, an object, a bare flag.
    Other,
}

/// A key that names no setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKey {
    /// Where; most keys of a file name nothing of ours, so the text is only looked at when it is needed.
    pub span: Span,
    /// The section it stands in; empty: the root.
    pub section: Arc<str>,
}

/// An environment variable that the file sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvEntry {
    /// As the shell would see it; `None` where it holds `${…}`.
    pub value: Option<String>,
    /// The name's place.
    pub key_span: Span,
    /// The value's place.
    pub span: Span,
}

/// What one file says in one role.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// `model`, `MODEL_ARGS_2`, …: the settings that one model is built from.
    pub role: String,
    /// Who reads the file.
    pub frontend: Frontend,
    /// A dump or somebody's own words.
    pub completeness: Completeness,
    /// Before or after the framework's rewriting.
    pub stage: Stage,
    /// Whether it is an excerpt: the model's own settings (layers, sizes, experts) stand elsewhere.
    pub partial: bool,
    /// Whether the end is missing: what is not there may have been cut off.
    pub truncated: bool,
    /// Where the role begins, for findings about something that is not there.
    pub anchor: Span,
    /// Keys that are no setting.
    pub unknown_keys: Vec<UnknownKey>,
    /// Variables that the file sets for the job.
    pub env: BTreeMap<String, EnvEntry>,
    /// Values that another section of the file wins over, with that section's entry in their place.
    pub replaced: Vec<(FieldId, Entry)>,
    entries: Vec<Entry>,
    /// By [`FieldId`]; `u16::MAX`: absent.
    index: Vec<u16>,
    order: Vec<FieldId>,
}

/// What is known about a setting in one release.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fact<'a> {
    /// Written in the file.
    Explicit(&'a Entry),
    /// The framework computes it from something else in the file.
    Derived(&'a Entry),
    /// Absent; this is what the release would use.
    Default(&'a Value),
    /// Nobody knows.
    Unknown,
    /// The release doesn't have it.
    NotInRelease,
}

impl Facts {
    /// Nothing known yet.
    #[must_use]
    pub fn new(
        catalogue: &Catalogue,
        role: &str,
        frontend: Frontend,
        completeness: Completeness,
        stage: Stage,
    ) -> Self {
        Self {
            role: role.to_owned(),
            frontend,
            completeness,
            stage,
            partial: false,
            truncated: false,
            anchor: Span::default(),
            unknown_keys: Vec::new(),
            env: BTreeMap::new(),
            replaced: Vec::new(),
            entries: Vec::new(),
            index: vec![u16::MAX; catalogue.fields.len()],
            order: Vec::new(),
        }
    }

    /// Adds or replaces a setting: a later spelling of the same setting wins, as on a command line.
    pub fn set(&mut self, field: FieldId, entry: Entry) {
        let slot = usize::from(field.0);
        let Some(index) = self.index.get_mut(slot) else { return };
        if let Some(known) = self.entries.get_mut(usize::from(*index)) {
            *known = entry;
        } else if let Ok(at) = u16::try_from(self.entries.len()) {
            *index = at;
            self.entries.push(entry);
            self.order.push(field);
        }
    }

    /// As [`Self::set`], remembering a different value that was there.
    pub fn replace(&mut self, field: FieldId, entry: Entry) {
        if let Some(old) = self.entry(field).filter(|old| old.value != entry.value) {
            self.replaced.push((field, old.clone()));
        }
        self.set(field, entry);
    }

    /// The setting as the file has it.
    #[must_use]
    pub fn entry(&self, field: FieldId) -> Option<&Entry> {
        let index = *self.index.get(usize::from(field.0))?;
        self.entries.get(usize::from(index))
    }

    /// All settings of the file in its order.
    pub fn entries(&self) -> impl Iterator<Item = (FieldId, &Entry)> {
        self.order.iter().copied().zip(&self.entries)
    }

    /// How many settings the file has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What is known about `field` in the Megatron-Core release at `release`.
    #[must_use]
    pub fn fact<'a>(&'a self, catalogue: &'a Catalogue, field: FieldId, release: usize) -> Fact<'a> {
        let about = catalogue.field(field);
        if about.owner == Owner::Environment {
            return self.entry(field).map_or(Fact::Unknown, known);
        }
        let Some(run) = about.run(release) else {
            // a command line may have had the flag before the config had the attribute
            let flag = about.flag_releases.is_some_and(|releases| releases.has(release));
            // a name that no release has is only known for being written
            return match self.entry(field).filter(|_| flag || about.runs.is_empty()) {
                Some(entry) => known(entry),
                None => Fact::NotInRelease,
            };
        };
        match self.entry(field) {
            Some(entry) => known(entry),
            None if self.truncated => Fact::Unknown,
            None => Fact::Default(match (&run.cli_default, self.frontend) {
                (Some(default), Frontend::MegatronLm) => default,
                _ => &run.default,
            }),
        }
    }

    /// The releases that know the most settings of the file: all of them, unless one of the keys is a mistake, which
    /// is a finding of its own.
    ///
    /// Megatron-Bridge's sections use some of Megatron-LM's argument names for settings of their own: only the
    /// model's count there.
    #[must_use]
    pub fn possible_releases(&self, catalogue: &Catalogue, within: ReleaseSet) -> ReleaseSet {
        let mut lacking = [0_u16; 16];
        for (field, _) in self.entries().filter(|(_, entry)| !entry.derived) {
            let field = catalogue.field(field);
            let argument = field.owner == Owner::Args && self.frontend == Frontend::MegatronBridge;
            if field.owner != Owner::Environment && !argument && !field.runs.is_empty() {
                for release in within.without(field.releases_or_flags()).iter() {
                    lacking[release] += 1;
                }
            }
        }
        let least = within.iter().map(|release| lacking[release]).min().unwrap_or(0);
        let known = within.iter().filter(|release| lacking[*release] == least);
        known.fold(ReleaseSet::NONE, |set, release| set.or(ReleaseSet::one(release)))
    }
}

/// What an entry says: written, computed, or filled in at launch.
fn known(entry: &Entry) -> Fact<'_> {
    match (&entry.value, entry.derived) {
        (Err(_), _) => Fact::Unknown,
        (Ok(_), true) => Fact::Derived(entry),
        (Ok(_), false) => Fact::Explicit(entry),
    }
}
