//! `moelint diff`: what changed between two configs, and whether it matters.

use std::fs;
use std::path::{Path, PathBuf};

use crate::delta::compare::{Comparison, Config, compare};
use crate::dialect::recognise;
use crate::document::parse;
use crate::facts::catalogue;
use crate::output::diff::{Kind, Pair, Report, Style, human, json, markdown};
use crate::output::file::write_whole;
use crate::source::git::{Changed, Oid, Repo};
use crate::source::read::read_text;
use crate::source::run_dir::{self, config_of, may_be_config};
use crate::source::walk::Input;

use super::diff_args::{DiffArgs, DiffFormat};
use super::surroundings::{Linters, Surroundings};
use super::{CliError, Exit, check, options, with_stdout};

/// Runs the command.
///
/// # Errors
/// A side that can't be read, with what to type instead.
pub fn run(args: &DiffArgs) -> Result<Exit, CliError> {
    let surroundings = Surroundings::open(&args.facts, args.paths.last().map(PathBuf::as_path))?;
    let folders: Vec<PathBuf> = surroundings.settings.rules.iter().chain(&args.rules.rules).cloned().collect();
    let own = options::user_rules(&folders, catalogue())?;
    let all = options::all_rules(&own);
    let linters = Linters::new(&surroundings, &args.rules, &all, false)?;
    let (base, pairs) = match (&args.base, args.paths.as_slice()) {
        (None, [old, new]) => (None, vec![two_sides(old, new, &linters)?]),
        (None, _) => return Err(CliError::Usage(usage(args.paths.len()))),
        (Some(rev), paths) => branch(rev, paths, &linters).map(|(base, pairs)| (Some(base), pairs))?,
    };
    let report = Report { base, pairs };
    let style = Style { color: check::colored(args.color, args.output_file.is_some()), quiet: args.quiet };
    let write = |out: &mut dyn std::io::Write| match args.format {
        DiffFormat::Human => human::write(out, &report, style),
        DiffFormat::Markdown => markdown::write(out, &report, style),
        DiffFormat::Json => json::write(out, &report),
    };
    match &args.output_file {
        None => with_stdout(|out| Ok(write(out)?))?,
        Some(path) => {
            let mut bytes = Vec::new();
            write(&mut bytes)?;
            let failed = |error| CliError::Usage(format!("--output-file {}: {error}", path.display()));
            write_whole(path, &bytes).map_err(failed)?;
        }
    }
    Ok(if report.is_risky() { Exit::Findings } else { Exit::Clean })
}

fn usage(given: usize) -> String {
    let given = match given {
        0 => "nothing",
        1 => "one path",
        _ => "more than two paths",
    };
    format!("diff needs two sides, OLD and NEW, or --base REV with the paths to look at; found {given}")
}

/// One side as it was found.
struct Side {
    /// As the user named it, with the file of a folder.
    name: String,
    /// Where a linter's settings for it are looked for.
    path: PathBuf,
    text: String,
}

impl Side {
    fn config(&self) -> Config<'_> {
        Config { path: Path::new(&self.name), text: &self.text }
    }
}

fn two_sides(old: &Path, new: &Path, linters: &Linters<'_>) -> Result<Pair, CliError> {
    if old.as_os_str() == "-" && new.as_os_str() == "-" {
        return Err(CliError::Usage("standard input can be one side only".to_owned()));
    }
    let (old, new) = (side(old)?, side(new)?);
    let linter = linters.of(&new.path);
    let comparison = compare(Some(old.config()), Some(new.config()), &linter);
    for (side, about) in [(&old, &comparison.sides.0), (&new, &comparison.sides.1)] {
        if let Some(problem) = &about.problem {
            return Err(CliError::Usage(format!("{}: cannot be parsed: {problem}", side.name)));
        }
    }
    Ok(Pair { kind: Kind::Modified, old: old.name, new: new.name, comparison, texts: (old.text, new.text) })
}

