//! A search over commits before anything ran: the history, what the linter says of it, and the hypotheses.

use std::collections::{BTreeMap, BTreeSet};

use git2::{Oid, Repository};

use crate::delta::relevance::{Symptom, relevance};
use crate::delta::snapshot::releases_for;
use crate::history::filter::Filter;
use crate::history::git::{HistoryError, blob_at, deltas, range, text_of};
use crate::history::reader::Reader;
use crate::history::timeline::{FileChange, Timeline};
use crate::lint::engine::Linter;
use crate::rule::model::{Phase, Severity};

use super::ancestry::Ancestry;
use super::posterior::Cause;
use super::suspicion::{Suspicion, suspicions};

/// Commits whose configs the linter looks at, the most suspected first.
const MAX_LINTED: usize = 400;
/// Configs of one commit that it looks at.
const MAX_FILES: usize = 16;
/// Share of searches whose cause is a commit that changed no config, before anything ran.
const CODE: f64 = 0.2;
/// Share of searches without a cause: one end was what it was by chance.
const NONE: f64 = 0.1;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// A commit that works.
    pub good: &'a str,
    /// A commit that does not.
    pub bad: &'a str,
    /// Configs, relative to the top of the repository.
    pub paths: &'a [String],
    /// Only the first-parent line.
    pub first_parent: bool,
    /// What the bad end shows.
    pub symptom: Option<Symptom>,
    /// Whether only a config change can be the cause.
    pub config_only: bool,
}

/// Rules that start and stop firing with a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Complaints {
    /// Start.
    pub introduced: Vec<String>,
    /// Stop.
    pub fixed: Vec<String>,
}

/// The search before anything ran.
pub struct Case {
    /// What each commit did.
    pub timeline: Timeline,
    /// Which commit contains which.
    pub ancestry: Ancestry,
    /// Commits that changed a config.
    pub suspicions: Vec<Suspicion>,
    /// What the linter says of them.
    pub complaints: BTreeMap<usize, Complaints>,
    /// The hypotheses.
    pub causes: Vec<Cause>,
    /// Their weights, in the same order.
    pub prior: Vec<f64>,
}

impl Case {
    /// Reads the history.
    ///
    /// # Errors
    /// A revision or a path that can't be read.
    pub fn open(repo: &Repository, question: &Question<'_>, linter: &Linter<'_>) -> Result<Self, HistoryError> {
        let commits = range(repo, question.good, question.bad, question.first_parent)?;
        let filter = Filter::new(question.paths).map_err(HistoryError::Path)?;
        let newest = commits.commits.last().map(|commit| commit.id);
        let text = newest.and_then(|commit| sample(repo, commit, &filter)).unwrap_or_default();
        let mut reader = Reader::new(repo, linter, releases_for(&text, linter));
        let parents: Vec<Vec<usize>> = commits.commits.iter().map(|commit| commit.parents.clone()).collect();
        let timeline = Timeline::read(commits, filter, &mut reader);
        let first = suspicions(&timeline, relevance(), question.symptom, &BTreeMap::new());
        let complaints = complaints(repo, &timeline, &first, linter);
        let new: BTreeMap<usize, usize> = complaints
            .iter()
            .filter(|(_, found)| !found.introduced.is_empty())
            .map(|(commit, found)| (*commit, found.introduced.len()))
            .collect();
        let suspicions = suspicions(&timeline, relevance(), question.symptom, &new);
        let (causes, prior) = hypotheses(timeline.range.commits.len(), &suspicions, question.config_only);
        Ok(Self { ancestry: Ancestry::new(&parents), timeline, suspicions, complaints, causes, prior })
    }

    /// The suspicion of a commit, if it changed a config.
    #[must_use]
    pub fn suspicion(&self, commit: usize) -> Option<&Suspicion> {
        self.suspicions.iter().find(|suspicion| suspicion.commit == commit)
    }
}

/// A config at the newest commit, to tell the releases by.
fn sample(repo: &Repository, newest: Oid, filter: &Filter) -> Option<String> {
    let all = deltas(repo, None, Some(newest), filter, &mut Vec::new());
    let texts = all.iter().filter_map(|delta| text_of(repo, delta.new?));
    let mut texts = texts.filter(|text| text.contains("moe") || text.contains("expert"));
    texts.next()
}

