//! One source of facts from outside the configs, and how several are put together.

use std::collections::BTreeMap;

use crate::facts::catalogue::Catalogue;
use crate::facts::environment::Environment;
use crate::facts::release::{BRIDGE, CORE};
use crate::lint::target::{Target, TargetSource};
use crate::rule::parse::{BACKENDS, PACKAGES};
use crate::rule::view::Outside;

/// What the gate can find for a backend.
pub const STATES: [&str; 3] = ["available", "missing", "broken"];

/// A package with its release; `none`: not installed.
pub type Packaged = (String, String);

/// What one source says. Everything absent is left to the layers below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// In front of a key in messages: `--` or `moelint.toml: `.
    pub prefix: String,
    /// What it is, for the releases it names.
    pub source: TargetSource,
    /// Releases.
    pub target: Vec<Packaged>,
    /// GPU model in any known spelling.
    pub gpu: Option<String>,
    /// Compute capability times ten, for a GPU that has no name here.
    pub gpu_arch: Option<u16>,
    /// GPUs of the job.
    pub num_gpus: Option<u32>,
    /// GPUs in one `NVLink` domain.
    pub nvlink_domain: Option<u32>,
    /// Variables of the job.
    pub env: BTreeMap<String, String>,
    /// Backend → state.
    pub backend: BTreeMap<String, String>,
}

/// Puts layers together, the weakest first.
///
/// # Errors
/// A name or value that is not known, with the layer it stands in and the candidates.
pub fn merge<'l>(
    layers: impl IntoIterator<Item = &'l Layer>,
    catalogue: &Catalogue,
) -> Result<(Target, Outside), String> {
    let mut target = Target::default();
    let mut environment = Environment::default();
    for layer in layers {
        releases(layer, catalogue, &mut target, &mut environment)?;
        hardware(layer, catalogue, &mut environment)?;
        for (name, value) in &layer.env {
            if name.is_empty() {
                return Err(format!("{}env ={value}: write NAME=VALUE", layer.prefix));
            }
            environment.env.insert(name.clone(), value.clone());
        }
        for (name, state) in &layer.backend {
            backend(layer, name, state)?;
            environment.backends.insert(name.clone(), state.clone());
        }
    }
    Ok((target, Outside::new(environment, catalogue)))
}

fn releases(
    layer: &Layer,
    catalogue: &Catalogue,
    target: &mut Target,
    environment: &mut Environment,
) -> Result<(), String> {
    let prefix = &layer.prefix;
    if layer.target.iter().any(|(package, _)| package == CORE || package == BRIDGE) {
        target.forget();
    }
    let mut own: BTreeMap<&str, &str> = BTreeMap::new();
    for (package, release) in &layer.target {
        let shown = format!("{prefix}target {package}={release}");
        if own.insert(package, release).is_some_and(|before| !same(catalogue, package, before, release)) {
            return Err(format!("{shown}: another {prefix}target names another release of it"));
        }
        if PACKAGES.contains(&package.as_str()) {
            if release != "none" && !release.starts_with(|c: char| c.is_ascii_digit()) {
                return Err(format!("{shown}: write a version such as 2.6.0, or none"));
            }
            environment.packages.insert(package.clone(), (release != "none").then(|| release.clone()));
        } else if package == CORE || package == BRIDGE {
            target.set(catalogue, package, release, layer.source).map_err(|error| format!("{shown}: {error}"))?;
        } else {
            let known = [CORE, BRIDGE].into_iter().chain(PACKAGES).collect::<Vec<_>>().join(", ");
            return Err(format!("{shown}: unknown package `{package}`, expected one of {known}"));
        }
    }
    Ok(())
}

/// Whether two spellings mean one release.
fn same(catalogue: &Catalogue, package: &str, one: &str, two: &str) -> bool {
    let find = |name| catalogue.releases.find(package, name).ok();
    one == two || find(one).is_some_and(|release| Some(release) == find(two))
}

fn hardware(layer: &Layer, catalogue: &Catalogue, environment: &mut Environment) -> Result<(), String> {
    if let Some(name) = &layer.gpu {
        let gpu = catalogue.gpu(name).ok_or_else(|| {
            let known: Vec<&str> = catalogue.hardware.gpus.iter().map(|gpu| gpu.name.as_str()).collect();
            format!("{}gpu {name}: unknown GPU, expected one of {}", layer.prefix, known.join(", "))
        })?;
        environment.gpu = Some(gpu.name.clone());
        environment.gpu_arch = Some(gpu.arch);
        environment.nvlink_domain = Some(gpu.nvlink_domain.into());
    }
    environment.gpu_arch = layer.gpu_arch.or(environment.gpu_arch);
    environment.num_gpus = layer.num_gpus.or(environment.num_gpus);
    environment.nvlink_domain = layer.nvlink_domain.or(environment.nvlink_domain);
    Ok(())
}

fn backend(layer: &Layer, name: &str, state: &str) -> Result<(), String> {
    let shown = format!("{}backend {name}={state}", layer.prefix);
    if !BACKENDS.contains(&name) {
        return Err(format!("{shown}: unknown backend `{name}`, expected one of {}", BACKENDS.join(", ")));
    }
    if !STATES.contains(&state) {
        return Err(format!("{shown}: write {name}= and one of {}", STATES.join(", ")));
    }
    Ok(())
}
