//! The linter's verdicts against those of Megatron-Core's own code, recorded in nine releases.

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;

use moelint::facts::shape::Frontend;
use moelint::lint::finding::Finding;
use moelint::rule::model::{Phase, Severity};
use serde_json::Value;

use common::{linter_with, rules, say, shared};

const RELEASES: [&str; 9] = ["0.12.3", "0.13.1", "0.14.0", "0.15.3", "0.16.1", "0.17.1", "0.18.2", "0.19.2", "HEAD"];

#[derive(Default)]
struct Score {
    refused: usize,
    caught: usize,
    blocking: usize,
}

#[test]
fn refusals_are_caught_and_accepted_configs_are_left_alone() {
    let Some(folder) = shared("oracle") else { return };
    let mut by_check: BTreeMap<String, Score> = BTreeMap::new();
    let mut false_errors = Vec::new();
    let mut missed = Vec::new();
    let mut unknown = Vec::new();
    for release in RELEASES {
        let mut score = Score::default();
        let mut accepted = 0;
        for case in cases(&folder.join(format!("train-{release}.jsonl.gz"))) {
            let errors = lint(&case, release);
            if case["accepted"] == true {
                accepted += 1;
                false_errors.extend(errors.iter().map(|finding| format!("{} {}", case["id"], finding.rule)));
                continue;
            }
            let checks = responsible(&case);
            let Some(check) = checks.first() else {
                unknown.push(format!("{} {} {}", case["id"], case["exception"], case["message"]));
                continue;
            };
            let entry = by_check.entry(check.clone()).or_default();
            let blocking = errors.iter().any(|finding| finding.blocking && checks.contains(&finding.rule.to_string()));
            for score in [entry, &mut score] {
                score.refused += 1;
                score.caught += usize::from(!errors.is_empty());
                score.blocking += usize::from(blocking);
            }
            if !blocking {
                missed.push(format!("{} {check}", case["id"]));
            }
        }
        say(&format!(
            "{release:8} accepted {accepted}, of known checks: refused {}, caught {}, blocking named {}",
            score.refused, score.caught, score.blocking
        ));
    }
    say("\nby check: refused caught blocking");
    for (check, score) in &by_check {
        say(&format!("{check:44} {:4} {:4} {:4}", score.refused, score.caught, score.blocking));
    }
    assert!(by_check.values().map(|score| score.refused).sum::<usize>() > 500, "the oracle was not read");
    assert!(false_errors.is_empty(), "errors on accepted configs: {false_errors:#?}");
    say(&format!("\nrefusals that no rule's words match: {}", unknown.len()));
    for line in &unknown {
        say(line);
    }
    assert!(
        missed.len() * 1000 <= 3 * by_check.values().map(|score| score.refused).sum::<usize>(),
        "refusals whose check was not named first: {missed:#?}"
    );
}

fn cases(path: &Path) -> impl Iterator<Item = Value> {
    let file = std::fs::File::open(path).unwrap();
    BufReader::new(flate2::read::GzDecoder::new(file)).lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap())
}

/// Error-level findings of the phases that the oracle went through.
fn lint(case: &Value, release: &str) -> Vec<Finding> {
    let env = &case["env"];
    let gpu = match env["arch"].as_u64() {
        Some(8) => "a100",
        Some(9) => "h100",
        _ => "b200",
    };
    let state = |name: &str| if env[name] == true { "available" } else { "missing" };
    let engine = format!("transformer-engine={}", env["te"].as_str().unwrap_or("none"));
    let release = if release == "HEAD" { "main" } else { release };
    let (deepep, hybridep) = (format!("deepep={}", state("deep_ep")), format!("hybridep={}", state("hybrid_ep")));
    let flags = ["--target", release, "--gpu", gpu, "--target", &engine, "--backend", &deepep, "--backend", &hybridep];
    let text = serde_json::json!({ "config": case["config"], "train": case["train"] }).to_string();
    let mut report = linter_with(&flags).file(Path::new("case.json"), &text);
    report.findings.retain(|finding| {
        finding.severity == Severity::Error && matches!(finding.phase, Phase::Groups | Phase::Config | Phase::Model)
    });
    report.findings
}

/// The rules whose message the framework printed: those with the longest fragment that occurs in it.
fn responsible(case: &Value) -> Vec<String> {
    let message = case["message"].as_str().unwrap_or_default();
    let silent =
        |stage: &str, exception: &str| message.is_empty() && case["stage"] == stage && case["exception"] == exception;
    if silent("moe_layer", "AssertionError") {
        return vec!["ep-does-not-divide".to_owned()];
    }
    if silent("config", "AssertionError") {
        return vec!["fine-grained-offload-of-nothing".to_owned()];
    }
    // command lines and Bridge have checks of their own with the same words
    let core = rules().into_iter().filter(|rule| {
        let reaches = |frontend| rule.frontends.contains(&frontend);
        rule.frontends.is_empty() || reaches(Frontend::Generic) || reaches(Frontend::Python)
    });
    let fragments = core.flat_map(|rule| rule.prints.iter().map(move |text| (text, &rule.id)));
    let found: Vec<_> = fragments.filter(|(text, _)| message.contains(text.as_str())).collect();
    let longest = found.iter().map(|(text, _)| text.len()).max().unwrap_or(0);
    found.into_iter().filter(|(text, _)| text.len() == longest).map(|found| found.1.clone()).collect()
}
