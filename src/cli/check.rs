//! `moelint check`: files → findings → output.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use clap::ValueEnum;
use rayon::prelude::*;

use crate::document::arg_dump::has_arg_dump;
use crate::document::yaml::printed_config;
use crate::facts::catalogue;
use crate::facts::release::{BRIDGE, CORE, ReleaseSet};
use crate::lint::FileReport;
use crate::lint::engine::Linter;
use crate::lint::finding::{Finding, Status};
use crate::output::clean::clean;
use crate::output::file::write_whole;
use crate::output::{Format, Reporter, Style, Summary, TargetLine};
use crate::project::settings::Settings;
use crate::rule::model::Rule;
use crate::source::read::{MAX_CONFIG, read_text};
use crate::source::walk::{Input, inputs};

use super::args::{CheckArgs, Color, Level, OutputArgs};
use super::fixing::{self, Wanted};
use super::surroundings::{self, Linters, Surroundings};
use super::{CliError, Exit, options, with_stdout};

/// Files read and checked before anything is written: bounds memory, keeps the order.
const BATCH: usize = 64;

/// Runs the command.
///
/// # Errors
/// [`CliError`].
pub fn run(args: &CheckArgs) -> Result<Exit, CliError> {
    let surroundings = Surroundings::open(&args.facts, args.paths.first().map(PathBuf::as_path))?;
    let folders: Vec<PathBuf> = surroundings.settings.rules.iter().chain(&args.rules.rules).cloned().collect();
    let own = options::user_rules(&folders, catalogue())?;
    let all = options::all_rules(&own);
    let wanted = Wanted::new(args)?;
    let found = inputs(&args.paths);
    // proving a fix costs as much as checking a file: over many files it is done on request
    let fixes = wanted.any() || args.show_fixes || found.0.len() <= BATCH;
    let linters = Linters::new(&surroundings, &args.rules, &all, fixes)?;
    let levels = Levels::new(args, &surroundings.settings)?;
    // a single file needs no helpers
    let helpers = (found.0.len() > 1).then(|| rayon::ThreadPoolBuilder::new().num_threads(threads(args)).build());
    let pool = helpers.transpose().map_err(|error| CliError::Usage(format!("-j: {error}")))?;
    let style = style(&args.output, args.show_undecided, linters.rules());
    let mut reporter = args.output.format.reporter(style);
    let mut check = Check {
        args,
        wanted,
        levels,
        linters: &linters,
        summary: Summary::default(),
        failed: false,
        found: false,
        targets: BTreeMap::new(),
    };
    let failed = match &args.output.output_file {
        None => with_stdout(|out| check.all(pool.as_ref(), &found, reporter.as_mut(), out)),
        Some(path) => {
            let mut bytes = Vec::new();
            check.all(pool.as_ref(), &found, reporter.as_mut(), &mut bytes)?;
            let failed = |error| CliError::Usage(format!("--output-file {}: {error}", path.display()));
            write_whole(path, &bytes).map_err(failed)
        }
    };
    failed.map(|()| if check.failed { Exit::Usage } else { check.exit() })
}

/// A linter with the flags' releases, facts and choice among `all` rules, whatever stands beside the files.
///
/// # Errors
/// A flag's value that is not known, with the candidates.
pub fn linter<'r>(args: &CheckArgs, all: &[&'r Rule]) -> Result<Linter<'r>, CliError> {
    let (target, outside) = surroundings::from_flags(&args.facts)?;
    let rules = options::chosen(&args.rules.select, &args.rules.ignore, all)?;
    Ok(Linter { catalogue: catalogue(), rules, target, outside, fixes: true })
}

/// From which severity on something is shown, and from which it fails the run.
#[derive(Clone, Copy)]
struct Levels {
    shown: Level,
    fails: Level,
}

impl Levels {
    fn new(args: &CheckArgs, settings: &Settings) -> Result<Self, CliError> {
        let level = |flag: Option<Level>, key: &str, text: &Option<String>, default| {
            let said = text.as_deref().map(|text| {
                <Level as ValueEnum>::from_str(text, false).map_err(|_| {
                    let known = "error, warning, info, never";
                    CliError::Usage(format!("{}: {key} {text}: expected one of {known}", settings.path.display()))
                })
            });
            Ok::<_, CliError>(flag.or(said.transpose()?).unwrap_or(default))
        };
        let shown = level(args.min_severity, "min-severity", &settings.min_severity, Level::Warning)?;
        Ok(Self {
            shown: if args.pedantic { Level::Info } else { shown },
            fails: level(args.fail_on, "fail-on", &settings.fail_on, Level::Error)?,
        })
    }
}

