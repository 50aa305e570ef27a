//! Every output format against its schema, on no, one and many findings; and what a person sees.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use common::{moelint, root, stdout};

const CLEAN: &str = "testdata/configs/clean.yaml";
const ONE: &str = "testdata/configs/one_finding.yaml";
const MANY: &str = "testdata/rules";

fn run(path: &str, format: &str) -> String {
    stdout(&moelint(&["check", path, "--target", "0.17", "--pedantic", "--format", format]))
}

fn valid(schema: &Value, document: &Value) {
    let validator = jsonschema::validator_for(schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(document).take(5).map(|e| format!("{e} at {}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

fn schema(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(root().join("lints/schemas").join(name)).unwrap()).unwrap()
}

#[test]
fn json_follows_its_schema() {
    let schema = schema("output.schema.json");
    for (path, least, most) in [(CLEAN, 0, 0), (ONE, 1, 1), (MANY, 300, usize::MAX)] {
        let report: Value = serde_json::from_str(&run(path, "json")).unwrap();
        valid(&schema, &report);
        let findings = report["findings"].as_array().unwrap();
        assert!((least..=most).contains(&findings.len()), "{path}: {} findings", findings.len());
        let count = |severity: &str| findings.iter().filter(|finding| finding["severity"] == severity).count();
        for (severity, total) in [("error", "errors"), ("warning", "warnings"), ("info", "infos")] {
            assert_eq!(report["summary"][total], count(severity), "{path} {severity}");
        }
    }
}

#[test]
fn json_lines_are_the_findings_of_json() {
    for path in [CLEAN, ONE, MANY] {
        let report: Value = serde_json::from_str(&run(path, "json")).unwrap();
        let lines = run(path, "jsonl");
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(report["findings"].as_array().unwrap(), &lines);
    }
}

/// The schema of SARIF 2.1.0 as the `serde-sarif` crate ships it, which is a dependency of the tests for this reason.
fn sarif_schema() -> Value {
    // without the platform, cargo wants packages of others too, which a fresh machine has not downloaded
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "serde-sarif").unwrap();
    let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap());
    let path = manifest.parent().unwrap().join("src/schema.json");
    let mut schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    // the standard's pattern for languages is no regular expression
    for holder in ["run", "toolComponent"] {
        schema["definitions"][holder]["properties"]["language"].as_object_mut().unwrap().remove("pattern");
    }
    schema
}

#[test]
fn sarif_follows_the_standard() {
    let schema = sarif_schema();
    for (path, least) in [(CLEAN, 0), (ONE, 1), (MANY, 300)] {
        let log: Value = serde_json::from_str(&run(path, "sarif")).unwrap();
        valid(&schema, &log);
        let run = &log["runs"][0];
        let results = run["results"].as_array().unwrap();
        assert!(results.len() >= least);
        for result in results {
            assert!(
                run["tool"]["driver"]["rules"].as_array().unwrap().iter().any(|rule| rule["id"] == result["ruleId"])
            );
            let region = &result["locations"][0]["physicalLocation"]["region"];
            let path = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
            let text = std::fs::read_to_string(root().join(path)).unwrap();
            let line = text.lines().nth(usize::try_from(region["startLine"].as_u64().unwrap()).unwrap() - 1).unwrap();
            let byte = usize::try_from(region["byteOffset"].as_u64().unwrap()).unwrap();
            let column = usize::try_from(region["startColumn"].as_u64().unwrap()).unwrap();
            assert!(
                text[byte..].starts_with(line.chars().nth(column - 1).map_or(String::new(), String::from).as_str())
            );
        }
    }
}

#[test]
fn github_commands_are_well_formed_and_sorted() {
    let pattern = regex::Regex::new(
        r"^::(error|warning|notice) file=[^,:]+(,line=\d+,endLine=\d+(,col=\d+,endColumn=\d+)?)?,title=[^,:]+::\S.*$",
    )
    .unwrap();
    for path in [CLEAN, ONE, MANY] {
        let text = run(path, "github");
        let commands: Vec<&str> = text.lines().filter(|line| line.starts_with("::")).collect();
        for command in &commands {
            assert!(pattern.is_match(command), "{command}");
        }
        let rank =
            |command: &&str| ["::error", "::warning", "::notice"].iter().position(|kind| command.starts_with(kind));
        assert!(commands.windows(2).all(|pair| rank(&pair[0]) <= rank(&pair[1])));
        assert!(text.lines().last().unwrap().starts_with("moelint: "));
    }
}

#[test]
fn concise_is_one_line_a_finding() {
    let pattern = regex::Regex::new(r"^.+:\d+:\d+: (error|warning|info)\[MOE\d{4}\] .+ \([a-z0-9-]+\)$").unwrap();
    for path in [CLEAN, ONE, MANY] {
        let report: Value = serde_json::from_str(&run(path, "json")).unwrap();
        let text = run(path, "concise");
        assert_eq!(text.lines().count(), report["findings"].as_array().unwrap().len());
        for line in text.lines() {
            assert!(pattern.is_match(line), "{line}");
        }
    }
}

#[test]
fn formats_agree_on_what_was_found() {
    let report: Value = serde_json::from_str(&run(MANY, "json")).unwrap();
    let log: Value = serde_json::from_str(&run(MANY, "sarif")).unwrap();
    let from_json: Vec<Value> =
        report["findings"].as_array().unwrap().iter().map(|f| json!([f["rule"], f["fingerprint"]])).collect();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let from_sarif: Vec<Value> =
        results.iter().map(|r| json!([r["ruleId"], r["partialFingerprints"]["moelint/v1"]])).collect();
    assert_eq!(from_json, from_sarif);
}

#[test]
fn a_person_sees_the_picture() {
    let output = moelint(&["check", "testdata/configs/run_config.yaml", "--target", "0.17"]);
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn a_person_sees_nothing_to_worry_about() {
    let output = moelint(&["check", CLEAN, "--target", "0.17"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).starts_with("no findings in 1 file (1 checked)"), "{}", stdout(&output));
}

#[test]
fn colours_change_nothing_but_the_look() {
    let plain = stdout(&moelint(&["check", ONE, "--target", "0.17", "--color", "never"]));
    let colored = stdout(&moelint(&["check", ONE, "--target", "0.17", "--color", "always"]));
    assert!(!plain.contains('\u{1b}'));
    assert!(colored.contains('\u{1b}'));
    let codes = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    assert_eq!(codes.replace_all(&colored, ""), plain);
}

#[test]
fn a_long_line_is_cut_to_the_width() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.json");
    let filler: String = (0..5000).map(|i| format!("\"pad_{i:05}\": {i}, ")).collect();
    let text = format!(
        "{{{filler}\"num_layers\": 4, \"num_moe_experts\": 8, \"moe_token_dispatcher_type\": \"alltoall\", \
         \"expert_model_parallel_size\": 3}}"
    );
    std::fs::write(&path, text).unwrap();
    let shown = stdout(&moelint(&["check", path.to_str().unwrap(), "--target", "0.18"]));
    assert!(shown.contains("3 does not divide 8"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() < 140), "{shown}");
}

#[test]
fn an_output_file_is_written_whole_and_stdout_stays_empty() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let output =
        moelint(&["check", ONE, "--target", "0.17", "--format", "json", "--output-file", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(written["version"], 1);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().collect();
    assert_eq!(left.len(), 1);
    assert!(!Path::new("report.json.tmp").exists());
}
