//! What is believed after some probes: a weight for each hypothesis and each pair of flake rates.

use super::ancestry::Ancestry;
use super::rates::Rate;

/// A hypothesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The config as this commit changed it.
    Config(usize),
    /// The code as this commit changed it.
    Code(usize),
    /// Nothing: the bad end failed by chance.
    NeverBad,
    /// Nothing in between: the good end passed by chance.
    AlwaysBad,
}

/// What a probe runs: the code of one commit with the config of another, mostly the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    /// The commit that is checked out.
    pub code: usize,
    /// The commit whose config is used.
    pub config: usize,
}

impl Point {
    /// A commit as it is.
    #[must_use]
    pub const fn at(commit: usize) -> Self {
        Self { code: commit, config: commit }
    }
}

/// Whether the candidate is bad if the hypothesis is true.
#[must_use]
pub fn is_bad(ancestry: &Ancestry, cause: Cause, point: Point) -> bool {
    match cause {
        Cause::Config(commit) => ancestry.contains(point.config, commit),
        Cause::Code(commit) => ancestry.contains(point.code, commit),
        Cause::NeverBad => false,
        Cause::AlwaysBad => true,
    }
}

/// Beliefs.
#[derive(Clone, Debug)]
pub struct Posterior {
    /// The hypotheses.
    pub causes: Vec<Cause>,
    /// The rates.
    pub rates: Vec<Rate>,
    /// Log weights, one row of hypotheses a pair of rates.
    log: Vec<f64>,
    /// The same, normalised to sum 1.
    joint: Vec<f64>,
}

/// The joint weights summed over the rates, as the next probe sees them.
#[derive(Clone, Debug)]
pub struct Sums {
    /// P(h).
    pub belief: Vec<f64>,
    /// P(h, fail) if the candidate is bad under h.
    pub fails_if_bad: Vec<f64>,
    /// P(h, fail) if it is good under h.
    pub fails_if_good: Vec<f64>,
}

impl Posterior {
    /// Before the first probe; priors need not sum to 1, those of 0 are never believed.
    #[must_use]
    pub fn new(causes: Vec<Cause>, prior: &[f64], rates: Vec<Rate>) -> Self {
        let sum: f64 = prior.iter().sum();
        let log = rates
            .iter()
            .flat_map(|rate| prior.iter().map(move |weight| (weight / sum).ln() + rate.weight.ln()))
            .collect::<Vec<f64>>();
        let mut posterior = Self { causes, rates, joint: Vec::new(), log };
        posterior.normalise();
        posterior
    }

    /// Takes a verdict.
    pub fn record(&mut self, ancestry: &Ancestry, point: Point, failed: bool) {
        let likely = |rate: Rate, bad: bool| match (bad, failed) {
            (true, true) => 1.0 - rate.b,
            (true, false) => rate.b,
            (false, true) => rate.a,
            (false, false) => 1.0 - rate.a,
        };
        self.weigh(ancestry, point, |rate, bad| likely(rate, bad).ln());
    }

    /// Takes a measurement instead of a verdict: the log of how much likelier it is if the candidate is bad.
    pub fn record_ratio(&mut self, ancestry: &Ancestry, point: Point, log_ratio: f64) {
        self.weigh(ancestry, point, |_, bad| if bad { log_ratio } else { 0.0 });
    }

    fn weigh(&mut self, ancestry: &Ancestry, point: Point, log_likelihood: impl Fn(Rate, bool) -> f64) {
        let bad: Vec<bool> = self.causes.iter().map(|cause| is_bad(ancestry, *cause, point)).collect();
        for (row, rate) in self.log.chunks_mut(self.causes.len().max(1)).zip(&self.rates) {
            let (if_bad, if_good) = (log_likelihood(*rate, true), log_likelihood(*rate, false));
            for (weight, bad) in row.iter_mut().zip(&bad) {
                *weight += if *bad { if_bad } else { if_good };
            }
        }
        self.normalise();
    }

    fn normalise(&mut self) {
        let top = self.log.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        self.joint = self.log.iter().map(|weight| (weight - top).exp()).collect();
        let sum: f64 = self.joint.iter().sum();
        self.joint.iter_mut().for_each(|weight| *weight /= sum);
    }

    /// P(h), in the order of the hypotheses.
    #[must_use]
    pub fn belief(&self) -> Vec<f64> {
        self.sums().belief
    }

    /// Beliefs and what the next probe would show.
    #[must_use]
    pub fn sums(&self) -> Sums {
        let count = self.causes.len();
        let mut sums =
            Sums { belief: vec![0.0; count], fails_if_bad: vec![0.0; count], fails_if_good: vec![0.0; count] };
        for (row, rate) in self.joint.chunks(count.max(1)).zip(&self.rates) {
            for (at, weight) in row.iter().enumerate() {
                sums.belief[at] += weight;
                sums.fails_if_bad[at] += weight * (1.0 - rate.b);
                sums.fails_if_good[at] += weight * rate.a;
            }
        }
        sums
    }

    /// The expected rates, P(fail | good) and P(pass | bad).
    #[must_use]
    pub fn expected_rates(&self) -> (f64, f64) {
        let rows = self.joint.chunks(self.causes.len().max(1)).zip(&self.rates);
        rows.fold((0.0, 0.0), |(a, b), (row, rate)| {
            let weight: f64 = row.iter().sum();
            (a + weight * rate.a, b + weight * rate.b)
        })
    }

    /// The best hypothesis with its probability.
    #[must_use]
    pub fn best(&self) -> Option<(usize, f64)> {
        let belief = self.belief();
        let best = belief.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)))?;
        Some((best.0, *best.1))
    }
}

/// Entropy in bits of weights that sum to `sum`.
#[must_use]
pub fn entropy(weights: impl Iterator<Item = f64>, sum: f64) -> f64 {
    if sum <= 0.0 {
        return 0.0;
    }
    weights.filter(|weight| *weight > 0.0).map(|weight| -(weight / sum) * (weight / sum).log2()).sum()
}
