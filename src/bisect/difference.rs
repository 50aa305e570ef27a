//! What differs between a good and a bad config, in units that can be swapped one by one.

use std::collections::{BTreeMap, BTreeSet};

use crate::delta::change::Change;
use crate::delta::relevance::{Relevance, Symptom};
use crate::document::tree::Span;
use crate::facts::catalogue::Catalogue;
use crate::facts::value::Value;
use crate::lint::rules;

use super::evidence::Set;
use super::paths::{Index, Path};

/// Settings that are swapped together: one setting, or several that are one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// What changes, the first being the one it is called after.
    pub changes: Vec<Change>,
    /// The places in the files.
    pub paths: BTreeSet<Path>,
}

impl Unit {
    /// The setting it is called after: Megatron-Core's name, `env NAME`, or a path of keys.
    #[must_use]
    pub fn name(&self) -> &str {
        self.changes.first().map_or("", |change| change.name.as_str())
    }

    /// How much it is to be suspected.
    #[must_use]
    pub fn weight(&self, table: &Relevance, symptom: Option<Symptom>) -> f64 {
        self.changes.iter().map(|change| table.weight(symptom, &change.name)).fold(0.0, f64::max)
    }
}

/// The places that differ, and where the changes of settings stand among them.
pub(super) struct Grouping<'a> {
    good: &'a Index,
    bad: &'a Index,
    differing: BTreeSet<Path>,
}

impl<'a> Grouping<'a> {
    pub(super) fn new(good: &'a Index, bad: &'a Index) -> Self {
        let paths = good.leaves.keys().chain(bad.leaves.keys());
        let differing = paths.filter(|path| good.leaves.get(path) != bad.leaves.get(path)).cloned().collect();
        Self { good, bad, differing }
    }

    /// The differing places at or below the keys of a change; none if it is only a consequence of others.
    fn places(&self, change: &Change) -> BTreeSet<Path> {
        let key = |side: &crate::delta::change::Side| side.place.as_ref().map(|place| place.key_span);
        let find = |index: &Index, span: Option<Span>| span.and_then(|span| index.keys.get(&span).cloned());
        let mut heads = find(self.good, key(&change.from)).unwrap_or_default();
        heads.extend(find(self.bad, key(&change.to)).unwrap_or_default());
        let below = |head: &Path| {
            let from = self.differing.range(head.clone()..);
            from.take_while(|path| head.covers(path)).cloned().collect::<Vec<Path>>()
        };
        heads.iter().flat_map(below).collect()
    }

    /// The changes in groups that are one thing each, and the changes that nothing in the file stands for.
    pub(super) fn units(&self, changes: Vec<Change>, catalogue: &Catalogue) -> (Vec<Unit>, Vec<Change>) {
        let (mut placed, mut beside): (Vec<(Change, BTreeSet<Path>)>, Vec<Change>) = (Vec::new(), Vec::new());
        for change in changes {
            let mut spots = self.places(&change);
            if spots.is_empty() {
                beside.push(change);
                continue;
            }
            // a value in place of a section, or the reverse: the section goes as a whole
            let heads: Vec<Path> = spots.iter().filter(|path| self.is_section(path)).cloned().collect();
            for head in heads {
                spots.extend(self.differing.range(head.clone()..).take_while(|path| head.covers(path)).cloned());
            }
            placed.push((change, spots));
        }
        let mut sets = Sets::new(placed.len());
        let mut owner: BTreeMap<&Path, usize> = BTreeMap::new();
        for (at, (_, places)) in placed.iter().enumerate() {
            for path in places {
                let first = *owner.entry(path).or_insert(at);
                sets.join(at, first);
            }
        }
        for (one, two) in same_thing(&placed, catalogue) {
            sets.join(one, two);
        }
        let mut units: BTreeMap<usize, Unit> = BTreeMap::new();
        for (at, (change, places)) in placed.iter().enumerate() {
            let unit =
                units.entry(sets.head(at)).or_insert_with(|| Unit { changes: Vec::new(), paths: BTreeSet::new() });
            unit.changes.push(change.clone());
            unit.paths.extend(places.iter().cloned());
        }
        (units.into_values().collect(), beside)
    }

    fn is_section(&self, path: &Path) -> bool {
        let deeper = |index: &Index| index.below(path).any(|(leaf, _)| leaf != path);
        deeper(self.good) || deeper(self.bad)
    }
}

/// Pairs of changes that are one thing: the same change in several roles, a setting under a new name or in a new section.
fn same_thing(placed: &[(Change, BTreeSet<Path>)], catalogue: &Catalogue) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let mut known: BTreeMap<(&str, String, String), usize> = BTreeMap::new();
    let shown = |value: &Option<Value>| value.as_ref().map_or_else(String::new, |value| format!("{value:?}"));
    for (at, (change, _)) in placed.iter().enumerate() {
        let key = (change.name.as_str(), shown(&change.from.effective), shown(&change.to.effective));
        let first = *known.entry(key).or_insert(at);
        pairs.push((first, at));
    }
    let gone = placed.iter().enumerate().filter(|(_, (change, _))| change.to.written.is_none());
    for (old, (from, _)) in gone {
        let Some(value) = &from.from.written else { continue };
        let takes_over = |(_, (to, _)): &(usize, &(Change, BTreeSet<Path>))| {
            let fresh = to.from.written.is_none() && to.to.written.as_ref().is_some_and(|new| new.same(value));
            fresh && (renamed(from, to, catalogue) || moved(from, to))
        };
        let mut heirs = placed.iter().enumerate().filter(takes_over);
        // several that could be it: nobody knows which
        if let (Some((new, _)), None) = (heirs.next(), heirs.next()) {
            pairs.push((old, new));
        }
    }
    pairs
}

/// Whether a rule or the catalogue says that one setting is the other's new name.
fn renamed(from: &Change, to: &Change, catalogue: &Catalogue) -> bool {
    let (Some(old), Some(new)) = (from.field, to.field) else { return false };
    let instead = catalogue.field(old).deprecated.as_ref().and_then(|deprecated| deprecated.instead.as_deref());
    let by_rule = || rules().iter().filter_map(|rule| rule.fix.as_ref()).any(|fix| fix.rename.contains(&(old, new)));
    instead.is_some_and(|name| name == catalogue.field(new).name) || by_rule()
}

/// Whether a key that is no setting of the catalogue stands in another section with the same value.
fn moved(from: &Change, to: &Change) -> bool {
    let last = |change: &Change| change.key().rsplit('.').next().map(str::to_owned);
    let telling = !matches!(from.from.written, Some(Value::Null | Value::Bool(_)) | None);
    from.field.is_none() && to.field.is_none() && telling && last(from) == last(to) && from.key() != to.key()
}

/// Groups, by the index of a member.
struct Sets(Vec<usize>);

impl Sets {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn head(&self, mut at: usize) -> usize {
        while let Some(up) = self.0.get(at).copied().filter(|up| *up != at) {
            at = up;
        }
        at
    }

    fn join(&mut self, one: usize, two: usize) {
        let (one, two) = (self.head(one), self.head(two));
        if let Some(slot) = self.0.get_mut(one.max(two)) {
            *slot = one.min(two);
        }
    }
}

/// The places of some units.
pub(super) fn places<'a>(units: &'a [Unit], set: &Set) -> BTreeSet<&'a Path> {
    set.iter().filter_map(|index| units.get(*index)).flat_map(|unit| &unit.paths).collect()
}
