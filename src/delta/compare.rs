//! Two configs → what changed in what they mean, and which rules start or stop firing; both for the same releases.

use std::path::Path;

use crate::dialect::Dialect;
use crate::facts::release::{BRIDGE, CORE};
use crate::facts::shape::{Completeness, Stage};
use crate::facts::value::Value;
use crate::lint::engine::Linter;
use crate::lint::finding::Finding;
use crate::lint::target::TargetSource;
use crate::rule::model::Severity;

use super::change::changes;
use super::judge::{Judged, judged};
use super::snapshot::{Releases, Snapshot, releases_for};

/// One side.
#[derive(Clone, Copy, Debug)]
pub struct Config<'a> {
    /// As it is to be called in findings.
    pub path: &'a Path,
    /// Its text.
    pub text: &'a str,
}

/// What is known about a side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// What kind of file; `None`: none that is known.
    pub dialect: Option<Dialect>,
    /// Why it can't be read, where it can't.
    pub problem: Option<String>,
    /// Whether a dump was written before or after the framework's own setup.
    pub stage: Option<Stage>,
}

/// The releases that both sides were read for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadFor {
    /// Megatron-Core's, by patch name.
    pub core: String,
    /// Megatron-Bridge's, where a side is its.
    pub bridge: Option<String>,
    /// Who named Megatron-Core's.
    pub source: TargetSource,
}

/// The difference.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Old and new.
    pub sides: (About, About),
    /// Whether a side has more than one model.
    pub several_roles: bool,
    /// For which releases.
    pub releases: ReadFor,
    /// Settings that mean something else, by group.
    pub changes: Vec<Judged>,
    /// Findings that only the new side has, in the order in which the framework meets them.
    pub started: Vec<Finding>,
    /// Findings that only the old side has.
    pub stopped: Vec<Finding>,
    /// How many both have.
    pub still: usize,
}

impl Comparison {
    /// Whether it should not go in unseen: a rule of error level starts to fire, or a change is risky.
    #[must_use]
    pub fn is_risky(&self) -> bool {
        let error = |finding: &Finding| finding.severity == Severity::Error;
        self.started.iter().any(error) || self.changes.iter().any(|change| change.risk.is_some())
    }

    /// Whether nothing that counts is another.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.changes.is_empty() && self.started.is_empty() && self.stopped.is_empty()
    }
}

/// Compares two configs; a side that is not there has no settings worth listing, only findings.
#[must_use]
pub fn compare(old: Option<Config<'_>>, new: Option<Config<'_>>, linter: &Linter<'_>) -> Comparison {
    let releases = releases(old, new, linter);
    let fixed =
        Linter { target: linter.target.assuming(releases.core, releases.bridge), fixes: false, ..linter.clone() };
    let read =
        |side: Option<Config<'_>>| side.map(|side| Snapshot::read(side.text, &fixed, releases)).unwrap_or_default();
    let (before, after) = (read(old), read(new));
    let found = |side: Option<Config<'_>>| side.map_or_else(Vec::new, |side| fixed.file(side.path, side.text).findings);
    let alone = models(&before) <= 1 && models(&after) <= 1;
    let (started, stopped, still) = split(found(old), found(new), &fixed, alone);
    let changes = match (old, new) {
        (Some(_), Some(_)) => changes(&before, &after, linter.catalogue, releases),
        _ => Vec::new(),
    };
    let mut changes = judged(changes, (&before, &after), linter.catalogue, releases, &started);
    let stages = (stage(old, linter), stage(new, linter));
    if let (Some(old), Some(new)) = stages
        && old != new
    {
        for change in &mut changes {
            filled_in(change, old);
        }
    }
    let about = |snapshot: Snapshot, stage| About { dialect: snapshot.dialect, problem: snapshot.problem, stage };
    let bridge = [&before, &after].iter().any(|side| side.dialect == Some(Dialect::MegatronBridge));
    let releases = names(releases, linter, bridge);
    Comparison {
        several_roles: !alone,
        sides: (about(before, stages.0), about(after, stages.1)),
        releases,
        changes,
        started,
        stopped,
        still,
    }
}

