//! The search for the settings that make a good config fail: one probe after the other, the state on disk in between.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::drive::{Ended, Limits};
use super::evidence::Set;
use super::executor::interrupt::interrupted;
use super::executor::{ExecError, Executor, Job, Progress, Run, outcome, recorded};
use super::materialise::{MaterialiseError, Pair};
use super::reduce::Reducer;
use super::reduction::{Reduction, Step};
use super::session::{Probe, Session, SessionError, Store};
use super::verdict::{Expectation, Outcome, Verdict};

/// What ended the search without an answer of its own.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The state can't be kept.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A probe can't be started or watched.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// A candidate can't be written.
    #[error(transparent)]
    Materialise(#[from] MaterialiseError),
    /// A file can't be written.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
}

/// Where a candidate is put.
pub trait Stage {
    /// Puts the text in place: the folder to run in, and the config's file.
    ///
    /// # Errors
    /// The system's, with the path.
    fn put(&mut self, text: &str, out: &Path) -> Result<(PathBuf, PathBuf), KeysError>;
}

/// The config beside the probe's other files, the command in the folder where the user is.
pub struct Beside {
    /// The folder to run in.
    pub folder: PathBuf,
    /// The config's file name.
    pub name: String,
}

impl Stage for Beside {
    fn put(&mut self, text: &str, out: &Path) -> Result<(PathBuf, PathBuf), KeysError> {
        let folder = out.join("config");
        let failed = |error| KeysError::Io(folder.clone(), error);
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let file = folder.join(&self.name);
        std::fs::write(&file, text).map_err(failed)?;
        Ok((self.folder.clone(), file))
    }
}

/// Who watches.
pub trait Watch {
    /// A probe has started.
    fn started(&mut self, probe: &Probe);
    /// A probe has ended.
    fn ended(&mut self, probe: &Probe);
}

/// Everything the search needs.
pub struct Keys<'a> {
    /// The two configs.
    pub pair: &'a Pair<'a>,
    /// Which settings.
    pub reducer: Reducer,
    /// Whether the two ends are still to be probed.
    pub preflight: bool,
    /// What runs probes.
    pub executor: Box<dyn Executor>,
    /// Where candidates are put.
    pub stage: Box<dyn Stage>,
    /// Where the state is.
    pub store: Store,
    /// The state.
    pub session: Session,
    /// When to give up.
    pub limits: Limits,
    /// The command.
    pub command: Vec<String>,
    /// What the bad config shows.
    pub expect: Expectation,
}

/// How it ended.
pub enum Answer {
    /// With the settings, or without where nothing could be told.
    Reduced(Reduction),
    /// An end is not what it was said to be, or somebody stopped it.
    Ended(Ended),
}

