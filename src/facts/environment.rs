//! Facts that no config holds: the machine, the installed packages, the process environment. The user gives them.

use std::collections::BTreeMap;

/// What the user said about the run's surroundings. Everything absent is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// GPU model, lower case.
    pub gpu: Option<String>,
    /// Compute capability times ten.
    pub gpu_arch: Option<u16>,
    /// GPUs of the job.
    pub num_gpus: Option<u32>,
    /// GPUs in one `NVLink` domain.
    pub nvlink_domain: Option<u32>,
    /// Environment variables of the process; they win over those that a config sets as defaults.
    pub env: BTreeMap<String, String>,
    /// Backend → `available`, `missing` or `broken`.
    pub backends: BTreeMap<String, String>,
    /// Package → version; `None`: not installed.
    pub packages: BTreeMap<String, Option<String>>,
}

/// Whether version `one` is older than `two`: numeric parts by value, a pre-release before its release.
#[must_use]
pub fn version_before(one: &str, two: &str) -> bool {
    key(one) < key(two)
}

/// Comparable form of a version: numbers, then whether it is a final release.
fn key(version: &str) -> (Vec<u64>, bool) {
    let version = version.trim().trim_start_matches('v');
    let public = version.split('+').next().unwrap_or(version);
    let mut numbers = Vec::new();
    let mut last = true;
    for part in public.split(['.', '-', '_']) {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        if digits.is_empty() {
            last = false;
            break;
        }
        numbers.push(digits.parse().unwrap_or(u64::MAX));
        if digits.len() < part.len() {
            last = part[digits.len()..].starts_with("post");
            break;
        }
    }
    while numbers.last() == Some(&0) {
        numbers.pop();
    }
    (numbers, last)
}

#[cfg(test)]
mod tests {
    use super::version_before;

    #[test]
    fn versions_compare_by_number() {
        assert!(version_before("2.1.0", "2.10"));
        assert!(!version_before("2.1", "2.1.0"));
        assert!(version_before("2.2.0.dev0", "2.2.0"));
        assert!(!version_before("2.6.0+cu124", "2.6.0"));
        assert!(version_before("1.9rc1", "1.9"));
    }
}
