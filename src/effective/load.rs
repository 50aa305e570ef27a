//! `lints/effects/*.yaml` → checked [`Effects`].

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::facts::catalogue::Catalogue;
use crate::facts::field::from_yaml;
use crate::facts::release::CORE;
use crate::facts::shape::{Frontend, Stage};
use crate::rule::load::{LoadError, Loader};

use super::model::{Change, Effects, Shown, Step};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    shown: Vec<RawShown>,
    #[serde(default)]
    steps: Vec<RawStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShown {
    field: String,
    #[serde(default)]
    when: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    id: String,
    #[serde(default)]
    package: Option<String>,
    #[serde(default)]
    frontends: Vec<Frontend>,
    #[serde(default)]
    stage: Option<Stage>,
    releases: String,
    when: String,
    #[serde(default)]
    set: BTreeMap<String, String>,
    #[serde(default)]
    add: BTreeMap<String, serde_yaml::Value>,
    #[serde(default)]
    drop: BTreeMap<String, serde_yaml::Value>,
    text: String,
    source: String,
}

/// Appends one file's steps to `effects`.
///
/// # Errors
/// The first thing wrong in it, with file, line and column.
pub fn load_effects(file: &str, source: &str, catalogue: &Catalogue, effects: &mut Effects) -> Result<(), LoadError> {
    let loader = Loader { file, source, catalogue };
    let raw: RawFile = loader.read()?;
    for shown in raw.shown {
        let when = shown.when.as_deref().map(|text| loader.condition(&["when"], text, CORE)).transpose()?;
        effects.shown.push(Shown { field: loader.field("field", &shown.field)?, when });
    }
    for step in raw.steps {
        if effects.steps.iter().any(|known| known.id == step.id) {
            return Err(loader.error_at(&step.id, "two steps have this id"));
        }
        effects.steps.push(load_step(&loader, step)?);
    }
    Ok(())
}

fn load_step(loader: &Loader<'_>, raw: RawStep) -> Result<Step, LoadError> {
    let package = raw.package.unwrap_or_else(|| CORE.to_owned());
    let mut changes = Vec::new();
    for (name, value) in &raw.set {
        changes.push(Change::Set(loader.field(name, name)?, loader.condition(&[name], value, &package)?));
    }
    for (name, item) in &raw.add {
        changes.push(Change::Add(loader.field(name, name)?, from_yaml(item)));
    }
    for (name, item) in &raw.drop {
        changes.push(Change::Drop(loader.field(name, name)?, from_yaml(item)));
    }
    Ok(Step {
        releases: loader.releases(&package, &raw.releases)?,
        when: loader.condition(&["when"], &raw.when, &package)?,
        text: loader.template("text", &raw.text, &package)?,
        id: raw.id,
        package,
        frontends: raw.frontends,
        stage: raw.stage,
        changes,
        source: raw.source,
    })
}
