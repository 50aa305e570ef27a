//! What probes of sets of settings have said, and what to believe of it: verdicts may lie at rates that are known or not.

use std::collections::{BTreeMap, BTreeSet};

use super::rates::{Known, Rate};
use super::verdict::Verdict;

/// Differing settings by index: those that have the bad config's value.
pub type Set = BTreeSet<usize>;

/// How often one candidate was probed, by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// It failed.
    pub bad: u32,
    /// It passed.
    pub good: u32,
    /// Nobody could tell.
    pub unresolved: u32,
}

impl Tally {
    /// Counts one more.
    pub const fn add(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Good => self.good += 1,
            Verdict::Bad => self.bad += 1,
            Verdict::Unresolved => self.unresolved += 1,
        }
    }

    /// How likely that is for a candidate that is bad (or good).
    fn likelihood(self, rate: Rate, bad: bool) -> f64 {
        let (failed, passed) = (f64::from(self.bad), f64::from(self.good));
        if bad {
            (1.0 - rate.b).powf(failed) * rate.b.powf(passed)
        } else {
            rate.a.powf(failed) * (1.0 - rate.a).powf(passed)
        }
    }
}

/// All verdicts.
#[derive(Clone, Debug)]
pub struct Evidence {
    rates: Vec<Rate>,
    /// By candidate.
    pub seen: BTreeMap<Set, Tally>,
}

/// A point that a probe can tell about: whether the cause lies at or before it.
#[derive(Clone, Debug)]
pub struct Point {
    /// The prior of the causes between the point before and this one.
    pub prior: f64,
    /// What probes at it said.
    pub tally: Tally,
}

/// What is believed of some points.
#[derive(Clone, Debug)]
pub struct Belief {
    /// P(the cause lies right before the point), by point.
    pub mass: Vec<f64>,
    /// By how many bits a probe at the point lowers the doubt; the last point is known to be bad.
    pub gain: Vec<f64>,
}

impl Evidence {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(known: &Known) -> Self {
        Self { rates: known.rates(), seen: BTreeMap::new() }
    }

    /// What probes of this candidate said.
    #[must_use]
    pub fn tally(&self, set: &Set) -> Tally {
        self.seen.get(set).copied().unwrap_or_default()
    }

    /// The rates as all candidates but some have shaped them: each of those is good or bad, nobody knows which.
    fn rates_beside(&self, apart: impl Fn(&Set) -> bool) -> Vec<Rate> {
        let mut rates = self.rates.clone();
        if rates.len() == 1 {
            return rates;
        }
        for (set, tally) in self.seen.iter().filter(|(set, _)| !apart(set)) {
            // without any setting of the bad config it is the good one
            let (good, bad) = if set.is_empty() { (0.98, 0.02) } else { (0.5, 0.5) };
            for rate in &mut rates {
                rate.weight *= good * tally.likelihood(*rate, false) + bad * tally.likelihood(*rate, true);
            }
        }
        let sum: f64 = rates.iter().map(|rate| rate.weight).sum();
        for rate in &mut rates {
            rate.weight /= sum;
        }
        rates
    }

    /// P(bad) of one candidate.
    #[must_use]
    pub fn bad(&self, set: &Set, prior: f64) -> f64 {
        let tally = self.tally(set);
        let (mut bad, mut good) = (0.0, 0.0);
        for rate in self.rates_beside(|other| other == set) {
            bad += rate.weight * prior * tally.likelihood(rate, true);
            good += rate.weight * (1.0 - prior) * tally.likelihood(rate, false);
        }
        bad / (bad + good)
    }

    /// What is believed of points whose candidates are `sets`: a probe at one fails if the cause lies at or before it.
    #[must_use]
    pub fn belief(&self, sets: &BTreeSet<Set>, points: &[Point]) -> Belief {
        let rates = self.rates_beside(|set| sets.contains(set));
        let mut joint: Vec<Vec<f64>> = Vec::with_capacity(rates.len());
        for rate in &rates {
            joint.push(row(*rate, points));
        }
        let sum: f64 = joint.iter().flatten().sum();
        joint.iter_mut().flatten().for_each(|weight| *weight /= sum);
        let mass: Vec<f64> = (0..points.len()).map(|at| joint.iter().filter_map(|row| row.get(at)).sum()).collect();
        let before = entropy(&mass, 1.0);
        let last = points.len().saturating_sub(1);
        let gain = (0..last).map(|at| before - after(&rates, &joint, &mass, at)).collect();
        Belief { mass, gain }
    }
}

/// Prior times likelihood of every cause for one pair of rates, by running products from both ends.
fn row(rate: Rate, points: &[Point]) -> Vec<f64> {
    let last = points.len().saturating_sub(1);
    let said = |at: usize, bad: bool| points.get(at).map_or(1.0, |point| point.tally.likelihood(rate, bad));
    // the cause lies right before point `at`: points before it are good, it and those after it are bad
    let mut good = vec![1.0; points.len() + 1];
    for at in 0..last {
        good[at + 1] = good[at] * said(at, false);
    }
    let mut bad = vec![1.0; points.len() + 1];
    for at in (0..last).rev() {
        bad[at] = bad[at + 1] * said(at, true);
    }
    points.iter().enumerate().map(|(at, point)| rate.weight * point.prior * good[at] * bad[at]).collect()
}

/// The doubt that is left on average by a probe at point `at`.
fn after(rates: &[Rate], joint: &[Vec<f64>], mass: &[f64], at: usize) -> f64 {
    let mut fails = vec![0.0; mass.len()];
    for (rate, row) in rates.iter().zip(joint) {
        for (cause, (fail, weight)) in fails.iter_mut().zip(row).enumerate() {
            *fail += weight * if cause <= at { 1.0 - rate.b } else { rate.a };
        }
    }
    let passes: Vec<f64> = mass.iter().zip(&fails).map(|(all, fail)| (all - fail).max(0.0)).collect();
    let (fail, pass) = (fails.iter().sum::<f64>(), passes.iter().sum::<f64>());
    entropy(&fails, fail) * fail + entropy(&passes, pass) * pass
}

/// In bits, of weights that sum to `sum`.
fn entropy(weights: &[f64], sum: f64) -> f64 {
    let shares = weights.iter().map(|weight| weight / sum).filter(|share| *share > 0.0);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}
