//! What a search over differing settings is asked for, and what comes out of it.

use super::evidence::Set;
use super::rates::Known;

/// How to search.
#[derive(Clone, Debug)]
pub struct Options {
    /// How often verdicts lie.
    pub rates: Known,
    /// How sure the answer has to be.
    pub confidence: f64,
    /// How often a candidate is probed again when nobody could tell.
    pub retries: u32,
    /// Whether to probe the bad config without what was found.
    pub confirm: bool,
    /// Most probes.
    pub max_probes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { rates: Known::Deterministic, confidence: 0.95, retries: 1, confirm: true, max_probes: usize::MAX }
    }
}

/// What a probe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Narrowing the cause down.
    Search,
    /// Making sure of what was found.
    Confirm,
    /// Leaving settings out one by one, where the search could not.
    Shrink,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Probe the good config with the bad one's values for these settings.
    Probe(Set),
    /// The end.
    Done(Reduction),
}

/// Probes by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probes {
    /// Narrowing down.
    pub search: usize,
    /// Making sure.
    pub confirm: usize,
    /// Leaving out one by one.
    pub shrink: usize,
    /// Of all these: candidates that had a verdict already, probed again because verdicts may lie.
    pub repeats: usize,
    /// Of all these: nobody could tell.
    pub unresolved: usize,
    /// Verdicts that were there without a probe.
    pub given: usize,
}

impl Probes {
    /// All that were run.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.search + self.confirm + self.shrink
    }
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reduction {
    /// The settings that make the good config fail, with those that they need.
    pub must: Set,
    /// Of these, the ones that were found; the rest are there because those need them.
    pub named: Set,
    /// Further sets that each make it fail on their own.
    pub others: Vec<Set>,
    /// Whether no setting of `must` can be left out; false where probes or the linter did not allow to find out.
    pub minimal: bool,
    /// Whether the good config was seen to fail with `must`; `None`: that could not be probed.
    pub sufficient: Option<bool>,
    /// Whether the bad config was seen to pass without all that was found; `None`: that could not be probed.
    pub necessary: Option<bool>,
    /// How sure.
    pub confidence: f64,
    /// Probes by kind.
    pub probes: Probes,
    /// What else there is to say.
    pub notes: Vec<String>,
}
