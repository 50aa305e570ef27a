//! Is a candidate as fast as the good end or as slow as the bad one? Wald's sequential test on ln(metric), robust.
//!
//! One value a run, the median of its steady steps: noise *between* runs is what counts, so each value costs a run.

use super::distribution::{student_ln_density, student_quantile};
use super::stats::{MAD_TO_SIGMA, count, mad, mean_variance, median};

/// How sure a verdict has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Chance of calling a good candidate bad, and of the reverse.
    pub error: f64,
    /// Runs of each end at least, before their noise counts as known.
    pub calibration: usize,
    /// Runs of one candidate after which it stays undecided.
    pub patience: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { error: 0.05, calibration: 3, patience: 30 }
    }
}

/// Which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Known to be as it should.
    Good,
    /// Known to be worse.
    Bad,
}

/// Why no verdict can be had.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SequentialError {
    /// An end has too few runs.
    #[error("the {end} end has {found} runs with a value, {needed} are needed to know the noise: run it again")]
    Uncalibrated {
        /// `good` or `bad`.
        end: &'static str,
        /// Its runs so far.
        found: usize,
        /// The least number.
        needed: usize,
    },
    /// The ends differ by too little for their noise.
    #[error(
        "not separable at this budget, need {runs} runs of each end: they differ by {:.1} % and vary by {:.1} % from run to run",
        100.0 * shift.abs(),
        100.0 * noise
    )]
    NotSeparable {
        /// Runs of each end that would separate them.
        runs: usize,
        /// ln(bad / good).
        shift: f64,
        /// Standard deviation of ln(metric) between runs.
        noise: f64,
    },
    /// No logarithm.
    #[error(
        "a run has the value {0}, a sequential test needs positive numbers: leave the run out, or choose another metric"
    )]
    NotPositive(f64),
}

/// What is known of a candidate so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As the good end.
    Good,
    /// As the bad end.
    Bad,
    /// Another run is needed.
    Undecided,
    /// Undecided after as many runs as there is patience for.
    GivenUp,
}

/// Runs of both ends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration {
    good: Vec<f64>,
    bad: Vec<f64>,
}

impl Calibration {
    /// Takes one run's value of the metric, in any unit.
    ///
    /// # Errors
    ///
    /// If it is not a positive number.
    pub fn add(&mut self, end: End, value: f64) -> Result<(), SequentialError> {
        let value = ln(value)?;
        match end {
            End::Good => self.good.push(value),
            End::Bad => self.bad.push(value),
        }
        Ok(())
    }

    /// The test, once both ends are known well enough.
    ///
    /// # Errors
    ///
    /// If an end has too few runs, or they can't be told apart: the caller adds the runs that the error asks for, or stops.
    pub fn finish(&self, settings: &Settings) -> Result<Sequential, SequentialError> {
        let needed = settings.calibration.max(2);
        for (end, runs) in [("good", &self.good), ("bad", &self.bad)] {
            if runs.len() < needed {
                return Err(SequentialError::Uncalibrated { end, found: runs.len(), needed });
            }
        }
        let (good, bad) = (median(&self.good).unwrap_or(0.0), median(&self.bad).unwrap_or(0.0));
        let noise = self.noise();
        let shift = bad - good;
        let (a, b) = (count(self.good.len()), count(self.bad.len()));
        if shift.abs() < 2.0 * noise * (1.0 / a + 1.0 / b).sqrt() {
            let runs = runs_needed(shift, noise).max(self.good.len().min(self.bad.len()) + 1);
            return Err(SequentialError::NotSeparable { runs, shift, noise });
        }
        Ok(Sequential { good, bad, noise, settings: *settings })
    }

    /// Between runs of one end, both pooled; not less than the digits that logs print.
    fn noise(&self) -> f64 {
        let variance =
            |runs: &[f64]| mean_variance(runs).map_or(0.0, |(_, variance)| variance * (count(runs.len()) - 1.0));
        let freedom = count(self.good.len() + self.bad.len()) - 2.0;
        let pooled = ((variance(&self.good) + variance(&self.bad)) / freedom).sqrt();
        // with enough runs, one bad node must not set the noise
        let robust = |runs: &[f64]| mad(runs).map(|mad| mad * MAD_TO_SIGMA).filter(|mad| *mad > 0.0);
        let limit = match (robust(&self.good), robust(&self.bad)) {
            (Some(good), Some(bad)) if self.good.len().min(self.bad.len()) >= ROBUST_FROM => 2.0 * good.max(bad),
            _ => f64::INFINITY,
        };
        pooled.min(limit).max(LEAST_NOISE)
    }
}

/// From this many runs of each end on, their MAD says something.
const ROBUST_FROM: usize = 6;
/// Logs print about four digits.
const LEAST_NOISE: f64 = 1e-4;
/// Most runs that are worth naming.
const MOST_RUNS: usize = 10_000;
/// Degrees of freedom of the noise: one run in twenty is off, by a lot.
const FREEDOM: f64 = 4.0;

/// Runs of each end from which on the shift exceeds twice its standard error.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a small positive number")]
fn runs_needed(shift: f64, noise: f64) -> usize {
    if shift == 0.0 {
        return MOST_RUNS;
    }
    (8.0 * (noise / shift).powi(2)).ceil().clamp(2.0, count(MOST_RUNS)) as usize
}

/// A calibrated test.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequential {
    /// ln of the good end's level.
    good: f64,
    /// ln of the bad end's level.
    bad: f64,
    /// Standard deviation of ln(metric) between runs.
    noise: f64,
    settings: Settings,
}

