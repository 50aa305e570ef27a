//! Flags, `moelint.toml`, facts files and lock files → a linter for each file.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::facts::catalogue;
use crate::facts::catalogue::Catalogue;
use crate::facts::release::CORE;
use crate::lint::engine::Linter;
use crate::lint::target::{Target, TargetSource};
use crate::project::settings::{self, Settings};
use crate::project::{Layer, facts_file, lock, merge};
use crate::rule::model::Rule;
use crate::rule::view::Outside;

use super::args::{FactArgs, RuleArgs};
use super::{CliError, options};

/// What holds for the whole run, and what each file needs looked up.
pub struct Surroundings {
    /// The project's settings.
    pub settings: Settings,
    /// A facts file that the settings name.
    project_facts: Option<Layer>,
    /// `--facts`, then the other flags: they win over everything.
    flags: Vec<Layer>,
    /// Whether lock files count.
    locks: bool,
}

impl Surroundings {
    /// Reads settings and facts files; `first` is the first path that the user named.
    ///
    /// # Errors
    /// A file that can't be read or holds a mistake; a flag's value that is not known.
    pub fn open(args: &FactArgs, first: Option<&Path>) -> Result<Self, CliError> {
        let found = match &args.config {
            Some(path) => settings::load(path).map_err(CliError::Usage)?,
            None if args.isolated => None,
            None => settings::find(&folder_of(first)).map_err(CliError::Usage)?,
        };
        let settings = found.unwrap_or_default();
        let project_facts = settings.facts.as_deref().map(facts_file::load).transpose().map_err(CliError::Usage)?;
        let surroundings = Self { settings, project_facts, flags: flags(args)?, locks: !args.isolated };
        // a mistake in an override is one even where no file meets it
        let all: Vec<usize> = (0..surroundings.settings.overrides.len()).collect();
        surroundings.facts(&all, None)?;
        Ok(surroundings)
    }

    /// Releases and facts for files to which these overrides and this lock file apply.
    ///
    /// # Errors
    /// A value that is not known, with where it stands.
    pub fn facts(&self, overrides: &[usize], locked: Option<&Layer>) -> Result<(Target, Outside), CliError> {
        let own = overrides.iter().filter_map(|index| self.settings.overrides.get(*index)).map(|one| &one.layer);
        let weak = locked.into_iter().chain(&self.project_facts).chain([&self.settings.layer]);
        merge(weak.chain(own).chain(&self.flags), catalogue()).map_err(CliError::Usage)
    }

    /// The lock file that speaks for files of a folder, unless the release is known from elsewhere.
    fn locked(&self, folder: &Path) -> Option<Layer> {
        let names_core = |layer: &Layer| layer.target.iter().any(|(package, _)| package == CORE);
        let known = self.flags.iter().chain(&self.project_facts).chain([&self.settings.layer]).any(names_core);
        if !self.locks || known { None } else { lock::find(folder, catalogue()) }
    }

    /// For a single file.
    ///
    /// # Errors
    /// As [`Self::facts`].
    pub fn for_file(&self, path: &Path) -> Result<(Target, Outside), CliError> {
        let overrides: Vec<usize> = self.settings.overrides_for(path).collect();
        self.facts(&overrides, self.locked(&folder_of(Some(path))).as_ref())
    }
}

/// What makes the difference between files: the overrides that apply, and the lock file.
type Key = (Vec<usize>, String);

/// Which linter a file gets; each combination is built once.
pub struct Linters<'r> {
    surroundings: &'r Surroundings,
    rules: Vec<&'r Rule>,
    fixes: bool,
    locks: Mutex<HashMap<PathBuf, Option<Arc<Layer>>>>,
    built: Mutex<BTreeMap<Key, Arc<Linter<'r>>>>,
}

