//! GitHub workflow commands: annotations on the lines of a pull request.

use std::io::{self, Write};

use crate::lint::FileReport;
use crate::lint::finding::Finding;
use crate::rule::model::Severity;

use super::{Reporter, Summary};

/// The `github` format. Commands are kept to the end and sorted by severity: GitHub shows the first ten of a step.
#[derive(Default)]
pub struct Github {
    commands: Vec<(Severity, String)>,
}

impl Reporter for Github {
    fn file(&mut self, _: &mut dyn Write, report: &FileReport) -> io::Result<()> {
        let path = report.path.to_string_lossy();
        if let Some(problem) = &report.problem {
            self.commands.push((Severity::Error, format!("::error file={}::{}", property(&path), data(problem))));
        }
        self.commands.extend(report.findings.iter().map(|finding| (finding.severity, command(&path, finding))));
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
        self.commands.sort_by_key(|command| std::cmp::Reverse(command.0));
        for (_, command) in &self.commands {
            writeln!(out, "{command}")?;
        }
        writeln!(
            out,
            "moelint: {} files, {} errors, {} warnings, {} infos",
            summary.files, summary.errors, summary.warnings, summary.infos
        )
    }
}

fn command(path: &str, finding: &Finding) -> String {
    let kind = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let place = finding.primary().map_or_else(String::new, |label| {
        // columns are only allowed on one line
        let columns = if label.start.line == label.end.line {
            format!(",col={},endColumn={}", label.start.column, label.end.column)
        } else {
            String::new()
        };
        format!(",line={},endLine={}{columns}", label.start.line, label.end.line)
    });
    let title = property(&format!("{} {}", finding.code, finding.rule));
    let mut text = finding.message.clone();
    if !finding.help.is_empty() {
        text.push_str("\nhelp: ");
        text.push_str(&finding.help);
    }
    format!("::{kind} file={}{place},title={title}::{}", property(path), data(&text))
}

fn data(text: &str) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    text.chars().filter(|character| !character.is_control()).collect()
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
