//! `moelint diff`: what changed between two configs, and whether it matters.

use std::path::{Path, PathBuf};

use crate::delta::compare::{Comparison, Config, compare};
use crate::facts::catalogue;
use crate::output::diff::{Kind, Pair, Report, Style, human, json, markdown};
use crate::output::file::write_whole;
use crate::source::git::{Changed, Oid, Repo};
use crate::source::read::read_text;
use crate::source::run_dir::may_be_config;

use super::diff_args::{DiffArgs, DiffFormat};
use super::sides::{here, shown, side};
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
