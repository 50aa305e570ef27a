//! Where a metric of recorded runs changed, and by how much.
//!
//! One value a commit, oldest first. Changes are looked for at the commits that changed the effective config first, then
//! at all others, in a separate list with a price of its own: a few suspects bear a sharper test than all commits do.
//! Spikes are clipped, then left out; noise is estimated once from the whole series, so that three values after a fresh
//! change are enough; neighbours may be correlated.

pub mod crash;
pub mod noise;
pub mod partition;

use noise::{Noise, Series};
use partition::{Step, Sums, best, degrees, inflation, profile, segments, step};

use super::distribution::student_quantile;
use super::stats::{count, median};

/// How to search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Chance of any false alarm in a series, for each of the two lists. The Bonferroni bound over neighbouring cuts is
    /// loose: what is measured is about a quarter of it.
    pub alpha: f64,
    /// Values are spikes from this many sigma on.
    pub limit: f64,
    /// Least number of values on each side of a cut.
    pub least: usize,
    /// Confidence of the interval of a shift.
    pub confidence: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { alpha: 0.015, limit: 4.0, least: 3, confidence: 0.95 }
    }
}

/// A cut gets a share of alpha of 1 + (`FRESH` / values after it)²: someone waits for news of the newest runs, which have the
/// fewest values to show it; a share more there costs an old cut, with its many values, next to nothing.
const FRESH: f64 = 10.0;
/// With more values after it than this, a cut is as important as any.
const OLD: usize = 40;
/// Cuts within this ln likelihood of the best one are plausible.
const PLAUSIBLE: f64 = 2.0;
/// A config change that is worse than some other commit by more than this ln likelihood is not what moved the level:
/// chance does that in less than one of a hundred shifts.
const ELSEWHERE: f64 = 6.0;
/// Values on each side of a cut that say where it is.
const REACH: usize = 400;
/// Rounds of cutting and re-estimating the noise; the second rarely changes anything.
const ROUNDS: usize = 3;

/// A change of level: the first value of the new level has index `index`.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangePoint {
    /// 1 to n − 1.
    pub index: usize,
    /// Level before, in the metric's unit.
    pub before: f64,
    /// Level after.
    pub after: f64,
    /// after / before − 1.
    pub shift: f64,
    /// Lower end of the shift's interval.
    pub shift_low: f64,
    /// Upper end.
    pub shift_high: f64,
    /// Two-sided, of this cut alone; compare it with [`ChangePoint::limit`].
    pub p: f64,
    /// What p had to stay below.
    pub limit: f64,
    /// The earliest index that is nearly as likely (ln likelihood within 2 of the best).
    pub first: usize,
    /// The latest.
    pub last: usize,
    /// The suspects among first..=last, the likeliest first.
    pub suspects: Vec<usize>,
    /// How likely each of them is, relative to the likeliest cut of all.
    pub likelihoods: Vec<f64>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangePoints {
    /// At commits that changed the config, by index.
    pub config: Vec<ChangePoint>,
    /// At others, by index.
    pub code: Vec<ChangePoint>,
    /// Noise of the series.
    pub noise: Noise,
}

/// Why a series can't be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangePointError {
    /// Too few values to know the noise.
    #[error(
        "{found} runs have a value, a change point needs {needed}: record more runs, or compare both ends directly"
    )]
    TooFew {
        /// Finite values.
        found: usize,
        /// The least number.
        needed: usize,
    },
    /// A suspect that no value stands at.
    #[error(
        "the config changed at place {index}, but the series has {len} values: give the places of the series' own runs"
    )]
    OutOfRange {
        /// The suspect.
        index: usize,
        /// Values in the series.
        len: usize,
    },
}

/// Finds the changes of level of `values` (oldest first; NaN: no value). `suspects`: indices at which the config differs
/// from the value before.
///
/// # Errors
///
/// If fewer than twice the least number of values a side are finite, or a suspect lies outside.
pub fn change_points(
    values: &[f64],
    suspects: &[usize],
    settings: &Settings,
) -> Result<ChangePoints, ChangePointError> {
    let found = values.iter().filter(|value| value.is_finite()).count();
    let needed = (2 * settings.least).max(4);
    if found < needed {
        return Err(ChangePointError::TooFew { found, needed });
    }
    if let Some(index) = suspects.iter().copied().find(|index| *index >= values.len()) {
        return Err(ChangePointError::OutOfRange { index, len: values.len() });
    }
    let mut config: Vec<usize> = suspects.iter().copied().filter(|index| *index > 0).collect();
    config.sort_unstable();
    config.dedup();
    let code: Vec<usize> = (1..values.len()).filter(|index| config.binary_search(index).is_err()).collect();
    Ok(Search::new(values, settings).run(&config, &code))
}

