//! The good config with the bad one's values for some settings, as text in the good config's own shape.

use std::collections::BTreeSet;

use crate::delta::change::{Change, Side, changes};
use crate::delta::snapshot::{Releases, Setting, Settings, Snapshot, releases_for};
use crate::document::arg_dump::has_arg_dump;
use crate::document::tree::Document;
use crate::document::yaml::printed_config;
use crate::document::{LineIndex, parse};
use crate::facts::value::Value;
use crate::lint::engine::Linter;

use super::difference::{Grouping, Unit, places};
use super::evidence::Set;
use super::paths::{Index, Leaves, Path, leaf_at};
use super::splice::{simple, splice};

/// Rounds of looking for settings that differ only once others do.
const MAX_ROUNDS: usize = 4;

/// Why a candidate can't be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MaterialiseError {
    /// One of the files has a mistake.
    #[error("the {side} config can't be parsed: line {line}: {message}; mend it first")]
    Broken {
        /// `good` or `bad`.
        side: &'static str,
        /// From 1.
        line: u32,
        /// The parser's words.
        message: String,
    },
    /// The files are of different kinds.
    #[error("the good config is a {good} file, the bad one a {bad} file: compare two of one kind")]
    Shapes {
        /// What the good one is.
        good: &'static str,
        /// What the bad one is.
        bad: &'static str,
    },
    /// What the run printed can't be run.
    #[error(
        "the good config is what a run printed, not a file that one can be started with: use --emit flags or --emit overrides"
    )]
    Printed,
    /// An edit did not do what it should.
    #[error("`{key}` can't be written into the good config without changing something else: {why}")]
    Key {
        /// The path of keys.
        key: String,
        /// What stands in the way.
        why: String,
    },
}

/// Two configs and what differs between them.
pub struct Pair<'a> {
    good: &'a str,
    bad: &'a str,
    model: Document<'a>,
    linter: &'a Linter<'a>,
    releases: Releases,
    from: Index,
    to: Index,
    /// The good config as settings.
    pub good_snapshot: Snapshot,
    /// The bad one.
    pub bad_snapshot: Snapshot,
    /// What can be swapped, by index.
    pub units: Vec<Unit>,
    /// Settings that differ because others do; nothing in the files stands for them.
    pub consequences: Vec<Change>,
}

impl<'a> Pair<'a> {
    /// Compares two configs.
    ///
    /// # Errors
    /// A file that can't be parsed, or two of different kinds.
    pub fn new(good: &'a str, bad: &'a str, linter: &'a Linter<'a>) -> Result<Self, MaterialiseError> {
        let releases = releases_for(bad, linter);
        let model = parse(bad);
        let first = parse(good);
        for (side, document) in [("good", &first), ("bad", &model)] {
            if let Some(error) = document.errors.first() {
                let line = LineIndex::new(document.source).position(document.source, error.span.start).line;
                return Err(MaterialiseError::Broken { side, line, message: error.message.clone() });
            }
        }
        let read = |text| Snapshot::read(text, linter, releases);
        let (good_snapshot, bad_snapshot) = (read(good), read(bad));
        let kind = |snapshot: &Snapshot| snapshot.dialect.map_or("plain", crate::dialect::Dialect::name);
        if good_snapshot.dialect != bad_snapshot.dialect {
            return Err(MaterialiseError::Shapes { good: kind(&good_snapshot), bad: kind(&bad_snapshot) });
        }
        let (from, to) = (Index::new(&first), Index::new(&model));
        let found = changes(&good_snapshot, &bad_snapshot, linter.catalogue, releases);
        let (units, consequences) = if has_arg_dump(good) {
            let unit = |change| Unit { changes: vec![change], paths: BTreeSet::new() };
            (found.into_iter().map(unit).collect(), Vec::new())
        } else {
            Grouping::new(&from, &to).units(found, linter.catalogue)
        };
        let mut pair =
            Self { good, bad, model, linter, releases, from, to, good_snapshot, bad_snapshot, units, consequences };
        pair.complete();
        Ok(pair)
    }

