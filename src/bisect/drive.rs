//! The loop: decide, place, start, wait, record; the state is on disk before and after each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use git2::{Oid, Repository};

use super::case::{Case, refusals};
use super::executor::interrupt::interrupted;
use super::executor::{ExecError, Executor, Job, Progress, outcome, recorded};
use super::metric_probe::measured;
use super::place::place;
use super::plan::{Decision, Plan, Wanted};
use super::posterior::{Cause, Point};
use super::session::{Probe, Session, SessionError, Store};
use super::verdict::{Expectation, Outcome, Verdict};
use super::worktree::{Worktree, WorktreeError};
use crate::delta::relevance::Symptom;
use crate::lint::engine::Linter;

/// What ended the loop without an answer of its own.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The state can't be kept.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A probe can't be started or watched.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// A candidate can't be put in place.
    #[error(transparent)]
    Worktree(#[from] WorktreeError),
}

/// How the loop ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// Index of the hypothesis.
    Found(usize),
    /// No answer, and why.
    Open(String),
    /// The ends can't be told apart by what is measured, and what it would take.
    NotSeparable(String),
    /// The command or the user asked for it; it can be resumed.
    Stopped(String),
}

/// When to give up.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Probes.
    pub probes: Option<u32>,
    /// Hours of all probes together.
    pub hours: Option<f64>,
    /// Of one probe.
    pub time: Option<Duration>,
    /// Probes at once.
    pub jobs: usize,
}

/// Who watches.
pub trait Observer {
    /// A probe has started.
    fn started(&mut self, probe: &Probe);
    /// A probe has ended.
    fn ended(&mut self, probe: &Probe, plan: &Plan, case: &Case);
    /// Something else happened.
    fn note(&mut self, text: &str);
    /// Time passes.
    fn tick(&mut self, running: &[(&Probe, Duration)], plan: &Plan, case: &Case);
}

/// A probe that runs.
struct Running {
    /// Index among the session's probes.
    probe: usize,
    point: Point,
    since: Instant,
    tree: usize,
}

/// Everything the loop needs.
pub struct Drive<'a> {
    /// The repository.
    pub repo: &'a Repository,
    /// The history.
    pub case: &'a Case,
    /// What the linter knows keeps refused configs from being probed.
    pub linter: &'a Linter<'a>,
    /// What the bad end shows.
    pub symptom: Option<Symptom>,
    /// The plan.
    pub plan: Plan,
    /// What runs probes.
    pub executor: Box<dyn Executor>,
    /// Where the state is.
    pub store: Store,
    /// The state.
    pub session: Session,
    /// When to give up.
    pub limits: Limits,
    /// The command.
    pub command: Vec<String>,
    /// Rules that a config breaks which is known to run.
    pub known_refusals: BTreeSet<String>,
    trees: Vec<Worktree>,
    running: Vec<Running>,
    refused: BTreeMap<Point, Option<String>>,
}

/// What [`Drive::new`] takes.
pub struct Parts<'a> {
    /// The repository.
    pub repo: &'a Repository,
    /// The history.
    pub case: &'a Case,
    /// The linter.
    pub linter: &'a Linter<'a>,
    /// What the bad end shows.
    pub symptom: Option<Symptom>,
    /// The plan.
    pub plan: Plan,
    /// What runs probes.
    pub executor: Box<dyn Executor>,
    /// Where the state is.
    pub store: Store,
    /// The state.
    pub session: Session,
    /// When to give up.
    pub limits: Limits,
    /// The command.
    pub command: Vec<String>,
}

impl<'a> Drive<'a> {
    /// Ready to run; verdicts that the session holds are taken first.
    #[must_use]
    pub fn new(parts: Parts<'a>) -> Self {
        let Parts { repo, case, linter, symptom, plan, executor, store, session, limits, command } = parts;
        let mut drive = Self {
            repo,
            case,
            linter,
            symptom,
            plan,
            executor,
            store,
            session,
            limits,
            command,
            known_refusals: BTreeSet::new(),
            trees: Vec::new(),
            running: Vec::new(),
            refused: BTreeMap::new(),
        };
        // both ends were built and run by somebody: what the linter says of them is wrong for this target
        let last = case.ancestry.len() - 1;
        for end in [0, last] {
            if end == 0 || symptom != Some(Symptom::ConfigRejected) {
                drive.known_refusals.extend(drive.refusals(end));
            }
        }
        for probe in drive.session.probes.clone() {
            let counts = |outcome: &&Outcome| outcome.note != CANCELLED;
            if let (Some(point), Some(outcome)) = (drive.point(&probe), probe.outcome.as_ref().filter(counts)) {
                drive.plan.record(point, outcome);
            }
        }
        drive
    }

