//! `moelint bisect runs`: reads recorded runs, searches their series, says what to type next.

use std::path::{Path, PathBuf};

use clap::CommandFactory;

use crate::bisect::attribute::{Recorded, UNREAD};
use crate::bisect::measure::{Measure, Wish, choose};
use crate::bisect::report::{Changed, Report, Status};
use crate::bisect::run_series::{Analysis, Found, analyse};
use crate::bisect::run_summary::{leading, report, sure_ends};
use crate::facts::catalogue;
use crate::history::run_configs::Steps;
use crate::history::runs::{Order, Run, Runs};
use crate::history::{run_folder, run_lines};
use crate::lint::engine::Linter;
use crate::source::read::read_text;
use crate::source::run_dir::may_be_config;

use super::args::Cli;
use super::bisect::print;
use super::runs_args::{OrderBy, RunsArgs};
use super::surroundings::{Linters, Surroundings};
use super::{CliError, Exit, options};

/// Runs the command.
///
/// # Errors
/// Records that can't be read, a metric that no run has.
pub fn run(args: &RunsArgs) -> Result<Exit, CliError> {
    let runs = read(args)?;
    let first = runs.runs.iter().rev().find_map(|run| run.config.as_ref()).filter(|config| config.file);
    let first = first.map(|config| PathBuf::from(&config.path));
    with_linter(args, first.as_deref(), |linter| {
        let steps = Steps::read(&runs.runs, linter);
        let wish = Wish { metric: args.metric.clone(), higher_is_better: args.higher_is_better, symptom: args.symptom };
        let measures = choose(&runs.runs, &wish).map_err(|error| CliError::Usage(name(args, &error)))?;
        let search = |measure: Measure| analyse(&runs.runs, &steps, measure, args.worse_by);
        let analyses: Vec<Analysis> = measures.into_iter().map(search).collect();
        let recorded = Recorded { runs: &runs.runs, steps: &steps, linter };
        let mut found = report(recorded, &runs, &analyses);
        found.next = next(&runs.runs, &analyses, &found);
        print(&args.report, &found)?;
        Ok(match found.status {
            Status::Inconclusive | Status::NotSeparable => Exit::Findings,
            _ => Exit::Clean,
        })
    })
}

fn name(args: &RunsArgs, error: &dyn std::fmt::Display) -> String {
    format!("{}: {error}", args.path.display())
}

/// Reads what the user named, in order.
fn read(args: &RunsArgs) -> Result<Runs, CliError> {
    let path = &args.path;
    let mut runs = if path.is_dir() {
        run_folder::read(path).map_err(|error| CliError::Usage(error.to_string()))?
    } else {
        records(path)?
    };
    if runs.runs.is_empty() {
        return Err(CliError::Usage(name(args, &"no run in it")));
    }
    let timed = runs.runs.iter().filter(|run| run.time.is_some()).count();
    // a file is in the order of its records unless all of them have a time
    let by_time = timed == runs.runs.len() || (path.is_dir() && timed > 0);
    let order = match args.order {
        Some(OrderBy::Name) => Order::Name,
        Some(OrderBy::Time) if timed == 0 => {
            return Err(CliError::Usage(name(args, &"--order time, but no run has a start time; use --order name")));
        }
        Some(OrderBy::Time) => Order::Time,
        None if by_time => Order::Time,
        None => Order::Given,
    };
    if order == Order::Time && timed < runs.runs.len() {
        runs.notes.push(format!(
            "{} of {} runs have no start time and stand after the run whose name comes before theirs",
            runs.runs.len() - timed,
            runs.runs.len()
        ));
    }
    runs.sort(order);
    Ok(runs)
}