    /// All units.
    #[must_use]
    pub fn all(&self) -> Set {
        (0..self.units.len()).collect()
    }

    /// The releases whose defaults count.
    #[must_use]
    pub const fn releases(&self) -> Releases {
        self.releases
    }

    /// The good config as it is.
    #[must_use]
    pub const fn good(&self) -> &str {
        self.good
    }

    /// The bad config as it is.
    #[must_use]
    pub const fn bad(&self) -> &str {
        self.bad
    }

    /// Settings may differ only once others do (what a release rewrites to the same value on both sides), or only in
    /// what they make of others: with all units swapped, the config has to mean what the bad one means.
    fn complete(&mut self) {
        for _ in 0..MAX_ROUNDS {
            let Some((text, left)) = self.left(&self.units) else { return };
            if left.is_empty() {
                return;
            }
            let index = Index::new(&parse(&text));
            let (more, _) = Grouping::new(&index, &self.to).units(left, self.linter.catalogue);
            let more = if more.is_empty() { self.hidden() } else { more };
            if more.is_empty() {
                return;
            }
            for unit in more {
                add(&mut self.units, unit);
            }
        }
    }

    /// The text with the units swapped, and what still differs from the bad config then.
    fn left(&self, units: &[Unit]) -> Option<(String, Vec<Change>)> {
        let text = self.write(units, &(0..units.len()).collect()).ok()?;
        let now = Snapshot::read(&text, self.linter, self.releases);
        let left = changes(&now, &self.bad_snapshot, self.linter.catalogue, self.releases);
        Some((text, left))
    }

    /// Settings that are written differently, mean the same on their own, and are needed for what others come to.
    fn hidden(&self) -> Vec<Unit> {
        let known = places(&self.units, &self.all());
        let differ = written_differently(&self.good_snapshot, &self.bad_snapshot);
        let (mut more, _) = Grouping::new(&self.from, &self.to).units(differ, self.linter.catalogue);
        more.retain(|unit| unit.paths.iter().any(|path| !known.contains(path)));
        let enough = |more: &[Unit]| {
            let mut units = self.units.clone();
            for unit in more {
                add(&mut units, unit.clone());
            }
            self.left(&units).is_some_and(|(_, left)| left.is_empty())
        };
        if !enough(&more) {
            return more;
        }
        let mut size = more.len().div_ceil(2);
        while size > 0 {
            let mut at = more.len();
            while at > 0 {
                let low = at.saturating_sub(size);
                let fewer: Vec<Unit> =
                    more.iter().enumerate().filter(|(i, _)| !(low..at).contains(i)).map(|(_, u)| u.clone()).collect();
                if enough(&fewer) {
                    more = fewer;
                }
                at = low;
            }
            size /= 2;
        }
        more
    }

    /// The good config's places at or below a path.
    pub(super) fn good_places<'p>(&'p self, path: &'p Path) -> impl Iterator<Item = &'p Path> {
        self.from.below(path).map(|(path, _)| path)
    }

    /// What the candidate's places are to say.
    fn intended(&self, chosen: &BTreeSet<&Path>) -> Leaves {
        let kept = self.from.leaves.iter().filter(|(path, _)| !chosen.contains(path));
        let taken = self.to.leaves.iter().filter(|(path, _)| chosen.contains(path));
        kept.chain(taken).map(|(path, leaf)| (path.clone(), leaf.clone())).collect()
    }

    /// The good config's text with the bad one's values for the units of `set`, proven to say that and nothing else.
    ///
    /// # Errors
    /// A setting that can't be written there; a config that was printed by a run.
    pub fn apply(&self, set: &Set) -> Result<String, MaterialiseError> {
        self.write(&self.units, set)
    }

