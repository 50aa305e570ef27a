//! SARIF 2.1.0, for code-scanning services.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::document::edit::Edit;
use crate::lint::FileReport;
use crate::lint::finding::{Finding, Label};
use crate::lint::fix::Fix;
use crate::rule::model::{Rule, Severity};

use super::{Reporter, Style, Summary};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The `sarif` format: results are written as they come, one a line; which rules they name is known after the last.
pub struct Sarif {
    rules: Vec<Rule>,
    results: usize,
    notifications: Vec<Value>,
    used: BTreeSet<String>,
}

impl Sarif {
    /// With the rules in use.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Self { rules: style.rules, results: 0, notifications: Vec::new(), used: BTreeSet::new() }
    }

    /// What stands in front of a result, or of the end if there is none.
    fn before(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.results > 0 {
            return out.write_all(b",\n");
        }
        write!(out, "{{\n\"$schema\": \"{SCHEMA}\",\n\"version\": \"2.1.0\",\n\"runs\": [{{\n\"results\": [\n")
    }

    fn result(path: &str, finding: &Finding) -> Value {
        let mut message = finding.message.clone();
        if !finding.help.is_empty() {
            message.push_str(". Help: ");
            message.push_str(&finding.help);
        }
        let related: Vec<Value> =
            finding.labels.iter().filter(|label| !label.primary).map(|l| location(path, l)).collect();
        let primary: Vec<Value> = finding.primary().map(|label| location(path, label)).into_iter().collect();
        let mut result = json!({
            "ruleId": finding.rule,
            "level": level(finding.severity),
            "message": { "text": message },
            "locations": primary,
            "partialFingerprints": {
                "moelint/v1": crate::lint::finding::fingerprint(&[path, &finding.fingerprint])
            },
            "properties": {
                "code": finding.code,
                "phase": finding.phase.name(),
                "confidence": finding.confidence.name(),
                "certainty": finding.certainty.name(),
                "blocking": finding.blocking,
                "role": finding.role,
                "releases": finding.releases.summary,
            },
        });
        if !related.is_empty() {
            result["relatedLocations"] = Value::Array(related);
        }
        if !finding.fixes.is_empty() {
            result["fixes"] = finding.fixes.iter().map(|offered| fix(path, offered)).collect();
        }
        result
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn location(path: &str, label: &Label) -> Value {
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(path) },
            "region": {
                "startLine": label.start.line,
                "startColumn": label.start.column,
                "endLine": label.end.line,
                "endColumn": label.end.column,
                "byteOffset": label.span.start,
                "byteLength": label.span.end.saturating_sub(label.span.start),
            },
        },
    });
    if !label.text.is_empty() {
        location["message"] = json!({ "text": label.text });
    }
    location
}

fn fix(path: &str, fix: &Fix) -> Value {
    let replacement = |edit: &Edit| {
        json!({
            "deletedRegion": {
                "byteOffset": edit.span.start,
                "byteLength": edit.span.end.saturating_sub(edit.span.start),
            },
            "insertedContent": { "text": edit.text },
        })
    };
    json!({
        "description": { "text": fix.title },
        "artifactChanges": [{
            "artifactLocation": { "uri": uri(path) },
            "replacements": fix.edits.iter().map(replacement).collect::<Vec<_>>(),
        }],
    })
}

/// A relative URI: slashes forward, everything but unreserved characters percent-encoded.
fn uri(path: &str) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for byte in path.replace('\\', "/").trim_start_matches("./").bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn rule(rule: &Rule) -> Value {
    let why = if rule.why.trim().is_empty() { rule.summary.clone() } else { rule.why.trim().to_owned() };
    json!({
        "id": rule.id,
        "name": rule.code,
        "shortDescription": { "text": rule.summary },
        "fullDescription": { "text": why },
        "help": { "text": format!("{why}\n\nSources:\n{}", rule.sources.join("\n")) },
        "defaultConfiguration": { "level": level(rule.severity) },
        "properties": { "tags": [rule.group, "moe"], "precision": precision(rule) },
    })
}

fn precision(rule: &Rule) -> &'static str {
    use crate::rule::model::Confidence;
    match rule.confidence {
        Confidence::Reproduced => "very-high",
        Confidence::Read => "high",
        Confidence::Documented | Confidence::Reported => "medium",
        Confidence::Derived => "low",
    }
}

impl Reporter for Sarif {
    fn file(&mut self, out: &mut dyn Write, report: &FileReport) -> io::Result<()> {
        let path = report.path.to_string_lossy();
        if let Some(problem) = &report.problem {
            self.notifications.push(json!({
                "level": "error",
                "message": { "text": problem },
                "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(&path) } } }],
            }));
        }
        for finding in &report.findings {
            if !self.used.contains(finding.rule.as_ref()) {
                self.used.insert(finding.rule.to_string());
            }
            self.before(out)?;
            serde_json::to_writer(&mut *out, &Self::result(&path, finding)).map_err(io::Error::from)?;
            self.results += 1;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write, _: &Summary) -> io::Result<()> {
        let rules: Vec<Value> = self.rules.iter().filter(|known| self.used.contains(&known.id)).map(rule).collect();
        if self.results == 0 {
            self.before(out)?;
        }
        let driver = json!({ "name": "moelint", "semanticVersion": env!("CARGO_PKG_VERSION"), "rules": rules });
        let invocation = json!({ "executionSuccessful": true, "toolExecutionNotifications": self.notifications });
        writeln!(out, "\n],\n\"tool\": {{ \"driver\": {driver} }},")?;
        writeln!(out, "\"columnKind\": \"unicodeCodePoints\",\n\"invocations\": [{invocation}]\n}}]\n}}")
    }
}
