//! Candidates that the framework would refuse: no job is queued to hear that.

use std::collections::{BTreeMap, BTreeSet};

use git2::{Oid, Repository};

use crate::delta::relevance::Symptom;
use crate::history::git::text_of;
use crate::lint::engine::Linter;

use super::case::{Case, refusals};

/// What the linter says of candidates, each asked once.
pub struct Refusals<'a> {
    repo: &'a Repository,
    case: &'a Case,
    linter: &'a Linter<'a>,
    /// Rules that a config breaks which is known to run: what the linter says of them is wrong for this target.
    wrong: BTreeSet<String>,
    known: BTreeMap<usize, Option<String>>,
}

impl<'a> Refusals<'a> {
    /// Both ends were built and run by somebody, unless being refused is what the bad one shows.
    #[must_use]
    pub fn new(repo: &'a Repository, case: &'a Case, linter: &'a Linter<'a>, symptom: Option<Symptom>) -> Self {
        let mut refusals = Self { repo, case, linter, wrong: BTreeSet::new(), known: BTreeMap::new() };
        refusals.wrong = refusals.rules(0);
        if symptom != Some(Symptom::ConfigRejected) {
            let bad = refusals.rules(case.ancestry.len() - 1);
            refusals.wrong.extend(bad);
        }
        refusals
    }

    /// The rule by which the framework would refuse the config of a commit.
    pub fn of(&mut self, commit: usize) -> Option<String> {
        if let Some(known) = self.known.get(&commit) {
            return known.clone();
        }
        let new = self.rules(commit).into_iter().find(|rule| !self.wrong.contains(rule));
        self.known.insert(commit, new.clone());
        new
    }

    fn rules(&self, commit: usize) -> BTreeSet<String> {
        let configs = self.case.configs_at(self.repo, commit);
        let text = |blob: Oid| text_of(self.repo, blob).unwrap_or_default();
        configs.into_iter().flat_map(|(path, blob)| refusals(self.linter, &path, &text(blob))).collect()
    }
}