    fn write(&self, units: &[Unit], set: &Set) -> Result<String, MaterialiseError> {
        if set.is_empty() {
            return Ok(self.good.to_owned());
        }
        if has_arg_dump(self.good) || printed_config(self.good).is_some() {
            return Err(MaterialiseError::Printed);
        }
        let chosen = places(units, set);
        let intended = self.intended(&chosen);
        let paths: Vec<&Path> = chosen.iter().copied().collect();
        let (mut text, rest) = simple(self.good, &paths, &self.model);
        for path in rest {
            let document = parse(&text);
            if leaf_at(&document, path).as_ref() == intended.get(path) {
                continue;
            }
            text = splice(&document, path, &self.model).ok_or_else(|| {
                key_error(path, "its place in the file is shared with other settings, or has no room")
            })?;
        }
        self.prove(&text, &intended, &chosen)?;
        Ok(text)
    }

    /// The text is read again: every place says what was intended, and the settings that were to change did.
    fn prove(&self, text: &str, intended: &Leaves, chosen: &BTreeSet<&Path>) -> Result<(), MaterialiseError> {
        let document = parse(text);
        if let Some(error) = document.errors.first() {
            return Err(key_error(&first(chosen), &error.message));
        }
        let now = Index::new(&document).leaves;
        let wrong = |path: &&Path| now.get(path) != intended.get(path);
        if let Some(path) = intended.keys().chain(now.keys()).find(wrong) {
            return Err(key_error(path, "it would say something else afterwards"));
        }
        let snapshot = Snapshot::read(text, self.linter, self.releases);
        if snapshot.dialect != self.good_snapshot.dialect {
            return Err(key_error(&first(chosen), "the file would be taken for another kind afterwards"));
        }
        Ok(())
    }
}

/// Joins a unit to those that it shares a place with.
fn add(units: &mut Vec<Unit>, unit: Unit) {
    match units.iter_mut().find(|known| !known.paths.is_disjoint(&unit.paths)) {
        Some(known) => {
            known.paths.extend(unit.paths);
            known
                .changes
                .extend(unit.changes.into_iter().filter(|change| !known.changes.contains(change)).collect::<Vec<_>>());
        }
        None => units.push(unit),
    }
}

/// What a setting is written as, and where: a section may win over another one that says the same.
fn said(setting: &Setting) -> (Option<&Value>, Option<&str>) {
    (setting.written.as_ref(), setting.place.as_ref().map(|place| place.key.as_str()))
}

/// Settings of models that are not written alike, whatever they come to.
fn written_differently(good: &Snapshot, bad: &Snapshot) -> Vec<Change> {
    let mut found = Vec::new();
    for role in bad.roles.iter().filter(|role| !role.name.is_empty()) {
        let empty = Settings::new();
        let old = good.roles.iter().find(|known| known.name == role.name).map_or(&empty, |known| &known.settings);
        let names: BTreeSet<&String> = old.keys().chain(role.settings.keys()).collect();
        for name in names {
            let (from, to) = (old.get(name), role.settings.get(name));
            if from.map(said) != to.map(said) {
                let field = to.or(from).and_then(|setting| setting.field);
                let (from, to) = (side(from), side(to));
                found.push(Change { name: name.clone(), field, role: role.name.clone(), from, to });
            }
        }
    }
    found
}

fn side(setting: Option<&Setting>) -> Side {
    setting.map_or_else(Side::default, |setting| Side {
        written: setting.written.clone(),
        effective: Some(setting.effective.clone()),
        place: setting.place.clone(),
        by: setting.by.clone(),
    })
}

fn first(chosen: &BTreeSet<&Path>) -> Path {
    chosen.iter().next().map_or_else(Path::default, |path| (*path).clone())
}

fn key_error(path: &Path, why: &str) -> MaterialiseError {
    MaterialiseError::Key { key: path.to_string(), why: why.to_owned() }
}
