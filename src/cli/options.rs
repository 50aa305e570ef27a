//! Flags → facts, releases and rules.

use std::fs;
use std::path::{Path, PathBuf};

use crate::facts::catalogue::Catalogue;
use crate::facts::environment::Environment;
use crate::facts::release::{BRIDGE, CORE};
use crate::lint::target::Target;
use crate::rule::load::load_rule;
use crate::rule::model::Rule;
use crate::rule::nearest::nearest;
use crate::rule::parse::{BACKENDS, PACKAGES};
use crate::rule::view::Outside;
use crate::source::read::read_text;

use super::CliError;
use super::args::{FactArgs, RuleArgs};

const STATES: [&str; 3] = ["available", "missing", "broken"];

/// Releases and facts from the flags.
///
/// # Errors
/// A name that is not known, with the candidates.
pub fn facts(args: &FactArgs, catalogue: &Catalogue) -> Result<(Target, Outside), CliError> {
    let mut target = Target::default();
    let mut environment = Environment::default();
    for text in &args.target {
        let (package, release) = text.split_once('=').unwrap_or((CORE, text));
        if PACKAGES.contains(&package) {
            if release != "none" && !release.starts_with(|c: char| c.is_ascii_digit()) {
                return Err(CliError::Usage(format!("--target {text}: write a version such as 2.6.0, or none")));
            }
            let version = (release != "none").then(|| release.to_owned());
            once(environment.packages.insert(package.to_owned(), version.clone()), &version, text)?;
        } else if package == CORE || package == BRIDGE {
            let before = target.index(package);
            let set = target.set(catalogue, package, release);
            set.map_err(|error| CliError::Usage(format!("--target {text}: {error}")))?;
            once(before, &target.index(package).unwrap_or_default(), text)?;
        } else {
            let known = [CORE, BRIDGE].into_iter().chain(PACKAGES).collect::<Vec<_>>().join(", ");
            let message = format!("--target {text}: unknown package `{package}`, expected one of {known}");
            return Err(CliError::Usage(message));
        }
    }
    if let Some(name) = &args.gpu {
        let gpu = catalogue.gpu(name).ok_or_else(|| unknown_gpu(name, catalogue))?;
        environment.gpu = Some(gpu.name.clone());
        environment.gpu_arch = Some(gpu.arch);
        environment.nvlink_domain = Some(gpu.nvlink_domain.into());
    }
    environment.num_gpus = args.num_gpus;
    environment.nvlink_domain = args.nvlink_domain.or(environment.nvlink_domain);
    for text in &args.env {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            CliError::Usage(format!("--env {text}: write NAME=VALUE, with nothing after `=` for unset"))
        })?;
        if name.is_empty() {
            return Err(CliError::Usage(format!("--env {text}: write NAME=VALUE")));
        }
        environment.env.insert(name.to_owned(), value.to_owned());
    }
    for text in &args.backend {
        let (name, state) = backend(text)?;
        environment.backends.insert(name, state);
    }
    Ok((target, Outside::new(environment, catalogue)))
}

/// Two flags that say different things about one package are a mistake.
fn once<T: PartialEq>(before: Option<T>, now: &T, text: &str) -> Result<(), CliError> {
    if before.is_some_and(|before| before != *now) {
        return Err(CliError::Usage(format!("--target {text}: another --target names another release of it")));
    }
    Ok(())
}

fn unknown_gpu(name: &str, catalogue: &Catalogue) -> CliError {
    let known: Vec<&str> = catalogue.hardware.gpus.iter().map(|gpu| gpu.name.as_str()).collect();
    CliError::Usage(format!("--gpu {name}: unknown GPU, expected one of {}", known.join(", ")))
}

fn backend(text: &str) -> Result<(String, String), CliError> {
    let (name, state) = text.split_once('=').unwrap_or((text, ""));
    if !BACKENDS.contains(&name) {
        let known = BACKENDS.join(", ");
        return Err(CliError::Usage(format!("--backend {text}: unknown backend `{name}`, expected one of {known}")));
    }
    if !STATES.contains(&state) {
        let known = STATES.join(", ");
        return Err(CliError::Usage(format!("--backend {text}: write {name}= and one of {known}")));
    }
    Ok((name.to_owned(), state.to_owned()))
}

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
pub fn chosen<'r>(args: &RuleArgs, all: &[&'r Rule]) -> Result<Vec<&'r Rule>, CliError> {
    for name in args.select.iter().chain(&args.ignore) {
        if !all.iter().any(|rule| rule.is_called(name)) {
            let names = all.iter().flat_map(|rule| [rule.id.as_str(), rule.group.as_str(), rule.code.as_str()]);
            let hint = nearest(name, names).map_or_else(String::new, |right| format!(", did you mean `{right}`?"));
            return Err(CliError::Usage(format!("no rule, code or group `{name}`{hint} (moelint rules lists them)")));
        }
    }
    let selected = |rule: &Rule| args.select.is_empty() || args.select.iter().any(|name| rule.is_called(name));
    let ignored = |rule: &Rule| args.ignore.iter().any(|name| rule.is_called(name));
    Ok(all.iter().copied().filter(|rule| selected(rule) && !ignored(rule)).collect())
}