impl Sequential {
    /// bad / good − 1.
    #[must_use]
    pub fn shift(&self) -> f64 {
        (self.bad - self.good).exp_m1()
    }

    /// Relative standard deviation between runs.
    #[must_use]
    pub const fn noise(&self) -> f64 {
        self.noise
    }

    /// ln(P(value | bad) / P(value | good)) of one run, with Student-t(4) noise: it feeds a Bayesian search, which needs no
    /// verdict, and no single run can decide alone. 0 for what is no positive number.
    #[must_use]
    pub fn log_likelihood_ratio(&self, value: f64) -> f64 {
        let Ok(x) = ln(value) else { return 0.0 };
        let density = |level: f64| student_ln_density((x - level) / self.scale(), FREEDOM);
        density(self.bad) - density(self.good)
    }

    /// t(4) has more spread than its scale; the quartiles of both are made to agree.
    fn scale(&self) -> f64 {
        self.noise / MAD_TO_SIGMA / student_quantile(0.25, FREEDOM)
    }

    /// A candidate without runs.
    #[must_use]
    pub const fn candidate(&self) -> Candidate<'_> {
        Candidate { test: self, sum: 0.0, runs: 0 }
    }

    /// Runs of a candidate that a verdict takes on average, by Wald's approximation.
    #[must_use]
    pub fn expected_runs(&self) -> f64 {
        let Settings { error, .. } = self.settings;
        let gain = ((self.bad - self.good) / self.noise).powi(2) / 2.0;
        ((1.0 - 2.0 * error) * self.bound() / gain).max(1.0)
    }

    fn bound(&self) -> f64 {
        ((1.0 - self.settings.error) / self.settings.error).ln()
    }
}

/// The evidence on one candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate<'a> {
    test: &'a Sequential,
    sum: f64,
    runs: usize,
}

impl Candidate<'_> {
    /// Takes one run and says what is known now.
    ///
    /// # Errors
    ///
    /// If the value is not a positive number.
    pub fn add(&mut self, value: f64) -> Result<Verdict, SequentialError> {
        ln(value)?;
        self.sum += self.test.log_likelihood_ratio(value);
        self.runs += 1;
        Ok(self.verdict())
    }

    /// What is known.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let bound = self.test.bound();
        if self.sum >= bound {
            Verdict::Bad
        } else if self.sum <= -bound {
            Verdict::Good
        } else if self.runs >= self.test.settings.patience {
            Verdict::GivenUp
        } else {
            Verdict::Undecided
        }
    }

    /// Runs so far.
    #[must_use]
    pub const fn runs(&self) -> usize {
        self.runs
    }

    /// P(bad), if both were as likely before.
    #[must_use]
    pub fn chance_of_bad(&self) -> f64 {
        1.0 / (1.0 + (-self.sum).exp())
    }
}

fn ln(value: f64) -> Result<f64, SequentialError> {
    if value > 0.0 && value.is_finite() { Ok(value.ln()) } else { Err(SequentialError::NotPositive(value)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibrated(good: [f64; 3], bad: [f64; 3], settings: &Settings) -> Result<Sequential, SequentialError> {
        let mut ends = Calibration::default();
        for value in good {
            ends.add(End::Good, value).unwrap();
        }
        for value in bad {
            ends.add(End::Bad, value).unwrap();
        }
        ends.finish(settings)
    }

    #[test]
    fn what_lies_clearly_at_an_end_takes_two_or_three_runs() {
        let test = calibrated([10.0, 10.1, 9.9], [10.6, 10.5, 10.7], &Settings::default()).unwrap();
        let verdicts = |value: f64| {
            let mut candidate = test.candidate();
            let mut all = Vec::new();
            while all.last().is_none_or(|last| *last == Verdict::Undecided) {
                all.push(candidate.add(value).unwrap());
            }
            (all.len(), *all.last().unwrap())
        };
        assert!(verdicts(10.0).0 <= 3 && verdicts(10.0).1 == Verdict::Good);
        assert!(verdicts(10.6).0 <= 3 && verdicts(10.6).1 == Verdict::Bad);
        assert_eq!(verdicts(10.296).1, Verdict::GivenUp);
        assert!((test.shift() - 0.06).abs() < 1e-9);
    }

    #[test]
    fn one_run_far_out_decides_nothing() {
        let test = calibrated([10.0, 10.1, 9.9], [10.6, 10.5, 10.7], &Settings::default()).unwrap();
        assert!(test.log_likelihood_ratio(30.0).abs() < 1.0);
        assert!(test.log_likelihood_ratio(f64::NAN).abs() < 1e-12);
        assert!((test.log_likelihood_ratio(10.0) + test.log_likelihood_ratio(10.6)).abs() < 1e-9);
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused_with_the_price() {
        let refused = calibrated([10.0, 10.5, 9.5], [10.1, 9.6, 10.6], &Settings::default()).unwrap_err();
        let SequentialError::NotSeparable { runs, .. } = refused else { panic!("{refused}") };
        assert!(runs > 100, "{runs}");
        assert!(refused.to_string().starts_with("not separable at this budget, need "));
        let short = Calibration::default().finish(&Settings::default()).unwrap_err();
        assert!(short.to_string().contains("good end has 0 runs"));
        assert_eq!(Calibration::default().add(End::Good, 0.0), Err(SequentialError::NotPositive(0.0)));
    }
}
