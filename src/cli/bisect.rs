//! `moelint bisect`: wires history, search, executors and report.

use std::path::{Path, PathBuf};

use clap::Parser;
use git2::Repository;

use crate::bisect::case::{Case, Question};
use crate::bisect::recorded;
use crate::bisect::report::Report;
use crate::bisect::session::{Session, Store};
use crate::bisect::summary;
use crate::facts::catalogue;
use crate::history::git::{HistoryError, open};
use crate::lint::engine::Linter;
use crate::output::bisect::{self, human::Look};
use crate::output::file::write_whole;

use super::args::{Cli, Command};
use super::bisect_args::{Assume, BisectArgs, BisectMode, CommitsArgs, ReportArgs, ReportFormat, StateArgs};
use super::search::{self, Begin};
use super::surroundings::{Linters, Surroundings};
use super::{CliError, Exit, check, keys, options, with_stdout};

impl From<HistoryError> for CliError {
    fn from(error: HistoryError) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Runs the command; `arguments` is the command line without the program's name, for a session to be resumed with.
///
/// # Errors
/// [`CliError`].
pub fn run(args: &BisectArgs, arguments: Vec<String>) -> Result<Exit, CliError> {
    match &args.mode {
        BisectMode::Commits(args) => commits(args, arguments, None),
        BisectMode::Keys(args) => keys::run(args, arguments, None),
        BisectMode::Runs(args) => super::runs::run(args),
        BisectMode::Resume(args) => resume(args),
        BisectMode::Log(args) => log(args),
        BisectMode::Status(args) => status(args),
    }
}

fn commits(args: &CommitsArgs, arguments: Vec<String>, session: Option<Session>) -> Result<Exit, CliError> {
    let repo = open(Path::new("."))?;
    let paths = relative(&repo, &args.paths)?;
    // branches move on while a search is interrupted: it goes on with the commits that it began with
    let (good, bad) = match &session {
        Some(session) => (session.good.clone(), session.bad.clone()),
        None => (args.good.clone(), args.bad.clone()),
    };
    with_linter(args, |linter| {
        let question = Question {
            good: &good,
            bad: &bad,
            paths: &paths,
            first_parent: args.first_parent,
            symptom: args.search.symptom,
            config_only: args.search.assume == Assume::Config || args.search.config_only,
        };
        let case = Case::open(&repo, &question, linter)?;
        if !args.command.is_empty() {
            let (report, exit) = search::run(Begin { arguments, session, args }, &repo, &case, linter)?;
            print(&args.report, &report)?;
            return Ok(exit);
        }
        let ends = ends(&case);
        let mut report = summary::report(&case, &case.prior, (&ends.0, &ends.1), args.search.symptom);
        report.next = vec![probe_command(args)];
        print(&args.report, &report)?;
        Ok(Exit::Clean)
    })
}

/// Goes on with the session that is kept.
fn resume(args: &StateArgs) -> Result<Exit, CliError> {
    let session = load(args)?;
    if session.finished {
        return Err(CliError::Usage("this search has ended; moelint bisect status tells how".to_owned()));
    }
    std::env::set_current_dir(&session.folder)?;
    let words = std::iter::once("moelint").chain(session.arguments.iter().map(String::as_str));
    let cli = Cli::try_parse_from(words).map_err(|error| CliError::Usage(error.to_string()))?;
    let arguments = session.arguments.clone();
    match cli.command {
        Command::Bisect(BisectArgs { mode: BisectMode::Commits(mut again) }) => {
            again.report = args.report.clone();
            again.search.state = args.state.clone().or(again.search.state);
            commits(&again, arguments, Some(session))
        }
        Command::Bisect(BisectArgs { mode: BisectMode::Keys(mut again) }) => {
            again.report = args.report.clone();
            again.search.state = args.state.clone().or(again.search.state);
            keys::run(&again, arguments, Some(session))
        }
        _ => Err(CliError::Usage("the session was started by another command; start over with --restart".to_owned())),
    }
}

fn load(args: &StateArgs) -> Result<Session, CliError> {
    let store = match &args.state {
        Some(folder) => Store { folder: folder.clone() },
        None => search::store(&open(Path::new("."))?, None),
    };
    Ok(store.load()?)
}

/// The verdicts so far, a line each.
fn log(args: &StateArgs) -> Result<Exit, CliError> {
    let session = load(args)?;
    with_stdout(|out| {
        for line in recorded::log(&session) {
            writeln!(out, "{}", serde_json::to_string(&line).map_err(std::io::Error::from)?)?;
        }
        Ok(Exit::Clean)
    })
}

/// Where the search stands.
fn status(args: &StateArgs) -> Result<Exit, CliError> {
    let session = load(args)?;
    with_stdout(|out| {
        if args.report.format == ReportFormat::Json {
            serde_json::to_writer_pretty(&mut *out, &session).map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            bisect::status(out, &session)?;
        }
        Ok(Exit::Clean)
    })
}

/// Ids of the good and the bad end.
pub(super) fn ends(case: &Case) -> (String, String) {
    let commits = &case.timeline.range.commits;
    let id = |commit: Option<&crate::history::git::Commit>| commit.map_or_else(String::new, |one| one.id.to_string());
    (id(commits.first()), id(commits.last()))
}

fn probe_command(args: &CommitsArgs) -> String {
    let mut words =
        vec!["moelint bisect commits --good".to_owned(), args.good.clone(), "--bad".to_owned(), args.bad.clone()];
    words.extend(args.paths.iter().cloned());
    if let Some(symptom) = args.search.symptom {
        words.push(format!("--symptom {}", symptom.name().to_owned()));
    }
    words.push("-- ./probe.sh   (a command that exits 0 where the run works)".to_owned());
    words.join(" ")
}

/// Runs `body` with the linter that flags and settings make.
fn with_linter<T>(args: &CommitsArgs, body: impl FnOnce(&Linter<'_>) -> Result<T, CliError>) -> Result<T, CliError> {
    let first = args.paths.first().map(PathBuf::from);
    let surroundings = Surroundings::open(&args.facts, first.as_deref())?;
    let folders: Vec<PathBuf> = surroundings.settings.rules.iter().chain(&args.rules.rules).cloned().collect();
    let own = options::user_rules(&folders, catalogue())?;
    let all = options::all_rules(&own);
    let linters = Linters::new(&surroundings, &args.rules, &all, false)?;
    let linter = linters.of(first.as_deref().unwrap_or(Path::new(".")));
    body(&linter)
}

/// Paths as the user gave them → relative to the top of the repository.
fn relative(repo: &Repository, paths: &[String]) -> Result<Vec<String>, CliError> {
    let Some(top) = repo.workdir().and_then(|top| top.canonicalize().ok()) else { return Ok(paths.to_vec()) };
    let here = std::env::current_dir()?.canonicalize()?;
    let prefix = here.strip_prefix(&top).unwrap_or(Path::new("")).to_string_lossy().into_owned();
    let mut found = Vec::new();
    for path in paths {
        let given = Path::new(path);
        let inside = if given.is_absolute() {
            let inside = given.strip_prefix(&top).map(|path| path.to_string_lossy().into_owned());
            inside.map_err(|_| CliError::Usage(format!("{path}: not in the repository {}", top.display())))?
        } else {
            Path::new(&prefix).join(given).to_string_lossy().into_owned()
        };
        found.push(tidy(&inside));
    }
    Ok(found)
}

/// Without `.` and `..`.
fn tidy(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.join("/")
}

/// Writes the report where it was asked for.
///
/// # Errors
/// What the file or the stream says.
pub fn print(args: &ReportArgs, report: &Report) -> Result<(), CliError> {
    let mut bytes = Vec::new();
    match args.format {
        ReportFormat::Human => {
            let color = check::colored(args.color, args.output_file.is_some());
            bisect::human::human(&mut bytes, report, Look { color, width: check::columns() })?;
        }
        ReportFormat::Json => bisect::json(&mut bytes, report)?,
        ReportFormat::Markdown => bisect::markdown::markdown(&mut bytes, report)?,
        ReportFormat::Html => bisect::html::html(&mut bytes, report)?,
    }
    match &args.output_file {
        Some(path) => write_whole(path, &bytes)
            .map_err(|error| CliError::Usage(format!("--output-file {}: {error}", path.display()))),
        None => with_stdout(|out| Ok(out.write_all(&bytes)?)),
    }
}
