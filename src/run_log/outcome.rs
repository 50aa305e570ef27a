//! How a run ended.

use serde::Serialize;

use super::format::Formats;
use super::merge::RunLog;
use super::metric::Metric;
use super::read::Hit;
use crate::delta::table::Symptom;

/// How far a run got.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// The last phase that the log names.
    pub phase: Option<String>,
    /// The last iteration that the log has.
    pub iteration: Option<u64>,
    /// Steps that the log has, over all starts.
    pub steps: usize,
}

/// A crash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Crash {
    /// Its kind; `None`: not one of those that the table of signs has.
    pub symptom: Option<Symptom>,
    /// How far the run got.
    pub progress: Progress,
    /// The line that says so, and where; `None`: it shows in the numbers only.
    pub line: Option<CrashLine>,
}

/// Where a log speaks of a crash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CrashLine {
    /// Line of its log, from 1.
    pub line: u64,
    /// The rank that said it.
    pub rank: Option<u32>,
    /// What it says.
    pub text: String,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It reached its last iteration, or said that it was done.
    Finished,
    /// It failed.
    Crashed(Crash),
    /// The log just ends: a time limit, a preemption, a hang without a watchdog, the job still runs, or the framework says
    /// neither how far it is to go nor that it is done.
    CutOff(Progress),
    /// It did not fail, but has too few steps to be compared.
    TooShort(Progress),
}

/// A run with fewer steps says nothing of its speed: the first two are dropped, and 8 are the least for an interval.
pub const FEWEST_STEPS: usize = 10;
/// An error after which this many steps ran was handled.
const SURVIVED: u64 = 2;

impl Outcome {
    /// Of a run.
    #[must_use]
    pub fn of(formats: &Formats, run: &RunLog) -> Self {
        let iteration = run.segments.last().and_then(|steps| steps.last()).map(|step| step.iteration);
        let steps = run.steps().count();
        let progress = Progress { phase: run.phase.clone(), iteration, steps };
        let reached = run.finished || iteration.zip(run.total).is_some_and(|(iteration, total)| iteration >= total);
        if let Some(crash) = fatal(formats, run, &progress, reached) {
            return Self::Crashed(crash);
        }
        if last_loss_is_nan(run) {
            return Self::Crashed(Crash { symptom: Some(Symptom::Nan), progress, line: None });
        }
        match (reached, steps) {
            (_, 1..FEWEST_STEPS) => Self::TooShort(progress),
            (true, _) => Self::Finished,
            (false, _) => Self::CutOff(progress),
        }
    }

    /// The name used in output.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Crashed(_) => "crashed",
            Self::CutOff(_) => "cut-off",
            Self::TooShort(_) => "too-short",
        }
    }
}

/// The sign nearest to the root that the run did not survive.
fn fatal(formats: &Formats, run: &RunLog, progress: &Progress, reached: bool) -> Option<Crash> {
    let deadly = |hit: &&Hit| hit.steps_after <= SURVIVED && !(reached && survived(run, hit));
    let kind = |hit: &Hit| {
        let sign = formats.signs().get(hit.sign)?;
        // `ValueError` in a log without steps of a run with steps may be from any time
        let early = hit.after.is_none() && run.segments.is_empty();
        if sign.before_steps && !early { None } else { sign.symptom }
    };
    let first = |known: bool| run.hits.iter().filter(deadly).find(|hit| kind(hit).is_some() == known);
    let hit = first(true).or_else(|| first(false))?;
    let line = CrashLine { line: hit.line, rank: hit.rank, text: hit.text.clone() };
    Some(Crash { symptom: kind(hit), progress: progress.clone(), line: Some(line) })
}

/// A run that reached its end fails only by what comes after its last step.
fn survived(run: &RunLog, hit: &Hit) -> bool {
    let last = run.segments.last().and_then(|steps| Some((run.segments.len() - 1, steps.last()?.iteration)));
    hit.after != last
}

fn last_loss_is_nan(run: &RunLog) -> bool {
    run.steps().rev().find_map(|step| step.values.get(Metric::Loss)).is_some_and(f64::is_nan)
}
