//! The steps that say how fast a run is, and robust summaries of them.

use serde::Serialize;

use super::merge::RunLog;
use super::metric::Metric;
use super::read::Step;
use super::stats::{mad, median_interval, quantile, sorted};

/// A metric over the steady steps of one run, in the metric's unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Median.
    pub median: f64,
    /// Lower end of the median's interval, of order statistics; it says nothing of noise between runs.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The confidence that the interval has; below the asked one if there are too few steps.
    pub confidence: f64,
    /// Median absolute deviation from the median, not scaled.
    pub mad: f64,
    /// 95th percentile over median: 1 on steady steps, more with stragglers or a bimodal dispatch.
    pub p95_to_median: f64,
    /// Steps that count.
    pub steps: usize,
    /// Steps that have the metric and were left out.
    pub dropped: usize,
}

/// Steps at a start that are never steady: compilation, graph capture, allocation.
const WARM_UP: usize = 2;
/// Share of the steps of a segment that count as warm-up, one in.
const WARM_UP_SHARE: usize = 10;

/// The steady steps of a run: without the first max(2, 10 %) of each segment, those with another global batch size than the
/// last one and the first with a new one, and those beside a checkpoint or an evaluation.
#[must_use]
pub fn steady(run: &RunLog) -> Vec<&Step> {
    let batch = |step: &Step| step.values.get(Metric::GlobalBatchSize);
    let usual = run.steps().rev().find_map(batch);
    let mut kept = Vec::new();
    for (segment, steps) in run.segments.iter().enumerate() {
        let warm = WARM_UP.max(steps.len().div_ceil(WARM_UP_SHARE));
        let marks: Vec<u64> =
            run.marks.iter().filter(|mark| mark.segment == segment).map(|mark| mark.iteration).collect();
        for place in warm..steps.len() {
            let (before, step) = (&steps[place - 1], &steps[place]);
            let ramping = batch(step).is_some() && (batch(step) != usual || batch(step) != batch(before));
            // the mark's own step, whose line may come after it, and the one that restarts the pipeline
            let first = marks.partition_point(|mark| *mark < before.iteration);
            let beside = marks.get(first).is_some_and(|mark| *mark <= step.iteration);
            if !ramping && !beside {
                kept.push(step);
            }
        }
    }
    kept
}

/// Summarises a metric over the steady steps; `None` if none of them has it.
#[must_use]
pub fn summary(run: &RunLog, metric: Metric, confidence: f64) -> Option<Summary> {
    let values: Vec<f64> = steady(run).into_iter().filter_map(|step| step.values.get(metric)).collect();
    let ranked = sorted(&values);
    let median = median_interval(&ranked, confidence)?;
    let all = run.steps().filter(|step| step.values.get(metric).is_some()).count();
    Some(Summary {
        median: median.value,
        low: median.low,
        high: median.high,
        confidence: median.confidence,
        mad: mad(&ranked)?,
        p95_to_median: quantile(&ranked, 0.95)? / median.value,
        steps: ranked.len(),
        dropped: all - ranked.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_log::metric::Values;
    use crate::run_log::read::{Mark, MarkKind};

    fn run(steps: u64) -> RunLog {
        let step = |iteration: u64| {
            let mut values = Values::default();
            values.set(Metric::StepTime, if iteration <= 2 { 60.0 } else { 9.0 });
            values.set(Metric::GlobalBatchSize, if iteration <= 10 { 64.0 } else { 128.0 });
            Step { iteration, values }
        };
        RunLog { segments: vec![(1..=steps).map(step).collect()], ..RunLog::default() }
    }

    fn iterations(run: &RunLog) -> Vec<u64> {
        steady(run).iter().map(|step| step.iteration).collect()
    }

    #[test]
    fn warm_up_ramp_up_and_checkpoints_are_left_out() {
        let mut run = run(20);
        assert_eq!(iterations(&run), (12..=20).collect::<Vec<u64>>());
        run.marks = vec![Mark { segment: 0, iteration: 15, kind: MarkKind::Save }];
        assert_eq!(iterations(&run), [12, 13, 14, 17, 18, 19, 20]);
        let found = summary(&run, Metric::StepTime, 0.95).unwrap();
        assert_eq!((found.median, found.mad, found.steps, found.dropped), (9.0, 0.0, 7, 13));
        assert_eq!(summary(&run, Metric::Loss, 0.95), None);
    }

    #[test]
    fn a_restart_warms_up_again() {
        let mut run = run(30);
        let tail = run.segments[0].split_off(20);
        run.segments.push(tail);
        assert_eq!(iterations(&run), (12..=20).chain(23..=30).collect::<Vec<u64>>());
    }
}
