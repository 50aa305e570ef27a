//! One series of recorded runs → where its level changed. Pure.

use crate::delta::relevance::relevance;
use crate::history::run_configs::{Step, Steps};
use crate::history::runs::Run;
use crate::run_log::change_point::crash::{CrashChange, crash_change};
use crate::run_log::change_point::noise::Noise;
use crate::run_log::change_point::partition::{degrees, inflation};
use crate::run_log::change_point::{ChangePoint, ChangePoints, Settings, change_points};
use crate::run_log::distribution::student_quantile;
use crate::run_log::stats::count;

use crate::output::bisect::words::{count as count_of, number, percent};

use super::attribute::Cut;
use super::measure::{Measure, Measured};
use super::report::{Marker, Series, Shift, Size, Status};

/// How sure a change of the crash rate has to be.
const SURE: f64 = 0.95;
/// Prior share of changes of the crash rate: none, at a config change, elsewhere.
const PRIOR: [f64; 3] = [0.5, 0.4, 0.1];
/// ln likelihood of 80 % power, in standard errors.
const POWER: f64 = 0.84;
/// Suspicion of a config change of which nothing else is known.
const PLAIN: f64 = 0.5;
/// Changed settings that a marker names.
const NAMED: usize = 3;

/// A change of level.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// For the report.
    pub shift: Shift,
    /// Its place and the extent of both levels.
    pub cut: Cut,
    /// Whether it is at a config change.
    pub config: bool,
    /// Whether it is for the worse.
    pub worse: bool,
    /// Runs whose config change may be it with their probabilities, the likeliest first; without any the run itself.
    pub suspects: Vec<(usize, f64)>,
    /// In words: `step_time 9.02 s → 9.95 s (…)`.
    pub text: String,
}

/// What a series says.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// What was searched.
    pub measure: Measure,
    /// For the report.
    pub series: Series,
    /// By index.
    pub found: Vec<Found>,
    /// What follows.
    pub status: Status,
    /// In words, what somebody should know.
    pub notes: Vec<String>,
}

/// Searches one series; `worse_by` is the least relative shift that matters, which decides whether finding none means
/// anything.
#[must_use]
pub fn analyse(runs: &[Run], steps: &Steps, measure: Measure, worse_by: f64) -> Analysis {
    let values = measure.values(runs);
    let symptom = measure.symptom();
    let unit = if let Measure::Metric(measured) = &measure { measured.unit } else { "" };
    let series = Series {
        name: measure.name().to_owned(),
        unit: unit.to_owned(),
        labels: runs.iter().map(|run| run.name.clone()).collect(),
        values,
        shifts: Vec::new(),
        markers: steps.changing(symptom).map(|index| marker(index, &steps.steps[index])).collect(),
    };
    let mut analysis = Analysis { measure, series, found: Vec::new(), status: Status::None, notes: Vec::new() };
    match analysis.measure.clone() {
        Measure::Metric(measured) => analysis.level(steps, &measured, worse_by),
        Measure::Crashes { .. } => analysis.crashes(steps),
    }
    analysis.series.shifts = analysis.found.iter().map(|found| found.shift.clone()).collect();
    if let Some(any) = analysis.found.iter().map(|found| found.config || !steps.known).max() {
        analysis.status = if any { Status::Found } else { Status::Code };
    }
    analysis
}

fn marker(index: usize, step: &Step) -> Marker {
    let mut names: Vec<&str> = step.changes.iter().map(|change| change.name.as_str()).collect();
    names.dedup();
    let more = names.len().saturating_sub(NAMED);
    let mut text = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match (names.len(), more) {
        (0, _) => "config".clone_into(&mut text),
        (_, 0) => {}
        _ => text.push_str(&format!(" and {more} more")),
    }
    Marker { index, text }
}

impl Analysis {
    fn level(&mut self, steps: &Steps, measured: &Measured, worse_by: f64) {
        let values: Vec<f64> = self.series.values.iter().map(|value| value.unwrap_or(f64::NAN)).collect();
        let suspects: Vec<usize> = steps.changing(self.measure.symptom()).collect();
        let settings = Settings::default();
        let points = match change_points(&values, &suspects, &settings) {
            Ok(points) => points,
            Err(error) => {
                self.status = Status::Inconclusive;
                self.notes.push(format!("{}: {error}", measured.name));
                return;
            }
        };
        if measured.guessed {
            self.notes.push(format!("{}: less counts as better; --higher-is-better says otherwise", measured.name));
        }
        self.metric_changes(&points, steps, measured);
        let spikes = points.noise.outliers.len();
        if spikes > 0 {
            self.notes.push(format!("{}: {} left out as spikes", measured.name, count_of(spikes, "run")));
        }
        if self.found.is_empty() {
            let known = values.iter().filter(|value| value.is_finite()).count();
            let share = settings.alpha / count(if suspects.is_empty() { known } else { suspects.len() });
            self.nothing(measured, &points.noise, known, share, worse_by);
        }
    }

