//! A bisection's report → text. One file a format.

pub mod human;

use std::io::{self, Write};

use crate::bisect::report::Report;

/// One JSON object: version 1 of the contract.
///
/// # Errors
/// What the stream says.
pub fn json(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report).map_err(io::Error::from)?;
    writeln!(out)
}
