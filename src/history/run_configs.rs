//! Configs of consecutive runs → what changed from one to the next in what they mean.

use crate::delta::change::{Change, Side, changes};
use crate::delta::snapshot::{Releases, Snapshot, releases_for};
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

impl Step {
    /// Whether the effective config is another one.
    #[must_use]
    pub const fn is_change(&self) -> bool {
        self.told || !self.changes.is_empty()
    }
}

/// What is known of the configs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Steps {
    /// One a run.
    pub steps: Vec<Step>,
    /// Whether any run says something of its config.
    pub known: bool,
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
        steps
    }

    /// Runs that changed the effective config against the one before them.
    pub fn changing(&self) -> impl Iterator<Item = usize> + '_ {
        self.steps.iter().enumerate().skip(1).filter(|(_, step)| step.is_change()).map(|(index, _)| index)
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
