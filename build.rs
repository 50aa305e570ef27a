//! Checks every rule and field table, and lowers them into one blob that the program decodes at start-up.
//! A mistake in a data file fails the build with the file, the line and the column.

#![allow(dead_code, reason = "the modules are shared with the library, which uses more of them")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[path = "src/facts"]
mod facts {
    pub mod catalogue;
    pub mod field;
    pub mod release;
    pub mod shape;
    pub mod value;
}

#[path = "src/rule"]
mod rule {
    pub mod check;
    pub mod eval;
    pub mod expr;
    pub mod guard;
    pub mod load;
    pub mod locate;
    pub mod model;
    pub mod nearest;
    pub mod packed;
    pub mod parse;
    pub mod token;
}

#[path = "src/effective"]
mod effective {
    pub mod load;
    pub mod model;
}

#[path = "src/delta"]
mod delta {
    pub mod table;
}

#[path = "src/run_log"]
mod run_log {
    pub mod metric;
    pub mod table;
}

use delta::table::{Table, load_table};
use effective::load::load_effects;
use effective::model::Effects;
use facts::catalogue::Catalogue;
use rule::load::load_rule;
use rule::model::Rule;
use run_log::table::{Tables, check_formats, load_format, load_signs};

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=lints");
    println!("cargo::rerun-if-changed=src/facts");
    println!("cargo::rerun-if-changed=src/rule");
    println!("cargo::rerun-if-changed=src/effective");
    println!("cargo::rerun-if-changed=src/delta/table.rs");
    println!("cargo::rerun-if-changed=src/run_log/table.rs");
    println!("cargo::rerun-if-changed=src/run_log/metric.rs");
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(errors) => {
            for error in errors {
                println!("cargo::error={error}");
            }
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), Vec<String>> {
    let one = |error: String| vec![error];
    let catalogue = catalogue().map_err(one)?;
    let rules = rules(&catalogue)?;
    let out = std::env::var("OUT_DIR").map_err(|error| one(error.to_string()))?;
    write(&out, "catalogue.bin", &catalogue).map_err(one)?;
    write(&out, "rules.bin", &rules).map_err(one)?;
    write(&out, "effects.bin", &effects(&catalogue).map_err(one)?).map_err(one)?;
    write(&out, "log-formats.bin", &log_formats().map_err(one)?).map_err(one)?;
    write(&out, "relevance.bin", &relevance(&catalogue).map_err(one)?).map_err(one)
}

fn log_formats() -> Result<Tables, String> {
    let mut tables = Tables::default();
    for path in files("lints/log-formats")? {
        let name = path.to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(&path).map_err(|error| format!("{name}: {error}"))?;
        tables.formats.push(load_format(&name, &text)?);
    }
    check_formats(&tables.formats)?;
    let name = "lints/log-signs.yaml";
    let text = fs::read_to_string(name).map_err(|error| format!("{name}: {error}"))?;
    tables.signs = load_signs(name, &text)?;
    Ok(tables)
}

fn relevance(catalogue: &Catalogue) -> Result<Table, String> {
    let name = "lints/relevance.yaml";
    let text = fs::read_to_string(name).map_err(|error| format!("{name}: {error}"))?;
    load_table(name, &text, catalogue).map_err(|error| error.to_string())
}

fn effects(catalogue: &Catalogue) -> Result<Effects, String> {
    let mut effects = Effects::default();
    for path in files("lints/effects")? {
        let name = path.to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(&path).map_err(|error| format!("{name}: {error}"))?;
        load_effects(&name, &text, catalogue, &mut effects).map_err(|error| error.to_string())?;
    }
    Ok(effects)
}

fn write(out: &str, name: &str, value: &impl serde::Serialize) -> Result<(), String> {
    let bytes = postcard::to_stdvec(value).map_err(|error| error.to_string())?;
    fs::write(Path::new(out).join(name), bytes).map_err(|error| error.to_string())
}

fn catalogue() -> Result<Catalogue, String> {
    let releases = read_yaml("lints/releases.yaml")?;
    let hardware = read_yaml("lints/hardware.yaml")?;
    let mut fields = Vec::new();
    for file in files("lints/fields")? {
        fields.push(read_yaml(&file.to_string_lossy())?);
    }
    Catalogue::build(releases, hardware, fields).map_err(|error| format!("lints/fields: {error}"))
}

fn rules(catalogue: &Catalogue) -> Result<Vec<Rule>, Vec<String>> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut errors = Vec::new();
    for path in files("lints/rules").map_err(|error| vec![error])? {
        let name = path.to_string_lossy().replace('\\', "/");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => {
                errors.push(format!("{name}: {error}"));
                continue;
            }
        };
        match load_rule(&name, &text, catalogue) {
            Ok(rule) => {
                errors.extend(misplaced(&rule, &path, &rules).map(|error| format!("{name}:1:1: {error}")));
                rules.push(rule);
            }
            Err(error) => errors.push(error.to_string()),
        }
    }
    rules.sort_by(|a, b| a.code.cmp(&b.code));
    if errors.is_empty() { Ok(rules) } else { Err(errors) }
}

/// A rule's file is named after its id, its folder after its group, and both id and code are its own.
fn misplaced(rule: &Rule, path: &Path, others: &[Rule]) -> Option<String> {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let folder = path.parent().and_then(Path::file_name).map(|folder| folder.to_string_lossy().into_owned());
    if stem.as_deref() != Some(rule.id.as_str()) {
        return Some(format!("the file of rule `{}` needs to be called `{}.yaml`", rule.id, rule.id));
    }
    if folder.as_deref() != Some(rule.group.as_str()) {
        return Some(format!("rule `{}` of group `{}` needs to stand in the folder of its group", rule.id, rule.group));
    }
    let twin = others.iter().find(|other| other.id == rule.id || other.code == rule.code)?;
    Some(format!("rule `{}` ({}) shares its id or code with `{}` ({})", rule.id, rule.code, twin.id, twin.code))
}

fn read_yaml<T: serde::de::DeserializeOwned>(path: &str) -> Result<T, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    serde_yaml::from_str(&text).map_err(|error| match error.location() {
        Some(place) => format!("{path}:{}:{}: {error}", place.line(), place.column()),
        None => format!("{path}: {error}"),
    })
}

/// All YAML files below `folder`, in a fixed order.
fn files(folder: &str) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from(folder)];
    while let Some(folder) = open.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
