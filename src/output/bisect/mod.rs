//! A bisection's report → text. One file a format.

pub mod html;
pub mod human;
pub mod markdown;
pub mod progress;
pub mod runs;
pub mod words;

use std::io::{self, Write};

use crate::bisect::report::Report;
use crate::bisect::session::Session;
use crate::bisect::verdict::Verdict;

/// One JSON object: version 1 of the contract.
///
/// # Errors
/// What the stream says.
pub fn json(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report).map_err(io::Error::from)?;
    writeln!(out)
}

/// A session's probes, a line each.
///
/// # Errors
/// What the stream says.
pub fn status(out: &mut dyn Write, session: &Session) -> io::Result<()> {
    let state = if session.finished { "ended" } else { "unfinished: moelint bisect resume goes on" };
    writeln!(out, "good {}  bad {}  {state}", words::short(&session.good), words::short(&session.bad))?;
    writeln!(out, "moelint {}", session.arguments.join(" "))?;
    for probe in &session.probes {
        let verdict = match probe.outcome.as_ref().map(|outcome| outcome.verdict) {
            Some(Verdict::Good) => "good",
            Some(Verdict::Bad) => "bad",
            Some(Verdict::Unresolved) => "unresolved",
            None if probe.run.is_some() => "runs",
            None => "not started",
        };
        writeln!(out, "probe {}  {}  {verdict}  {}", probe.number, words::short(&probe.config), probe.why)?;
    }
    Ok(())
}