/// What became of one file.
struct Outcome {
    report: FileReport,
    fixed: usize,
    diff: String,
}

struct Check<'a> {
    args: &'a CheckArgs,
    wanted: Wanted,
    levels: Levels,
    linters: &'a Linters<'a>,
    summary: Summary,
    /// A file could not be read.
    failed: bool,
    /// Something at or above `--fail-on`, shown or not.
    found: bool,
    /// Releases of Megatron-Core, and of Megatron-Bridge where they were named, by who named them.
    targets: BTreeMap<(&'static str, &'static str), ReleaseSet>,
}

impl Check<'_> {
    fn all(
        &mut self,
        pool: Option<&rayon::ThreadPool>,
        (inputs, problems): &(Vec<Input>, Vec<(PathBuf, String)>),
        reporter: &mut dyn Reporter,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        for (path, problem) in problems {
            self.emit(FileReport::unreadable(path, problem.clone()), true, reporter, out)?;
        }
        for batch in inputs.chunks(BATCH) {
            let reports: Vec<Outcome> = match pool {
                Some(pool) => pool.install(|| batch.par_iter().map(|input| self.one(input)).collect()),
                None => batch.iter().map(|input| self.one(input)).collect(),
            };
            for (outcome, input) in reports.into_iter().zip(batch) {
                if self.wanted.diff {
                    self.found |= !outcome.diff.is_empty();
                    self.failed |= outcome.report.problem.is_some();
                    out.write_all(outcome.diff.as_bytes())?;
                    continue;
                }
                self.summary.fixed += outcome.fixed;
                self.emit(outcome.report, input.named, reporter, out)?;
            }
        }
        if self.wanted.diff {
            return Ok(());
        }
        self.summary.targets = self.target_lines();
        reporter.finish(out, &self.summary)?;
        Ok(())
    }

    fn one(&self, input: &Input) -> Outcome {
        let (report, text) = self.read(input);
        let nothing = report.findings.iter().all(|finding| finding.fixes.is_empty());
        if !self.wanted.any() || nothing {
            return Outcome { report, fixed: 0, diff: String::new() };
        }
        let linter = self.linters.of(&report.path);
        let (new, fixed) = fixing::fixed(&linter, &report.path, &text, self.wanted.all, self.levels.shown);
        if self.wanted.diff {
            let diff = if fixed > 0 { fixing::diff(&report.path, &text, &new) } else { String::new() };
            return Outcome { report, fixed, diff };
        }
        match if fixed > 0 { fixing::write(&input.path, &text, &new) } else { Ok(()) } {
            Ok(()) => Outcome { report: linter.file(&report.path, &new), fixed, diff: String::new() },
            Err(error) => {
                let problem = format!("cannot be fixed: {error}");
                let report = FileReport { problem: Some(problem), ..report };
                Outcome { report, fixed: 0, diff: String::new() }
            }
        }
    }

    /// Reads and checks one file; the text is only needed for fixing it.
    fn read(&self, input: &Input) -> (FileReport, String) {
        let (report, text) = self.look(input);
        (report, if self.wanted.any() { text } else { String::new() })
    }

    fn look(&self, input: &Input) -> (FileReport, String) {
        let stdin = input.path.as_os_str() == "-";
        let path = if stdin { &self.args.stdin_filename } else { &input.path };
        let log = Input { path: path.clone(), named: input.named }.is_log();
        let text = match read_text(&input.path, log) {
            Ok(text) => text,
            Err(error) if !input.named && !error.concerns(&input.path) => {
                return (FileReport::unrecognised(path), String::new());
            }
            Err(error) => return (FileReport::unreadable(path, error.to_string()), String::new()),
        };
        let linter = self.linters.of(path);
        if !log || holds_config(&text) {
            return (linter.file(path, &text), text);
        }
        // a log that holds no config may still be one under a log's name, but its syntax is nobody's concern
        if !input.named || text.len() as u64 > MAX_CONFIG {
            return (FileReport::unrecognised(path), text);
        }
        let report = linter.file(path, &text);
        (if report.status == Status::Unreadable { FileReport::unrecognised(path) } else { report }, text)
    }

    /// Filters one file's findings and hands them to the reporter; files of another kind are only mentioned when named.
    fn emit(
        &mut self,
        mut report: FileReport,
        named: bool,
        reporter: &mut dyn Reporter,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        self.found |= report.findings.iter().any(|finding| self.levels.fails.includes(finding.severity));
        report.findings.retain(|finding| self.levels.shown.includes(finding.severity));
        report.findings.iter_mut().for_each(tidy);
        if report.status == Status::Linted {
            self.note_target(&report);
        }
        self.failed |= report.problem.is_some();
        self.summary.add(&report);
        if let Some(limit) = self.args.max_diagnostics {
            let shown = self.summary.errors + self.summary.warnings + self.summary.infos - report.findings.len();
            let room = limit.saturating_sub(shown);
            let hidden = report.findings.len().saturating_sub(room);
            self.summary.hidden += hidden;
            report.findings.truncate(room);
        }
        let silent =
            matches!(report.status, Status::Unrecognised | Status::NotMoe) && !named && self.args.output.verbose == 0;
        if silent && matches!(self.args.output.format, Format::Human | Format::Concise) {
            return Ok(());
        }
        reporter.file(out, &report)?;
        Ok(())
    }

    fn exit(&self) -> Exit {
        if self.found { Exit::Findings } else { Exit::Clean }
    }

    fn target_lines(&self) -> Vec<TargetLine> {
        let packages = &self.linters.catalogue().releases.packages;
        let names = |package: &str, set| {
            let package = packages.get(package);
            package.map_or_else(Vec::new, |package| package.names(set).into_iter().map(str::to_owned).collect())
        };
        let mut lines: Vec<TargetLine> = self
            .targets
            .iter()
            .map(|((package, source), set)| TargetLine {
                package: (*package).to_owned(),
                releases: names(package, *set),
                source,
            })
            .collect();
        if lines.is_empty() {
            lines.push(TargetLine { package: CORE.to_owned(), releases: Vec::new(), source: "inferred" });
        }
        lines.sort_by_key(|line| line.package != CORE);
        lines
    }

    /// Notes which releases a file was checked for, and who said so.
    fn note_target(&mut self, report: &FileReport) {
        let target = &self.linters.of(&report.path).target;
        let set = self.targets.entry((CORE, target.source(CORE).name())).or_insert(ReleaseSet::NONE);
        *set = set.or(report.targets);
        if let Some(index) = target.index(BRIDGE) {
            let set = self.targets.entry((BRIDGE, target.source(BRIDGE).name())).or_insert(ReleaseSet::NONE);
            *set = set.or(ReleaseSet::one(index));
        }
    }
}

