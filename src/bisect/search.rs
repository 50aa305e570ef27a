//! The search as values: what to probe next, or what the answer is. Nothing here runs anything.

use super::ancestry::Ancestry;
use super::choose::gains;
use super::posterior::{Cause, Point, Posterior, is_bad};

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

    /// What to do now; `running`: probes whose verdicts are still to come. They are not asked for again, and the next
    /// one is chosen for whatever they will say.
    #[must_use]
    pub fn next(&self, running: &[Point]) -> Next {
        let Some((cause, belief)) = self.posterior.best() else { return Next::Stuck };
        if belief >= self.confidence {
            let Some(about) = self.posterior.causes.get(cause) else { return Next::Stuck };
            match self.unseen(*about, running) {
                Lacks::Nothing => return Next::Found { cause, belief },
                Lacks::Probe(point, why) => return Next::Probe { point, gain: 0.0, why },
                Lacks::Running => {}
            }
        }
        self.splitting(running)
    }

    /// What a hypothesis still lacks: a probe that failed with it in effect and next to nothing else, one that passed
    /// just before it.
    fn unseen(&self, cause: Cause, running: &[Point]) -> Lacks {
        let Some((with, without)) = self.sides(cause) else { return Lacks::Nothing };
        let saw = |point: Point, failed| self.seen.iter().any(|seen| seen.point == point && seen.failed == failed);
        let open = [(with, true, Why::ConfirmsBad), (without, false, Why::ConfirmsGood)];
        let mut open = open.into_iter().filter(|(point, failed, _)| !saw(*point, *failed)).peekable();
        if open.peek().is_none() {
            return Lacks::Nothing;
        }
        let wanted = open.find(|(point, ..)| !running.contains(point));
        wanted.map_or(Lacks::Running, |(point, _, why)| Lacks::Probe(point, why))
    }

    /// The smallest candidate with the hypothesis in effect, and the largest one without it.
    fn sides(&self, cause: Cause) -> Option<(Point, Point)> {
        let in_effect = |point: Point| is_bad(&self.ancestry, cause, point);
        let points = || self.candidates.iter().map(|candidate| candidate.point);
        let order = |point: &Point| (point.config, point.code);
        let with = points().filter(|point| in_effect(*point)).min_by_key(order)?;
        let without = points().filter(|point| !in_effect(*point) && order(point) < order(&with)).max_by_key(order)?;
        Some((with, without))
    }

    fn splitting(&self, running: &[Point]) -> Next {
        let points: Vec<Point> = self.candidates.iter().map(|candidate| candidate.point).collect();
        let ahead = running.get(..running.len().min(MAX_AHEAD)).unwrap_or_default();
        let gains = self.gains_after(&self.posterior, ahead, &points);
        let best = gains
            .iter()
            .zip(&self.candidates)
            .enumerate()
            .max_by(|(i, (a, one)), (j, (b, two))| (*a / one.cost).total_cmp(&(*b / two.cost)).then(j.cmp(i)));
        match best {
            Some((_, (gain, candidate))) if *gain > LEAST_GAIN => {
                Next::Probe { point: candidate.point, gain: *gain, why: Why::Splits }
            }
            _ => Next::Stuck,
        }
    }

    /// Expected bits of each probe once the running ones have ended, over all that they may say.
    fn gains_after(&self, posterior: &Posterior, running: &[Point], points: &[Point]) -> Vec<f64> {
        let sums = posterior.sums();
        let Some((first, rest)) = running.split_first() else {
            return gains(&self.ancestry, &posterior.causes, &sums, points);
        };
        let mut fails = 0.0;
        for (at, cause) in posterior.causes.iter().enumerate() {
            let bad = is_bad(&self.ancestry, *cause, *first);
            let list = if bad { &sums.fails_if_bad } else { &sums.fails_if_good };
            fails += list.get(at).copied().unwrap_or(0.0);
        }
        let mut expected = vec![0.0; points.len()];
        for (failed, chance) in [(true, fails), (false, 1.0 - fails)] {
            if chance <= 0.0 {
                continue;
            }
            let mut after = posterior.clone();
            after.record(&self.ancestry, *first, failed);
            for (sum, gain) in expected.iter_mut().zip(self.gains_after(&after, rest, points)) {
                *sum += chance * gain;
            }
        }
        expected
    }
}

/// What a hypothesis lacks to be the answer.
enum Lacks {
    Nothing,
    Probe(Point, Why),
    /// It is on its way.
    Running,
}

/// Running probes whose answers are all thought through: each doubles the work.
const MAX_AHEAD: usize = 4;
/// Bits below which a probe is not worth running.
const LEAST_GAIN: f64 = 1e-4;
