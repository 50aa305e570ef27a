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

/// The `json` format. Findings are kept as text until the end, files' contents are not.
#[derive(Default)]
pub struct Json {
    files: Vec<FileJson>,
    findings: Vec<serde_json::Value>,
    undecided: Vec<UndecidedJson>,
}

#[derive(Serialize)]
struct Whole<'a> {
    version: u32,
    tool: &'static str,
    target: Vec<TargetJson<'a>>,
    files: &'a [FileJson],
    findings: &'a [serde_json::Value],
    undecided: &'a [UndecidedJson],
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
struct FileJson {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dialect: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completeness: Option<crate::facts::shape::Completeness>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<crate::facts::shape::Stage>,
    roles: Vec<String>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Serialize)]
struct UndecidedJson {
    rule: String,
    path: String,
    role: String,
    missing: Vec<String>,
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

/// One finding as the contract has it.
#[must_use]
pub fn finding(path: &str, finding: &Finding) -> serde_json::Value {
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
    serde_json::to_value(value).unwrap_or_default()
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

impl Reporter for Json {
    fn file(&mut self, _: &mut dyn Write, report: &FileReport) -> io::Result<()> {
        let path = report.path.to_string_lossy().into_owned();
        self.findings.extend(report.findings.iter().map(|found| finding(&path, found)));
        self.undecided.extend(report.undecided.iter().map(|open| UndecidedJson {
            rule: open.rule.to_string(),
            path: path.clone(),
            role: open.role.clone(),
            missing: open.missing.clone(),
        }));
        self.files.push(FileJson {
            dialect: report.dialect.map(crate::dialect::Dialect::name),
            completeness: report.shape.map(|shape| shape.0),
            stage: report.shape.map(|shape| shape.1),
            roles: report.roles.clone(),
            status: report.status.name(),
            problem: report.problem.clone(),
            path,
        });
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
        let whole = Whole {
            version: 1,
            tool: TOOL,
            target: summary.targets.iter().map(TargetJson::from).collect(),
            files: &self.files,
            findings: &self.findings,
            undecided: &self.undecided,
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
        serde_json::to_writer_pretty(&mut *out, &whole).map_err(io::Error::from)?;
        writeln!(out)
    }
}
