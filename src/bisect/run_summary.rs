//! What series of recorded runs say → the report.

use crate::delta::table::Symptom;
use crate::history::runs::{Run, Runs};
use crate::output::bisect::words::{count, number};

use super::attribute::{Cut, Recorded, culprit};
use super::report::{Culprit, Others, Point, Ranked, Report, Status};
use super::run_series::{Analysis, Found};

/// Runs that a note names.
const NAMED: usize = 10;
/// Problems of files that are told.
const PROBLEMS: usize = 8;
/// Change points that are attributed: each takes two lints.
const ATTRIBUTED: usize = 50;

/// The change to look at first, with the series that it is of: for the worse before for the better, at a config before
/// elsewhere, then the surest and largest.
#[must_use]
pub fn leading(analyses: &[Analysis]) -> Option<(&Analysis, &Found)> {
    ordered(analyses).into_iter().next()
}

fn ordered(analyses: &[Analysis]) -> Vec<(&Analysis, &Found)> {
    let mut all: Vec<(&Analysis, &Found)> =
        analyses.iter().flat_map(|analysis| analysis.found.iter().map(move |found| (analysis, found))).collect();
    let size = |found: &Found| {
        found.shift.size.map_or((found.shift.after - found.shift.before).abs(), |size| size.relative.abs())
    };
    all.sort_by(|(_, a), (_, b)| {
        (b.worse, b.config)
            .cmp(&(a.worse, a.config))
            .then(size(b).total_cmp(&size(a)))
            .then(a.cut.index.cmp(&b.cut.index))
    });
    all
}

/// The report; what to type next is the caller's.
#[must_use]
pub fn report(recorded: Recorded<'_>, all: &Runs, analyses: &[Analysis]) -> Report {
    let found = ordered(analyses);
    let (good, bad) = found.first().map_or_else(Default::default, |(_, found)| ends(recorded.runs, found));
    let symptom =
        found.first().map(|(analysis, _)| *analysis).or(analyses.first()).and_then(|one| one.measure.symptom());
    let name = |run: usize| recorded.runs.get(run).map_or_else(String::new, |run| run.name.clone());
    let mut culprits: Vec<Culprit> = Vec::new();
    let mut ranking = Vec::new();
    let mut others = Others::default();
    for (analysis, found) in &found {
        for (place, (run, posterior)) in found.suspects.iter().enumerate() {
            let cut = Cut { index: *run, ..found.cut };
            if place == 0 && culprits.len() < ATTRIBUTED {
                culprits.push(culprit(recorded, cut, analysis.measure.symptom(), *posterior, found.text.clone()));
            }
            ranking.push(Ranked {
                commit: name(*run),
                subject: found.text.clone(),
                posterior: *posterior,
                config: found.config,
            });
        }
        if !found.config && recorded.steps.known {
            others.code = others.code.max(found.shift.probability);
        }
    }
    if let Some((_, found)) = found.first() {
        others.none = 1.0 - found.shift.probability;
    }
    Report {
        symptom: symptom.map(|one| one.name().to_owned()),
        commits: recorded.runs.len(),
        config_classes: recorded.steps.changing(symptom).count() + 1,
        culprits,
        ranking,
        hypotheses: others,
        notes: notes(recorded, all, analyses),
        timeline: points(recorded, symptom, analyses),
        series: analyses.iter().map(|analysis| analysis.series.clone()).collect(),
        ..Report::empty("runs", status(analyses), (&good, &bad))
    }
}

/// The last run that surely had the old level, and the first that surely had the new one.
#[must_use]
pub fn sure_ends(found: &Found) -> (usize, usize) {
    (found.shift.between.0.saturating_sub(1), found.shift.between.1)
}

fn ends(runs: &[Run], found: &Found) -> (String, String) {
    let (good, bad) = sure_ends(found);
    let name = |run: usize| runs.get(run).map_or_else(String::new, |run| run.name.clone());
    (name(good), name(bad))
}

