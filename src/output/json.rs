//! `--format json`, version 1 of the contract.

use std::io::{self, Write};

use serde::Serialize;

use crate::document::Position;
use crate::document::edit::Edit;
use crate::lint::FileReport;
use crate::lint::finding::{Finding, Label};
use crate::lint::fix::Fix;

use super::{Reporter, Summary};

/// The program's name and version.
pub const TOOL: &str = concat!("moelint ", env!("CARGO_PKG_VERSION"));

/// The `json` format: findings are written as they come, one a line; of the files only a line each is kept.
#[derive(Default)]
pub struct Json {
    findings: usize,
    files: Lines,
    undecided: Lines,
}

/// Items of an array as text, one a line.
#[derive(Default)]
struct Lines {
    text: Vec<u8>,
}

impl Lines {
    fn push(&mut self, item: &impl Serialize) -> io::Result<()> {
        self.text.extend_from_slice(if self.text.is_empty() { b"\n    " } else { b",\n    " });
        serde_json::to_writer(&mut self.text, item).map_err(io::Error::from)
    }

    /// The array, as the value of `key`.
    fn write(&self, out: &mut dyn Write, key: &str) -> io::Result<()> {
        write!(out, "  \"{key}\": [")?;
        out.write_all(&self.text)?;
        if !self.text.is_empty() {
            write!(out, "\n  ")?;
        }
        writeln!(out, "],")
    }
}

/// What stands behind the arrays.
#[derive(Serialize)]
struct Totals<'a> {
    target: Vec<TargetJson<'a>>,
    suppressed: usize,
    baselined: usize,
    summary: SummaryJson,
}

#[derive(Serialize)]
struct TargetJson<'a> {
    package: &'a str,
    releases: &'a [String],
    source: &'static str,
}

impl<'a> From<&'a super::TargetLine> for TargetJson<'a> {
    fn from(line: &'a super::TargetLine) -> Self {
        Self { package: &line.package, releases: &line.releases, source: line.source }
    }
}

#[derive(Serialize)]
struct FileJson<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dialect: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completeness: Option<crate::facts::shape::Completeness>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<crate::facts::shape::Stage>,
    roles: &'a [String],
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a str>,
}

#[derive(Serialize)]
struct UndecidedJson<'a> {
    rule: &'a str,
    path: &'a str,
    role: &'a str,
    missing: &'a [String],
}

#[derive(Serialize)]
struct SummaryJson {
    files: usize,
    errors: usize,
    warnings: usize,
    infos: usize,
    undecided: usize,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    rule: &'a str,
    code: &'a str,
    severity: &'static str,
    confidence: &'static str,
    phase: &'static str,
    certainty: &'static str,
    blocking: bool,
    message: &'a str,
    help: &'a str,
    path: &'a str,
    role: &'a str,
    labels: Vec<LabelJson<'a>>,
    releases: ReleasesJson<'a>,
    fixes: Vec<FixJson<'a>>,
    sources: &'a [String],
    fingerprint: String,
}

#[derive(Serialize)]
struct LabelJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    key: &'a str,
    path: &'a str,
    primary: bool,
    text: &'a str,
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct FixJson<'a> {
    safety: &'static str,
    title: &'a str,
    edits: Vec<EditJson<'a>>,
}

#[derive(Serialize)]
struct EditJson<'a> {
    path: &'a str,
    start: u32,
    end: u32,
    text: &'a str,
}

#[derive(Serialize)]
struct ReleasesJson<'a> {
    package: &'a str,
    fails: &'a [String],
    passes: &'a [String],
    summary: &'a str,
}

/// One finding as the contract has it, on one line.
///
/// # Errors
/// Those of `out`.
pub fn finding(out: &mut dyn Write, path: &str, finding: &Finding) -> io::Result<()> {
    let value = FindingJson {
        rule: &finding.rule,
        code: &finding.code,
        severity: finding.severity.name(),
        confidence: finding.confidence.name(),
        phase: finding.phase.name(),
        certainty: finding.certainty.name(),
        blocking: finding.blocking,
        message: &finding.message,
        help: &finding.help,
        path,
        role: &finding.role,
        labels: finding.labels.iter().map(|found| label(path, found)).collect(),
        releases: ReleasesJson {
            package: &finding.releases.package,
            fails: &finding.releases.fails,
            passes: &finding.releases.passes,
            summary: &finding.releases.summary,
        },
        fixes: finding.fixes.iter().map(|offered| fix(path, offered)).collect(),
        sources: &finding.sources,
        fingerprint: crate::lint::finding::fingerprint(&[path, &finding.fingerprint]),
    };
    serde_json::to_writer(out, &value).map_err(io::Error::from)
}

fn fix<'a>(path: &'a str, fix: &'a Fix) -> FixJson<'a> {
    let edit = |edit: &'a Edit| EditJson { path, start: edit.span.start, end: edit.span.end, text: &edit.text };
    let safety = if fix.safe { "safe" } else { "unsafe" };
    FixJson { safety, title: &fix.title, edits: fix.edits.iter().map(edit).collect() }
}

fn label<'a>(path: &'a str, label: &'a Label) -> LabelJson<'a> {
    LabelJson {
        field: label.field.as_deref(),
        key: &label.path,
        path,
        primary: label.primary,
        text: &label.text,
        start: label.start,
        end: label.end,
    }
}

impl Json {
    /// What stands in front of the first finding.
    fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.findings > 0 || !self.files.text.is_empty() {
            return Ok(());
        }
        write!(out, "{{\n  \"version\": 1,\n  \"tool\": \"{TOOL}\",\n  \"findings\": [")
    }
}

impl Reporter for Json {
    fn file(&mut self, out: &mut dyn Write, report: &FileReport) -> io::Result<()> {
        self.head(out)?;
        let path = report.path.to_string_lossy();
        for found in &report.findings {
            write!(out, "{}\n    ", if self.findings == 0 { "" } else { "," })?;
            finding(out, &path, found)?;
            self.findings += 1;
        }
        for open in &report.undecided {
            let missing = &open.missing;
            self.undecided.push(&UndecidedJson { rule: &open.rule, path: &path, role: &open.role, missing })?;
        }
        self.files.push(&FileJson {
            path: &path,
            dialect: report.dialect.map(crate::dialect::Dialect::name),
            completeness: report.shape.map(|shape| shape.0),
            stage: report.shape.map(|shape| shape.1),
            roles: &report.roles,
            status: report.status.name(),
            problem: report.problem.as_deref(),
        })
    }

    fn finish(&mut self, out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
        self.head(out)?;
        writeln!(out, "{}],", if self.findings == 0 { "" } else { "\n  " })?;
        self.files.write(out, "files")?;
        self.undecided.write(out, "undecided")?;
        let totals = Totals {
            target: summary.targets.iter().map(TargetJson::from).collect(),
            suppressed: summary.suppressed,
            baselined: 0,
            summary: SummaryJson {
                files: summary.files,
                errors: summary.errors,
                warnings: summary.warnings,
                infos: summary.infos,
                undecided: summary.undecided,
            },
        };
        let rest = serde_json::to_string_pretty(&totals).map_err(io::Error::from)?;
        writeln!(out, "{}", rest.trim_start_matches("{\n"))
    }
}
