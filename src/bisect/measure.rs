//! Which numbers of recorded runs are searched for a change, and which way is worse.

use std::collections::BTreeMap;

use crate::delta::table::Symptom;
use crate::history::runs::{Ending, Run};
use crate::run_log::Metric;
use crate::run_log::outcome::FEWEST_STEPS;

/// What the user says about it.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// `--metric`
    pub metric: Option<String>,
    /// `--higher-is-better`
    pub higher_is_better: bool,
    /// `--symptom`
    pub symptom: Option<Symptom>,
}

/// A metric of runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// Its unit; may be empty.
    pub unit: &'static str,
    /// Which way is better.
    pub less_is_better: bool,
    /// Whether that is a guess.
    pub guessed: bool,
    /// What settings are ranked by.
    pub symptom: Symptom,
}

/// What is searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The level of a metric.
    Metric(Measured),
    /// How often runs crash.
    Crashes {
        /// With what; `None`: at all.
        asked: Option<Symptom>,
        /// What settings are ranked by: what was asked, else what most crashes are.
        ranked: Option<Symptom>,
    },
}

/// Nothing to search.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MeasureError {
    /// A metric that no run has.
    #[error("no run has the metric `{name}`; there is {known}")]
    Unknown {
        /// As asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Several, none of them the usual one.
    #[error("the runs have several metrics; say which with --metric: {0}")]
    Several(String),
    /// Neither numbers nor outcomes.
    #[error(
        "no run has a metric or an outcome: logs need the steps' lines of Megatron-LM, Megatron-Bridge, NeMo and the \
         like, records a number or an `outcome`"
    )]
    Nothing,
}

/// The usual metric.
const USUAL: Metric = Metric::StepTime;
/// Steady steps below which a run's numbers say nothing: the least number without the two that warm up.
const FEWEST: usize = FEWEST_STEPS - 2;

/// What to search: what the user asks for, else the usual metric or the only one, and crashes where there are any.
///
/// # Errors
/// [`MeasureError`].
pub fn choose(runs: &[Run], wish: &Wish) -> Result<Vec<Measure>, MeasureError> {
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for run in runs {
        for (name, _) in run.metrics.iter().filter(|(_, value)| value.is_finite()) {
            *known.entry(name).or_default() += 1;
        }
    }
    let list = || match known.len() {
        0 => "none".to_owned(),
        _ => known.keys().take(12).copied().collect::<Vec<_>>().join(", "),
    };
    if let Some(name) = &wish.metric {
        let known_name = [name.replace('-', "_"), name.clone()].into_iter().find(|name| known.contains_key(&**name));
        let Some(name) = known_name else { return Err(MeasureError::Unknown { name: name.clone(), known: list() }) };
        return Ok(vec![Measure::Metric(measured(&name, wish))]);
    }
    let ended = runs.iter().any(|run| matches!(run.ending, Ending::Finished | Ending::Crashed(_)));
    let crashed = runs.iter().any(|run| matches!(run.ending, Ending::Crashed(_)));
    if ended && wish.symptom.is_some_and(is_crash) {
        return Ok(vec![crashes(runs, wish.symptom)]);
    }
    let usual = known.contains_key(USUAL.name()).then_some(USUAL.name());
    let only = known.keys().next().copied().filter(|_| known.len() == 1);
    match usual.or(only) {
        Some(name) => {
            let also = (crashed && wish.symptom.is_none()).then(|| crashes(runs, None));
            Ok(std::iter::once(Measure::Metric(measured(name, wish))).chain(also).collect())
        }
        None if !known.is_empty() => Err(MeasureError::Several(list())),
        None if ended => Ok(vec![crashes(runs, wish.symptom)]),
        None => Err(MeasureError::Nothing),
    }
}

/// Crashes, of whatever kind if nobody asks.
fn crashes(runs: &[Run], asked: Option<Symptom>) -> Measure {
    let mut kinds: BTreeMap<Option<Symptom>, usize> = BTreeMap::new();
    for run in runs {
        if let Ending::Crashed(kind) = run.ending {
            *kinds.entry(kind).or_default() += 1;
        }
    }
    let all: usize = kinds.values().sum();
    let most = kinds.into_iter().filter(|(_, times)| 2 * times > all).find_map(|(kind, _)| kind);
    Measure::Crashes { asked, ranked: asked.or(most) }
}

/// Whether it ends a run.
const fn is_crash(symptom: Symptom) -> bool {
    !matches!(symptom, Symptom::Slow | Symptom::Accuracy)
}

fn measured(name: &str, wish: &Wish) -> Measured {
    let metric = Metric::ALL.into_iter().find(|metric| metric.name() == name);
    let lower = name.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    let (more, memory) =
        (has(&["flops", "throughput", "per_sec", "mfu", "tps", "bandwidth", "accuracy"]), has(&["mem"]));
    let loss = has(&["loss", "grad_norm", "perplexity", "ppl", "accuracy"]);
    let timed = has(&["time", "latency", "duration"]) || lower.ends_with("ms") || lower.ends_with("_s");
    let direction = metric.and_then(Metric::less_is_better);
    let guessed = direction.is_none() && !wish.higher_is_better && !(more || memory || loss || timed);
    let own = match () {
        () if loss => Symptom::Accuracy,
        () if memory => Symptom::Oom,
        () => Symptom::Slow,
    };
    let unit = metric.map_or_else(|| if lower.ends_with("_ms") { "ms" } else { "" }, Metric::unit);
    Measured {
        name: name.to_owned(),
        unit,
        less_is_better: !wish.higher_is_better && direction.unwrap_or(!more),
        guessed,
        symptom: wish.symptom.unwrap_or(own),
    }
}

impl Measure {
    /// The name of the series.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Metric(measured) => &measured.name,
            Self::Crashes { .. } => "crashed",
        }
    }

    /// What settings are ranked by.
    #[must_use]
    pub const fn symptom(&self) -> Option<Symptom> {
        match self {
            Self::Metric(measured) => Some(measured.symptom),
            Self::Crashes { ranked, .. } => *ranked,
        }
    }

    /// The value of each run; `None`: it has none, or too few steps for one.
    #[must_use]
    pub fn values(&self, runs: &[Run]) -> Vec<Option<f64>> {
        runs.iter().map(|run| self.value(run)).collect()
    }

    fn value(&self, run: &Run) -> Option<f64> {
        match self {
            Self::Metric(_) if run.steps.is_some_and(|steps| steps < FEWEST) => None,
            Self::Metric(measured) => run.metrics.get(&measured.name).copied().filter(|value| value.is_finite()),
            Self::Crashes { asked, .. } => match (run.ending, asked) {
                (Ending::Finished, _) => Some(0.0),
                (Ending::Crashed(_), None) => Some(1.0),
                // another crash came first: nobody knows whether this one would have come
                (Ending::Crashed(found), Some(asked)) => (found == Some(*asked)).then_some(1.0),
                _ => None,
            },
        }
    }

    /// Why a run has no value.
    #[must_use]
    pub fn why_none(&self, run: &Run) -> String {
        match (self, run.steps) {
            (Self::Metric(_), Some(0)) => format!("no steady step, {}", run.ending.name()),
            (Self::Metric(_), Some(steps)) if steps < FEWEST => {
                format!("{steps} steady steps, {FEWEST} are the least, {}", run.ending.name())
            }
            _ => run.ending.name().to_owned(),
        }
    }
}
