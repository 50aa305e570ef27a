//! `moelint bisect commits -- CMD` and what goes on with it: a search that runs probes.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use git2::Repository;

use crate::bisect::case::Case;
use crate::bisect::drive::{Drive, DriveError, Ended, Limits, Parts};
use crate::bisect::executor::local::Local;
use crate::bisect::executor::slurm::{Options, Slurm};
use crate::bisect::executor::{Executor, interrupt};
use crate::bisect::metric_probe::Measure;
use crate::bisect::plan::{Plan, Wishes};
use crate::bisect::posterior::Cause;
use crate::bisect::rates::Known;
use crate::bisect::recorded;
use crate::bisect::report::{Counts, ProbeLine, Report, Status};
use crate::bisect::session::{Session, SessionError, Store};
use crate::bisect::summary;
use crate::bisect::verdict::Verdict;
use crate::history::git::resolve;
use crate::lint::engine::Linter;
use crate::output::bisect::progress::Progress;

use super::bisect_args::{Assume, CommitsArgs, ExecutorKind, SearchArgs};
use super::{CliError, Exit};

impl From<DriveError> for CliError {
    fn from(error: DriveError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<SessionError> for CliError {
    fn from(error: SessionError) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Where the state of a repository's search is kept.
#[must_use]
pub fn store(repo: &Repository, state: Option<&PathBuf>) -> Store {
    let folder = state.cloned().unwrap_or_else(|| repo.commondir().join("moelint-bisect"));
    Store { folder: std::path::absolute(&folder).unwrap_or(folder) }
}

/// A new search, or one that goes on.
pub struct Begin<'a> {
    /// The command line, for a session that is to be resumed.
    pub arguments: Vec<String>,
    /// The session to go on with.
    pub session: Option<Session>,
    /// The flags.
    pub args: &'a CommitsArgs,
}

/// Probes until there is an answer.
///
/// # Errors
/// [`CliError`].
pub fn run(begin: Begin<'_>, repo: &Repository, case: &Case, linter: &Linter<'_>) -> Result<(Report, Exit), CliError> {
    let Begin { arguments, session, args } = begin;
    let search = &args.search;
    let store = store(repo, search.state.as_ref());
    let mut plan = Plan::new(case, &wishes(args, repo, case)?);
    let mut notes = Vec::new();
    for path in &search.runs {
        let (found, outside) = recorded::read(path, case).map_err(CliError::Usage)?;
        notes.push(format!(
            "{}: {} recorded verdicts count, {outside} are about other commits",
            path.display(),
            found.len()
        ));
        for (point, failed) in found {
            plan.search.record(point, failed);
        }
    }
    let ends = super::bisect::ends(case);
    let session = if let Some(session) = session {
        session
    } else {
        store.begin(search.restart)?;
        let session = Session {
            version: 1,
            arguments,
            folder: std::env::current_dir()?,
            good: ends.0.clone(),
            bad: ends.1.clone(),
            probes: Vec::new(),
            finished: false,
        };
        store.save(&session)?;
        session
    };
    interrupt::install()?;
    let executor = executor(search)?;
    let limits = limits(search);
    let command = args.command.clone();
    let symptom = search.symptom;
    let mut drive = Drive::new(Parts { repo, case, linter, symptom, plan, executor, store, session, limits, command });
    let mut progress = Progress::new(args.report.quiet, std::io::stderr().is_terminal());
    let ended = drive.run(&mut progress)?;
    let report = report(&mut drive, &ended, notes, args);
    if !matches!(ended, Ended::Stopped(_)) {
        drive.session.finished = true;
        drive.store.save(&drive.session)?;
        drive.clear()?;
    }
    let exit = match report.status {
        Status::Inconclusive | Status::NotSeparable => Exit::Findings,
        _ => Exit::Clean,
    };
    Ok((report, exit))
}

fn wishes(args: &CommitsArgs, repo: &Repository, case: &Case) -> Result<Wishes, CliError> {
    let search = &args.search;
    let rates = match (search.deterministic, search.flake_rate) {
        (true, _) => Known::Deterministic,
        (false, Some((a, b))) => Known::Told(a, b),
        (false, None) => Known::Nothing,
    };
    let mut skip = BTreeSet::new();
    for revision in &args.skip {
        let id = resolve(repo, revision)?;
        skip.extend(case.timeline.range.commits.iter().position(|commit| commit.id == id));
    }
    Ok(Wishes {
        rates,
        confidence: search.confidence,
        preflight: !search.no_preflight,
        assume_config: search.assume == Assume::Config,
        fixed_code: search.config_only,
        skip,
        measure: search.metric.as_deref().map(|metric| Measure::new(metric, search.worse_by)),
    })
}

pub(super) fn limits(search: &SearchArgs) -> Limits {
    Limits {
        probes: search.max_probes,
        hours: search.max_cost,
        time: search.time_limit.map(Duration::from_secs),
        jobs: usize::from(search.jobs),
    }
}

pub(super) fn executor(search: &SearchArgs) -> Result<Box<dyn Executor>, CliError> {
    Ok(match search.executor {
        ExecutorKind::Local => Box::new(Local::default()),
        ExecutorKind::Slurm => {
            let options = Options { sbatch_args: search.sbatch_arg.clone(), ..Options::default() };
            Box::new(Slurm::new(options).map_err(|error| CliError::Usage(error.to_string()))?)
        }
    })
}

fn report(drive: &mut Drive<'_>, ended: &Ended, notes: Vec<String>, args: &CommitsArgs) -> Report {
    let belief = drive.plan.search.posterior.belief();
    let (good, bad) = (drive.session.good.clone(), drive.session.bad.clone());
    let mut report = summary::report(drive.case, &belief, (&good, &bad), args.search.symptom);
    report.status = match ended {
        Ended::Found(cause) => match drive.cause(*cause) {
            Some(Cause::Config(_)) => Status::Found,
            Some(Cause::Code(_)) => Status::Code,
            _ => Status::None,
        },
        Ended::Open(why) | Ended::Stopped(why) => {
            report.notes.push(why.clone());
            Status::Inconclusive
        }
        Ended::NotSeparable(why) => {
            report.notes.push(why.clone());
            Status::NotSeparable
        }
    };
    report.notes.extend(drive.plan.measure.as_ref().and_then(Measure::in_words));
    if let Ended::Found(cause) = ended {
        settle(&mut report, drive, *cause, &belief);
    }
    report.notes.extend(notes);
    count(&mut report, drive);
    let (a, b) = drive.plan.search.posterior.expected_rates();
    if drive.plan.measure.is_none() && report.probes.good + report.probes.bad > 0 && a.max(b) > 0.05 {
        report.notes.push(format!(
            "probes seem to lie: about {:.0}% of good candidates fail, {:.0}% of bad ones pass",
            100.0 * a,
            100.0 * b
        ));
    }
    report.next = next(&report, args);
    report
}

/// The answer alone where there is one.
fn settle(report: &mut Report, drive: &Drive<'_>, cause: usize, belief: &[f64]) {
    let posterior = belief.get(cause).copied().unwrap_or(0.0);
    match drive.cause(cause) {
        Some(Cause::Config(commit) | Cause::Code(commit)) => {
            report.culprits = vec![summary::culprit(drive.case, commit, posterior)];
        }
        _ => report.culprits.clear(),
    }
}

fn count(report: &mut Report, drive: &Drive<'_>) {
    let mut counts = Counts::default();
    for probe in &drive.session.probes {
        let Some(outcome) = &probe.outcome else { continue };
        counts.total += 1;
        counts.preflight += u32::from(probe.preflight);
        let (name, at) = match outcome.verdict {
            Verdict::Good => ("good", 0),
            Verdict::Bad => ("bad", 1),
            Verdict::Unresolved => ("unresolved", 2),
        };
        *[&mut counts.good, &mut counts.bad, &mut counts.unresolved][at] += 1;
        if let Some(point) = report.timeline.iter_mut().find(|point| point.commit == probe.config) {
            point.probes[at] += 1;
        }
        report.log.push(ProbeLine {
            number: probe.number,
            commit: probe.config.clone(),
            code: (probe.code != probe.config).then(|| probe.code.clone()),
            verdict: name.to_owned(),
            why: probe.why.clone(),
            note: outcome.note.clone(),
            seconds: outcome.seconds,
        });
    }
    report.probes = counts;
}

fn next(report: &Report, args: &CommitsArgs) -> Vec<String> {
    let mut next = Vec::new();
    match (report.status, report.culprits.first()) {
        (Status::Found, Some(culprit)) => {
            let short = culprit.commit.get(..10).unwrap_or(&culprit.commit);
            if culprit.changes.len() > 1 {
                next.push(format!(
                    "moelint bisect keys {short}^:{0} {short}:{0} -- {1}   (which of its {2} settings)",
                    culprit.path,
                    args.command.join(" "),
                    culprit.changes.len()
                ));
            }
            next.push(format!("git show {short}"));
        }
        (Status::Code, Some(culprit)) => {
            next.push(format!("git show {}", culprit.commit.get(..10).unwrap_or(&culprit.commit)));
        }
        (Status::None, _) => next.push(format!(
            "git switch --detach {} && {}   (run it a few times: an end that is not always bad has no culprit)",
            report.bad.get(..10).unwrap_or(&report.bad),
            args.command.join(" ")
        )),
        (Status::Inconclusive, _) if report.probes.total > 0 => {
            next.push("moelint bisect log > runs.jsonl   (then --runs runs.jsonl keeps these verdicts)".to_owned());
        }
        _ => {}
    }
    next
}