/// The stage of a dump; `None`: no dump, or no config.
fn stage(side: Option<Config<'_>>, linter: &Linter<'_>) -> Option<Stage> {
    let document = crate::document::parse(side?.text);
    let roles = crate::dialect::recognise(&document, linter.catalogue)?.1;
    roles.first().filter(|facts| facts.completeness == Completeness::Dump).map(|facts| facts.stage)
}

/// A null that one side holds because the framework's setup had not run yet is no other value.
fn filled_in(change: &mut Judged, old: Stage) {
    let (early, late) = match old {
        Stage::Requested => (&change.change.from, &change.change.to),
        Stage::Resolved => (&change.change.to, &change.change.from),
    };
    if early.effective.as_ref().is_none_or(|value| *value == Value::Null) && late.effective.is_some() {
        change.unread = Some("empty until the framework's setup fills it in".to_owned());
        change.risk = None;
        change.symptoms.clear();
    }
}

/// The releases for both: those of the new side, unless only the old one is a config.
fn releases(old: Option<Config<'_>>, new: Option<Config<'_>>, linter: &Linter<'_>) -> Releases {
    let known = |side: &Config<'_>| {
        let document = crate::document::parse(side.text);
        crate::dialect::recognise(&document, linter.catalogue).is_some()
    };
    let side = new.filter(known).or(old.filter(known)).or(new).or(old);
    releases_for(side.map_or("", |side| side.text), linter)
}

fn names(releases: Releases, linter: &Linter<'_>, bridge: bool) -> ReadFor {
    let patch = |package: &str, index: usize| {
        let package = linter.catalogue.releases.packages.get(package)?;
        package.releases.get(index).map(|release| release.patch.clone())
    };
    ReadFor {
        core: patch(CORE, releases.core).unwrap_or_default(),
        bridge: releases.bridge.filter(|_| bridge).and_then(|index| patch(BRIDGE, index)),
        source: linter.target.source(CORE),
    }
}

fn models(snapshot: &Snapshot) -> usize {
    snapshot.roles.iter().filter(|role| !role.name.is_empty()).count()
}

/// Findings of the new side only, of the old side only, and how many both have.
///
/// A fingerprint holds the values that a rule read: the same rule about the same role with other values goes on
/// firing. Rules that are code fire once for each key, so there the key has to be the same too.
fn split(
    old: Vec<Finding>,
    new: Vec<Finding>,
    linter: &Linter<'_>,
    alone: bool,
) -> (Vec<Finding>, Vec<Finding>, usize) {
    let by_key = |finding: &Finding| {
        let rule = linter.rules.iter().find(|rule| rule.id == finding.rule);
        let code = rule.is_none_or(|rule| rule.cases.is_empty());
        let key = finding.primary().map(|label| label.path.clone()).filter(|_| code).unwrap_or_default();
        let of = if alone { "" } else { finding.role.as_str() };
        format!("{}\u{0}{of}\u{0}{key}", finding.rule)
    };
    let before = new.len();
    let mut stopped = old;
    let mut started = matched(new, &mut stopped, |finding| finding.fingerprint.clone());
    started = matched(started, &mut stopped, by_key);
    let still = before - started.len();
    (started, stopped, still)
}

/// Takes each pair with the same key out of both lists and gives what is left of the first.
fn matched(new: Vec<Finding>, old: &mut Vec<Finding>, key: impl Fn(&Finding) -> String) -> Vec<Finding> {
    let mut rest = Vec::new();
    for finding in new {
        let wanted = key(&finding);
        match old.iter().position(|old| key(old) == wanted && old.severity >= finding.severity) {
            Some(at) => {
                old.remove(at);
            }
            None => rest.push(finding),
        }
    }
    rest
}
