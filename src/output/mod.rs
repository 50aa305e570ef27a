//! Findings → text. One file a format; the only place besides `source` that touches the outside world.

pub mod bisect;
pub mod clean;
pub mod concise;
pub mod diff;
pub mod file;
pub mod frame;
pub mod github;
pub mod human;
pub mod json;
pub mod jsonl;
pub mod markup;
pub mod missing;
pub mod rules_doc;
pub mod sarif;
pub mod show;

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::lint::FileReport;
use crate::lint::finding::Finding;
use crate::rule::model::{Rule, Severity};

/// One release line of the report's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetLine {
    /// The package.
    pub package: String,
    /// Patch names, oldest first.
    pub releases: Vec<String>,
    /// `flag`, `facts`, `config`, `lock-file` or `inferred`.
    pub source: &'static str,
}

/// Totals of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files looked at.
    pub files: usize,
    /// Of them, checked.
    pub linted: usize,
    /// Of them, not read.
    pub unreadable: usize,
    /// Findings.
    pub errors: usize,
    /// Findings.
    pub warnings: usize,
    /// Findings.
    pub infos: usize,
    /// Rules that could not be decided, over all files.
    pub undecided: usize,
    /// The facts that would decide them.
    pub missing: BTreeSet<String>,
    /// Silenced by comments.
    pub suppressed: usize,
    /// Mended.
    pub fixed: usize,
    /// Findings shown that `--fix` would mend, and those that it would with `--unsafe-fixes`.
    pub fixable: (usize, usize),
    /// Not shown because of `--max-diagnostics`.
    pub hidden: usize,
    /// The releases that were checked against.
    pub targets: Vec<TargetLine>,
}

impl Summary {
    /// Adds a file's findings to the totals.
    pub fn add(&mut self, report: &FileReport) {
        self.files += 1;
        self.linted += usize::from(report.status == crate::lint::finding::Status::Linted);
        self.unreadable += usize::from(report.problem.is_some());
        for finding in &report.findings {
            match finding.severity {
                Severity::Error => self.errors += 1,
                Severity::Warning => self.warnings += 1,
                Severity::Info => self.infos += 1,
            }
        }
        let has = |safe| move |finding: &&Finding| finding.fixes.iter().any(|fix| fix.safe == safe);
        self.fixable.0 += report.findings.iter().filter(has(true)).count();
        self.fixable.1 += report.findings.iter().filter(has(false)).count();
        self.undecided += report.undecided.len();
        for fact in report.undecided.iter().flat_map(|open| &open.missing) {
            if !self.missing.contains(fact) {
                self.missing.insert(fact.clone());
            }
        }
        self.suppressed += report.suppressed;
    }
}

/// What a format needs to know beside the findings.
#[derive(Clone, Debug)]
pub struct Style {
    /// ANSI colours.
    pub color: bool,
    /// Columns.
    pub width: usize,
    /// List what could not be decided.
    pub show_undecided: bool,
    /// Say as little as possible.
    pub quiet: bool,
    /// The rules in use, for formats that list them.
    pub rules: Vec<Rule>,
}

/// A format: files come in order, then the totals.
pub trait Reporter {
    /// One file.
    ///
    /// # Errors
    /// What the stream says.
    fn file(&mut self, out: &mut dyn Write, report: &FileReport) -> io::Result<()>;

    /// After the last file.
    ///
    /// # Errors
    /// What the stream says.
    fn finish(&mut self, out: &mut dyn Write, summary: &Summary) -> io::Result<()>;
}

/// The formats of `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: code frames.
    Human,
    /// `file:line:col: severity[CODE] message`
    Concise,
    /// One JSON object.
    Json,
    /// One JSON object a finding.
    Jsonl,
    /// GitHub workflow commands.
    Github,
    /// SARIF 2.1.0.
    Sarif,
}

impl Format {
    /// The format's reporter.
    #[must_use]
    pub fn reporter(self, style: Style) -> Box<dyn Reporter> {
        match self {
            Self::Human => Box::new(human::Human::new(style)),
            Self::Concise => Box::new(concise::Concise::new(style)),
            Self::Json => Box::new(json::Json::default()),
            Self::Jsonl => Box::new(jsonl::JsonLines),
            Self::Github => Box::new(github::Github::default()),
            Self::Sarif => Box::new(sarif::Sarif::new(style)),
        }
    }
}
