//! Configs of consecutive runs → what changed from one to the next in what they mean.

use std::collections::BTreeMap;

use crate::delta::change::{Change, Side, changes};
use crate::delta::relevance::relevance;
use crate::delta::snapshot::{Releases, Snapshot, releases_for};
use crate::delta::table::Symptom;
use crate::lint::engine::Linter;

use super::runs::Run;

/// What a run changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Settings; empty where nothing changed, or nobody knows which.
    pub changes: Vec<Change>,
    /// Whether somebody says that the config changed, whatever in it.
    pub told: bool,
    /// The run whose config it is compared with: the last one before it that has a config.
    pub before: Option<usize>,
}

/// From this weight on, a change is more than bookkeeping: names of runs, folders, intervals of logging.
const MATTERS: f64 = 0.25;
/// A setting that changes this often, and in more than every second run, names the run.
const OFTEN: usize = 4;

impl Step {
    /// Whether the effective config is another one, as far as it can matter for the symptom.
    #[must_use]
    pub fn is_change(&self, symptom: Option<Symptom>) -> bool {
        let matters = |change: &Change| {
            let weight = |symptom| relevance().weight(symptom, &change.name);
            weight(symptom).max(weight(None)) >= MATTERS
        };
        // who says that it changed has looked
        self.told || self.changes.iter().any(matters)
    }
}

/// What is known of the configs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Steps {
    /// One a run.
    pub steps: Vec<Step>,
    /// Whether any run says something of its config.
    pub known: bool,
    /// Settings that change with nearly every run and so count as no change.
    pub volatile: Vec<String>,
    /// Runs whose config can't be parsed, with why.
    pub problems: Vec<String>,
}

impl Steps {
    /// Compares each config with the one before it.
    #[must_use]
    pub fn read(runs: &[Run], linter: &Linter<'_>) -> Self {
        let newest = runs.iter().rev().find_map(|run| run.config.as_ref());
        let releases = releases_for(newest.map_or("", |config| config.text.as_str()), linter);
        let mut reader = Reader { linter, releases, last: None };
        let mut steps = Self { known: newest.is_some(), ..Self::default() };
        for (index, run) in runs.iter().enumerate() {
            let mut step = Step::default();
            if let Some(config) = &run.config {
                let (before, changes, problem) = reader.step(index, &config.text);
                (step.before, step.changes) = (before, changes);
                steps.problems.extend(problem.map(|problem| format!("{}: {problem}", config.path)));
            }
            if let Some(changed) = &run.changed {
                steps.known = true;
                step.told = !changed.is_empty();
                if step.changes.is_empty() {
                    step.changes = changed.iter().filter(|key| !key.is_empty()).map(|key| named(key, linter)).collect();
                }
            }
            steps.steps.push(step);
        }
        steps.leave_out_volatile();
        steps
    }

    /// Runs that changed the effective config against the one before them.
    pub fn changing(&self, symptom: Option<Symptom>) -> impl Iterator<Item = usize> + '_ {
        let changing = move |(_, step): &(usize, &Step)| step.is_change(symptom);
        self.steps.iter().enumerate().skip(1).filter(changing).map(|(index, _)| index)
    }

    /// A folder or a name that is another one in every run would make each run a suspect.
    fn leave_out_volatile(&mut self) {
        let compared = self.steps.iter().filter(|step| step.before.is_some()).count();
        let mut often: BTreeMap<(String, String), usize> = BTreeMap::new();
        for change in self.steps.iter().filter(|step| step.before.is_some()).flat_map(|step| &step.changes) {
            *often.entry((change.role.clone(), change.name.clone())).or_default() += 1;
        }
        often.retain(|_, times| *times >= OFTEN && 2 * *times > compared);
        let is_volatile = |change: &Change| often.contains_key(&(change.role.clone(), change.name.clone()));
        for step in self.steps.iter_mut().filter(|step| step.before.is_some()) {
            step.changes.retain(|change| !is_volatile(change));
        }
        self.volatile = often.into_keys().map(|(_, name)| name).collect();
        self.volatile.dedup();
    }
}

struct Reader<'a> {
    linter: &'a Linter<'a>,
    releases: Releases,
    /// The last config: its run, its text, what it means.
    last: Option<(usize, String, Snapshot)>,
}

impl Reader<'_> {
    fn step(&mut self, index: usize, text: &str) -> (Option<usize>, Vec<Change>, Option<String>) {
        if let Some((run, last, _)) = &mut self.last
            && last == text
        {
            return (Some(std::mem::replace(run, index)), Vec::new(), None);
        }
        let snapshot = Snapshot::read(text, self.linter, self.releases);
        if let Some(problem) = &snapshot.problem {
            return (None, Vec::new(), Some(format!("cannot be parsed: {problem}")));
        }
        let last = self.last.take();
        let found = last.as_ref().map(|(_, _, last)| changes(last, &snapshot, self.linter.catalogue, self.releases));
        self.last = Some((index, text.to_owned(), snapshot));
        (last.map(|(run, ..)| run), found.unwrap_or_default(), None)
    }
}

/// A setting of which only the name is known.
fn named(key: &str, linter: &Linter<'_>) -> Change {
    let catalogue = linter.catalogue;
    let field = catalogue.by_name(key).or_else(|| catalogue.find(key).map(|found| found.0));
    let name = field.map_or(key, |field| catalogue.field(field).name.as_str());
    Change { name: name.to_owned(), field, role: String::new(), from: Side::default(), to: Side::default() }
}