    fn metric_changes(&mut self, points: &ChangePoints, steps: &Steps, measured: &Measured) {
        let mut all: Vec<(&ChangePoint, bool)> = points.config.iter().map(|point| (point, true)).collect();
        all.extend(points.code.iter().map(|point| (point, false)));
        all.sort_by_key(|(point, _)| point.index);
        let ends: Vec<usize> = all.iter().map(|(point, _)| point.index).collect();
        for (place, (point, config)) in all.into_iter().enumerate() {
            let probability = probability(point.p * Settings::default().alpha / point.limit);
            let cut = Cut {
                index: point.index,
                from: place.checked_sub(1).map_or(0, |before| ends[before]),
                to: ends.get(place + 1).copied().unwrap_or(self.series.values.len()),
            };
            let suspects = if config {
                share(probability, &point.suspects, &point.likelihoods, steps, Some(measured.symptom))
            } else {
                vec![(point.index, probability)]
            };
            let size = Size {
                relative: point.shift,
                low: point.shift_low,
                high: point.shift_high,
                p: point.p,
                limit: point.limit,
            };
            let shift = Shift {
                index: point.index,
                between: (point.first, point.last),
                before: point.before,
                after: point.after,
                probability,
                size: Some(size),
            };
            let worse = (point.after > point.before) == measured.less_is_better;
            let text = format!("{}; {}", in_words(measured, &shift, &size, worse), self.ends(&shift, worse));
            self.found.push(Found { shift, cut, config, worse, suspects, text });
        }
    }

    /// What it means that nothing was found.
    fn nothing(&mut self, measured: &Measured, noise: &Noise, known: usize, share: f64, worse_by: f64) {
        let seen = |after: usize| {
            let (left, right) = (count(known - after), count(after));
            let variance = inflation(left.min(right), noise.correlation) * (1.0 / left + 1.0 / right);
            let quantile = student_quantile((share / 2.0).min(0.5), degrees(count(known), 0));
            ((quantile + POWER) * noise.sigma * variance.sqrt()).exp_m1()
        };
        let middle = seen((known / 2).max(1));
        self.notes.push(format!(
            "{}: a shift of {:.1}% in the middle would have shown, one of {:.1}% in the newest 3 runs (noise {:.1}%)",
            measured.name,
            100.0 * middle,
            100.0 * seen(3.min(known - 1)),
            100.0 * noise.sigma
        ));
        if middle > worse_by {
            self.status = Status::NotSeparable;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of runs")]
            let needed = (count(known) * (middle / worse_by).powi(2)).ceil().min(1e9) as u64;
            self.notes.push(format!(
                "{}: to see {:.0}% takes about {needed} runs, there are {known}; record more, or say --worse-by",
                measured.name,
                100.0 * worse_by
            ));
        }
    }

    /// The last run that surely had the old level, and the first that surely had the new one.
    fn ends(&self, shift: &Shift, worse: bool) -> String {
        let label = |index: usize| self.series.labels.get(index).map_or("", String::as_str);
        let (old, new) = (label(shift.between.0.saturating_sub(1)), label(shift.between.1));
        if worse {
            format!("last good {old}, first bad {new}")
        } else {
            format!("last before {old}, first after {new}")
        }
    }

    fn crashes(&mut self, steps: &Steps) {
        let runs: Vec<Option<bool>> = self.series.values.iter().map(|value| value.map(|value| value > 0.5)).collect();
        let suspects: Vec<usize> = steps.changing(self.measure.symptom()).collect();
        let found = crash_change(&runs, &prior(runs.len(), &suspects));
        let (crashes, known) = (found.before.0 + found.after.0, found.before.1 + found.after.1);
        let probability = found.probability();
        let Some(index) = found.index.filter(|_| crashes > 0 && probability > 0.5) else {
            self.notes.push(match (crashes, known) {
                (_, 0) => "crashes: no run has a verdict".to_owned(),
                (0, _) => format!("crashes: none in {}", count_of(known as usize, "run")),
                _ => format!("crashes: {crashes} of {known} runs, as likely early as late"),
            });
            self.status = if known == 0 { Status::Inconclusive } else { Status::None };
            return;
        };
        if probability < SURE {
            self.notes.push(format!(
                "crashes: perhaps more or fewer from {} on ({:.0}% sure, {} of {} runs before, {} of {} since): run both configs again",
                self.series.labels[index],
                100.0 * probability,
                found.before.0,
                found.before.1,
                found.after.0,
                found.after.1
            ));
            self.status = Status::Inconclusive;
            return;
        }
        self.crash_change(&found, index, &suspects, steps);
    }

