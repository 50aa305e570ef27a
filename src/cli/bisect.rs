//! `moelint bisect`: wires history, search, executors and report.

use std::path::{Path, PathBuf};

use git2::Repository;

use crate::bisect::case::{Case, Question};
use crate::bisect::report::Report;
use crate::bisect::summary;
use crate::facts::catalogue;
use crate::history::git::{HistoryError, open};
use crate::lint::engine::Linter;
use crate::output::bisect;
use crate::output::file::write_whole;

use super::bisect_args::{Assume, BisectArgs, BisectMode, CommitsArgs, ReportArgs, ReportFormat};
use super::surroundings::{Linters, Surroundings};
use super::{CliError, Exit, options, with_stdout};

impl From<HistoryError> for CliError {
    fn from(error: HistoryError) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Runs the command.
///
/// # Errors
/// [`CliError`].
pub fn run(args: &BisectArgs) -> Result<Exit, CliError> {
    match &args.mode {
        BisectMode::Commits(args) => commits(args),
        BisectMode::Resume(_) | BisectMode::Log(_) | BisectMode::Status(_) => {
            Err(CliError::Usage("no search has been started here".to_owned()))
        }
    }
}

fn commits(args: &CommitsArgs) -> Result<Exit, CliError> {
    let repo = open(Path::new("."))?;
    let paths = relative(&repo, &args.paths)?;
    with_linter(args, |linter| {
        let question = Question {
            good: &args.good,
            bad: &args.bad,
            paths: &paths,
            first_parent: args.first_parent,
            symptom: args.search.symptom,
            config_only: args.search.assume == Assume::Config || args.search.config_only,
        };
        let case = Case::open(&repo, &question, linter)?;
        let ends = ends(&case);
        let mut report = summary::report(&case, &case.prior, (&ends.0, &ends.1), args.search.symptom);
        report.next = vec![probe_command(args)];
        print(&args.report, &report)?;
        Ok(Exit::Clean)
    })
}

/// Ids of the good and the bad end.
fn ends(case: &Case) -> (String, String) {
    let commits = &case.timeline.range.commits;
    let id = |commit: Option<&crate::history::git::Commit>| commit.map_or_else(String::new, |one| one.id.to_string());
    (id(commits.first()), id(commits.last()))
}

fn probe_command(args: &CommitsArgs) -> String {
    let mut words = vec!["moelint bisect commits --good".to_owned(), args.good.clone(), "--bad".to_owned(), args.bad.clone()];
    words.extend(args.paths.iter().cloned());
    if let Some(symptom) = args.search.symptom {
        words.push(format!("--symptom {}", summary::symptom_name(symptom)));
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
pub fn print(args: &ReportArgs, report: &Report) -> Result<(), CliError> {
    let mut bytes = Vec::new();
    match args.format {
        ReportFormat::Human => bisect::human::human(&mut bytes, report)?,
        _ => bisect::json(&mut bytes, report)?,
    }
    match &args.output_file {
        Some(path) => {
            write_whole(path, &bytes).map_err(|error| CliError::Usage(format!("--output-file {}: {error}", path.display())))
        }
        None => with_stdout(|out| Ok(out.write_all(&bytes)?)),
    }
}