/// Every commit that changed a config by its suspicion; with `any` cause also the others, and none at all.
#[must_use]
pub fn hypotheses(commits: usize, suspicions: &[Suspicion], config_only: bool) -> (Vec<Cause>, Vec<f64>) {
    let sum: f64 = suspicions.iter().map(|suspicion| suspicion.weight).sum();
    let others: Vec<usize> =
        (1..commits).filter(|at| !suspicions.iter().any(|suspicion| suspicion.commit == *at)).collect();
    let code = if others.is_empty() { 0.0 } else { CODE };
    let share = 1.0 - if config_only { 0.0 } else { code + NONE };
    let mut causes = Vec::new();
    let mut prior = Vec::new();
    for suspicion in suspicions {
        causes.push(Cause::Config(suspicion.commit));
        prior.push(share * suspicion.weight / sum);
    }
    if !config_only {
        #[expect(clippy::cast_precision_loss, reason = "a number of commits")]
        let each = if suspicions.is_empty() { 1.0 - NONE } else { code } / others.len().max(1) as f64;
        for commit in others {
            causes.push(Cause::Code(commit));
            prior.push(each);
        }
        causes.extend([Cause::NeverBad, Cause::AlwaysBad]);
        prior.extend([NONE / 2.0, NONE / 2.0]);
    }
    (causes, prior)
}

/// Rules that start or stop firing, for the most suspected commits.
fn complaints(
    repo: &Repository,
    timeline: &Timeline,
    suspicions: &[Suspicion],
    linter: &Linter<'_>,
) -> BTreeMap<usize, Complaints> {
    let mut order: Vec<&Suspicion> = suspicions.iter().collect();
    order.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.commit.cmp(&b.commit)));
    let mut linted = Linted { repo, linter, known: BTreeMap::new() };
    let mut found = BTreeMap::new();
    for suspicion in order.into_iter().take(MAX_LINTED) {
        let Some(step) = timeline.steps.get(suspicion.commit) else { continue };
        let mut all = Complaints::default();
        for file in step.files.iter().take(MAX_FILES) {
            let (old, new) = (linted.rules(file, file.old), linted.rules(file, file.new));
            all.introduced.extend(new.difference(&old).cloned());
            all.fixed.extend(old.difference(&new).cloned());
        }
        for list in [&mut all.introduced, &mut all.fixed] {
            list.sort();
            list.dedup();
        }
        if all != Complaints::default() {
            found.insert(suspicion.commit, all);
        }
    }
    found
}

/// Findings by blob.
struct Linted<'a> {
    repo: &'a Repository,
    linter: &'a Linter<'a>,
    known: BTreeMap<Oid, BTreeSet<String>>,
}

impl Linted<'_> {
    fn rules(&mut self, file: &FileChange, blob: Option<Oid>) -> BTreeSet<String> {
        let Some(blob) = blob else { return BTreeSet::new() };
        if let Some(known) = self.known.get(&blob) {
            return known.clone();
        }
        let text = text_of(self.repo, blob).unwrap_or_default();
        let report = self.linter.file(std::path::Path::new(&file.path), &text);
        let found = report.findings.iter().filter(|finding| finding.severity >= Severity::Warning);
        let rules: BTreeSet<String> = found.map(|finding| finding.rule.to_string()).collect();
        self.known.insert(blob, rules.clone());
        rules
    }
}

/// Rules by which the framework would refuse the config before its first step, whatever else is true.
#[must_use]
pub fn refusals(linter: &Linter<'_>, path: &str, text: &str) -> BTreeSet<String> {
    let early =
        |phase: Phase| matches!(phase, Phase::Argparse | Phase::Args | Phase::Groups | Phase::Config | Phase::Model);
    let report = linter.file(std::path::Path::new(path), text);
    let found = report.findings.iter().filter(|finding| finding.severity == Severity::Error && early(finding.phase));
    found.map(|finding| finding.rule.to_string()).collect()
}

/// The config at a commit under the name that it has there.
#[must_use]
pub fn config_at(repo: &Repository, timeline: &Timeline, commit: Oid, name: &str) -> Option<(String, Oid)> {
    let own = blob_at(repo, commit, name).map(|blob| (name.to_owned(), blob));
    own.or_else(|| {
        let names = timeline.names.get(name)?;
        names.iter().find_map(|name| blob_at(repo, commit, name).map(|blob| (name.clone(), blob)))
    })
}