/// The state of a search.
struct Search<'a> {
    scale: Scale,
    /// On the working scale.
    raw: Vec<f64>,
    series: Series,
    sums: Sums,
    noise: Noise,
    settings: &'a Settings,
}

/// ln where all values are positive, so that shifts are relative; else the values themselves.
#[derive(Clone, Copy)]
struct Scale {
    log: bool,
    /// Subtracted, so that sums of squares keep their digits.
    origin: f64,
}

impl Scale {
    fn of(values: &[f64]) -> Self {
        let log = values.iter().all(|value| !value.is_finite() || *value > 0.0);
        let middle = median(values).unwrap_or(0.0);
        Self { log, origin: if log { middle.ln() } else { middle } }
    }

    fn to(self, value: f64) -> f64 {
        if self.log { value.ln() - self.origin } else { value - self.origin }
    }

    fn back(self, value: f64) -> f64 {
        if self.log { (value + self.origin).exp() } else { value + self.origin }
    }
}

impl<'a> Search<'a> {
    fn new(values: &[f64], settings: &'a Settings) -> Self {
        let scale = Scale::of(values);
        let raw: Vec<f64> = values.iter().map(|value| scale.to(*value)).collect();
        let (series, mut noise) = Series::winsorised(&raw, settings.limit);
        noise.sigma = noise.sigma.max(floor(&raw));
        Self { scale, sums: Sums::new(&series), raw, series, noise, settings }
    }

    fn run(mut self, config: &[usize], code: &[usize]) -> ChangePoints {
        let mut cuts = Vec::new();
        for _ in 0..ROUNDS {
            let found = self.cuts(&[], config);
            // what no suspect explains must not count as noise either
            let all = self.cuts(&found, code);
            let levels = self.sums.levels(&all);
            self.noise = self.series.refine(&self.raw, &levels, self.settings.limit, self.noise.sigma);
            self.noise.sigma = self.noise.sigma.max(floor(&self.raw));
            self.sums = Sums::new(&self.series);
            if found == cuts {
                break;
            }
            cuts = found;
        }
        let config_cuts = self.cuts(&[], config);
        let config_cuts = self.without_misattributed(config_cuts, config, code);
        let all = self.cuts(&config_cuts, code);
        let (mut in_config, mut in_code) = (Vec::new(), Vec::new());
        for place in 0..all.len() {
            let of_config = config_cuts.contains(&all[place]);
            let limit = self.limit(all[place], if of_config { config } else { code });
            let found = self.describe(&all, place, limit, config);
            if of_config { in_config.push(found) } else { in_code.push(found) }
        }
        ChangePoints { config: in_config, code: in_code, noise: self.noise }
    }

    /// Cuts at `fixed` and, where the test holds, among `allowed`; both together, rising.
    fn cuts(&self, fixed: &[usize], allowed: &[usize]) -> Vec<usize> {
        let n = self.raw.len();
        let least = count(self.settings.least);
        let df = degrees(self.sums.weight(0, n), fixed.len());
        let share = self.share(allowed);
        // by the number of values after the cut; the first is that of all old cuts
        let tails = std::iter::once(1.0).chain((1..=OLD.min(n)).map(|after| self.importance(n - after)));
        let quantiles: Vec<f64> = tails.map(|weight| student_quantile((share * weight / 2.0).min(0.5), df)).collect();
        let mut cuts = fixed.to_vec();
        for (a, b) in segments(fixed, n) {
            let price = |cut: usize| {
                let variance = inflation(count((n - cut).min(cut)), self.noise.correlation) * self.noise.sigma.powi(2);
                LENIENT * variance * quantiles.get(n - cut).unwrap_or(&quantiles[0]).powi(2)
            };
            cuts.extend(best(&self.sums, (a, b), allowed, least, price));
        }
        cuts.sort_unstable();
        self.eliminate(&mut cuts, fixed, allowed);
        self.settle(&mut cuts, fixed, allowed);
        self.eliminate(&mut cuts, fixed, allowed);
        cuts
    }

    /// Takes the least certain cut out until all hold against their neighbours.
    fn eliminate(&self, cuts: &mut Vec<usize>, fixed: &[usize], allowed: &[usize]) {
        loop {
            let excess = |place: usize| self.test(cuts, place).p / self.limit(cuts[place], allowed);
            let free = (0..cuts.len()).filter(|place| !fixed.contains(&cuts[*place]));
            let worst = free.map(|place| (excess(place), place)).max_by(|a, b| a.0.total_cmp(&b.0));
            match worst {
                Some((excess, place)) if excess >= 1.0 => cuts.remove(place),
                _ => return,
            };
        }
    }

