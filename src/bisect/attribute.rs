//! A change of level at a run → the settings that changed there, the likeliest cause first.

use std::path::Path;

use crate::delta::change::{Change, Side};
use crate::delta::compare::{Config, compare};
use crate::delta::relevance::relevance;
use crate::delta::table::Symptom;
use crate::facts::value::Value;
use crate::history::run_configs::Steps;
use crate::history::runs::Run;
use crate::lint::engine::Linter;
use crate::rule::model::Severity;

use super::report::{Changed, Culprit};
use super::suspicion::Standing;

/// Changed settings that are told of one run.
const CHANGES: usize = 12;
/// How the note of a setting begins that nobody reads in either config.
pub const UNREAD: &str = "not read";
/// The share of its weight that such a setting keeps.
const UNREAD_SHARE: f64 = 0.05;
/// A setting that a rule which starts to fire reads.
const COMPLAINT: f64 = 1.5;

/// The runs, and what they ran with.
#[derive(Clone, Copy)]
pub struct Recorded<'a> {
    /// Oldest first.
    pub runs: &'a [Run],
    /// What each changed.
    pub steps: &'a Steps,
    /// The rules.
    pub linter: &'a Linter<'a>,
}

/// Where the level changed: the first run of the new level, and how far both levels go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// First run of the new level.
    pub index: usize,
    /// First run of the old level.
    pub from: usize,
    /// One past the last run of the new level.
    pub to: usize,
}

/// Everything about the run at a cut; `subject` says how the level changed.
#[must_use]
pub fn culprit(all: Recorded<'_>, cut: Cut, symptom: Option<Symptom>, posterior: f64, subject: String) -> Culprit {
    let (Some(run), Some(step)) = (all.runs.get(cut.index), all.steps.steps.get(cut.index)) else {
        return empty(String::new(), posterior, subject);
    };
    let old = step.before.and_then(|before| all.runs.get(before)?.config.as_ref());
    let mut found = empty(run.name.clone(), posterior, subject);
    let mut weighed: Vec<(f64, Changed)> = Vec::new();
    let path = run.config.as_ref().map_or("", |config| config.path.as_str());
    let mut judged = Vec::new();
    if let (Some(old), Some(new)) = (old, &run.config) {
        let side = |config: &'_ crate::history::runs::RunConfig| (config.path.clone(), config.text.clone());
        let ((old_path, old_text), (new_path, new_text)) = (side(old), side(new));
        let old = Config { path: Path::new(&old_path), text: &old_text };
        let new = Config { path: Path::new(&new_path), text: &new_text };
        let comparison = compare(Some(old), Some(new), all.linter);
        let rules = |findings: &[crate::lint::finding::Finding]| {
            let shown = findings.iter().filter(|finding| finding.severity >= Severity::Warning);
            let mut rules: Vec<String> = shown.map(|finding| finding.rule.to_string()).collect();
            rules.sort();
            rules.dedup();
            rules
        };
        (found.introduced, found.fixed) = (rules(&comparison.started), rules(&comparison.stopped));
        judged = comparison.changes;
    }
    for change in &step.changes {
        let about = judged.iter().find(|judged| judged.change.name == change.name && judged.change.role == change.role);
        let standing = standing(all.steps, cut, change);
        let unread = about.and_then(|judged| judged.unread.clone());
        let rules = about.map(|judged| judged.rules.as_slice()).unwrap_or_default();
        let weight = relevance().weight(symptom, &change.name)
            * standing.factor()
            * if unread.is_some() { UNREAD_SHARE } else { 1.0 }
            * if rules.is_empty() { 1.0 } else { COMPLAINT };
        let note = note(change, symptom, standing, unread, rules);
        weighed.push((weight, Changed::new(change, path, relevance().group(&change.name), &note)));
    }
    weighed.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.field.cmp(&b.1.field)));
    found.why = why(&weighed, step.told, all.steps.known);
    found.changes = weighed.into_iter().take(CHANGES).map(|(_, changed)| changed).collect();
    found.path = found.changes.first().map_or_else(String::new, |changed| changed.path.clone());
    found
}

fn empty(commit: String, posterior: f64, subject: String) -> Culprit {
    Culprit {
        commit,
        subject,
        posterior,
        path: String::new(),
        changes: Vec::new(),
        introduced: Vec::new(),
        fixed: Vec::new(),
        why: String::new(),
    }
}

/// What the values in the runs around say: one that was there before the level changed did not change it.
fn standing(steps: &Steps, cut: Cut, change: &Change) -> Standing {
    let same_setting = |other: &&Change| other.name == change.name && other.role == change.role;
    let changes = |from: usize, to: usize| {
        let range = steps.steps.get(from.min(to)..to.min(steps.steps.len())).unwrap_or_default();
        range.iter().flat_map(|step| &step.changes).filter(same_setting).collect::<Vec<_>>()
    };
    let is = |side: &Side, value: &Side| match (&side.effective, &value.effective) {
        (Some(one), Some(two)) => Value::same(one, two),
        _ => false,
    };
    // the run at `from` set its values itself; what it had before belongs to the level before
    let (before, after) = (changes(cut.from + 1, cut.index), changes(cut.index + 1, cut.to));
    let opening = changes(cut.from, cut.from + 1);
    let had = |value: &Side| {
        before.iter().any(|other| is(&other.from, value) || is(&other.to, value))
            || opening.iter().any(|other| is(&other.to, value))
    };
    if had(&change.to) {
        Standing::SeenBefore
    } else if after.iter().any(|other| is(&other.to, &change.from)) {
        Standing::TakenBack
    } else if after.is_empty() {
        Standing::New
    } else {
        Standing::Replaced
    }
}

fn note(
    change: &Change,
    symptom: Option<Symptom>,
    standing: Standing,
    unread: Option<String>,
    rules: &[String],
) -> String {
    let mut parts = Vec::new();
    match (unread, symptom.and_then(|symptom| relevance().pointer(symptom, &change.name))) {
        (Some(unread), _) => parts.push(format!("{UNREAD}: {unread}")),
        (None, Some(pointer)) => parts.push(pointer.why.clone()),
        (None, None) => {}
    }
    if matches!(standing, Standing::SeenBefore | Standing::TakenBack) {
        parts.push(standing.in_words().to_owned());
    }
    if !rules.is_empty() {
        parts.push(format!("read by {}, which starts to fire", rules.join(", ")));
    }
    parts.join("; ")
}

fn why(weighed: &[(f64, Changed)], told: bool, known: bool) -> String {
    match weighed.first() {
        Some((_, first)) if first.note.is_empty() => format!("{} changed with this run", first.field),
        Some((_, first)) => format!("{}: {}", first.field, first.note),
        None if told => "the config changed with this run; what in it is not recorded".to_owned(),
        None if !known => {
            "the runs' configs are not recorded: add `config` or `changed` to the records, or compare both runs"
                .to_owned()
        }
        None => "not at a config change: look at code, container image, nodes".to_owned(),
    }
}
