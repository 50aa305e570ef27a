//! `moelint.toml`, or `[tool.moelint]` in `pyproject.toml`: the command line's facts and choices, kept in the project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::Deserialize;

use crate::document::LineIndex;
use crate::lint::target::TargetSource;
use crate::source::read::read_text;

use super::layer::Layer;

/// The file, as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Raw {
    target: BTreeMap<String, String>,
    gpu: Option<String>,
    num_gpus: Option<u32>,
    nvlink_domain: Option<u32>,
    facts: Option<PathBuf>,
    env: BTreeMap<String, Plain>,
    backend: BTreeMap<String, String>,
    rules: Vec<PathBuf>,
    select: Vec<String>,
    ignore: Vec<String>,
    fail_on: Option<String>,
    min_severity: Option<String>,
    overrides: Vec<RawOverride>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct RawOverride {
    paths: Vec<String>,
    target: BTreeMap<String, String>,
    gpu: Option<String>,
    num_gpus: Option<u32>,
    nvlink_domain: Option<u32>,
    env: BTreeMap<String, Plain>,
    backend: BTreeMap<String, String>,
    ignore: Vec<String>,
}

/// An environment variable's value, however it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Plain {
    Text(String),
    Int(i64),
    Bool(bool),
}

#[derive(Deserialize)]
struct PyProject {
    tool: Option<Tools>,
}

#[derive(Deserialize)]
struct Tools {
    moelint: Option<toml::Spanned<toml::Table>>,
}

/// What the project says.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where it stands; globs and paths are relative to its folder.
    pub path: PathBuf,
    /// For every file.
    pub layer: Layer,
    /// A facts file, as a path that can be opened.
    pub facts: Option<PathBuf>,
    /// Folders of rules, as paths that can be opened.
    pub rules: Vec<PathBuf>,
    /// As `--select`.
    pub select: Vec<String>,
    /// As `--ignore`.
    pub ignore: Vec<String>,
    /// As `--fail-on`.
    pub fail_on: Option<String>,
    /// As `--min-severity`.
    pub min_severity: Option<String>,
    /// For some files; later ones win.
    pub overrides: Vec<Override>,
}

/// What holds for some files only.
#[derive(Clone, Debug)]
pub struct Override {
    /// Which, relative to the settings' folder.
    pub paths: GlobSet,
    /// What is said about them.
    pub layer: Layer,
    /// Rules that don't apply to them.
    pub ignore: Vec<String>,
}

/// The nearest settings at or above `folder`; the search ends at a repository's root.
///
/// # Errors
/// A file that can't be read or holds a mistake, with its place.
pub fn find(folder: &Path) -> Result<Option<Settings>, String> {
    let start = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
    for folder in start.ancestors() {
        for name in ["moelint.toml", ".moelint.toml", "pyproject.toml"] {
            let path = folder.join(name);
            if path.is_file()
                && let Some(settings) = load(&path)?
            {
                return Ok(Some(settings));
            }
        }
        if folder.join(".git").exists() {
            break;
        }
    }
    Ok(None)
}

/// The settings in one file; `None` for a `pyproject.toml` without ours.
///
/// # Errors
/// As [`find`].
pub fn load(path: &Path) -> Result<Option<Settings>, String> {
    let shown = path.display();
    let text = read_text(path, false).map_err(|error| format!("{shown}: {error}"))?;
    let ours = path.file_name().is_none_or(|name| name != "pyproject.toml");
    let raw: Raw = if ours {
        toml::from_str(&text).map_err(|error| placed(path, &text, &error))?
    } else {
        // somebody else's file: only our table has to be right
        let Ok(project) = toml::from_str::<PyProject>(&text) else { return Ok(None) };
        let Some(table) = project.tool.and_then(|tools| tools.moelint) else { return Ok(None) };
        let span = table.span();
        table.into_inner().try_into().map_err(|error: toml::de::Error| {
            let line = LineIndex::new(&text).position(&text, u32::try_from(span.start).unwrap_or(0)).line;
            format!("{shown}:{line}: in [tool.moelint]: {}", error.message())
        })?
    };
    settings(path, raw).map(Some)
}

fn placed(path: &Path, text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', " ");
    match error.span() {
        Some(span) => {
            let place = LineIndex::new(text).position(text, u32::try_from(span.start).unwrap_or(0));
            format!("{}:{}:{}: {message}", path.display(), place.line, place.column)
        }
        None => format!("{}: {message}", path.display()),
    }
}

fn settings(path: &Path, raw: Raw) -> Result<Settings, String> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let prefix = format!("{}: ", path.display());
    let layer = Layer {
        prefix: prefix.clone(),
        source: TargetSource::Config,
        target: raw.target.into_iter().collect(),
        gpu: raw.gpu,
        gpu_arch: None,
        num_gpus: raw.num_gpus,
        nvlink_domain: raw.nvlink_domain,
        env: variables(raw.env),
        backend: raw.backend,
    };
    let overrides = raw.overrides.into_iter().map(|one| per_path(&prefix, one)).collect::<Result<_, _>>()?;
    Ok(Settings {
        path: path.to_path_buf(),
        layer,
        facts: raw.facts.map(|facts| folder.join(facts)),
        rules: raw.rules.iter().map(|rules| folder.join(rules)).collect(),
        select: raw.select,
        ignore: raw.ignore,
        fail_on: raw.fail_on,
        min_severity: raw.min_severity,
        overrides,
    })
}

fn per_path(prefix: &str, raw: RawOverride) -> Result<Override, String> {
    if raw.paths.is_empty() {
        return Err(format!("{prefix}an entry of overrides needs paths = [\"configs/gb200/**\"]"));
    }
    let mut globs = GlobSetBuilder::new();
    for path in &raw.paths {
        globs.add(Glob::new(path).map_err(|error| format!("{prefix}overrides: {error}"))?);
    }
    Ok(Override {
        paths: globs.build().map_err(|error| format!("{prefix}overrides: {error}"))?,
        layer: Layer {
            prefix: format!("{prefix}overrides for {}: ", raw.paths.join(", ")),
            source: TargetSource::Config,
            target: raw.target.into_iter().collect(),
            gpu: raw.gpu,
            gpu_arch: None,
            num_gpus: raw.num_gpus,
            nvlink_domain: raw.nvlink_domain,
            env: variables(raw.env),
            backend: raw.backend,
        },
        ignore: raw.ignore,
    })
}

fn variables(raw: BTreeMap<String, Plain>) -> BTreeMap<String, String> {
    let text = |value| match value {
        Plain::Text(text) => text,
        Plain::Int(number) => number.to_string(),
        Plain::Bool(flag) => i64::from(flag).to_string(),
    };
    raw.into_iter().map(|(name, value)| (name, text(value))).collect()
}

impl Settings {
    /// The overrides that hold for a file, weakest first, by their index.
    pub fn overrides_for(&self, file: &Path) -> impl Iterator<Item = usize> {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf());
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let inside = file.strip_prefix(folder).map(Path::to_path_buf).ok();
        self.overrides
            .iter()
            .enumerate()
            .filter(move |(_, one)| inside.as_ref().is_some_and(|file| one.paths.is_match(file)))
            .map(|(index, _)| index)
    }
}