/// Whether a log has a printed config or argument listing in it.
fn holds_config(text: &str) -> bool {
    has_arg_dump(text) || printed_config(text).is_some()
}

fn threads(args: &CheckArgs) -> usize {
    let asked = args.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    asked.min(BATCH)
}

/// Whether to use colours: `auto` is on for a terminal unless `NO_COLOR` is set.
pub(super) fn colored(wanted: Color, to_file: bool) -> bool {
    match wanted {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let allowed = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            !to_file && io::stdout().is_terminal() && allowed
        }
    }
}

/// Columns that a line may take.
pub(super) fn columns() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse::<usize>().ok());
    columns.unwrap_or(100).clamp(40, 200)
}

fn style(args: &OutputArgs, show_undecided: bool, rules: &[&Rule]) -> Style {
    let color = colored(args.color, args.output_file.is_some());
    Style {
        color,
        width: columns(),
        show_undecided,
        quiet: args.quiet,
        rules: if args.format == Format::Sarif {
            rules.iter().map(|rule| (*rule).clone()).collect()
        } else {
            Vec::new()
        },
    }
}

/// Makes a finding's words fit to be shown.
fn tidy(finding: &mut Finding) {
    for text in [&mut finding.message, &mut finding.help] {
        if let Cow::Owned(tidied) = clean(text) {
            *text = tidied;
        }
    }
    for label in &mut finding.labels {
        if let Cow::Owned(tidied) = clean(&label.text) {
            label.text = tidied;
        }
    }
}
