//! A facts file: what somebody found in the container and on the machine, each entry with where it comes from.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::lint::target::TargetSource;
use crate::source::read::read_text;

use super::layer::Layer;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    version: u32,
    #[serde(default)]
    #[expect(dead_code, reason = "who wrote it; accepted and not needed")]
    tool: Option<String>,
    #[serde(default)]
    gpu: Option<Entry<String>>,
    #[serde(default)]
    gpu_arch: Option<Entry<u16>>,
    #[serde(default)]
    #[expect(dead_code, reason = "accepted; no rule needs it")]
    gpus_per_node: Option<Entry<u32>>,
    #[serde(default)]
    num_gpus: Option<Entry<u32>>,
    #[serde(default)]
    nvlink_domain: Option<Entry<u32>>,
    #[serde(default)]
    packages: BTreeMap<String, Option<Entry<String>>>,
    #[serde(default)]
    backends: BTreeMap<String, Entry<String>>,
    #[serde(default)]
    env: BTreeMap<String, Entry<String>>,
}

/// A value alone, or with where it comes from.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry<T> {
    Alone(T),
    Sourced(Sourced<T>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sourced<T> {
    value: Option<T>,
    #[serde(default)]
    #[expect(dead_code, reason = "for people; accepted and not needed")]
    source: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "the import error, verbatim, for people")]
    error: Option<String>,
}

impl<T> Entry<T> {
    fn value(self) -> Option<T> {
        match self {
            Self::Alone(value) => Some(value),
            Self::Sourced(entry) => entry.value,
        }
    }
}

/// Reads a facts file (JSON or YAML).
///
/// # Errors
/// A file that can't be read, or what is wrong in it with the place.
pub fn load(path: &Path) -> Result<Layer, String> {
    let shown = path.display();
    let text = read_text(path, false).map_err(|error| format!("{shown}: {error}"))?;
    let raw: Raw = serde_yaml::from_str(&text).map_err(|error| {
        let place = error.location().map_or_else(String::new, |at| format!(":{}:{}", at.line(), at.column()));
        format!("{shown}{place}: {error}")
    })?;
    if raw.version != 1 {
        return Err(format!("{shown}: a facts file of version {}, this program reads version 1", raw.version));
    }
    // a package without a version is not installed, a variable without a value is unset
    let packages = raw.packages.into_iter().map(|(name, entry)| {
        let version = entry.and_then(Entry::value).unwrap_or_else(|| "none".to_owned());
        (name, version)
    });
    let variables = raw.env.into_iter().map(|(name, entry)| (name, entry.value().unwrap_or_default()));
    let backends = raw.backends.into_iter().filter_map(|(name, entry)| Some((name, entry.value()?)));
    Ok(Layer {
        prefix: format!("{shown}: "),
        source: TargetSource::Facts,
        target: packages.filter(|(name, version)| version != "none" || !is_framework(name)).collect(),
        gpu: raw.gpu.and_then(Entry::value),
        gpu_arch: raw.gpu_arch.and_then(Entry::value),
        num_gpus: raw.num_gpus.and_then(Entry::value),
        nvlink_domain: raw.nvlink_domain.and_then(Entry::value),
        env: variables.collect(),
        backend: backends.collect(),
    })
}

/// A framework that isn't installed names no release.
fn is_framework(package: &str) -> bool {
    package == crate::facts::release::CORE || package == crate::facts::release::BRIDGE
}
