//! Where a series of runs that pass or crash began to crash (or stopped): two rates, one change, all rates integrated out.

use crate::run_log::distribution::ln_beta;

/// What is known of the crash rate's change.
#[derive(Clone, Debug, PartialEq)]
pub struct CrashChange {
    /// P(no change), P(change at index 1), P(… 2), …; sums to 1. A change at i means that run i is the first with the new
    /// rate.
    pub posterior: Vec<f64>,
    /// The likeliest change, whether or not there was one; `None` below two runs.
    pub index: Option<usize>,
    /// Crash rate before it: crashes and runs.
    pub before: (u32, u32),
    /// Crash rate after it.
    pub after: (u32, u32),
    /// Cuts whose ln posterior lies within 2 of the best: the first and the last.
    pub interval: (usize, usize),
}

impl CrashChange {
    /// P(there was a change).
    #[must_use]
    pub fn probability(&self) -> f64 {
        1.0 - self.posterior.first().copied().unwrap_or(1.0)
    }
}

/// Jeffreys' prior of a rate: most configs always crash or never.
const PRIOR: f64 = 0.5;

/// The posterior over changes of the crash rate. `runs` are oldest first, true: crashed, `None`: no verdict. `prior[i]` is
/// the weight of a change at i, and `prior[0]` that of none; they need not sum to 1. Missing weights count as 0.
#[must_use]
pub fn crash_change(runs: &[Option<bool>], prior: &[f64]) -> CrashChange {
    let counts = |from: usize, to: usize| {
        let known = runs[from..to].iter().flatten();
        known.fold((0_u32, 0_u32), |(crashes, all), crashed| (crashes + u32::from(*crashed), all + 1))
    };
    let evidence = |(crashes, all): (u32, u32)| {
        let (crashes, passes) = (f64::from(crashes), f64::from(all - crashes));
        ln_beta(PRIOR + crashes, PRIOR + passes) - ln_beta(PRIOR, PRIOR)
    };
    let n = runs.len();
    let log: Vec<f64> = (0..n.max(1))
        .map(|cut| prior.get(cut).copied().unwrap_or(0.0).ln() + evidence(counts(0, cut)) + evidence(counts(cut, n)))
        .collect();
    let top = log.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut posterior: Vec<f64> =
        log.iter().map(|value| if top.is_finite() { (value - top).exp() } else { 0.0 }).collect();
    let sum: f64 = posterior.iter().sum();
    match posterior.first_mut() {
        Some(none) if sum <= 0.0 => *none = 1.0,
        _ => posterior.iter_mut().for_each(|weight| *weight /= sum),
    }
    let best = (1..n).max_by(|a, b| log[*a].total_cmp(&log[*b]).then(b.cmp(a)));
    let near = |cut: &usize| best.is_some_and(|best| log[*cut] >= log[best] - 2.0);
    let index = best.unwrap_or(0);
    CrashChange {
        posterior,
        index: best,
        before: counts(0, index),
        after: counts(index, n),
        interval: ((1..n).find(near).unwrap_or(index), (1..n).rev().find(near).unwrap_or(index)),
    }
}

/// A prior with half of the weight on no change and the rest spread evenly over the suspects.
#[must_use]
pub fn even_prior(runs: usize, suspects: &[usize]) -> Vec<f64> {
    let mut prior = vec![0.0; runs.max(1)];
    let inside = suspects.iter().filter(|suspect| (1..runs).contains(*suspect));
    let share = 0.5 / crate::run_log::stats::count(inside.clone().count().max(1));
    inside.for_each(|suspect| prior[*suspect] = share);
    prior[0] = 0.5;
    prior
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(text: &str) -> Vec<Option<bool>> {
        text.chars().map(|run| if run == '?' { None } else { Some(run == 'x') }).collect()
    }

    fn change(text: &str) -> CrashChange {
        let runs = runs(text);
        crash_change(&runs, &even_prior(runs.len(), &(1..runs.len()).collect::<Vec<usize>>()))
    }

    #[test]
    fn a_clear_change_is_found_and_flakes_do_not_hide_it() {
        let found = change("......xxxxx");
        assert_eq!((found.index, found.before, found.after), (Some(6), (0, 6), (5, 5)));
        assert!(found.probability() > 0.95 && found.interval == (6, 6));
        let found = change("...x......?.xx.xxxx");
        assert!(found.index == Some(12) && found.probability() > 0.8, "{found:?}");
    }

    #[test]
    fn a_steady_rate_is_no_change() {
        assert!(change("x..x...x..x..x.x...x").probability() < 0.5);
        assert!(change("..........").probability() < 0.5);
        for text in ["", "x", "?"] {
            assert!(change(text).index.is_none() && change(text).posterior == [1.0]);
        }
    }

    #[test]
    fn only_suspects_are_suspected() {
        let runs = runs(".....xxxxx");
        let found = crash_change(&runs, &even_prior(10, &[3, 7, 99]));
        assert!((found.posterior.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(found.posterior[5] == 0.0 && matches!(found.index, Some(3 | 7)));
    }
}
