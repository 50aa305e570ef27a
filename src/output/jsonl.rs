//! `--format jsonl`: one finding a line, in the form of `json`'s `findings`.

use std::io::{self, Write};

use crate::lint::FileReport;

use super::{Reporter, Summary, json};

/// The `jsonl` format.
pub struct JsonLines;

impl Reporter for JsonLines {
    fn file(&mut self, out: &mut dyn Write, report: &FileReport) -> io::Result<()> {
        let path = report.path.to_string_lossy();
        if let Some(problem) = &report.problem {
            // not a finding, so not a line of the output
            writeln!(io::stderr(), "moelint: {path}: {problem}")?;
        }
        for finding in &report.findings {
            json::finding(out, &path, finding)?;
            writeln!(out)?;
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut dyn Write, _: &Summary) -> io::Result<()> {
        Ok(())
    }
}
