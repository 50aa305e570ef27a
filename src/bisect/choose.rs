//! The next probe: the one after which least is left to ask, by what it costs.

use super::ancestry::Ancestry;
use super::posterior::{Cause, Point, Sums, is_bad};

/// `w log2 w`, 0 for 0.
fn xlogx(weight: f64) -> f64 {
    if weight > 0.0 { weight * weight.log2() } else { 0.0 }
}

/// Parts of a sum over hypotheses: weights and `w log2 w` of the failing and the passing share.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    fails: f64,
    fails_log: f64,
    passes: f64,
    passes_log: f64,
}

impl Part {
    fn of(fails: f64, belief: f64) -> Self {
        let passes = (belief - fails).max(0.0);
        Self { fails, fails_log: xlogx(fails), passes, passes_log: xlogx(passes) }
    }

    fn add(&mut self, other: Self) {
        self.fails += other.fails;
        self.fails_log += other.fails_log;
        self.passes += other.passes;
        self.passes_log += other.passes_log;
    }

    fn minus(self, other: Self) -> Self {
        Self {
            fails: self.fails - other.fails,
            fails_log: self.fails_log - other.fails_log,
            passes: self.passes - other.passes,
            passes_log: self.passes_log - other.passes_log,
        }
    }

    /// Expected entropy after the probe, in bits: Σ over outcomes of `s log2 s - Σ w log2 w`.
    fn expected_entropy(self) -> f64 {
        xlogx(self.fails) - self.fails_log + xlogx(self.passes) - self.passes_log
    }
}

/// For each probe the bits it is expected to bring.
#[must_use]
pub fn gains(ancestry: &Ancestry, causes: &[Cause], sums: &Sums, points: &[Point]) -> Vec<f64> {
    let now: f64 = -sums.belief.iter().map(|weight| xlogx(*weight)).sum::<f64>();
    let after: Vec<f64> = match ancestry {
        Ancestry::Line(count) => on_a_line(*count, causes, sums, points),
        Ancestry::Graph(_) => points
            .iter()
            .map(|point| {
                let mut part = Part::default();
                for (at, cause) in causes.iter().enumerate() {
                    let bad = is_bad(ancestry, *cause, *point);
                    let fails = if bad { sums.fails_if_bad[at] } else { sums.fails_if_good[at] };
                    part.add(Part::of(fails, sums.belief[at]));
                }
                part.expected_entropy()
            })
            .collect(),
    };
    after.into_iter().map(|after| (now - after).max(0.0)).collect()
}

/// On a line the bad hypotheses are a prefix: sums up to each commit answer for every probe.
fn on_a_line(count: usize, causes: &[Cause], sums: &Sums, points: &[Point]) -> Vec<f64> {
    let mut config = Prefix::new(count);
    let mut code = Prefix::new(count);
    let mut always = Part::default();
    for (at, cause) in causes.iter().enumerate() {
        let if_bad = Part::of(sums.fails_if_bad[at], sums.belief[at]);
        let if_good = Part::of(sums.fails_if_good[at], sums.belief[at]);
        match cause {
            Cause::Config(commit) => config.put(*commit, if_bad, if_good),
            Cause::Code(commit) => code.put(*commit, if_bad, if_good),
            Cause::NeverBad => always.add(if_good),
            Cause::AlwaysBad => always.add(if_bad),
        }
    }
    config.sum();
    code.sum();
    let after = |point: &Point| {
        let mut part = always;
        part.add(config.at(point.config));
        part.add(code.at(point.code));
        part.expected_entropy()
    };
    points.iter().map(after).collect()
}

/// Sums over the hypotheses at or before each commit, for both answers.
struct Prefix {
    if_bad: Vec<Part>,
    if_good: Vec<Part>,
}

impl Prefix {
    fn new(count: usize) -> Self {
        Self { if_bad: vec![Part::default(); count + 1], if_good: vec![Part::default(); count + 1] }
    }

    fn put(&mut self, commit: usize, if_bad: Part, if_good: Part) {
        if let (Some(bad), Some(good)) = (self.if_bad.get_mut(commit), self.if_good.get_mut(commit)) {
            bad.add(if_bad);
            good.add(if_good);
        }
    }

    fn sum(&mut self) {
        for list in [&mut self.if_bad, &mut self.if_good] {
            let mut sum = Part::default();
            for part in list {
                sum.add(*part);
                *part = sum;
            }
        }
    }

    /// Hypotheses up to the commit are bad, the others good.
    fn at(&self, commit: usize) -> Part {
        let all = self.if_good.last().copied().unwrap_or_default();
        let before = self.if_good.get(commit).copied().unwrap_or_default();
        let mut part = all.minus(before);
        part.add(self.if_bad.get(commit).copied().unwrap_or_default());
        part
    }
}
