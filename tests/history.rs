//! Megatron-LM's own test configs through two years: what its main branch ran is refused by no release around it.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use moelint::facts::catalogue;
use moelint::facts::release::CORE;
use moelint::lint::finding::Finding;
use moelint::rule::model::Severity;
use rayon::prelude::*;

use common::{linter_with, say, shared};

/// Errors that stand in the release before a commit and in the one after, and are true:
///
/// * `unknown-key`: a flag that main had already and neither release has (release branches are cut months before their tag),
///   so both parsers refuse it;
/// * `flex-without-deepep-flag`: the same, for the backend option that replaced the flag in 0.16;
/// * `local-graphs-without-padded-experts`: both releases assert it in `validate_args`
///   (`core_v0.16.1:megatron/training/arguments.py:1158`, `core_v0.17.1` at 1458); these are release tests that CI does not run.
const TRUE: [&str; 3] = ["unknown-key", "flex-without-deepep-flag", "local-graphs-without-padded-experts"];

fn git(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The rule; of a key that nobody knows, which could be one that the catalogue lacks, said apart from one that came later.
fn name(finding: &Finding) -> String {
    let later = finding.rule != "unknown-key" || finding.message.contains("it came with");
    if later { finding.rule.to_string() } else { format!("{}: {}", finding.rule, finding.message) }
}

/// Blob → day of its first commit.
fn blobs(folder: &Path) -> BTreeMap<String, String> {
    let format = ["log", "--all", "--reverse", "--format=C %cs", "--raw", "--no-abbrev", "--no-renames", "-m"];
    let log = String::from_utf8(git(folder, &format)).unwrap();
    let mut day = "";
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for line in log.lines() {
        if let Some(rest) = line.strip_prefix("C ") {
            day = rest;
        } else if line.starts_with(':') && line.contains(".yaml") {
            let blob = line.split(' ').nth(3).unwrap_or_default();
            if blob.bytes().any(|byte| byte != b'0') {
                found.entry(blob.to_owned()).or_insert_with(|| day.to_owned());
            }
        }
    }
    found
}

#[test]
fn no_config_of_main_is_refused_by_the_releases_around_it() {
    let Some(bundle) = shared("histories/megatron-lm-configs.bundle") else { return };
    let folder = tempfile::tempdir().unwrap();
    let cloned = Command::new("git").args(["clone", "-q", "--mirror"]).arg(&bundle).arg(folder.path()).output();
    assert!(cloned.unwrap().status.success());
    let releases = &catalogue().releases.packages[CORE].releases;
    let linters: Vec<_> = releases.iter().map(|release| linter_with(&["--target", &release.series])).collect();
    let all: Vec<(String, String)> = blobs(folder.path()).into_iter().collect();
    let results: Vec<Option<Vec<(String, String)>>> = all
        .par_iter()
        .map(|(blob, day)| {
            let before = releases.iter().rposition(|release| release.date.as_str() <= day.as_str())?;
            let after = (before + 1).min(releases.len() - 1);
            let text = String::from_utf8(git(folder.path(), &["cat-file", "blob", blob])).ok()?;
            let errors = |index: usize| -> BTreeSet<String> {
                let report = linters[index].file(Path::new("model_config.yaml"), &text);
                let errors = report.findings.iter().filter(|finding| finding.severity == Severity::Error);
                errors.map(name).collect()
            };
            let both: Vec<String> = errors(before).intersection(&errors(after)).cloned().collect();
            Some(both.into_iter().map(|rule| (rule, blob.clone())).collect())
        })
        .collect();
    let checked = results.iter().flatten().count();
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    let found: Vec<&(String, String)> = results.iter().flatten().flatten().collect();
    for (rule, _) in &found {
        *count.entry(rule).or_default() += 1;
    }
    say(&format!("{} blobs, {checked} after the first release, errors in both neighbours: {count:?}", all.len()));
    assert!(checked > 1000);
    let wolves: Vec<_> = found.iter().filter(|(rule, _)| !TRUE.contains(&rule.as_str())).collect();
    assert!(wolves.is_empty(), "{wolves:#?}");
}
