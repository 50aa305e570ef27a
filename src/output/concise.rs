//! `file:line:col: error[MOE0301] message`, one finding a line.

use std::io::{self, Write};

use crate::lint::FileReport;
use crate::lint::finding::Status;

use super::clean::clean;
use super::{Reporter, Style, Summary, missing};

/// The `concise` format.
pub struct Concise {
    style: Style,
}

impl Concise {
    /// With this style.
    #[must_use]
    pub const fn new(style: Style) -> Self {
        Self { style }
    }
}

impl Reporter for Concise {
    fn file(&mut self, out: &mut dyn Write, report: &FileReport) -> io::Result<()> {
        let path = report.path.to_string_lossy();
        let path = clean(&path);
        if report.status == Status::Unreadable
            && let Some(problem) = &report.problem
        {
            writeln!(out, "{path}: {problem}")?;
        }
        for finding in &report.findings {
            let (line, column) = finding.primary().map_or((1, 1), |label| (label.start.line, label.start.column));
            let severity = finding.severity.name();
            writeln!(
                out,
                "{path}:{line}:{column}: {severity}[{}] {} ({})",
                finding.code, finding.message, finding.rule
            )?;
        }
        if self.style.show_undecided {
            for (fact, rules) in missing::by_fact(&report.undecided) {
                writeln!(out, "{path}: undecided for lack of {fact}: {}", rules.join(", "))?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut dyn Write, _: &Summary) -> io::Result<()> {
        Ok(())
    }
}
