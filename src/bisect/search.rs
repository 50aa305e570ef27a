//! The search as values: what to probe next, or what the answer is. Nothing here runs anything.

use super::ancestry::Ancestry;
use super::choose::gains;
use super::posterior::{Cause, Point, Posterior};

/// A probe that could be run, with what it costs relative to the others (above 0).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// What it runs.
    pub point: Point,
    /// Its cost.
    pub cost: f64,
}

/// A verdict that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What ran.
    pub point: Point,
    /// Whether it failed.
    pub failed: bool,
}

/// Where the search stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    /// Run this.
    Probe {
        /// What.
        point: Point,
        /// Expected bits.
        gain: f64,
        /// Why this one.
        why: Why,
    },
    /// Sure enough, and seen on both sides.
    Found {
        /// Index of the hypothesis.
        cause: usize,
        /// Its probability.
        belief: f64,
    },
    /// No probe would tell more.
    Stuck,
}

/// Why a probe was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It halves what is left best.
    Splits,
    /// The leading hypothesis has not been seen to fail with it.
    ConfirmsBad,
    /// Nor to pass without it.
    ConfirmsGood,
}

/// A search in progress.
#[derive(Clone, Debug)]
pub struct Search {
    /// Which commit contains which.
    pub ancestry: Ancestry,
    /// Beliefs.
    pub posterior: Posterior,
    /// All that may be probed.
    pub candidates: Vec<Candidate>,
    /// What was seen.
    pub seen: Vec<Seen>,
    /// From which probability on a hypothesis is the answer.
    pub confidence: f64,
}

impl Search {
    /// Takes a verdict.
    pub fn record(&mut self, point: Point, failed: bool) {
        self.posterior.record(&self.ancestry, point, failed);
        self.seen.push(Seen { point, failed });
    }

    /// What to do now; `running`: probes whose verdicts are still to come, which are not asked for again.
    #[must_use]
    pub fn next(&self) -> Next {
        let Some((cause, belief)) = self.posterior.best() else { return Next::Stuck };
        if belief >= self.confidence {
            let Some(about) = self.posterior.causes.get(cause) else { return Next::Stuck };
            return match self.unseen(*about) {
                None => Next::Found { cause, belief },
                Some((point, why)) => Next::Probe { point, gain: 0.0, why },
            };
        }
        self.splitting()
    }

    /// The probe that a hypothesis still lacks: one that failed with it in effect and next to nothing else, one that
    /// passed just before it.
    fn unseen(&self, cause: Cause) -> Option<(Point, Why)> {
        let (with, without) = self.sides(cause)?;
        let saw =
            |point: Point, failed: bool| self.seen.iter().any(|seen| seen.point == point && seen.failed == failed);
        if !saw(with, true) {
            return Some((with, Why::ConfirmsBad));
        }
        (!saw(without, false)).then_some((without, Why::ConfirmsGood))
    }

    /// The smallest candidate with the hypothesis in effect, and the largest one without it.
    fn sides(&self, cause: Cause) -> Option<(Point, Point)> {
        let in_effect = |point: Point| super::posterior::is_bad(&self.ancestry, cause, point);
        let points = || self.candidates.iter().map(|candidate| candidate.point);
        let order = |point: &Point| (point.config, point.code);
        let with = points().filter(|point| in_effect(*point)).min_by_key(order)?;
        let without = points().filter(|point| !in_effect(*point) && order(point) < order(&with)).max_by_key(order)?;
        Some((with, without))
    }

    fn splitting(&self) -> Next {
        let points: Vec<Point> = self.candidates.iter().map(|candidate| candidate.point).collect();
        let gains = gains(&self.ancestry, &self.posterior.causes, &self.posterior.sums(), &points);
        let best = gains
            .iter()
            .zip(&self.candidates)
            .enumerate()
            .max_by(|(i, (a, one)), (j, (b, two))| (*a / one.cost).total_cmp(&(*b / two.cost)).then(j.cmp(i)));
        match best {
            Some((_, (gain, candidate))) if *gain > 1e-9 => {
                Next::Probe { point: candidate.point, gain: *gain, why: Why::Splits }
            }
            _ => Next::Stuck,
        }
    }
}