/// The best answer that any series gives; none that finds a change is outweighed by one that does not.
fn status(analyses: &[Analysis]) -> Status {
    let order = [Status::Found, Status::Code, Status::Inconclusive, Status::NotSeparable];
    let has = |status: &Status| analyses.iter().any(|analysis| analysis.status == *status);
    order.into_iter().find(has).unwrap_or(Status::None)
}

fn notes(recorded: Recorded<'_>, all: &Runs, analyses: &[Analysis]) -> Vec<String> {
    let mut notes: Vec<String> = analyses.iter().flat_map(|analysis| analysis.notes.iter().cloned()).collect();
    for analysis in analyses {
        let without: Vec<&Run> = recorded
            .runs
            .iter()
            .zip(&analysis.series.values)
            .filter(|(_, v)| v.is_none())
            .map(|(run, _)| run)
            .collect();
        if !without.is_empty() {
            let named =
                without.iter().take(NAMED).map(|run| format!("{} ({})", run.name, analysis.measure.why_none(run)));
            let more = without.len().saturating_sub(NAMED);
            notes.push(format!(
                "{} without {}: {}{}",
                count(without.len(), "run"),
                if analysis.series.name == "crashed" { "a verdict" } else { &analysis.series.name },
                named.collect::<Vec<_>>().join(", "),
                if more > 0 { format!(" and {more} more") } else { String::new() }
            ));
        }
    }
    if !recorded.steps.known {
        notes.push("no run says what its config was: changes can't be traced to settings".to_owned());
    }
    let blank = recorded.runs.iter().filter(|run| run.config.is_none() && run.changed.is_none()).count();
    if recorded.steps.known && blank > 0 {
        notes.push(format!(
            "{} without a config: what changed there shows at the next run that has one",
            count(blank, "run")
        ));
    }
    if !recorded.steps.volatile.is_empty() {
        let names = recorded.steps.volatile.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        notes.push(format!("other values in nearly every run, so no config change: {names}"));
    }
    let repeated = all.repeated_names();
    if repeated > 0 {
        notes.push(format!("{repeated} names stand for more than one run; each run counts"));
    }
    let problems: Vec<&String> = all.notes.iter().chain(&recorded.steps.problems).collect();
    notes.extend(problems.iter().take(PROBLEMS).map(|problem| (*problem).clone()));
    if problems.len() > PROBLEMS {
        notes.push(format!("{} more problems with files", problems.len() - PROBLEMS));
    }
    notes
}

fn points(recorded: Recorded<'_>, symptom: Option<Symptom>, analyses: &[Analysis]) -> Vec<Point> {
    let (runs, steps) = (recorded.runs, recorded.steps);
    let mut class = 0;
    let mut points = Vec::with_capacity(runs.len());
    for (index, run) in runs.iter().enumerate() {
        let step = steps.steps.get(index);
        class += usize::from(index > 0 && step.is_some_and(|step| step.is_change(symptom)));
        let mut parts: Vec<String> = Vec::new();
        for analysis in analyses.iter().filter(|analysis| analysis.series.name != "crashed") {
            parts.push(match analysis.series.values.get(index).copied().flatten() {
                Some(value) => {
                    format!("{} {} {}", analysis.series.name, number(value), analysis.series.unit).trim_end().to_owned()
                }
                None => format!("no {}", analysis.series.name),
            });
        }
        parts.push(run.ending.name().to_owned());
        let suspects = analyses.iter().flat_map(|analysis| &analysis.found).flat_map(|found| &found.suspects);
        let posterior = suspects.filter(|(run, _)| *run == index).map(|(_, share)| *share).fold(0.0, f64::max);
        let mut changed: Vec<String> =
            step.into_iter().filter(|_| index > 0).flat_map(|step| &step.changes).map(|c| c.name.clone()).collect();
        changed.sort();
        changed.dedup();
        points.push(Point {
            commit: run.name.clone(),
            subject: parts.join(", "),
            #[expect(clippy::cast_possible_truncation, reason = "seconds")]
            time: run.time.unwrap_or(0.0) as i64,
            class,
            posterior,
            probes: [0; 3],
            changed,
        });
    }
    points
}