impl Keys<'_> {
    /// Runs until there is an answer. `valid`: whether the linter lets a candidate pass.
    ///
    /// # Errors
    /// [`KeysError`]; the state on disk is whole.
    pub fn run(&mut self, valid: &impl Fn(&Set) -> bool, watch: &mut dyn Watch) -> Result<Answer, KeysError> {
        if let Some(ended) = self.ends(watch)? {
            return Ok(Answer::Ended(ended));
        }
        let mut replayed = 0;
        loop {
            match self.reducer.next(valid) {
                Step::Done(reduction) => return Ok(Answer::Reduced(reduction)),
                Step::Probe(set) => {
                    let name = name(&set);
                    // verdicts of an interrupted search are taken in their order
                    let known = self.session.probes.iter().skip(replayed).position(|probe| probe.config == name);
                    if let Some(at) = known {
                        replayed += at + 1;
                        if let Some(verdict) = self.verdict_at(replayed - 1) {
                            self.reducer.record(&set, &verdict);
                            continue;
                        }
                    }
                    if let Some(why) = self.exhausted() {
                        return Ok(Answer::Ended(Ended::Open(why)));
                    }
                    let why = self.explain(&set);
                    let outcome = self.probe(&set, why, false, watch)?;
                    replayed = self.session.probes.len();
                    if let Some(stop) = stopped(&outcome) {
                        return Ok(Answer::Ended(Ended::Stopped(stop)));
                    }
                    self.reducer.record(&set, &outcome.verdict);
                }
            }
        }
    }

    fn verdict_at(&self, at: usize) -> Option<Verdict> {
        self.session.probes.get(at)?.outcome.as_ref().map(|outcome| outcome.verdict)
    }

    /// Both ends, before the search: good has to pass, bad has to fail.
    fn ends(&mut self, watch: &mut dyn Watch) -> Result<Option<Ended>, KeysError> {
        if !self.preflight {
            return Ok(None);
        }
        let ends = [
            (
                self.pair.all(),
                Verdict::Bad,
                "the bad config has to fail",
                "the bad config passes: there is nothing to find",
            ),
            (
                Set::new(),
                Verdict::Good,
                "the good config has to pass",
                "the good config fails too: its settings are not the cause",
            ),
        ];
        for (set, wanted, why, otherwise) in ends {
            let name = name(&set);
            let known = self.session.probes.iter().find(|probe| probe.preflight && probe.config == name);
            let verdict = if let Some(outcome) = known.and_then(|probe| probe.outcome.as_ref()) {
                outcome.verdict
            } else {
                let outcome = self.probe(&set, why.to_owned(), true, watch)?;
                if let Some(stop) = stopped(&outcome) {
                    return Ok(Some(Ended::Stopped(stop)));
                }
                outcome.verdict
            };
            if verdict != wanted {
                let otherwise = if verdict == Verdict::Unresolved { "an end told nothing" } else { otherwise };
                return Ok(Some(Ended::Open(otherwise.to_owned())));
            }
        }
        Ok(None)
    }

    fn exhausted(&self) -> Option<String> {
        let count = self.session.probes.len();
        let spent = self.limits.probes.is_some_and(|limit| count >= limit as usize);
        spent.then(|| format!("the budget of {count} probes is spent (--max-probes)"))
    }

    /// What is tried, in one line.
    fn explain(&self, set: &Set) -> String {
        let names: Vec<&str> =
            set.iter().filter_map(|at| self.pair.units.get(*at)).map(super::difference::Unit::name).collect();
        let all = self.pair.units.len();
        match names.as_slice() {
            [one] => format!("good with {one} alone"),
            names if names.len() + 2 >= all => {
                let left: Vec<&str> = (0..all)
                    .filter(|at| !set.contains(at))
                    .filter_map(|at| self.pair.units.get(at))
                    .map(super::difference::Unit::name)
                    .collect();
                format!("bad without {}", left.join(", "))
            }
            names => {
                let shown = names.iter().take(4).copied().collect::<Vec<_>>().join(", ");
                let more = names.len().saturating_sub(4);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                format!("good with {shown}{more}")
            }
        }
    }

    /// Runs one candidate to its end.
    fn probe(&mut self, set: &Set, why: String, preflight: bool, watch: &mut dyn Watch) -> Result<Outcome, KeysError> {
        let number = u32::try_from(self.session.probes.len()).unwrap_or(u32::MAX - 1) + 1;
        let out = self.store.probe(number)?;
        let text = self.pair.apply(set)?;
        let (dir, file) = self.stage.put(&text, &out)?;
        let probe = Probe { number, code: String::new(), config: name(set), why, preflight, run: None, outcome: None };
        let env = BTreeMap::from([
            ("MOELINT_CONFIG".to_owned(), file.display().to_string()),
            ("MOELINT_CONFIGS".to_owned(), file.display().to_string()),
        ]);
        let job = Job {
            number,
            name: format!("moelint-keys-{number}"),
            command: self.command.clone(),
            dir,
            env,
            out: out.clone(),
            time_limit: self.limits.time,
            exclude: Vec::new(),
        };
        watch.started(&probe);
        self.session.probes.push(probe);
        self.store.save(&self.session)?;
        let run = self.executor.start(std::slice::from_ref(&job))?.pop().or_else(|| recorded(&out));
        self.set_last(|probe| probe.run.clone_from(&run));
        self.store.save(&self.session)?;
        let outcome = self.wait(run, &out)?;
        self.set_last(|probe| probe.outcome = Some(outcome.clone()));
        if outcome.note == super::drive::CANCELLED {
            self.session.probes.pop();
        }
        self.store.save(&self.session)?;
        if let Some(probe) = self.session.probes.last() {
            watch.ended(probe);
        }
        Ok(outcome)
    }

    fn set_last(&mut self, change: impl FnOnce(&mut Probe)) {
        if let Some(probe) = self.session.probes.last_mut() {
            change(probe);
        }
    }

    fn wait(&mut self, run: Option<Run>, out: &Path) -> Result<Outcome, KeysError> {
        let Some(run) = run else { return Ok(super::drive::lost("it could not be started")) };
        let mut pause = Duration::from_millis(2);
        loop {
            if interrupted() {
                self.executor.cancel(std::slice::from_ref(&run))?;
                return Ok(super::drive::lost(super::drive::CANCELLED));
            }
            if let Progress::Ended(end) = self.executor.poll(&run)? {
                return Ok(outcome(&end, out, &self.expect));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(200));
        }
    }
}

/// Why the search has to stop here.
fn stopped(outcome: &Outcome) -> Option<String> {
    let cancelled = outcome.note == super::drive::CANCELLED;
    outcome.stop.clone().or_else(|| cancelled.then(|| "interrupted; moelint bisect resume goes on".to_owned()))
}

/// A set's name in the session: its indexes.
fn name(set: &Set) -> String {
    let parts: Vec<String> = set.iter().map(ToString::to_string).collect();
    format!("[{}]", parts.join(","))
}
