//! Flags → rules.

use std::fs;
use std::path::{Path, PathBuf};

use crate::facts::catalogue::Catalogue;
use crate::rule::load::load_rule;
use crate::rule::model::Rule;
use crate::rule::nearest::nearest;
use crate::source::read::read_text;

use super::CliError;

/// Rules that users brought with `--rules DIR`.
///
/// # Errors
/// A folder that can't be read; the first thing wrong in a rule file, with its place.
pub fn user_rules(folders: &[PathBuf], catalogue: &Catalogue) -> Result<Vec<Rule>, CliError> {
    let mut rules: Vec<Rule> = Vec::new();
    for folder in folders {
        for path in rule_files(folder)? {
            let name = path.display().to_string();
            let text = read_text(&path, false).map_err(|error| CliError::Usage(format!("{name}: {error}")))?;
            let rule = load_rule(&name, &text, catalogue).map_err(|error| CliError::Usage(error.to_string()))?;
            let built_in = crate::lint::rules().iter().filter(|known| known.id != rule.id);
            let twin = built_in.chain(&rules).find(|known| known.id == rule.id || known.code == rule.code);
            if let Some(twin) = twin {
                let message = format!("{name}: its id or code is taken by `{}` ({})", twin.id, twin.code);
                return Err(CliError::Usage(message));
            }
            rules.push(rule);
        }
    }
    Ok(rules)
}

/// The built-in rules and the user's own; one with a built-in's id takes its place.
#[must_use]
pub fn all_rules(own: &[Rule]) -> Vec<&Rule> {
    let built_in = crate::lint::rules().iter().filter(|rule| own.iter().all(|mine| mine.id != rule.id));
    let mut all: Vec<&Rule> = built_in.chain(own).collect();
    all.sort_by(|a, b| a.code.cmp(&b.code));
    all
}

fn rule_files(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let unreadable = |error: std::io::Error| CliError::Usage(format!("--rules {}: {error}", folder.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        // links are not followed: they could lead back here
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(rule_files(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The rules that `--select` and `--ignore` leave.
///
/// # Errors
/// A name that means no rule, with the nearest one that does.
pub fn chosen<'r>(select: &[String], ignore: &[String], all: &[&'r Rule]) -> Result<Vec<&'r Rule>, CliError> {
    for name in select.iter().chain(ignore) {
        if !all.iter().any(|rule| rule.is_called(name)) {
            let names = all.iter().flat_map(|rule| [rule.id.as_str(), rule.group.as_str(), rule.code.as_str()]);
            let hint = nearest(name, names).map_or_else(String::new, |right| format!(", did you mean `{right}`?"));
            return Err(CliError::Usage(format!("no rule, code or group `{name}`{hint} (moelint rules lists them)")));
        }
    }
    let selected = |rule: &Rule| select.is_empty() || select.iter().any(|name| rule.is_called(name));
    let ignored = |rule: &Rule| ignore.iter().any(|name| rule.is_called(name));
    Ok(all.iter().copied().filter(|rule| selected(rule) && !ignored(rule)).collect())
}
