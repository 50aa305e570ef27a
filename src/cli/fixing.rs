//! `check --fix` and `check --diff`: proven fixes, one after the other.

use std::fs;
use std::io;
use std::path::Path;

use similar::TextDiff;

use crate::lint::engine::Linter;
use crate::lint::fix::Fix;
use crate::output::file::write_whole;

use super::CliError;
use super::args::{CheckArgs, Level};

/// Most fixes that are made in one file; more would be a fix that undoes another.
const MAX_FIXES: usize = 200;

/// What to do about fixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Make them.
    pub write: bool,
    /// Show them.
    pub diff: bool,
    /// Also those that may change what the config means.
    pub all: bool,
}

impl Wanted {
    /// From the flags.
    ///
    /// # Errors
    /// Flags that don't go together.
    pub fn new(args: &CheckArgs) -> Result<Self, CliError> {
        let wanted = Self { write: args.fix, diff: args.diff, all: args.unsafe_fixes };
        if wanted.all && !wanted.any() {
            return Err(CliError::Usage("--unsafe-fixes goes with --fix or --diff".to_owned()));
        }
        if wanted.write && args.paths.iter().any(|path| path.as_os_str() == "-") {
            return Err(CliError::Usage(
                "--fix cannot change standard input; --diff shows what it would do".to_owned(),
            ));
        }
        Ok(wanted)
    }

    /// Whether any fix is to be looked at.
    #[must_use]
    pub const fn any(self) -> bool {
        self.write || self.diff
    }
}

/// A file's text with every fix made that may be, and how many these were.
///
/// Fixes that may change the meaning are made for findings of at least the given level. One at a time: each is proven
/// on the text that the ones before it left.
#[must_use]
pub fn fixed(linter: &Linter<'_>, path: &Path, text: &str, unsafe_too: bool, least: Level) -> (String, usize) {
    let mut text = text.to_owned();
    let mut seen = vec![text.clone()];
    while seen.len() <= MAX_FIXES {
        let report = linter.file(path, &text);
        let may = |fix: &&Fix| fix.safe || unsafe_too;
        // what keeps the meaning may go unseen, nothing else
        let seen_or_safe = report.findings.iter().flat_map(|finding| {
            let shown = least.includes(finding.severity);
            finding.fixes.iter().filter(move |fix| fix.safe || shown)
        });
        let candidates = seen_or_safe.filter(may);
        let next = candidates
            .filter_map(|fix| crate::document::edit::apply(&text, &fix.edits))
            .find(|next| !seen.contains(next));
        let Some(next) = next else { break };
        text.clone_from(&next);
        seen.push(next);
    }
    (text, seen.len() - 1)
}

/// The change as a unified diff.
#[must_use]
pub fn diff(path: &Path, old: &str, new: &str) -> String {
    let name = path.display().to_string();
    TextDiff::from_lines(old, new).unified_diff().context_radius(3).header(&name, &name).to_string()
}

/// Writes the new text over a file that still holds the old one, through links, keeping its permissions.
///
/// # Errors
/// A file that changed in between; the system's errors.
pub fn write(path: &Path, old: &str, new: &str) -> io::Result<()> {
    let real = fs::canonicalize(path)?;
    if fs::read(&real)? != old.as_bytes() {
        return Err(io::Error::other("it changed while it was checked; run again"));
    }
    write_whole(&real, new.as_bytes())
}
