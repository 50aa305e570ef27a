//! Probes that measure instead of passing or failing: both ends are run a few times, then each run of a candidate says
//! how much likelier it is to belong to one end than to the other.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use crate::run_log::distribution::normal_tail;
use crate::run_log::format::formats;
use crate::run_log::merge::RunLog;
use crate::run_log::metric::Metric;
use crate::run_log::read::read_log;
use crate::run_log::sequential::{Calibration, End, Sequential, SequentialError, Settings};
use crate::run_log::steady::summary;

use super::rates::Known;

/// What is measured, and what is known of it.
#[derive(Clone, Debug)]
pub struct Measure {
    /// `step_time`, or whatever `verdict.json` calls it.
    pub metric: String,
    /// How much worse the bad end is said to be, as a share; `None`: nobody said.
    pub worse_by: Option<f64>,
    settings: Settings,
    ends: Calibration,
    runs: (usize, usize),
    test: Option<Sequential>,
}

impl Measure {
    /// Nothing measured yet.
    #[must_use]
    pub fn new(metric: &str, worse_by: Option<f64>) -> Self {
        Self {
            metric: metric.to_owned(),
            worse_by,
            settings: Settings::default(),
            ends: Calibration::default(),
            runs: (0, 0),
            test: None,
        }
    }

    /// The end that has to be run next; `None`: both are known.
    #[must_use]
    pub fn wants(&self) -> Option<End> {
        let needed = self.settings.calibration;
        match self.runs {
            (good, bad) if bad < needed && bad <= good => Some(End::Bad),
            (good, _) if good < needed => Some(End::Good),
            _ => None,
        }
    }

    /// Takes a run of an end; the rates to search with once both ends are known.
    ///
    /// # Errors
    /// Ends that can't be told apart, or that differ by less than was said.
    pub fn calibrate(&mut self, end: End, value: f64) -> Result<Option<Known>, String> {
        self.ends.add(end, value).map_err(|error| error.to_string())?;
        match end {
            End::Good => self.runs.0 += 1,
            End::Bad => self.runs.1 += 1,
        }
        if self.wants().is_some() {
            return Ok(None);
        }
        let test = match self.ends.finish(&self.settings) {
            Ok(test) => test,
            Err(error @ SequentialError::NotSeparable { .. }) => return Err(error.to_string()),
            Err(error) => return Err(format!("{}: {error}", self.metric)),
        };
        if let Some(worse) = self.worse_by.filter(|worse| test.shift().abs() < worse / 2.0) {
            return Err(format!(
                "not separable: the ends differ by {:.1} % in {}, and not by {:.1} %",
                100.0 * test.shift().abs(),
                self.metric,
                100.0 * worse
            ));
        }
        // half of the distance between the ends, in deviations of a run, is what a run may be off before it misleads
        let error = normal_tail(test.shift().ln_1p().abs() / 2.0 / test.noise().max(1e-6));
        self.test = Some(test);
        Ok(Some(Known::Told(error, error)))
    }

    /// ln of how much likelier the value is if the candidate is bad.
    #[must_use]
    pub fn log_ratio(&self, value: f64) -> f64 {
        self.test.as_ref().map_or(0.0, |test| test.log_likelihood_ratio(value))
    }

    /// What is known of the ends, in words.
    #[must_use]
    pub fn in_words(&self) -> Option<String> {
        let test = self.test.as_ref()?;
        Some(format!(
            "{}: the bad end differs by {:+.1} %, runs of one candidate by {:.1} %",
            self.metric,
            100.0 * test.shift(),
            100.0 * test.noise()
        ))
    }
}

/// A metric of the run whose log is at `path`: the median of its steady steps, in the metric's unit.
#[must_use]
pub fn measured(path: &Path, metric: &str) -> Option<f64> {
    let metric = Metric::ALL.into_iter().find(|known| known.name() == metric)?;
    let log = read_log(formats(), BufReader::new(File::open(path).ok()?), None).ok()?;
    let run = RunLog::merge(formats(), vec![log]);
    summary(&run, metric, 0.95).map(|summary| summary.median)
}
