//! `moelint check`: files → findings → output.

use std::borrow::Cow;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use rayon::prelude::*;

use crate::document::arg_dump::has_arg_dump;
use crate::document::yaml::printed_config;
use crate::facts::catalogue;
use crate::facts::release::{BRIDGE, CORE, ReleaseSet};
use crate::lint::FileReport;
use crate::lint::engine::Linter;
use crate::lint::finding::{Finding, Status};
use crate::lint::target::TargetSource;
use crate::output::clean::clean;
use crate::output::{Reporter, Style, Summary, TargetLine};
use crate::rule::model::Rule;
use crate::source::read::{MAX_CONFIG, read_text};
use crate::source::walk::{Input, inputs};

use super::args::{CheckArgs, Color, Level, OutputArgs};
use super::{CliError, Exit, options, with_stdout};

/// Files read and checked before anything is written: bounds memory, keeps the order.
const BATCH: usize = 64;

/// Runs the command.
///
/// # Errors
/// [`CliError`].
pub fn run(args: &CheckArgs) -> Result<Exit, CliError> {
    let own = options::user_rules(&args.rules.rules, catalogue())?;
    let all = options::all_rules(&own);
    let linter = linter(args, &all)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads(args)).build();
    let pool = pool.map_err(|error| CliError::Usage(format!("-j: {error}")))?;
    let style = style(&args.output, args.show_undecided, &linter);
    let mut reporter = args.output.format.reporter(style);
    let mut check = Check {
        args,
        linter: &linter,
        summary: Summary::default(),
        failed: false,
        found: false,
        targets: ReleaseSet::NONE,
    };
    let failed = match &args.output.output_file {
        None => with_stdout(|out| check.all(&pool, reporter.as_mut(), out)),
        Some(path) => {
            let mut bytes = Vec::new();
            check.all(&pool, reporter.as_mut(), &mut bytes)?;
            write_whole(path, &bytes)?;
            Ok(())
        }
    };
    failed.map(|()| if check.failed { Exit::Usage } else { check.exit() })
}

/// A linter with the flags' releases, facts and choice among `all` rules.
///
/// # Errors
/// A flag's value that is not known, with the candidates.
pub fn linter<'r>(args: &CheckArgs, all: &[&'r Rule]) -> Result<Linter<'r>, CliError> {
    let catalogue = catalogue();
    let (target, outside) = options::facts(&args.facts, catalogue)?;
    let rules = options::chosen(&args.rules, all)?;
    Ok(Linter { catalogue, rules, target, outside })
}

struct Check<'a> {
    args: &'a CheckArgs,
    linter: &'a Linter<'a>,
    summary: Summary,
    /// A file could not be read.
    failed: bool,
    /// Something at or above `--fail-on`, shown or not.
    found: bool,
    targets: ReleaseSet,
}

impl Check<'_> {
    fn all(
        &mut self,
        pool: &rayon::ThreadPool,
        reporter: &mut dyn Reporter,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let (inputs, problems) = inputs(&self.args.paths);
        for (path, problem) in problems {
            self.emit(FileReport::unreadable(&path, problem), true, reporter, out)?;
        }
        for batch in inputs.chunks(BATCH) {
            let reports: Vec<FileReport> = if batch.len() == 1 {
                batch.iter().map(|input| self.one(input)).collect()
            } else {
                pool.install(|| batch.par_iter().map(|input| self.one(input)).collect())
            };
            for (report, input) in reports.into_iter().zip(batch) {
                self.emit(report, input.named, reporter, out)?;
            }
        }
        self.summary.targets = self.target_lines();
        reporter.finish(out, &self.summary)?;
        Ok(())
    }

    fn one(&self, input: &Input) -> FileReport {
        let stdin = input.path.as_os_str() == "-";
        let path = if stdin { &self.args.stdin_filename } else { &input.path };
        let log = Input { path: path.clone(), named: input.named }.is_log();
        let text = match read_text(&input.path, log) {
            Ok(text) => text,
            Err(error) if !input.named && !error.concerns(&input.path) => return FileReport::unrecognised(path),
            Err(error) => return FileReport::unreadable(path, error.to_string()),
        };
        if !log || holds_config(&text) {
            return self.linter.file(path, &text);
        }
        // a log that holds no config may still be one under a log's name, but its syntax is nobody's concern
        if !input.named || text.len() as u64 > MAX_CONFIG {
            return FileReport::unrecognised(path);
        }
        let report = self.linter.file(path, &text);
        if report.status == Status::Unreadable { FileReport::unrecognised(path) } else { report }
    }

    /// Filters one file's findings and hands them to the reporter; files of another kind are only mentioned when named.
    fn emit(
        &mut self,
        mut report: FileReport,
        named: bool,
        reporter: &mut dyn Reporter,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let least = if self.args.pedantic { Level::Info } else { self.args.min_severity };
        self.found |= report.findings.iter().any(|finding| self.args.fail_on.includes(finding.severity));
        report.findings.retain(|finding| least.includes(finding.severity));
        report.findings.iter_mut().for_each(tidy);
        self.targets = self.targets.or(report.targets);
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
        if silent && matches!(self.args.output.format, crate::output::Format::Human | crate::output::Format::Concise) {
            return Ok(());
        }
        reporter.file(out, &report)?;
        Ok(())
    }

    fn exit(&self) -> Exit {
        if self.found { Exit::Findings } else { Exit::Clean }
    }

    fn target_lines(&self) -> Vec<TargetLine> {
        let source = |package| match self.linter.target.source(package) {
            TargetSource::Flag => "flag",
            TargetSource::Inferred => "inferred",
        };
        let releases = self.linter.catalogue.releases.packages.get(CORE);
        let names = releases
            .map_or_else(Vec::new, |package| package.names(self.targets).into_iter().map(str::to_owned).collect());
        let mut lines = vec![TargetLine { package: CORE.to_owned(), releases: names, source: source(CORE) }];
        if source(BRIDGE) == "flag"
            && let Some(package) = self.linter.catalogue.releases.packages.get(BRIDGE)
        {
            let said = self.linter.target.bridge(self.linter.catalogue, crate::lint::target::Candidates::default());
            let names = package.names(said.target).into_iter().map(str::to_owned).collect();
            lines.push(TargetLine { package: BRIDGE.to_owned(), releases: names, source: "flag" });
        }
        lines
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

fn style(args: &OutputArgs, show_undecided: bool, linter: &Linter<'_>) -> Style {
    let terminal = args.output_file.is_none() && io::stdout().is_terminal();
    let color = match args.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    };
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse::<usize>().ok());
    Style {
        color,
        width: columns.unwrap_or(100).clamp(40, 200),
        show_undecided,
        quiet: args.quiet,
        rules: if args.format == crate::output::Format::Sarif {
            linter.rules.iter().map(|rule| (*rule).clone()).collect()
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

/// Writes beside the file, then renames: never half a file. What is no regular file (a pipe, a device, a link) is
/// written through.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let failed = |error: io::Error| CliError::Usage(format!("--output-file {}: {error}", path.display()));
    if path.symlink_metadata().is_ok_and(|data| !data.is_file()) {
        return fs::write(path, bytes).map_err(failed);
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let written = fs::OpenOptions::new().write(true).create_new(true).open(&beside);
    let done = written.and_then(|mut file| file.write_all(bytes)).and_then(|()| fs::rename(&beside, path));
    done.map_err(|error| {
        let _ = fs::remove_file(&beside);
        failed(error)
    })
}
