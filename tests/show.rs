//! Requested → effective, against what the frameworks really did.

mod common;

use std::io::{BufRead, BufReader};

use serde_json::Value;

use common::{moelint, say, shared, stderr, stdout};
use moelint::effective::effects;
use moelint::effective::run::{At, replay};
use moelint::facts::catalogue;
use moelint::rule::view::{Outside, View};

fn show(path: &str, flags: &[&str]) -> Value {
    let arguments: Vec<&str> = ["show", path, "--format", "json"].into_iter().chain(flags.iter().copied()).collect();
    let output = moelint(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

fn setting<'a>(shown: &'a Value, field: &str) -> &'a Value {
    shown["settings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["field"] == field)
        .unwrap_or_else(|| panic!("{field}: {shown:#}"))
}

#[test]
fn a_person_sees_what_changes_and_why() {
    let output = moelint(&["show", "testdata/dialects/bridge-pre.yaml", "--target", "main"]);
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn flex_without_a_backend_runs_alltoall_under_bridge() {
    let shown = show("testdata/dialects/bridge-pre.yaml", &["--target", "main"]);
    let dispatcher = setting(&shown, "moe_token_dispatcher_type");
    assert_eq!((&dispatcher["requested"], &dispatcher["effective"]), (&"flex".into(), &"alltoall".into()));
    assert!(dispatcher["by"][0]["source"].as_str().unwrap().contains("Megatron-Bridge"));
    let overlap = setting(&shown, "overlap_moe_expert_parallel_comm");
    assert_eq!((&overlap["requested"], &overlap["effective"]), (&false.into(), &true.into()));
}

#[test]
fn the_old_flag_becomes_a_backend_from_0_16() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    let text = "num_layers: 4\nnum_moe_experts: 8\nmoe_token_dispatcher_type: flex\nmoe_enable_deepep: true\nexpert_model_parallel_size: 4\nmoe_flex_dispatcher_backend: ncclep\n";
    std::fs::write(&path, text).unwrap();
    let shown = show(path.to_str().unwrap(), &["--target", "0.19"]);
    assert_eq!(setting(&shown, "moe_flex_dispatcher_backend")["effective"], "deepep");
}

#[test]
fn a_file_that_is_no_config_is_a_usage_error() {
    for (path, expected) in [
        (".pre-commit-hooks.yaml", "not a config"),
        ("missing.yaml", "No such file"),
        ("testdata/rules/syntax-error/bad.yaml", "cannot be parsed"),
    ] {
        let output = moelint(&["show", path]);
        assert_eq!(output.status.code(), Some(2), "{path}");
        assert!(stderr(&output).contains(expected), "{path}: {}", stderr(&output));
    }
}

/// Enumeration members, dtypes and lists in one spelling.
fn plain(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let text = text.trim_start_matches("torch.");
            text.strip_prefix("CudaGraph").and_then(|rest| rest.split_once('.')).map_or(text, |found| found.1).into()
        }
        Value::Array(items) => items.iter().map(plain).collect(),
        other => other.clone(),
    }
}

#[test]
fn recorded_overrides_are_replayed() {
    let Some(folder) = shared("oracle") else { return };
    let outside = Outside::new(moelint::facts::environment::Environment::default(), catalogue());
    let (mut replayed, mut missed) = (0, Vec::new());
    for release in ["0.12.3", "0.13.1", "0.14.0", "0.15.3", "0.16.1", "0.17.1", "0.18.2", "0.19.2", "HEAD"] {
        let file = std::fs::File::open(folder.join(format!("train-{release}.jsonl.gz"))).unwrap();
        let core = catalogue().releases.find("megatron-core", release).unwrap();
        for line in BufReader::new(flate2::read::GzDecoder::new(file)).lines() {
            let case: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let text = serde_json::json!({ "config": case["config"], "train": case["train"] }).to_string();
            let document = moelint::document::parse(&text);
            let Some((_, roles)) = moelint::dialect::recognise(&document, catalogue()) else { continue };
            let view = View { facts: &roles[0], catalogue: catalogue(), outside: &outside, core, release: core };
            let settings = replay(effects(), view, At { core, bridge: None });
            for (field, change) in case["overrides"].as_object().unwrap() {
                // layouts become an object, and one attention variant was renamed: neither is shown
                let other = field == "pipeline_model_parallel_layout" || field == "experimental_attention_variant";
                if other || case["config"].get(field).is_none() {
                    continue;
                }
                let found = settings.iter().find(|setting| catalogue().field(setting.field).name == *field);
                let effective =
                    found.and_then(|setting| setting.effective.as_ref()).map(moelint::output::show::to_json);
                if effective == Some(plain(&change[1])) {
                    replayed += 1;
                } else {
                    missed.push(format!(
                        "{} {field}: {} instead of {}",
                        case["id"],
                        effective.unwrap_or_default(),
                        change[1]
                    ));
                }
            }
        }
    }
    say(&format!("{replayed} overrides replayed"));
    assert!(replayed > 600);
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn a_setting_that_the_release_lacks_is_shown_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    std::fs::write(&path, "num_layers: 4\nnum_moe_experts: 8\nmoe_paged_stash_page_size: 32\n").unwrap();
    let shown = show(path.to_str().unwrap(), &["--target", "0.15", "--all"]);
    let page = setting(&shown, "moe_paged_stash_page_size");
    assert_eq!((&page["requested"], &page["effective"], &page["known"]), (&32.into(), &Value::Null, &false.into()));
    assert_eq!(page["by"][0]["step"], "not-in-release");
    assert_eq!(setting(&shown, "num_layers")["effective"], 4);
}