impl<'r> Linters<'r> {
    /// With the rules that flags and settings leave; `fixes`: whether to look for changes that mend what is found.
    ///
    /// # Errors
    /// A name that means no rule.
    pub fn new(
        surroundings: &'r Surroundings,
        args: &RuleArgs,
        all: &[&'r Rule],
        fixes: bool,
    ) -> Result<Self, CliError> {
        let settings = &surroundings.settings;
        let select = if args.select.is_empty() { &settings.select } else { &args.select };
        let ignore: Vec<String> = args.ignore.iter().chain(&settings.ignore).cloned().collect();
        for one in &settings.overrides {
            options::chosen(&[], &one.ignore, all)?;
        }
        let rules = options::chosen(select, &ignore, all)?;
        Ok(Self { surroundings, rules, fixes, locks: Mutex::default(), built: Mutex::default() })
    }

    /// The rules that flags and settings leave.
    #[must_use]
    pub fn rules(&self) -> &[&'r Rule] {
        &self.rules
    }

    /// Settings and releases.
    #[must_use]
    pub fn catalogue(&self) -> &'static Catalogue {
        catalogue()
    }

    /// The linter for one file.
    #[must_use]
    pub fn of(&self, path: &Path) -> Arc<Linter<'r>> {
        let overrides: Vec<usize> = self.surroundings.settings.overrides_for(path).collect();
        let locked = self.locked(&folder_of(Some(path)));
        let key = (overrides.clone(), locked.as_ref().map_or_else(String::new, |layer| layer.prefix.clone()));
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        let linter = built.entry(key).or_insert_with(|| Arc::new(self.build(&overrides, locked.as_deref())));
        Arc::clone(linter)
    }

    fn locked(&self, folder: &Path) -> Option<Arc<Layer>> {
        if !self.surroundings.locks {
            return None;
        }
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = locks.get(folder) {
            return known.clone();
        }
        let found = self.surroundings.locked(folder).map(Arc::new);
        locks.insert(folder.to_path_buf(), found.clone());
        found
    }

    fn build(&self, overrides: &[usize], locked: Option<&Layer>) -> Linter<'r> {
        // every layer was found to be good when it was read
        let (target, outside) = self.surroundings.facts(overrides, locked).unwrap_or_default();
        let settings = &self.surroundings.settings;
        let ignored = |rule: &Rule| {
            let own = overrides.iter().filter_map(|index| settings.overrides.get(*index));
            own.flat_map(|one| &one.ignore).any(|name| rule.is_called(name))
        };
        let rules = self.rules.iter().copied().filter(|rule| !ignored(rule)).collect();
        Linter { catalogue: catalogue(), rules, target, outside, fixes: self.fixes }
    }
}

/// `--facts`, then what the other flags say.
fn flags(args: &FactArgs) -> Result<Vec<Layer>, CliError> {
    let mut layers = Vec::new();
    for path in &args.facts {
        layers.push(facts_file::load(path).map_err(CliError::Usage)?);
    }
    let mut layer = Layer {
        prefix: "--".to_owned(),
        source: TargetSource::Flag,
        gpu: args.gpu.clone(),
        num_gpus: args.num_gpus,
        nvlink_domain: args.nvlink_domain,
        ..Layer::default()
    };
    for text in &args.target {
        let (package, release) = text.split_once('=').unwrap_or((CORE, text));
        layer.target.push((package.to_owned(), release.to_owned()));
    }
    for text in &args.env {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            CliError::Usage(format!("--env {text}: write NAME=VALUE, with nothing after `=` for unset"))
        })?;
        layer.env.insert(name.to_owned(), value.to_owned());
    }
    for text in &args.backend {
        let (name, state) = text.split_once('=').unwrap_or((text, ""));
        layer.backend.insert(name.to_owned(), state.to_owned());
    }
    layers.push(layer);
    Ok(layers)
}

/// Releases and facts from flags alone, whatever stands beside the file.
///
/// # Errors
/// A flag's value that is not known, with the candidates.
pub fn from_flags(args: &FactArgs) -> Result<(Target, Outside), CliError> {
    merge(&flags(args)?, catalogue()).map_err(CliError::Usage)
}

/// The folder to look for settings and lock files in.
fn folder_of(path: Option<&Path>) -> PathBuf {
    let here = || PathBuf::from(".");
    match path {
        Some(path) if path.is_dir() => path.to_path_buf(),
        Some(path) => {
            path.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or_else(here, Path::to_path_buf)
        }
        None => here(),
    }
}
