//! Which differing settings need one another, and which candidates the linter lets pass: no probe is spent on either.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::facts::field::FieldId;
use crate::lint::engine::Linter;
use crate::lint::finding::{Certainty, Finding};
use crate::rule::model::{Phase, Severity};

use super::difference::Unit;
use super::evidence::Set;
use super::materialise::Pair;

/// Settings that mean nothing without others.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    /// Each of these…
    pub settings: Vec<String>,
    /// …needs all of these.
    pub needs: Vec<String>,
    /// Why.
    pub why: String,
    /// Where that stands.
    pub source: String,
}

/// `lints/dependencies.yaml`.
#[must_use]
pub fn known() -> &'static [Dependency] {
    static KNOWN: OnceLock<Vec<Dependency>> = OnceLock::new();
    let text = include_str!("../../lints/dependencies.yaml");
    KNOWN.get_or_init(|| serde_yaml::from_str(text).unwrap_or_default())
}

/// A finding that counts: its rule and role, which stay when a message names another value.
type Complaint = (String, String);

/// What the linter says of a candidate.
#[derive(Clone, Debug, Default)]
struct Report {
    /// The framework would refuse it.
    errors: BTreeSet<Complaint>,
    /// A setting in it has no effect.
    idle: BTreeSet<Complaint>,
}

/// The linter's word on candidates, each read once.
pub struct Validity<'p, 'a> {
    pair: &'p Pair<'a>,
    linter: Linter<'a>,
    tolerated: Report,
    /// By the candidate's text: sets that come to the same are one.
    read: RefCell<BTreeMap<String, Report>>,
    verdicts: RefCell<BTreeMap<Set, bool>>,
}

impl<'p, 'a> Validity<'p, 'a> {
    /// What is found in the good config is tolerated in candidates: it ran. So is what is found in the bad one, if that got
    /// far enough to show its symptom (`bad_ran`: anything but a refusal of the config).
    #[must_use]
    pub fn new(pair: &'p Pair<'a>, linter: &Linter<'a>, bad_ran: bool) -> Self {
        let linter = Linter { fixes: false, ..linter.clone() };
        let (read, verdicts) = (RefCell::default(), RefCell::default());
        let mut validity = Self { pair, linter, tolerated: Report::default(), read, verdicts };
        validity.tolerated = validity.lint(pair.good());
        if bad_ran {
            let bad = validity.lint(pair.bad());
            validity.tolerated.errors.extend(bad.errors);
        }
        validity
    }

    /// Whether the linter lets the candidate pass; one that can't be written does not.
    #[must_use]
    pub fn allows(&self, set: &Set) -> bool {
        if let Some(known) = self.verdicts.borrow().get(set) {
            return *known;
        }
        let allowed = self.complaints(set).is_some_and(|report| report.errors.is_empty());
        self.verdicts.borrow_mut().insert(set.clone(), allowed);
        allowed
    }

    /// What is new in a candidate; `None`: it can't be written.
    fn complaints(&self, set: &Set) -> Option<Report> {
        let text = self.pair.apply(set).ok()?;
        let mut report = self.lint(&text);
        report.errors.retain(|complaint| !self.tolerated.errors.contains(complaint));
        report.idle.retain(|complaint| !self.tolerated.idle.contains(complaint));
        Some(report)
    }

    fn lint(&self, text: &str) -> Report {
        if let Some(known) = self.read.borrow().get(text) {
            return known.clone();
        }
        let found = self.linter.file(&PathBuf::from("candidate.yaml"), text).findings;
        let complaints = |counts: &dyn Fn(&Finding) -> bool| {
            let found = found.iter().filter(|finding| counts(finding));
            found.map(|finding| (finding.rule.to_string(), finding.role.clone())).collect::<BTreeSet<Complaint>>()
        };
        let report = Report {
            errors: complaints(&is_refusal),
            idle: complaints(&|finding| finding.phase == Phase::Silent && finding.severity == Severity::Warning),
        };
        self.read.borrow_mut().insert(text.to_owned(), report.clone());
        report
    }

