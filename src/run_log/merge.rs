//! The logs of all ranks of a run → one log of the run.
//!
//! Frameworks print different things on different ranks: the iteration line on the last, memory on each data-parallel rank
//! 0, the step time on rank 0. The order of the logs does not matter.

use std::collections::BTreeMap;

use super::format::Formats;
use super::metric::{Metric, Values};
use super::read::{Hit, Mark, RankLog, Step};

/// A run, as its logs tell it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunLog {
    /// Name of the format, the most specific one of those seen.
    pub format: Option<String>,
    /// Steps; one segment a start of the program.
    pub segments: Vec<Vec<Step>>,
    /// Interruptions, in order.
    pub marks: Vec<Mark>,
    /// Signs of a crash, the nearest to the root first.
    pub hits: Vec<Hit>,
    /// The last phase that any rank reached.
    pub phase: Option<String>,
    /// The last iteration the run is to reach.
    pub total: Option<u64>,
    /// Whether the program said that it was done.
    pub finished: bool,
    /// The most memory that any rank reports, in GB, with or without an iteration.
    pub peak_memory: Option<f64>,
}

impl RunLog {
    /// Merges the logs of a run.
    #[must_use]
    pub fn merge(formats: &Formats, mut logs: Vec<RankLog>) -> Self {
        logs.sort_by_cached_key(order);
        let mut seen: Vec<usize> = logs.iter().flat_map(|log| log.formats.iter().copied()).collect();
        seen.sort_unstable();
        seen.dedup();
        let mut run = Self {
            format: formats.most_specific(&seen).and_then(|format| formats.names().nth(format)).map(str::to_owned),
            segments: merge_segments(&logs),
            phase: logs.iter().filter_map(|log| log.phase.clone()).next_back(),
            total: logs.iter().filter_map(|log| log.total).max(),
            finished: logs.iter().any(|log| log.finished),
            ..Self::default()
        };
        run.number(&logs);
        for log in &logs {
            run.place(log);
        }
        run.marks = logs.iter().flat_map(|log| log.marks.iter().copied()).collect();
        run.marks.sort_unstable();
        run.marks.dedup();
        run.hits = logs.into_iter().flat_map(|log| log.hits).collect();
        run.hits.sort_by(|a, b| (a.sign, a.line, a.rank, &a.text).cmp(&(b.sign, b.line, b.rank, &b.text)));
        if formats.omit_nan_loss(&seen) {
            run.mark_nan_losses();
        }
        if formats.timed_by_lines(&seen) {
            run.time_by_lines();
        }
        run
    }

    /// All steps, in order.
    #[must_use]
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = &Step> {
        self.segments.iter().flatten()
    }

    /// Without any iteration line, the values that would belong to them number the steps themselves.
    fn number(&mut self, logs: &[RankLog]) {
        let most = logs.iter().map(|log| &log.unplaced).reduce(|a, b| if b.len() > a.len() { b } else { a });
        if let (true, Some(unplaced)) = (self.segments.is_empty(), most.filter(|unplaced| !unplaced.is_empty())) {
            let steps = (1..).zip(unplaced).map(|(iteration, values)| Step { iteration, values: *values });
            self.segments = vec![steps.collect()];
        }
    }

    /// Gives the steps what a log has for steps that another log tells of.
    fn place(&mut self, log: &RankLog) {
        if log.segments.is_empty() && log.unplaced.len() <= self.steps().count() + 1 {
            // both start with the first step
            for (step, values) in self.segments.iter_mut().flatten().zip(&log.unplaced) {
                step.values.join(values);
            }
        }
        for (segment, iteration, values) in &log.sides {
            let steps = self.segments.get_mut(*segment).map_or(&mut [][..], Vec::as_mut_slice);
            if let Ok(at) = steps.binary_search_by_key(iteration, |step| step.iteration) {
                steps[at].values.join(values);
            }
            self.peak_memory = greatest(self.peak_memory, values.get(Metric::PeakMemory));
        }
        let of_steps = self.segments.iter().flatten().filter_map(|step| step.values.get(Metric::PeakMemory));
        self.peak_memory = greatest(self.peak_memory, of_steps.reduce(f64::max));
    }

    /// A loss that was printed before and is missing, or an iteration with NaNs, is a NaN.
    fn mark_nan_losses(&mut self) {
        let mut seen = false;
        for step in self.segments.iter_mut().flatten() {
            let found = step.values.get(Metric::Loss).is_some();
            let counted = step.values.get(Metric::NanIterations).is_some_and(|nans| nans > 0.0);
            if !found && (seen || counted) {
                step.values.set(Metric::Loss, f64::NAN);
            }
            seen |= found;
        }
    }

    /// The time since the line before is the step time, where lines have none.
    fn time_by_lines(&mut self) {
        if self.steps().any(|step| step.values.get(Metric::StepTime).is_some()) {
            return;
        }
        for steps in &mut self.segments {
            for place in (1..steps.len()).rev() {
                let (before, step) = (&steps[place - 1], &steps[place]);
                let times = before.values.get(Metric::Timestamp).zip(step.values.get(Metric::Timestamp));
                let Some((start, end)) = times.filter(|(start, end)| end > start) else { continue };
                let Ok(iterations) = u32::try_from(step.iteration - before.iteration) else { continue };
                steps[place].values.set(Metric::StepTime, (end - start) / f64::from(iterations));
            }
        }
    }
}

fn greatest(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    }
}

/// An order of logs that does not depend on how they were given: by rank, then by what they say.
fn order(log: &RankLog) -> (u32, Vec<u64>, String) {
    let bits =
        |values: &Values| values.iter().map(|(metric, value)| value.to_bits() ^ metric as u64).collect::<Vec<u64>>();
    let steps = log.segments.iter().flatten();
    let numbers = steps.flat_map(|step| std::iter::once(step.iteration).chain(bits(&step.values)));
    (log.rank.unwrap_or(u32::MAX), numbers.collect(), format!("{:?} {:?} {}", log.phase, log.unplaced, log.lines))
}

/// Segment by segment; of a metric that several logs have, the first log's counts unless the greatest does.
fn merge_segments(logs: &[RankLog]) -> Vec<Vec<Step>> {
    if logs.iter().filter(|log| !log.segments.is_empty()).count() < 2 {
        let only = logs.iter().find(|log| !log.segments.is_empty());
        return only.map(|log| log.segments.clone()).unwrap_or_default();
    }
    let most = logs.iter().map(|log| log.segments.len()).max().unwrap_or(0);
    (0..most)
        .map(|segment| {
            let mut merged: BTreeMap<u64, Values> = BTreeMap::new();
            for step in logs.iter().filter_map(|log| log.segments.get(segment)).flatten() {
                merged.entry(step.iteration).or_default().join(&step.values);
            }
            merged.into_iter().map(|(iteration, values)| Step { iteration, values }).collect()
        })
        .collect()
}
