//! Configs with planted defects, made by a generator that knows nothing of this program.

mod common;

use std::collections::BTreeMap;
use std::process::Command;

use moelint::rule::model::Severity;

use common::{linter_with, say, shared};

/// The generator's names for defects that built-in rules find under other names.
fn rule_of(defect: &str) -> &str {
    match defect {
        "typo-key" => "unknown-key",
        "quoted-number" => "wrong-type",
        other => other,
    }
}

/// The generator draws its values at random and does not know that the framework refuses these draws: layers that pipeline
/// stages don't divide, tensor parallelism in an `MoE` without sequence parallelism, sequence parallelism without tensor
/// parallelism, one expert per token by softmax, full recomputation without a method or a number of layers, and
/// expert-parallel sizes that `DeepEP` has no settings for.
const TRUE_REFUSALS: [&str; 7] = [
    "full-recompute-without-layers",
    "full-recompute-without-method",
    "layers-not-divisible-by-pp",
    "moe-tp-without-sequence-parallel",
    "sequence-parallel-without-tp",
    "topk1-without-pre-softmax",
    "deepep-unsupported-ep-size",
];

#[test]
fn every_planted_defect_is_found_and_nothing_else_is_an_error() {
    let Some(generator) = shared("tools/gen_corpus.py") else { return };
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("python3").arg(generator).arg(folder.path()).args(["--files", "2000"]).output();
    let Some(made) = made.ok().filter(|made| made.status.success()) else {
        say("skipped: no python3 to run the generator");
        return;
    };
    drop(made);
    let linter = linter_with(&[]);
    let manifest = std::fs::read_to_string(folder.path().join("MANIFEST.jsonl")).unwrap();
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let mut problems = Vec::new();
    for line in manifest.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let path = folder.path().join(record["path"].as_str().unwrap());
        let report = linter.file(&path, &std::fs::read_to_string(&path).unwrap());
        let planted: Vec<&str> = record["defects"].as_array().unwrap().iter().map(|d| d.as_str().unwrap()).collect();
        for defect in &planted {
            let rule = rule_of(defect);
            if report.findings.iter().any(|finding| finding.rule == rule) {
                *found.entry(rule.to_owned()).or_default() += 1;
            } else if !(rule == "topk-exceeds-experts" && planted.contains(&"duplicate-key")) {
                // a second `moe_router_topk: 1` takes the place of the planted value, so that nothing exceeds anything
                problems.push(format!("{line}: {rule} was not found"));
            }
        }
        for finding in report.findings.iter().filter(|finding| finding.severity == Severity::Error) {
            let known = TRUE_REFUSALS.contains(&finding.rule.as_ref());
            if !known && !planted.iter().any(|defect| rule_of(defect) == finding.rule) {
                problems.push(format!("{line}: {} {}", finding.rule, finding.message));
            }
        }
    }
    say(&format!("{found:?}"));
    assert!(found.len() == 8, "{found:?}");
    assert!(problems.is_empty(), "{problems:#?}");
}
