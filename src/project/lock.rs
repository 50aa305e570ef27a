//! Releases from the lock files and pins that stand beside a config.
//!
//! In one folder `uv.lock` wins over `pyproject.toml`, and that over `requirements*.txt`; the nearest folder at or above
//! the config that names a package decides. What is ambiguous says nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::facts::catalogue::Catalogue;
use crate::facts::release::{BRIDGE, CORE};
use crate::lint::target::TargetSource;
use crate::source::read::read_text;

use super::layer::{Layer, Packaged};
use super::requirement::{exact, only_release, split};

/// Packages whose version decides something, under every name they are published by.
const NAMES: [(&str, &str); 7] = [
    (CORE, CORE),
    (BRIDGE, BRIDGE),
    ("transformer-engine", "transformer-engine"),
    ("transformer-engine-torch", "transformer-engine"),
    ("torch", "torch"),
    ("flash-attn", "flash-attn"),
    ("deep-ep", "deep-ep"),
];

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: Option<String>,
    #[serde(default)]
    source: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
struct PyProject {
    project: Option<Project>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Project {
    dependencies: Vec<String>,
    optional_dependencies: BTreeMap<String, Vec<String>>,
}

/// What the folder and those above it say; the search ends at a repository's root.
#[must_use]
pub fn find(folder: &Path, catalogue: &Catalogue) -> Option<Layer> {
    let start = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
    for folder in start.ancestors() {
        if let Some(layer) = one(folder, catalogue) {
            return Some(layer);
        }
        if folder.join(".git").exists() {
            break;
        }
    }
    None
}

/// A kind of file, and how to read it.
type Way<'w> = (&'w str, &'w dyn Fn() -> Option<Vec<Packaged>>);

fn one(folder: &Path, catalogue: &Catalogue) -> Option<Layer> {
    let from_lock = || Some(locked(&read(&folder.join("uv.lock"))?));
    let from_project = || Some(pinned(project(&read(&folder.join("pyproject.toml"))?).iter(), catalogue));
    let from_requirements = || {
        let lines = requirements(folder);
        Some(pinned(lines.iter(), catalogue))
    };
    let ways: [Way<'_>; 3] =
        [("uv.lock", &from_lock), ("pyproject.toml", &from_project), ("requirements", &from_requirements)];
    let (name, target) = ways.iter().find_map(|(name, way)| {
        let target = known(way()?, catalogue);
        (!target.is_empty()).then_some((*name, target))
    })?;
    let prefix = format!("{}: ", folder.join(name).display());
    Some(Layer { prefix, source: TargetSource::LockFile, target, ..Layer::default() })
}

/// A lock file may name a release that this program doesn't know: then it says nothing.
fn known(mut target: Vec<Packaged>, catalogue: &Catalogue) -> Vec<Packaged> {
    target.retain(|(package, release)| {
        let framework = package == CORE || package == BRIDGE;
        let number = release.starts_with(|c: char| c.is_ascii_digit());
        if framework { catalogue.releases.find(package, release).is_ok() } else { number }
    });
    target
}

fn read(path: &Path) -> Option<String> {
    path.is_file().then(|| read_text(path, false).ok()).flatten()
}

fn published(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, package)| *package)
}

/// Every package once; one that stands there with two versions is left out, as is one from a branch.
fn agreed(all: impl Iterator<Item = (&'static str, Option<String>)>) -> Vec<Packaged> {
    let mut found: BTreeMap<&str, Option<String>> = BTreeMap::new();
    for (package, version) in all {
        let known = found.entry(package).or_insert_with(|| version.clone());
        if *known != version {
            *known = None;
        }
    }
    found.into_iter().filter_map(|(package, version)| Some((package.to_owned(), version?))).collect()
}

fn locked(text: &str) -> Vec<Packaged> {
    let Ok(lock) = toml::from_str::<Lock>(text) else { return Vec::new() };
    agreed(lock.package.into_iter().filter_map(|entry| {
        let moving = entry.source.contains_key("git") || entry.source.contains_key("editable");
        Some((published(&entry.name)?, entry.version.filter(|_| !moving)))
    }))
}

fn project(text: &str) -> Vec<String> {
    let project = toml::from_str::<PyProject>(text).ok().and_then(|file| file.project).unwrap_or_default();
    project.dependencies.into_iter().chain(project.optional_dependencies.into_values().flatten()).collect()
}

fn requirements(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("requirements") && path.extension().is_some_and(|ending| ending == "txt")
        })
        .collect();
    paths.sort();
    paths
        .iter()
        .filter_map(|path| read(path))
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn pinned<'l>(lines: impl Iterator<Item = &'l String>, catalogue: &Catalogue) -> Vec<Packaged> {
    let named = lines.filter_map(|line| {
        let (name, specifiers) = split(line)?;
        let package = published(&name)?;
        let version = match catalogue.releases.packages.get(package) {
            Some(releases) => only_release(releases, specifiers).map(str::to_owned),
            None => exact(specifiers).map(str::to_owned),
        };
        // a bare name beside a pin adds nothing
        (!specifiers.trim().is_empty()).then_some((package, version))
    });
    agreed(named)
}