/// Reads what the user named: a file, a folder, or a path in a revision.
fn side(path: &Path) -> Result<Side, CliError> {
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

fn is_config(text: &str) -> bool {
    recognise(&parse(text), catalogue()).is_some()
}

/// The current folder, links followed, as a repository's root is.
fn here() -> Result<PathBuf, CliError> {
    let here = std::env::current_dir().and_then(|folder| folder.canonicalize());
    here.map_err(|error| CliError::Usage(format!("the current folder: {error}")))
}

/// A path of the repository as it is called from the current folder.
fn shown(repo: &Repo, path: &Path) -> PathBuf {
    let whole = repo.root().join(path);
    here().ok().and_then(|current| whole.strip_prefix(current).map(Path::to_path_buf).ok()).unwrap_or(whole)
}

/// Configs that the work tree changes since it left a branch.
fn branch(rev: &str, paths: &[PathBuf], linters: &Linters<'_>) -> Result<(String, Vec<Pair>), CliError> {
    let start = paths.first().map_or(Path::new("."), PathBuf::as_path);
    let start = if start.is_dir() { start } else { start.parent().filter(|p| p.is_dir()).unwrap_or(Path::new(".")) };
    let repo = Repo::open(start)?;
    let base = repo.merge_base(rev)?;
    let current = here()?;
    let mut below = Vec::new();
    for path in paths {
        let path = if path.is_absolute() { path.clone() } else { current.join(path) };
        let path = path.canonicalize().unwrap_or(path);
        below.push(repo.from_root(&path, &current)?);
    }
    let named = |path: &Option<PathBuf>| {
        path.as_ref().is_some_and(|path| below.is_empty() || below.iter().any(|below| path.starts_with(below)))
    };
    let mut pairs = Vec::new();
    for changed in repo.changed_files(base)? {
        if named(&changed.old) || named(&changed.new) {
            pairs.extend(changed_pair(&repo, base, &changed, linters));
        }
    }
    Ok((format!("{rev} ({})", &base.to_string()[..12]), pairs))
}

/// A changed file, where it is or was a config; what can't be read is none.
fn changed_pair(repo: &Repo, base: Oid, changed: &Changed, linters: &Linters<'_>) -> Option<Pair> {
    let is_candidate = |path: &Option<PathBuf>| path.as_deref().is_some_and(may_be_config);
    if !is_candidate(&changed.old) && !is_candidate(&changed.new) {
        return None;
    }
    let old = changed.old.as_ref().and_then(|path| repo.blob(&base.to_string(), path).ok());
    let new = changed.new.as_ref().and_then(|path| read_text(&repo.root().join(path), false).ok());
    let name = |path: &Option<PathBuf>| path.as_ref().map_or_else(PathBuf::new, |path| shown(repo, path));
    let (old_path, new_path) = (name(&changed.old), name(&changed.new));
    let linter = linters.of(if new.is_some() { &new_path } else { &old_path });
    let old_side = old.as_deref().map(|text| Config { path: &old_path, text });
    let new_side = new.as_deref().map(|text| Config { path: &new_path, text });
    let comparison = compare(old_side, new_side, &linter);
    // a file that says nothing about our settings, before or after, is none of our business
    let concerns = |comparison: &Comparison| {
        let known = comparison.sides.0.dialect.is_some() || comparison.sides.1.dialect.is_some();
        known || !comparison.started.is_empty()
    };
    let kind = match (&old, &new) {
        (Some(_), Some(_)) if old_path != new_path => Kind::Renamed,
        (Some(_), Some(_)) => Kind::Modified,
        (None, Some(_)) => Kind::Added,
        _ => Kind::Removed,
    };
    let text = |path: &Path| path.as_os_str().to_string_lossy().into_owned();
    concerns(&comparison).then(|| Pair {
        kind,
        old: text(&old_path),
        new: text(&new_path),
        comparison,
        texts: (old.unwrap_or_default(), new.unwrap_or_default()),
    })
}
