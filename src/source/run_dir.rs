//! Which file of a run's folder is its config.

use std::path::{Path, PathBuf};

/// Names that frameworks give to the config of a run, the surest first.
const NAMES: [&str; 5] = [
    "ConfigContainer.yaml",
    "run_config.yaml",
    "model_config.yaml",
    "configs/ConfigContainer.yaml",
    "configs/run_config.yaml",
];
/// Endings that a config may have.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// What a folder holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Config {
    /// The one.
    One(PathBuf),
    /// Several that could be it.
    Many(Vec<PathBuf>),
    /// None.
    None,
}

/// The config among `files` (relative to the folder, sorted): one with a name that a framework gives, the newest
/// checkpoint's, or the only one that `recognised` says is a config.
#[must_use]
pub fn config_of(files: &[PathBuf], recognised: impl Fn(&Path) -> bool) -> Config {
    let named = NAMES.iter().map(Path::new).find(|name| files.iter().any(|file| file == name));
    if let Some(name) = named {
        return Config::One(name.to_path_buf());
    }
    if let Some(newest) = newest_checkpoint(files) {
        return Config::One(newest);
    }
    let top = files.iter().filter(|file| file.components().count() == 1 && may_be_config(file));
    let mut found: Vec<PathBuf> = top.filter(|file| recognised(file)).cloned().collect();
    match (found.pop(), found.is_empty()) {
        (None, _) => Config::None,
        (Some(one), true) => Config::One(one),
        (Some(last), false) => {
            found.push(last);
            Config::Many(found)
        }
    }
}

/// `iter_0000100/run_config.yaml` of the highest iteration.
fn newest_checkpoint(files: &[PathBuf]) -> Option<PathBuf> {
    let iteration = |file: &&PathBuf| -> Option<u64> {
        let parts: Vec<&str> = file.iter().filter_map(std::ffi::OsStr::to_str).collect();
        match parts.as_slice() {
            [.., folder, "run_config.yaml"] if parts.len() <= 3 => folder.strip_prefix("iter_")?.parse().ok(),
            _ => None,
        }
    };
    files.iter().filter(|file| iteration(file).is_some()).max_by_key(iteration).cloned()
}

/// Whether the name could be a config's.
#[must_use]
pub fn may_be_config(file: &Path) -> bool {
    let ending = file.extension().and_then(std::ffi::OsStr::to_str).map(str::to_lowercase);
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_one_config() {
        let config = |files: &[&str]| {
            let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
            config_of(&files, |file| file.to_string_lossy().contains("moe"))
        };
        let one = |name: &str| Config::One(PathBuf::from(name));
        assert_eq!(config(&["a.log", "run_config.yaml", "x-moe.yaml"]), one("run_config.yaml"));
        assert_eq!(
            config(&["ckpt/iter_9/run_config.yaml", "ckpt/iter_10/run_config.yaml"]),
            one("ckpt/iter_10/run_config.yaml")
        );
        assert_eq!(config(&["a.yaml", "moe.yaml", "sub/moe.yaml"]), one("moe.yaml"));
        assert_eq!(config(&["moe.txt"]), Config::None);
        assert_eq!(config(&["1-moe.yaml", "2-moe.yaml"]), Config::Many(vec!["1-moe.yaml".into(), "2-moe.yaml".into()]));
    }
}
