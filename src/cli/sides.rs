//! A config as the user names it: a file, a folder with one, or a path at a revision.

use std::fs;
use std::path::{Path, PathBuf};

use crate::delta::compare::Config;
use crate::dialect::recognise;
use crate::document::parse;
use crate::facts::catalogue;
use crate::source::git::Repo;
use crate::source::read::read_text;
use crate::source::run_dir::{self, config_of};
use crate::source::walk::Input;

use super::CliError;

/// One side as it was found.
pub(super) struct Side {
    /// As the user named it, with the file of a folder.
    pub(super) name: String,
    /// Where a linter's settings for it are looked for.
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Side {
    pub(super) fn config(&self) -> Config<'_> {
        Config { path: Path::new(&self.name), text: &self.text }
    }
}

/// Reads what the user named: a file, a folder, or a path in a revision.
pub(super) fn side(path: &Path) -> Result<Side, CliError> {
    if path.is_dir() {
        return folder(path);
    }
    let text = path.to_str().filter(|_| !path.exists() && path.as_os_str() != "-");
    if let Some((rev, inside)) = text.and_then(|text| text.split_once(':')).filter(|(rev, _)| !rev.is_empty()) {
        return at_revision(rev, inside);
    }
    let name = path.display().to_string();
    let log = Input { path: path.to_path_buf(), named: true }.is_log();
    let text = read_text(path, log).map_err(|error| CliError::Usage(format!("{name}: {error}")))?;
    let name = if name == "-" { "<stdin>".to_owned() } else { name };
    Ok(Side { path: PathBuf::from(&name), name, text })
}

fn folder(path: &Path) -> Result<Side, CliError> {
    let files = files_of(path, 3).map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))?;
    let recognised = |file: &Path| read_text(&path.join(file), false).is_ok_and(|text| is_config(&text));
    let found = the_one(config_of(&files, recognised), &path.display().to_string(), "/")?;
    side(&path.join(found))
}

/// Files below a folder, relative to it, sorted; a run's folder is not deep.
fn files_of(folder: &Path, depth: usize) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = PathBuf::from(entry.file_name());
        match entry.file_type()? {
            kind if kind.is_dir() && depth > 1 => {
                let below = files_of(&entry.path(), depth - 1).unwrap_or_default();
                files.extend(below.into_iter().map(|file| name.join(file)));
            }
            kind if kind.is_file() => files.push(name),
            _ => {}
        }
    }
    files.sort();
    Ok(files)
}

fn the_one(found: run_dir::Config, folder: &str, slash: &str) -> Result<PathBuf, CliError> {
    match found {
        run_dir::Config::One(file) => Ok(file),
        run_dir::Config::None => Err(CliError::Usage(format!("{folder}: no config in this folder; name the file"))),
        run_dir::Config::Many(files) => {
            let names = files.iter().take(5).map(|file| format!("{folder}{slash}{}", file.display()));
            let names = names.collect::<Vec<_>>().join(", ");
            Err(CliError::Usage(format!("{folder}: {} configs in this folder; name one of {names}", files.len())))
        }
    }
}

fn at_revision(rev: &str, inside: &str) -> Result<Side, CliError> {
    let current = here()?;
    let repo = Repo::open(&current)?;
    let mut path = repo.from_root(Path::new(inside), &current)?;
    let mut name = format!("{rev}:{inside}");
    let files = repo.files(rev, &path)?;
    if let Some(files) = files {
        let recognised = |file: &Path| repo.blob(rev, &path.join(file)).is_ok_and(|text| is_config(&text));
        let slash = if name.ends_with(['/', ':']) { "" } else { "/" };
        let file = the_one(config_of(&files, recognised), &name, slash)?;
        name = format!("{name}{slash}{}", file.display());
        path = path.join(file);
    }
    let text = repo.blob(rev, &path)?;
    Ok(Side { path: shown(&repo, &path), name, text })
}

pub(super) fn is_config(text: &str) -> bool {
    recognise(&parse(text), catalogue()).is_some()
}

/// The current folder, links followed, as a repository's root is.
pub(super) fn here() -> Result<PathBuf, CliError> {
    let here = std::env::current_dir().and_then(|folder| folder.canonicalize());
    here.map_err(|error| CliError::Usage(format!("the current folder: {error}")))
}

/// A path of the repository as it is called from the current folder.
pub(super) fn shown(repo: &Repo, path: &Path) -> PathBuf {
    let whole = repo.root().join(path);
    here().ok().and_then(|current| whole.strip_prefix(current).map(Path::to_path_buf).ok()).unwrap_or(whole)
}