    /// What each unit needs: what the data says, and what makes the linter's complaint about the unit alone go away.
    #[must_use]
    pub fn needs(&self) -> Vec<Vec<usize>> {
        let units = &self.pair.units;
        (0..units.len())
            .map(|key| {
                let mut needs: BTreeSet<usize> = told(units, key);
                needs.extend(self.found(key, &needs));
                needs.remove(&key);
                needs.into_iter().collect()
            })
            .collect()
    }

    /// The fewest others that make complaints about a unit go away: one, or all that the rules in question read.
    fn found(&self, key: usize, told: &BTreeSet<usize>) -> BTreeSet<usize> {
        let with = |more: &BTreeSet<usize>| -> Set { told.iter().chain(more).copied().chain([key]).collect() };
        let none = BTreeSet::new();
        let Some(before) = self.complaints(&with(&none)) else { return none };
        let open: BTreeSet<&Complaint> = before.errors.iter().chain(&before.idle).collect();
        let read = self.reads(&open);
        let others = (0..self.pair.units.len()).filter(|other| *other != key && !told.contains(other));
        let concerned: BTreeSet<usize> = others.filter(|other| reads_any(self.pair.units.get(*other), &read)).collect();
        let solves = |more: &BTreeSet<usize>| {
            self.complaints(&with(more)).is_some_and(|now| {
                let left = now.errors.iter().chain(&now.idle);
                left.clone().all(|complaint| !open.contains(complaint)) && now.errors.is_subset(&before.errors)
            })
        };
        if open.is_empty() || concerned.is_empty() {
            return none;
        }
        let single = concerned.iter().map(|other| BTreeSet::from([*other])).find(|one| solves(one));
        single.or_else(|| Some(concerned).filter(|all| solves(all))).unwrap_or_default()
    }

    /// The settings that rules read.
    fn reads(&self, complaints: &BTreeSet<&Complaint>) -> BTreeSet<FieldId> {
        let rules = self.linter.rules.iter().filter(|rule| complaints.iter().any(|known| known.0 == rule.id));
        rules.flat_map(|rule| rule.cases.iter().flat_map(|case| case.reads.iter().copied())).collect()
    }
}

/// Whether the framework refuses the config for certain before the first step.
fn is_refusal(finding: &Finding) -> bool {
    let early = [Phase::File, Phase::Argparse, Phase::Args, Phase::Groups, Phase::Config, Phase::Model];
    finding.severity == Severity::Error && finding.certainty == Certainty::Certain && early.contains(&finding.phase)
}

fn reads_any(unit: Option<&Unit>, fields: &BTreeSet<FieldId>) -> bool {
    unit.is_some_and(|unit| unit.changes.iter().any(|change| change.field.is_some_and(|field| fields.contains(&field))))
}

/// What the data says that a unit needs, among what differs.
fn told(units: &[Unit], key: usize) -> BTreeSet<usize> {
    let named = |unit: &Unit, names: &[String]| unit.changes.iter().any(|change| names.contains(&change.name));
    let Some(unit) = units.get(key) else { return BTreeSet::new() };
    let entries = known().iter().filter(|entry| named(unit, &entry.settings));
    let needed = entries.flat_map(|entry| {
        units.iter().enumerate().filter(|(_, other)| named(other, &entry.needs)).map(|(at, _)| at).collect::<Vec<_>>()
    });
    needed.filter(|other| *other != key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::catalogue;

    #[test]
    fn the_data_names_settings_that_exist_and_says_why() {
        let text = include_str!("../../lints/dependencies.yaml");
        assert!(serde_yaml::from_str::<Vec<Dependency>>(text).is_ok_and(|read| read.len() == known().len()));
        assert!(!known().is_empty());
        for entry in known() {
            for name in entry.settings.iter().chain(&entry.needs) {
                assert!(name.starts_with("env ") || catalogue().by_name(name).is_some(), "{name}");
            }
            assert!(!entry.why.is_empty() && entry.source.contains('@'), "{:?}", entry.settings);
        }
    }
}