fn records(path: &Path) -> Result<Runs, CliError> {
    let shown = path.display().to_string();
    let text = read_text(path, true).map_err(|error| CliError::Usage(format!("{shown}: {error}")))?;
    let usage = |error: run_lines::LineError| CliError::Usage(error.to_string());
    let is_csv = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    if !is_csv {
        return run_lines::json_lines(&shown, &text, path.parent().unwrap_or(Path::new(""))).map_err(usage);
    }
    let beside = path.with_extension("json");
    let changes = match read_text(&beside, false) {
        Ok(text) => run_lines::config_changes(&text)
            .map_err(|error| CliError::Usage(format!("{}: {error}", beside.display())))?,
        Err(_) => None,
    };
    run_lines::csv(&shown, &text, changes.as_deref()).map_err(usage)
}

fn with_linter<T>(
    args: &RunsArgs,
    first: Option<&Path>,
    body: impl FnOnce(&Linter<'_>) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let first = first.unwrap_or(&args.path);
    let surroundings = Surroundings::open(&args.facts, Some(first))?;
    let folders: Vec<PathBuf> = surroundings.settings.rules.iter().chain(&args.rules.rules).cloned().collect();
    let own = options::user_rules(&folders, catalogue())?;
    let all = options::all_rules(&own);
    let linters = Linters::new(&surroundings, &args.rules, &all, false)?;
    let linter = linters.of(first);
    body(&linter)
}

/// What to type next: about the change to look at first.
fn next(runs: &[Run], analyses: &[Analysis], report: &Report) -> Vec<String> {
    let Some((series, found)) = leading(analyses) else { return Vec::new() };
    let mut next = Vec::new();
    let (good, bad) = sure_ends(found);
    next.extend(between_configs(runs, series, found, report));
    let commit = |run: usize| runs.get(run).and_then(|run| run.commit.as_deref());
    if let (Some(good), Some(bad)) = (commit(good), commit(bad))
        && good != bad
    {
        let mut words = vec![format!("moelint bisect commits --good {} --bad {}", quoted(good), quoted(bad))];
        words.extend(series.measure.symptom().map(|symptom| format!("--symptom {}", symptom.name())));
        if matches!(series.measure, Measure::Metric(_)) && takes("commits", "metric") {
            words.push(format!("--metric {}", quoted(&series.series.name)));
        }
        words.push(format!("-- ./probe.sh   (a command that exits 0 where {} is as before)", series.series.name));
        next.push(words.join(" "));
    }
    next.extend(
        report.culprits.first().and_then(|one| one.introduced.first()).map(|rule| format!("moelint explain {rule}")),
    );
    next
}

/// From the config before the change to the one after it: which of several settings, or what else the one does.
fn between_configs(runs: &[Run], analysis: &Analysis, found: &Found, report: &Report) -> Option<String> {
    let suspect = found.suspects.first().map_or(found.cut.index, |(run, _)| *run);
    let file = |run: &Run| run.config.as_ref().filter(|config| config.file).map(|config| quoted(&config.path));
    let before = runs.get(..suspect)?.iter().rev().find_map(file)?;
    let after = runs.get(suspect).and_then(file)?;
    // printed arguments can be compared, not edited
    let config = may_be_config(Path::new(after.trim_matches('\'')));
    let counts = |change: &&Changed| !change.note.starts_with(UNREAD);
    let changes = report.culprits.first().map_or(0, |culprit| culprit.changes.iter().filter(counts).count());
    let symptom =
        analysis.measure.symptom().map_or_else(String::new, |symptom| format!(" --symptom {}", symptom.name()));
    match changes {
        0 => None,
        2.. if config && takes("keys", "good") => Some(format!(
            "moelint bisect keys {before} {after}{symptom} -- ./probe.sh   (which of its {changes} settings)"
        )),
        _ => Some(format!("moelint diff {before} {after}")),
    }
}

/// Whether `moelint bisect MODE` has an argument of that name.
fn takes(mode: &str, argument: &str) -> bool {
    let cli = Cli::command();
    let found = cli.find_subcommand("bisect").and_then(|bisect| bisect.find_subcommand(mode));
    found.is_some_and(|mode| mode.get_arguments().any(|known| known.get_id() == argument))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,~^".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