    fn crash_change(&mut self, found: &CrashChange, index: usize, suspects: &[usize], steps: &Steps) {
        let probability = found.probability();
        let rate = |(crashes, all): (u32, u32)| f64::from(crashes) / f64::from(all.max(1));
        let (before, after) = (rate(found.before), rate(found.after));
        let near: Vec<usize> =
            suspects.iter().copied().filter(|cut| (found.interval.0..=found.interval.1).contains(cut)).collect();
        let likelihoods: Vec<f64> = near.iter().map(|cut| found.posterior[*cut]).collect();
        let config = suspects.contains(&index);
        let near = if config {
            share(probability, &near, &likelihoods, steps, self.measure.symptom())
        } else {
            vec![(index, found.posterior[index])]
        };
        let shift = Shift { index, between: found.interval, before, after, probability, size: None };
        let text = format!(
            "crashes {} of {} → {} of {} runs ({} sure); {}",
            found.before.0,
            found.before.1,
            found.after.0,
            found.after.1,
            percent(probability),
            self.ends(&shift, after > before)
        );
        let cut = Cut { index, from: 0, to: self.series.values.len() };
        self.found.push(Found { shift, cut, config, worse: after > before, suspects: near, text });
    }
}

/// Half on no change, most of the rest on config changes.
fn prior(runs: usize, suspects: &[usize]) -> Vec<f64> {
    let [none, config, other] = PRIOR;
    let others = runs.saturating_sub(1 + suspects.len());
    let (config, other) = match (suspects.len(), others) {
        (0, _) => (0.0, config + other),
        (_, 0) => (config + other, 0.0),
        _ => (config, other),
    };
    let mut prior = vec![other / count(others.max(1)); runs.max(1)];
    for suspect in suspects.iter().filter(|suspect| **suspect < runs) {
        prior[*suspect] = config / count(suspects.len());
    }
    prior[0] = none;
    prior
}

/// Splits a probability among suspects by their likelihood and by what they changed.
fn share(
    probability: f64,
    suspects: &[usize],
    likelihoods: &[f64],
    steps: &Steps,
    symptom: Option<crate::delta::table::Symptom>,
) -> Vec<(usize, f64)> {
    let weight = |run: usize| {
        let changes = steps.steps.get(run).map_or(&[][..], |step| step.changes.as_slice());
        changes.iter().map(|change| relevance().weight(symptom, &change.name)).fold(PLAIN, f64::max)
    };
    let mut shares: Vec<(usize, f64)> =
        suspects.iter().zip(likelihoods).map(|(run, likelihood)| (*run, likelihood * weight(*run))).collect();
    let sum: f64 = shares.iter().map(|(_, share)| share).sum();
    if sum > 0.0 {
        for (_, share) in &mut shares {
            *share *= probability / sum;
        }
    }
    shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    shares
}

/// The least probability of a change that a p-value allows when both were as likely before: Sellke, Bayarri & Berger 2001.
fn probability(p: f64) -> f64 {
    if p >= (-1.0_f64).exp() {
        return 0.5;
    }
    let p = p.max(1e-300);
    1.0 / (1.0 - std::f64::consts::E * p * p.ln())
}

fn in_words(measured: &Measured, shift: &Shift, size: &Size, worse: bool) -> String {
    let unit = if measured.unit.is_empty() { String::new() } else { format!(" {}", measured.unit) };
    format!(
        "{} {}{unit} → {}{unit} ({:+.1}%, 95%: {:+.1}% to {:+.1}%; p {}), {}",
        measured.name,
        number(shift.before),
        number(shift.after),
        100.0 * size.relative,
        100.0 * size.low,
        100.0 * size.high,
        small(size.p),
        if worse { "worse" } else { "better" }
    )
}

fn small(p: f64) -> String {
    if p < 1e-300 { "<1e-300".to_owned() } else { format!("{p:.0e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_p_value_is_no_certainty() {
        assert!((probability(0.05) - 0.71).abs() < 0.01);
        assert!((probability(0.9) - 0.5).abs() < 1e-12 && probability(0.0) <= 1.0);
        assert!(probability(1e-9) > 0.999_999);
    }

    #[test]
    fn priors_are_whole() {
        for (runs, suspects) in [(0, vec![]), (1, vec![]), (5, vec![2]), (3, vec![1, 2]), (4, vec![])] {
            let prior = prior(runs, &suspects);
            let sum: f64 = prior.iter().sum();
            assert!(runs < 2 || (sum - 1.0).abs() < 1e-12, "{runs} {suspects:?} {prior:?}");
        }
    }
}