    /// Moves each cut to the likeliest allowed place between its neighbours.
    fn settle(&self, cuts: &mut [usize], fixed: &[usize], allowed: &[usize]) {
        for place in 0..cuts.len() {
            if fixed.contains(&cuts[place]) {
                continue;
            }
            let (start, likelihood) = self.profile(cuts, place);
            let of = |cut: usize| cut.checked_sub(start).and_then(|at| likelihood.get(at)).copied();
            let found = allowed.iter().filter_map(|cut| Some((of(*cut)?, *cut))).max_by(|a, b| a.0.total_cmp(&b.0));
            if let Some((likelihood, cut)) = found
                && likelihood.is_finite()
            {
                cuts[place] = cut;
            }
        }
    }

    /// Drops the cuts that some other commit explains far better than any suspect does.
    fn without_misattributed(&self, cuts: Vec<usize>, config: &[usize], code: &[usize]) -> Vec<usize> {
        let mut kept = cuts.clone();
        for cut in cuts {
            let Some(place) = kept.iter().position(|other| *other == cut) else { continue };
            let (start, likelihood) = self.profile(&kept, place);
            let top = |allowed: &[usize]| {
                let of = |cut: &usize| cut.checked_sub(start).and_then(|at| likelihood.get(at)).copied();
                allowed.iter().filter_map(of).fold(f64::NEG_INFINITY, f64::max)
            };
            if top(code) > top(config) + ELSEWHERE {
                kept.remove(place);
            }
        }
        kept
    }

    /// The first cut and the ln likelihood of it and those after it, the other cuts staying.
    fn profile(&self, cuts: &[usize], place: usize) -> (usize, Vec<f64>) {
        let (a, c, b) = self.around(cuts, place);
        let (a, b) = (a.max(c.saturating_sub(REACH)), b.min(c + REACH));
        (a + 1, profile(&self.series, (a, b), &self.noise, count(self.settings.least)))
    }

    fn around(&self, cuts: &[usize], place: usize) -> (usize, usize, usize) {
        let before = place.checked_sub(1).and_then(|place| cuts.get(place)).copied().unwrap_or(0);
        (before, cuts[place], cuts.get(place + 1).copied().unwrap_or(self.raw.len()))
    }

    fn test(&self, cuts: &[usize], place: usize) -> Step {
        let df = degrees(self.sums.weight(0, self.raw.len()), cuts.len());
        step(&self.sums, self.around(cuts, place), &self.noise, df)
    }

    /// What the p of a cut has to stay below.
    fn limit(&self, cut: usize, allowed: &[usize]) -> f64 {
        self.share(allowed) * self.importance(cut)
    }

    /// Alpha for each unit of importance.
    fn share(&self, allowed: &[usize]) -> f64 {
        let tested = allowed.iter().filter(|cut| **cut + self.settings.least <= self.raw.len());
        self.settings.alpha / tested.map(|cut| self.importance(*cut)).sum::<f64>().max(1.0)
    }

    fn importance(&self, cut: usize) -> f64 {
        let after = self.raw.len() - cut;
        if after > OLD { 1.0 } else { 1.0 + (FRESH / count(after.max(1))).powi(2) }
    }

    fn describe(&self, cuts: &[usize], place: usize, limit: f64, config: &[usize]) -> ChangePoint {
        let (a, index, b) = self.around(cuts, place);
        let step = self.test(cuts, place);
        let (before, after) = (self.scale.back(self.sums.mean(a, index)), self.scale.back(self.sums.mean(index, b)));
        let reach = step.error
            * student_quantile((1.0 - self.settings.confidence) / 2.0, degrees(count(self.raw.len()), cuts.len()));
        let relative = |size: f64| if self.scale.log { size.exp_m1() } else { size / before.abs() };
        let (start, likelihood) = self.profile(cuts, place);
        let top = likelihood.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut plausible: Vec<(f64, usize)> = likelihood
            .iter()
            .enumerate()
            .filter(|(at, value)| **value >= top - PLAUSIBLE || start + at == index)
            .map(|(at, value)| (*value, start + at))
            .collect();
        let first = plausible.first().map_or(index, |found| found.1);
        let last = plausible.last().map_or(index, |found| found.1);
        plausible.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        plausible.retain(|(_, cut)| config.binary_search(cut).is_ok());
        ChangePoint {
            index,
            before,
            after,
            shift: relative(step.size),
            shift_low: relative(step.size - reach),
            shift_high: relative(step.size + reach),
            p: step.p,
            limit,
            first,
            last,
            suspects: plausible.iter().map(|(_, cut)| *cut).collect(),
            likelihoods: plausible.iter().map(|(value, _)| (value - top).exp()).collect(),
        }
    }
}

/// The price of a cut in the first search, as a share of what the test will ask: the test decides.
const LENIENT: f64 = 0.9;

/// No series is known better than this: one part in 10^6, the digits that logs print.
fn floor(raw: &[f64]) -> f64 {
    let greatest = raw.iter().filter(|value| value.is_finite()).fold(0.0_f64, |most, value| most.max(value.abs()));
    1e-6 * greatest.max(1.0)
}
