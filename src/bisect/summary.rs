//! A search → its report.

use std::collections::BTreeSet;

use crate::delta::relevance::{Symptom, relevance};

use super::case::Case;
use super::posterior::Cause;
use super::report::{Changed, Culprit, Exonerated, Others, Point, Ranked, Report, Status};
use super::suspicion::Standing;

/// Commits in a ranking.
const RANKED: usize = 20;
/// Suspects that a ranking without probes tells everything about.
const SHOWN: usize = 5;
/// Changed settings that are told of one commit.
const CHANGES: usize = 12;
/// A ranking whose best suspect weighs less than this has none: nothing that changed points at the symptom.
const POINTS_AT: f64 = 0.5;

/// The beliefs in the order of the case's hypotheses → a report without probes.
#[must_use]
pub fn report(case: &Case, belief: &[f64], ends: (&str, &str), symptom: Option<Symptom>) -> Report {
    let timeline = &case.timeline;
    let mut ranked: Vec<(usize, f64)> = Vec::new();
    let mut others = Others::default();
    for (cause, weight) in case.causes.iter().zip(belief) {
        match cause {
            Cause::Config(commit) => ranked.push((*commit, *weight)),
            Cause::Code(commit) => {
                others.code += weight;
                ranked.push((*commit, *weight));
            }
            Cause::NeverBad | Cause::AlwaysBad => others.none += weight,
        }
    }
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let ranking = ranked.iter().take(RANKED).filter_map(|(commit, posterior)| {
        let about = timeline.range.commits.get(*commit)?;
        let config = case.suspicion(*commit).is_some();
        Some(Ranked { commit: about.id.to_string(), subject: about.subject.clone(), posterior: *posterior, config })
    });
    let configs = ranked.iter().filter(|(commit, _)| case.suspicion(*commit).is_some());
    let culprits = configs.take(SHOWN).map(|(commit, posterior)| culprit(case, *commit, *posterior));
    let mut report = Report {
        version: 1,
        mode: "commits",
        status: Status::Ranked,
        good: ends.0.to_owned(),
        bad: ends.1.to_owned(),
        symptom: symptom.map(|symptom| symptom.name().to_owned()),
        commits: timeline.range.commits.len() - 1,
        config_classes: timeline.changing().count() + 1,
        probes: super::report::Counts::default(),
        culprits: culprits.collect(),
        ranking: ranking.collect(),
        hypotheses: others,
        exonerated: exonerated(case),
        notes: notes(case, symptom),
        next: Vec::new(),
        log: Vec::new(),
        timeline: points(case, belief),
        series: Vec::new(),
    };
    report.culprits.retain(|culprit| culprit.posterior > 0.0);
    report
}

/// Everything about one commit.
#[must_use]
pub fn culprit(case: &Case, commit: usize, posterior: f64) -> Culprit {
    let about = case.timeline.range.commits.get(commit);
    let complaints = case.complaints.get(&commit).cloned().unwrap_or_default();
    let mut changes = Vec::new();
    let mut why = String::new();
    if let (Some(suspicion), Some(step)) = (case.suspicion(commit), case.timeline.steps.get(commit)) {
        let mut seen = BTreeSet::new();
        for suspect in &suspicion.suspects {
            let Some(file) = step.files.get(suspect.file) else { continue };
            let Some(change) = file.changes.get(suspect.change) else { continue };
            // the same change in many configs is told once
            let value = |side: &crate::delta::change::Side| side.effective.as_ref().map(ToString::to_string);
            if changes.len() < CHANGES && seen.insert((change.name.clone(), value(&change.from), value(&change.to))) {
                let group = relevance().group(&change.name);
                changes.push(Changed::new(change, &file.path, group, suspect.standing.in_words()));
            }
        }
        if let Some(first) = suspicion.suspects.first() {
            why = reason(first.standing, changes.first(), &complaints.introduced);
        }
    }
    Culprit {
        commit: about.map_or_else(String::new, |about| about.id.to_string()),
        subject: about.map_or_else(String::new, |about| about.subject.clone()),
        posterior,
        path: changes.first().map_or_else(String::new, |change| change.path.clone()),
        changes,
        introduced: complaints.introduced,
        fixed: complaints.fixed,
        why,
    }
}

fn reason(standing: Standing, first: Option<&Changed>, introduced: &[String]) -> String {
    let Some(first) = first else { return String::new() };
    let mut why = format!("{}: {}", first.field, standing.in_words());
    if let Some(rule) = introduced.first() {
        why.push_str(&format!("; brings {rule}"));
    }
    why
}

/// What the history rules out before anything runs.
fn exonerated(case: &Case) -> Exonerated {
    let mut out = Exonerated::default();
    for (at, step) in case.timeline.steps.iter().enumerate().skip(1) {
        match case.suspicion(at) {
            None if step.cosmetic > 0 => out.cosmetic += 1,
            None => out.untouched += 1,
            Some(suspicion) => {
                let ruled_out =
                    |standing| matches!(standing, Standing::SeenBefore | Standing::TakenBack | Standing::OtherConfig);
                let all = suspicion.suspects.iter().all(|suspect| ruled_out(suspect.standing));
                out.by_values += usize::from(all);
            }
        }
    }
    out
}

fn notes(case: &Case, symptom: Option<Symptom>) -> Vec<String> {
    let mut notes = Vec::new();
    if case.timeline.range.forked {
        notes.push(
            "the good commit is no ancestor of the bad one: their common ancestor is taken for good too".to_owned(),
        );
    }
    let heaviest = case.suspicions.iter().flat_map(|one| &one.suspects).map(|one| one.weight).fold(0.0, f64::max);
    if case.suspicions.is_empty() {
        notes.push(
            "no effective config changed in this range: look outside the config (code, container image, driver, \
             cluster)"
                .to_owned(),
        );
    } else if let Some(symptom) = symptom.filter(|_| heaviest < POINTS_AT) {
        notes.push(format!(
            "nothing that changed points at {}: look outside the config (code, container image, driver, cluster)",
            symptom.name()
        ));
    }
    notes.extend(case.timeline.problems.iter().take(5).cloned());
    let more = case.timeline.problems.len().saturating_sub(5);
    if more > 0 {
        notes.push(format!("{more} more objects could not be read"));
    }
    notes
}

fn points(case: &Case, belief: &[f64]) -> Vec<Point> {
    let mut class = 0;
    let mut points = Vec::new();
    for (at, commit) in case.timeline.range.commits.iter().enumerate() {
        let step = case.timeline.steps.get(at);
        let changes = step.is_some_and(super::super::history::timeline::Step::is_change);
        class += usize::from(changes);
        let of = |cause: &Cause| matches!(cause, Cause::Config(commit) | Cause::Code(commit) if *commit == at);
        let posterior = case.causes.iter().position(of).and_then(|index| belief.get(index)).copied().unwrap_or(0.0);
        let mut names: Vec<String> = step
            .into_iter()
            .flat_map(|step| &step.files)
            .flat_map(|file| &file.changes)
            .map(|change| change.name.clone())
            .collect();
        names.sort();
        names.dedup();
        points.push(Point {
            commit: commit.id.to_string(),
            subject: commit.subject.clone(),
            time: commit.time,
            class,
            posterior,
            probes: [0; 3],
            changed: names,
        });
    }
    points
}
