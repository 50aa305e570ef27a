//! `moelint schema`: what it prints is a schema, and what people and programs write here follows it.

mod common;

use common::{files, moelint, root, stdout};
use jsonschema::Validator;
use serde_json::{Value, json};

fn schema(of: &str) -> Validator {
    let text = stdout(&moelint(&["schema", of]));
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap()
}

#[test]
fn every_rule_file_follows_its_schema() {
    let schema = schema("rule");
    for path in files(&root().join("lints/rules")) {
        let rule = yaml(&std::fs::read_to_string(&path).unwrap());
        let wrong: Vec<String> = schema.iter_errors(&rule).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{}: {wrong:?}", path.display());
    }
    let rule = yaml(
        "id: x\ncode: X1\ngroup: g\nsummary: s\nseverity: fatal\nconfidence: read\nphase: config\ncases: []\nsources: [a]",
    );
    assert!(!schema.is_valid(&rule), "an unknown severity");
}

#[test]
fn facts_and_settings_are_checked_as_the_program_reads_them() {
    let facts = schema("facts");
    assert!(
        facts.is_valid(&json!({ "version": 1, "gpu": { "value": "h100", "source": "nvidia-smi" }, "num_gpus": 64 }))
    );
    assert!(
        facts.is_valid(&json!({ "version": 1, "packages": { "torch": null }, "backends": { "deepep": "missing" } }))
    );
    assert!(!facts.is_valid(&json!({ "version": 1, "gpus": 8 })));
    assert!(!facts.is_valid(&json!({ "version": 1, "backends": { "deepep": "perhaps" } })));
    let config = schema("config");
    let toml = "gpu = \"h100\"\n[target]\nmegatron-core = \"0.18\"\n[[overrides]]\npaths = [\"a/**\"]\nnum-gpus = 8\n";
    assert!(config.is_valid(&serde_json::to_value(toml::from_str::<toml::Table>(toml).unwrap()).unwrap()));
    assert!(!config.is_valid(&json!({ "overrides": [{ "gpu": "h100" }] })));
}
