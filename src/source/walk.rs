//! Paths as the user gave them → files to read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

/// Endings of files that a folder walk looks at; what is in them decides what they are.
const ENDINGS: [&str; 7] = ["yaml", "yml", "json", "jsonl", "log", "txt", "out"];
/// Endings among these that are read only if they hold a printed argument listing.
const LOGS: [&str; 3] = ["log", "txt", "out"];

/// A file to check.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Input {
    /// As named, or as found below a named folder; `-` is standard input.
    pub path: PathBuf,
    /// Whether the user named it: then a file that can't be used is said to be so.
    pub named: bool,
}

impl Input {
    /// Whether only an argument listing in it is of interest.
    #[must_use]
    pub fn is_log(&self) -> bool {
        ending(&self.path).is_some_and(|ending| LOGS.contains(&ending.as_str()))
    }
}

/// Files in a fixed order, each once, and paths that could not be looked at with the reason.
///
/// Folders are walked without following links; `.gitignore`, `.ignore` and hidden files are respected.
#[must_use]
pub fn inputs(paths: &[PathBuf]) -> (Vec<Input>, Vec<(PathBuf, String)>) {
    let mut found: Vec<Input> = Vec::new();
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for path in paths {
        if path.as_os_str() == "-" || path.is_file() {
            if seen.insert(path.clone()) {
                found.push(Input { path: path.clone(), named: true });
            }
        } else if path.is_dir() {
            let (mut files, mut failed) = below(path);
            files.retain(|input| seen.insert(input.path.clone()));
            found.append(&mut files);
            problems.append(&mut failed);
        } else {
            let reason = match path.symlink_metadata() {
                Ok(data) if data.file_type().is_symlink() && path.metadata().is_err() => {
                    "the link leads nowhere, or to itself"
                }
                Ok(_) => "neither a file nor a folder; pipe the text in and name it `-`",
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => "permission denied",
                Err(_) => "no such file or folder",
            };
            problems.push((path.clone(), reason.to_owned()));
        }
    }
    (found, problems)
}

fn below(folder: &Path) -> (Vec<Input>, Vec<(PathBuf, String)>) {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    for entry in WalkBuilder::new(folder).require_git(false).follow_links(false).build() {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                if ending(entry.path()).is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
                    files.push(Input { path: entry.into_path(), named: false });
                }
            }
            Ok(_) => {}
            Err(error) => problems.push((folder.to_path_buf(), error.to_string())),
        }
    }
    files.sort();
    (files, problems)
}

fn ending(path: &Path) -> Option<String> {
    path.extension().map(|ending| ending.to_string_lossy().to_lowercase())
}
