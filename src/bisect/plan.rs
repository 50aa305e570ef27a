//! What to probe, as the user asked for it: the ends first, refused configs never, what told nothing somewhere else.

use std::collections::{BTreeMap, BTreeSet};

use super::case::Case;
use super::classes::Classes;
use super::metric_probe::Measure;
use super::posterior::{Cause, Point, Posterior};
use super::rates::Known;
use super::search::{Candidate, Next, Search, Seen, Why};
use super::verdict::{Outcome, Verdict};
use crate::run_log::sequential::End;

/// Tries of one candidate that told nothing because of the machine.
const RETRIES: u32 = 3;
/// What it costs more to run a config on another commit's code: it may not fit.
const MIXED: f64 = 1.1;

/// How the user wants it.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// Flake rates.
    pub rates: Known,
    /// How sure to be.
    pub confidence: f64,
    /// Whether both ends are probed first.
    pub preflight: bool,
    /// Whether only a config change can be the cause.
    pub assume_config: bool,
    /// Whether the code stays at the bad end.
    pub fixed_code: bool,
    /// Commits not to be probed.
    pub skip: BTreeSet<usize>,
    /// What probes measure, where they don't pass or fail.
    pub measure: Option<Measure>,
}

/// A probe to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// What.
    pub point: Point,
    /// Why, in one line.
    pub why: String,
    /// Whether it is one of the ends, before the search.
    pub preflight: bool,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Run this.
    Probe(Wanted),
    /// Wait for what runs.
    Wait,
    /// The answer: index of the hypothesis.
    Found(usize),
    /// Nothing left that would tell.
    Stuck(String),
    /// The two ends can't be told apart by what is measured.
    NotSeparable(String),
}

/// The plan.
pub struct Plan {
    /// The search.
    pub search: Search,
    classes: Classes,
    /// Ends still to be probed.
    ends: Vec<Point>,
    blocked: BTreeSet<Point>,
    tries: BTreeMap<Point, u32>,
    fixed_code: bool,
    last: usize,
    /// What is measured.
    pub measure: Option<Measure>,
    prior: Vec<f64>,
    /// Why the ends can't be told apart.
    refused: Option<String>,
}

impl Plan {
    /// Before the first probe.
    #[must_use]
    pub fn new(case: &Case, wishes: &Wishes) -> Self {
        let changing: Vec<usize> = case.timeline.changing().collect();
        let classes = Classes::new(&case.ancestry, &changing);
        let last = case.ancestry.len() - 1;
        // measured ends are known better than probed ones
        let vouched = !wishes.preflight || wishes.measure.is_some();
        let prior: Vec<f64> = case
            .causes
            .iter()
            .zip(&case.prior)
            // whoever vouches for both ends says that there is a cause
            .map(|(cause, weight)| match cause {
                Cause::NeverBad | Cause::AlwaysBad if vouched => 0.0,
                _ => *weight,
            })
            .collect();
        let posterior = Posterior::new(case.causes.clone(), &prior, wishes.rates.rates());
        let place = |config: usize| Point { code: if wishes.fixed_code { last } else { config }, config };
        let ends = if vouched { Vec::new() } else { vec![place(0), place(last)] };
        let seen = if vouched {
            vec![Seen { point: place(last), failed: true }, Seen { point: place(0), failed: false }]
        } else {
            Vec::new()
        };
        let mut plan = Self {
            search: Search {
                ancestry: case.ancestry.clone(),
                posterior,
                candidates: Vec::new(),
                seen,
                confidence: wishes.confidence,
            },
            classes,
            ends,
            blocked: wishes.skip.iter().map(|commit| place(*commit)).collect(),
            tries: BTreeMap::new(),
            fixed_code: wishes.fixed_code,
            last,
            measure: wishes.measure.clone(),
            prior,
            refused: None,
        };
        plan.search.candidates = plan.candidates(wishes.assume_config);
        plan
    }

    /// Everything that may be probed: a commit of each class where only configs count, else every commit, and the
    /// configs of all classes on the code of the bad end.
    fn candidates(&self, assume_config: bool) -> Vec<Candidate> {
        let mut found = Vec::new();
        let free = |point: &Point| !self.blocked.contains(point);
        let point = |commit: usize| {
            if self.fixed_code { Point { code: self.last, config: commit } } else { Point::at(commit) }
        };
        if assume_config || self.fixed_code {
            for members in &self.classes.members {
                let member = members.iter().map(|commit| point(*commit)).find(free);
                found.extend(member.map(|point| Candidate { point, cost: 1.0 }));
            }
        } else {
            let all = (0..=self.last).map(Point::at).filter(free);
            found.extend(all.map(|point| Candidate { point, cost: 1.0 }));
            for members in &self.classes.members {
                let mixed = members.first().map(|config| Point { code: self.last, config: *config });
                let class = |commit: usize| self.classes.of.get(commit);
                let mixed = mixed.filter(|mixed| class(mixed.config) != class(self.last) && free(mixed));
                found.extend(mixed.map(|point| Candidate { point, cost: MIXED }));
            }
        }
        found
    }