    /// Runs until there is an answer or a reason to stop.
    ///
    /// # Errors
    /// [`DriveError`]; the state on disk is whole.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Result<Ended, DriveError> {
        self.adopt(observer)?;
        let mut pause = Duration::from_millis(2);
        loop {
            if interrupted() {
                return self.stop("interrupted; moelint bisect resume goes on".to_owned());
            }
            if let Some(ended) = self.fill(observer)? {
                self.cancel()?;
                return Ok(ended);
            }
            let (moved, stop) = self.collect(observer)?;
            if let Some(stop) = stop {
                return self.stop(stop);
            }
            if moved {
                pause = Duration::from_millis(2);
                continue;
            }
            let running: Vec<(&Probe, Duration)> = self
                .running
                .iter()
                .filter_map(|run| Some((self.session.probes.get(run.probe)?, run.since.elapsed())))
                .collect();
            observer.tick(&running, &self.plan, self.case);
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(200));
        }
    }

    /// Starts what there is room for; the answer, once there is one.
    fn fill(&mut self, observer: &mut dyn Observer) -> Result<Option<Ended>, DriveError> {
        loop {
            let running: Vec<Point> = self.running.iter().map(|run| run.point).collect();
            match self.plan.next(&running) {
                Decision::Found(cause) => return Ok(Some(Ended::Found(cause))),
                Decision::Stuck(why) => return Ok(Some(Ended::Open(why))),
                Decision::NotSeparable(why) => return Ok(Some(Ended::NotSeparable(why))),
                Decision::Wait => return Ok(None),
                Decision::Probe(wanted) => {
                    if let Some(rule) = self.refusal(wanted.point) {
                        self.refuse(&wanted, &rule, observer);
                        continue;
                    }
                    if self.running.len() >= self.limits.jobs {
                        return Ok(None);
                    }
                    if let Some(why) = self.exhausted() {
                        return Ok(self.running.is_empty().then_some(Ended::Open(why)));
                    }
                    self.start(wanted, observer)?;
                }
            }
        }
    }

    fn exhausted(&self) -> Option<String> {
        let count = self.session.probes.len();
        if self.limits.probes.is_some_and(|limit| count >= limit as usize) {
            return Some(format!("the budget of {count} probes is spent (--max-probes)"));
        }
        let hours =
            self.session.probes.iter().filter_map(|probe| probe.outcome.as_ref()).map(|o| o.seconds).sum::<f64>()
                / 3600.0;
        let spent = self.limits.hours.is_some_and(|limit| hours >= limit);
        spent.then(|| format!("the budget of {hours:.1} hours is spent (--max-cost)"))
    }

    /// The rule by which the framework would refuse a candidate that nobody has seen run.
    fn refusal(&mut self, point: Point) -> Option<String> {
        if let Some(known) = self.refused.get(&point) {
            return known.clone();
        }
        let new = self.refusals(point.config).into_iter().find(|rule| !self.known_refusals.contains(rule));
        self.refused.insert(point, new.clone());
        new
    }

    fn refusals(&self, commit: usize) -> BTreeSet<String> {
        let configs = self.case.configs_at(self.repo, commit);
        let text = |blob: Oid| crate::history::git::text_of(self.repo, blob).unwrap_or_default();
        configs.into_iter().flat_map(|(path, blob)| refusals(self.linter, &path, &text(blob))).collect()
    }

    /// A refused config is bad where being refused is the symptom, and tells nothing elsewhere; no probe either way.
    fn refuse(&mut self, wanted: &Wanted, rule: &str, observer: &mut dyn Observer) {
        let id = self.case.id(wanted.point.config).map_or_else(String::new, |id| id.to_string());
        let short = id.get(..10).unwrap_or(&id);
        if self.symptom == Some(Symptom::ConfigRejected) {
            self.plan.search.record(wanted.point, true);
            observer.note(&format!("{short} is bad without a probe: {rule} refuses its config"));
        } else {
            observer.note(&format!("{short} is not probed: {rule} would refuse its config"));
        }
        self.plan.block(wanted.point);
    }

    fn start(&mut self, wanted: Wanted, observer: &mut dyn Observer) -> Result<(), DriveError> {
        let number = u32::try_from(self.session.probes.len()).unwrap_or(u32::MAX - 1) + 1;
        let tree = self.free_tree()?;
        let out = self.store.probe(number)?;
        let Some(worktree) = self.trees.get_mut(tree) else { return Ok(()) };
        let placed = place(self.case, self.repo, worktree, wanted.point)?;
        let id = |commit: usize| self.case.id(commit).map_or_else(String::new, |id| id.to_string());
        let (code, config) = (id(wanted.point.code), id(wanted.point.config));
        let mut env = BTreeMap::from([
            ("MOELINT_COMMIT".to_owned(), config.clone()),
            ("MOELINT_PROBE".to_owned(), number.to_string()),
            ("MOELINT_OUT".to_owned(), out.display().to_string()),
        ]);
        if let Some(main) = &placed.config {
            env.insert("MOELINT_CONFIG".to_owned(), main.display().to_string());
        }
        let list: Vec<String> = placed.configs.iter().map(|path| path.display().to_string()).collect();
        env.insert("MOELINT_CONFIGS".to_owned(), list.join("\n"));
        let probe =
            Probe { number, code, config, why: wanted.why, preflight: wanted.preflight, run: None, outcome: None };
        let job = Job {
            number,
            name: format!("moelint-{}-{number}", probe.config.get(..10).unwrap_or("")),
            command: self.command.clone(),
            dir: worktree.path.clone(),
            env,
            out,
            time_limit: self.limits.time,
            exclude: self.bad_nodes(),
        };
        self.session.probes.push(probe);
        self.store.save(&self.session)?;
        let run = self.executor.start(std::slice::from_ref(&job))?.pop();
        let at = self.session.probes.len() - 1;
        if let Some(probe) = self.session.probes.get_mut(at) {
            probe.run = run;
            observer.started(probe);
        }
        self.store.save(&self.session)?;
        self.running.push(Running { probe: at, point: wanted.point, since: Instant::now(), tree });
        Ok(())
    }

    /// Nodes on which a probe failed for a reason of the machine's.
    fn bad_nodes(&self) -> Vec<String> {
        let outcomes = self.session.probes.iter().filter_map(|probe| probe.outcome.as_ref());
        let mut nodes: Vec<String> =
            outcomes.filter(|outcome| outcome.infra).filter_map(|outcome| outcome.node.clone()).collect();
        nodes.sort();
        nodes.dedup();
        nodes
    }

    /// Looks at every running probe; whether one ended, and whether its command wants an end.
    fn collect(&mut self, observer: &mut dyn Observer) -> Result<(bool, Option<String>), DriveError> {
        let mut moved = false;
        let mut stop = None;
        for run in std::mem::take(&mut self.running) {
            let Some(probe) = self.session.probes.get_mut(run.probe) else { continue };
            let Some(started) = probe.run.clone() else { continue };
            let Progress::Ended(end) = self.executor.poll(&started)? else {
                self.running.push(run);
                continue;
            };
            moved = true;
            let mut outcome = outcome(&end, &started.out, &self.expectation());
            if let Some(measure) = &self.plan.measure {
                measure_into(&mut outcome, &measure.metric, &started.out);
            }
            stop = stop.or_else(|| outcome.stop.clone());
            self.finish(run.probe, run.point, outcome, observer)?;
        }
        Ok((moved, stop))
    }

    fn finish(
        &mut self,
        at: usize,
        point: Point,
        outcome: Outcome,
        observer: &mut dyn Observer,
    ) -> Result<(), DriveError> {
        self.plan.record(point, &outcome);
        if let Some(probe) = self.session.probes.get_mut(at) {
            probe.outcome = Some(outcome);
        }
        self.store.save(&self.session)?;
        if let Some(probe) = self.session.probes.get(at) {
            observer.ended(probe, &self.plan, self.case);
        }
        Ok(())
    }

    fn expectation(&self) -> Expectation {
        Expectation { symptom: self.symptom.map(|symptom| symptom.name().to_owned()), ..Expectation::default() }
    }

    /// Probes that an earlier run of this program left: those with a handle are waited for, others never started.
    fn adopt(&mut self, observer: &mut dyn Observer) -> Result<(), DriveError> {
        for at in 0..self.session.probes.len() {
            let Some(probe) = self.session.probes.get(at).filter(|probe| probe.outcome.is_none()).cloned() else {
                continue;
            };
            let Some(point) = self.point(&probe) else { continue };
            // what was started may not have been written down any more
            let out = self.store.probe(probe.number)?;
            let run = probe.run.clone().or_else(|| recorded(&out));
            if run.is_some() {
                if let Some(probe) = self.session.probes.get_mut(at) {
                    probe.run = run;
                }
                observer.note(&format!("probe {} is taken up again", probe.number));
                let tree = self.free_tree()?;
                self.running.push(Running { probe: at, point, since: Instant::now(), tree });
            } else {
                let outcome = lost("it had not started when the search was interrupted");
                self.finish(at, point, outcome, observer)?;
            }
        }
        Ok(())
    }

    /// A working tree that nothing runs in.
    fn free_tree(&mut self) -> Result<usize, DriveError> {
        let used = |tree: usize| self.running.iter().any(|run| run.tree == tree);
        if let Some(free) = (0..self.trees.len()).find(|tree| !used(*tree)) {
            return Ok(free);
        }
        let number = self.trees.len();
        let name = format!("moelint-{}-{number}", super::session::tag(&self.store.folder));
        let path = self.store.folder.join("worktrees").join(number.to_string());
        let first = self.case.id(0).unwrap_or(Oid::ZERO_SHA1);
        self.trees.push(Worktree::add(self.repo, &path, &name, first)?);
        Ok(number)
    }

    fn point(&self, probe: &Probe) -> Option<Point> {
        let find = |id: &str| self.case.timeline.range.commits.iter().position(|commit| commit.id.to_string() == id);
        Some(Point { code: find(&probe.code)?, config: find(&probe.config)? })
    }

    fn cancel(&mut self) -> Result<(), DriveError> {
        let mut runs = Vec::new();
        for run in std::mem::take(&mut self.running) {
            if let Some(probe) = self.session.probes.get_mut(run.probe) {
                runs.extend(probe.run.clone());
                probe.outcome = Some(lost(CANCELLED));
            }
        }
        self.executor.cancel(&runs)?;
        self.store.save(&self.session)?;
        Ok(())
    }

    fn stop(&mut self, why: String) -> Result<Ended, DriveError> {
        self.cancel()?;
        Ok(Ended::Stopped(why))
    }

    /// Takes the working trees away; call it when the search has ended.
    ///
    /// # Errors
    /// [`WorktreeError`].
    pub fn clear(&mut self) -> Result<(), DriveError> {
        for tree in std::mem::take(&mut self.trees) {
            tree.remove()?;
        }
        Ok(())
    }

    /// The cause that a hypothesis means.
    #[must_use]
    pub fn cause(&self, index: usize) -> Option<Cause> {
        self.plan.search.posterior.causes.get(index).copied()
    }
}

/// A run that is to be measured: one without a value tells nothing, however it ended.
fn measure_into(outcome: &mut Outcome, metric: &str, out: &Path) {
    if outcome.verdict == Verdict::Unresolved || outcome.stop.is_some() {
        return;
    }
    let value = outcome.metrics.get(metric).copied().or_else(|| measured(&out.join("log"), metric));
    if let Some(value) = value.filter(|value| *value > 0.0 && value.is_finite()) {
        outcome.metrics.insert(metric.to_owned(), value);
        outcome.note = format!("{metric} {value:.4}");
    } else {
        outcome.verdict = Verdict::Unresolved;
        outcome.note = format!("no {metric} in verdict.json or among its log's steady steps ({})", outcome.note);
    }
}

/// A probe that nobody wanted any more.
pub(super) const CANCELLED: &str = "cancelled";

/// An outcome that tells nothing and is nobody's fault.
pub(super) fn lost(why: &str) -> Outcome {
    Outcome {
        verdict: Verdict::Unresolved,
        symptom: None,
        metrics: BTreeMap::new(),
        infra: true,
        bogus: false,
        stop: None,
        node: None,
        seconds: 0.0,
        note: why.to_owned(),
    }
}