    /// Takes how a probe ended.
    pub fn record(&mut self, point: Point, outcome: &Outcome) {
        if self.measure.is_some() && outcome.verdict != Verdict::Unresolved {
            self.measured(point, outcome);
            return;
        }
        match &outcome.verdict {
            Verdict::Good => self.search.record(point, false),
            Verdict::Bad => self.search.record(point, true),
            Verdict::Unresolved => {
                let tries = self.tries.entry(point).or_insert(0);
                *tries += 1;
                if !outcome.infra || *tries >= RETRIES {
                    self.block(point);
                } else {
                    return;
                }
            }
        }
        self.ends.retain(|end| *end != point);
    }

    /// Takes a measurement: of an end until both are known, then of a candidate.
    fn measured(&mut self, point: Point, outcome: &Outcome) {
        let ends = [(self.place(self.last), End::Bad), (self.place(0), End::Good)];
        let Some(measure) = self.measure.as_mut() else { return };
        let Some(value) = outcome.metrics.get(&measure.metric).copied() else { return };
        if measure.wants().is_none() {
            let ratio = measure.log_ratio(value);
            self.search.posterior.record_ratio(&self.search.ancestry, point, ratio);
            self.search.seen.push(Seen { point, failed: ratio > 0.0 });
            return;
        }
        let Some((_, end)) = ends.into_iter().find(|(end, _)| *end == point) else { return };
        match measure.calibrate(end, value) {
            Ok(Some(rates)) => {
                let causes = self.search.posterior.causes.clone();
                self.search.posterior = Posterior::new(causes, &self.prior, rates.rates());
            }
            Ok(None) => {}
            Err(why) => self.refused = Some(why),
        }
    }

    fn place(&self, config: usize) -> Point {
        Point { code: if self.fixed_code { self.last } else { config }, config }
    }

    /// The run of an end that is still needed to know how it differs from the other; not while one runs.
    fn calibration(&self, running: &[Point]) -> Option<Decision> {
        if let Some(why) = &self.refused {
            return Some(Decision::NotSeparable(why.clone()));
        }
        let end = self.measure.as_ref()?.wants()?;
        if !running.is_empty() {
            return Some(Decision::Wait);
        }
        let (point, name) = match end {
            End::Good => (self.place(0), "good"),
            End::Bad => (self.place(self.last), "bad"),
        };
        let why = format!("a run of the {name} end, to know how much runs differ");
        Some(Decision::Probe(Wanted { point, why, preflight: true }))
    }

    /// Never probes this again; another commit with the same config takes its place.
    pub fn block(&mut self, point: Point) {
        self.blocked.insert(point);
        let known: BTreeSet<Point> = self.search.candidates.iter().map(|candidate| candidate.point).collect();
        let with =
            |commit: usize| if self.fixed_code { Point { code: self.last, config: commit } } else { Point::at(commit) };
        let free = |commit: usize| !self.blocked.contains(&with(commit)) && !known.contains(&with(commit));
        let other = self.classes.another(point.config, free).map(with);
        self.search.candidates.retain(|candidate| candidate.point != point);
        if let Some(point) = other.filter(|_| point.code == point.config || self.fixed_code) {
            self.search.candidates.push(Candidate { point, cost: 1.0 });
        }
    }

    /// What to do now, given what runs.
    #[must_use]
    pub fn next(&self, running: &[Point]) -> Decision {
        if let Some(decision) = self.calibration(running) {
            return decision;
        }
        if let Some(end) = self.ends.iter().rev().find(|end| !running.contains(end)) {
            let bad = end.config == self.last;
            let why =
                if bad { "the bad end has to fail, and to show the same symptom" } else { "the good end has to pass" };
            return Decision::Probe(Wanted { point: *end, why: why.to_owned(), preflight: true });
        }
        if !self.ends.is_empty() {
            return Decision::Wait;
        }
        match self.search.next(running) {
            Next::Probe { point, gain, why } => {
                Decision::Probe(Wanted { point, why: self.explain(point, gain, why), preflight: false })
            }
            Next::Found { cause, .. } => Decision::Found(cause),
            Next::Stuck if running.is_empty() => {
                let why = if self.search.candidates.is_empty() {
                    "no candidate is left that could be probed"
                } else {
                    "no probe that is left would tell more"
                };
                Decision::Stuck(why.to_owned())
            }
            Next::Stuck => Decision::Wait,
        }
    }

    /// The choice in one line.
    fn explain(&self, point: Point, gain: f64, why: Why) -> String {
        let belief = self.search.posterior.belief();
        let in_effect = |cause: &Cause| super::posterior::is_bad(&self.search.ancestry, *cause, point);
        let share: f64 = self
            .search
            .posterior
            .causes
            .iter()
            .zip(&belief)
            .filter(|(cause, _)| in_effect(cause))
            .map(|(_, weight)| weight)
            .sum();
        let mixed = if point.code == point.config { "" } else { ", its config on the code of the bad end" };
        match why {
            Why::Splits => {
                format!("{:.0}% of the suspicion lies at or before it ({gain:.2} bits expected){mixed}", 100.0 * share)
            }
            Why::ConfirmsBad => format!("the leading suspect has to fail here{mixed}"),
            Why::ConfirmsGood => format!("the commit before the leading suspect has to pass{mixed}"),
        }
    }
}
