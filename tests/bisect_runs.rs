//! `moelint bisect runs` on histories with a known answer, and on input that nobody should have to expect.

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use common::{moelint, stderr, stdout, tables_are_well_formed};
use serde_json::{Value, json};
use tempfile::TempDir;

const SLOWER: &str = "testdata/histories/megatron-lm-slower";
const HANGS: &str = "testdata/histories/bridge-hangs";
const FRESH: &str = "testdata/histories/bridge-fresh";
const STEADY: &str = "testdata/histories/steady.jsonl";
const TABLE: &str = "testdata/histories/table.csv";

fn runs(path: &str, flags: &[&str]) -> Output {
    let arguments = ["bisect", "runs", path, "--isolated"].into_iter().chain(flags.iter().copied());
    moelint(&arguments.collect::<Vec<_>>())
}

fn json_of(path: &str, flags: &[&str]) -> Value {
    let output = runs(path, &[&["--format", "json"], flags].concat());
    serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{}", stderr(&output)))
}

fn record(text: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("runs.jsonl");
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn on_record(text: &str, flags: &[&str]) -> Output {
    let (_folder, path) = record(text);
    runs(path.to_str().unwrap(), flags)
}

/// Numbers with four figures, so that the last bit of a logarithm decides nothing.
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let text = format!("{:.3e}", number.as_f64().unwrap());
            json!(text.parse::<f64>().unwrap())
        }
        Value::Array(all) => all.into_iter().map(rounded).collect(),
        Value::Object(all) => all.into_iter().map(|(key, value)| (key, rounded(value))).collect(),
        other => other,
    }
}

/// A level around 9 with small noise that is the same everywhere.
fn noisy(index: usize, level: f64) -> f64 {
    let hash = (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    level * (1.0 + 0.02 * (f64::from(u32::try_from(hash).unwrap()) / f64::from(1 << 24) - 0.5))
}

#[test]
fn printed_arguments_and_the_log_name_the_setting_behind_a_slowdown() {
    let output = runs(SLOWER, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn a_crash_that_comes_and_goes_has_a_first_run() {
    let output = runs(HANGS, &["--symptom", "hang"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));
    // nobody has to say what to look for
    let report = json_of(HANGS, &[]);
    assert_eq!((&report["status"], &report["symptom"]), (&json!("found"), &json!("hang")));
    assert_eq!(report["culprits"][0]["changes"][0]["field"], "moe_flex_dispatcher_backend");
}

#[test]
fn three_slow_runs_are_enough() {
    let report = json_of(FRESH, &[]);
    assert_eq!(report["culprits"][0]["changes"][0]["field"], "expert_model_parallel_size");
    insta::assert_json_snapshot!(rounded(report));
}

#[test]
fn a_steady_series_has_no_change_and_says_what_would_have_shown() {
    let output = runs(STEADY, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("nothing changed over 40 runs"), "{}", stdout(&output));
    let report = json_of(STEADY, &[]);
    assert_eq!((&report["status"], &report["config_classes"]), (&json!("none"), &json!(3)));
    assert!(report["notes"][0].as_str().unwrap().contains("would have shown"), "{report}");
}

#[test]
fn a_table_is_read_with_the_file_beside_it() {
    let report = json_of(TABLE, &[]);
    assert_eq!((&report["status"], &report["culprits"][0]["commit"]), (&json!("found"), &json!("c0033")));
    let next = report["next"][0].as_str().unwrap();
    assert!(next.starts_with("moelint bisect commits --good c0032 --bad c0033 --symptom slow"), "{next}");
}

#[test]
fn every_form_tells_the_run_and_the_setting() {
    for format in ["human", "json", "markdown", "html"] {
        let output = runs(SLOWER, &["--format", format]);
        let text = stdout(&output);
        assert_eq!(output.status.code(), Some(0), "{format}: {}", stderr(&output));
        assert!(text.contains("run-8") && text.contains("moe_token_dispatcher_type"), "{format}: {text}");
        assert!(!text.contains("no commit"), "{format}: {text}");
    }
    tables_are_well_formed(&stdout(&runs(SLOWER, &["--format", "markdown"])));
}

#[test]
fn any_metric_can_be_named_and_its_direction_is_known() {
    let report = json_of(SLOWER, &["--metric", "tflops_per_gpu"]);
    assert_eq!(report["culprits"][0]["commit"], "run-8");
    assert!(report["culprits"][0]["subject"].as_str().unwrap().contains("worse"), "{report}");
    let up = json_of(SLOWER, &["--metric", "step_time", "--higher-is-better"]);
    assert!(up["culprits"][0]["subject"].as_str().unwrap().contains("better"), "{up}");
    let unknown = runs(SLOWER, &["--metric", "speed"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("no run has the metric `speed`; there is "), "{}", stderr(&unknown));
}

#[test]
fn runs_without_a_value_are_listed() {
    let report = json_of(SLOWER, &["--metric", "step_time"]);
    let notes = report["notes"].to_string();
    assert!(notes.contains("run-3 (no steady step, import)") && notes.contains("run-6 (2 steady steps"), "{notes}");
    assert_eq!(report["timeline"].as_array().unwrap().len(), 14);
    assert_eq!(report["series"][0]["values"][2], Value::Null);
}

#[test]
fn order_is_by_time_or_by_name() {
    let labels = |flags: &[&str]| json_of(SLOWER, flags)["series"][0]["labels"].clone();
    assert_eq!(labels(&[]), labels(&["--order", "name"]));
    let mut text = String::new();
    for index in 0..20 {
        let time = format!("2026-03-{:02}", 28 - index);
        let step = noisy(index, if index < 10 { 10.0 } else { 9.0 });
        writeln!(text, r#"{{"run": "r{index}", "time": "{time}", "step_time": {step}}}"#).unwrap();
    }
    let worse = on_record(&text, &[]);
    assert!(stdout(&worse).contains("worse; last good r10, first bad r9"), "{}", stdout(&worse));
    let better = on_record(&text, &["--order", "name"]);
    assert!(stdout(&better).contains("better; last before r9, first after r10"), "{}", stdout(&better));
    let untimed = on_record(&"{\"step_time\": 9}\n".repeat(8), &["--order", "time"]);
    assert_eq!(untimed.status.code(), Some(2), "{}", stdout(&untimed));
}

#[test]
fn a_value_that_ran_well_before_is_no_suspect() {
    let mut text = String::new();
    for index in 0..24 {
        let step = noisy(index, if index < 12 { 9.0 } else { 9.9 });
        // top-k goes up and down while all is well; the dispatcher changes with it where it slows down
        let (topk, padded) = (if (4..8).contains(&index) || index >= 12 { 8 } else { 6 }, index >= 12);
        let config = json!({"moe_token_dispatcher_type": "alltoall", "num_moe_experts": 64, "expert_model_parallel_size": 8,
            "moe_router_topk": topk, "moe_router_fusion": padded});
        writeln!(text, "{}", json!({"run": format!("r{index}"), "config": config, "metrics": {"step_time": step}}))
            .unwrap();
    }
    let (_folder, path) = record(&text);
    let report = json_of(path.to_str().unwrap(), &[]);
    let changes = report["culprits"][0]["changes"].as_array().unwrap();
    assert_eq!((&changes[0]["field"], &changes[1]["field"]), (&json!("moe_router_fusion"), &json!("moe_router_topk")));
    assert!(changes[1]["note"].as_str().unwrap().contains("had been there before"), "{report}");
}

#[test]
fn noise_that_hides_what_matters_is_not_none() {
    let wild: String = (0..12).map(|i| format!("{{\"step_time\": {}}}\n", 9.0 + f64::from(i * 7 % 12) * 0.3)).collect();
    let output = on_record(&wild, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert!(stdout(&output).starts_with("not separable"), "{}", stdout(&output));
    let enough = on_record(&wild, &["--worse-by", "400%"]);
    assert_eq!(enough.status.code(), Some(0), "{}", stdout(&enough));
}

#[test]
fn too_few_runs_are_inconclusive() {
    let output = on_record("{\"run\": \"a\", \"step_time\": 9}\n", &[]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stdout(&output).contains("1 runs have a value"), "{}", stdout(&output));
}

#[test]
fn folders_without_runs_say_what_a_run_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    let empty = runs(&path, &[]);
    assert_eq!(empty.status.code(), Some(2));
    assert!(stderr(&empty).contains("each run is a folder"), "{}", stderr(&empty));
    fs::create_dir(folder.path().join("notes")).unwrap();
    assert_eq!(runs(&path, &[]).status.code(), Some(2));
    assert_eq!(runs("no/such/folder", &[]).status.code(), Some(2));
    // a run that never printed anything, and nothing else
    fs::write(folder.path().join("notes/run.log"), "").unwrap();
    let nothing = runs(&path, &[]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(stderr(&nothing).contains("no run has a metric or an outcome"), "{}", stderr(&nothing));
}

#[test]
fn a_binary_log_a_broken_config_and_packed_files_are_told_and_stop_nothing() {
    let folder = TempDir::new().unwrap();
    copy(Path::new(SLOWER), folder.path());
    fs::write(folder.path().join("run-2/slurm-4002.out"), (0..=255_u8).cycle().take(100_000).collect::<Vec<u8>>())
        .unwrap();
    fs::write(folder.path().join("run-4/old.log.gz"), [0x1f, 0x8b]).unwrap();
    fs::write(folder.path().join("run-5/run_config.yaml"), "model:\n  a: [1, 2\n").unwrap();
    fs::write(folder.path().join("run-9/a-moe.yaml"), "num_moe_experts: 8\nmoe_router_topk: 2\n").unwrap();
    fs::write(folder.path().join("run-9/b-moe.yaml"), "num_moe_experts: 8\nmoe_router_topk: 2\n").unwrap();
    let report = json_of(folder.path().to_str().unwrap(), &["--metric", "step_time"]);
    assert_eq!(report["culprits"][0]["commit"], "run-8", "{report}");
    let notes = report["notes"].to_string();
    for part in
        ["run-2 (no steady step", "run-4: 1 compressed", "run-5/run_config.yaml: cannot be parsed", "run-9: 2 configs"]
    {
        assert!(notes.contains(part), "{part}: {notes}");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(common::root().join(from)).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (from.join(entry.file_name()), to.join(entry.file_name()));
        if entry.path().is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_broken_line_is_an_error_with_its_place() {
    for (text, place) in [
        ("{\"step_time\": 9}\n{\"step_time\": \n", "runs.jsonl:2: no JSON"),
        ("\n\n[]\n", "runs.jsonl:3: no JSON object"),
        ("{\"run\": \"x\"}\n", "runs.jsonl:1: neither a number nor an outcome"),
        ("{\"step_time\": 9, \"config\": \"gone.yaml\"}\n", "runs.jsonl:1: the config "),
        ("\0\0\0\n", "runs.jsonl"),
        ("", "no run in it"),
    ] {
        let output = on_record(text, &[]);
        assert_eq!(output.status.code(), Some(2), "{text}: {}", stdout(&output));
        assert!(stderr(&output).contains(place), "{text}: {}", stderr(&output));
    }
    let several = on_record("{\"a\": 9, \"b\": 1}\n", &[]);
    assert!(stderr(&several).contains("--metric: a, b"), "{}", stderr(&several));
}

#[test]
fn nan_is_no_value_and_a_repeated_record_is_one_run() {
    let mut text = String::new();
    for index in 0..20 {
        let step = if index % 5 == 4 { "NaN".to_owned() } else { noisy(index, 9.0).to_string() };
        let line = format!("{{\"run\": \"r{index}\", \"metrics\": {{\"step_time\": {step}}}}}\r\n");
        text.push_str(&line);
        text.push_str(&line);
    }
    let (_folder, path) = record(&text);
    let report = json_of(path.to_str().unwrap(), &[]);
    assert_eq!((&report["commits"], &report["status"]), (&json!(20), &json!("none")));
    let notes = report["notes"].to_string();
    assert!(notes.contains("20 lines repeat an earlier one") && notes.contains("4 runs without step_time"), "{notes}");
    let all_nan = on_record(&"{\"step_time\": NaN}\n".repeat(10), &[]);
    assert_eq!(all_nan.status.code(), Some(2), "{}", stdout(&all_nan));
}

#[test]
fn outcomes_alone_are_a_series() {
    let mut text = String::new();
    for index in 0..20 {
        let outcome = if index < 11 { "finished" } else { "oom" };
        let changed = if index == 11 { "[\"micro_batch_size\"]" } else { "[]" };
        writeln!(text, r#"{{"run": "r{index}", "outcome": "{outcome}", "changed": {changed}}}"#).unwrap();
    }
    let (_folder, path) = record(&text);
    let report = json_of(path.to_str().unwrap(), &[]);
    assert_eq!((&report["status"], &report["symptom"]), (&json!("found"), &json!("oom")));
    assert_eq!(report["culprits"][0]["changes"][0]["field"], "micro_batch_size");
    assert!(stdout(&runs(path.to_str().unwrap(), &[])).contains("micro_batch_size  ? → ?"));
    // with another symptom these crashes tell nothing
    let hang = json_of(path.to_str().unwrap(), &["--symptom", "hang"]);
    assert_eq!(hang["status"], "none");
}

#[test]
fn a_change_without_a_config_change_points_elsewhere() {
    let line = |index: usize| {
        let step = noisy(index, if index < 15 { 9.0 } else { 9.9 });
        format!(
            "{{\"run\": \"r{index}\", \"changed\": {}, \"step_time\": {step}}}\n",
            if index == 6 { "[\"lr\", \"moe_router_topk\"]" } else { "[]" }
        )
    };
    let (_folder, path) = record(&(0..30).map(line).collect::<String>());
    let report = json_of(path.to_str().unwrap(), &[]);
    assert_eq!((&report["status"], &report["culprits"][0]["commit"]), (&json!("code"), &json!("r15")));
    assert!(
        report["culprits"][0]["why"].as_str().unwrap().contains("look at code, container image, nodes"),
        "{report}"
    );
}

#[test]
fn every_change_of_a_series_is_told_the_worst_first() {
    let level = |index: usize| {
        if index < 20 {
            9.0
        } else if index < 40 {
            9.5
        } else if index < 60 {
            10.6
        } else {
            9.0
        }
    };
    let line = |index: usize| {
        let changed = if index.is_multiple_of(20) { "[\"moe_router_topk\"]" } else { "[]" };
        format!("{{\"run\": \"r{index}\", \"changed\": {changed}, \"step_time\": {}}}\n", noisy(index, level(index)))
    };
    let (_folder, path) = record(&(0..80).map(line).collect::<String>());
    let path = path.to_str().unwrap();
    let report = json_of(path, &[]);
    let culprits: Vec<&str> =
        report["culprits"].as_array().unwrap().iter().map(|culprit| culprit["commit"].as_str().unwrap()).collect();
    assert_eq!(culprits, ["r40", "r20", "r60"]);
    let shifts = report["series"][0]["shifts"].as_array().unwrap();
    assert_eq!(shifts.iter().map(|shift| shift["index"].as_u64().unwrap()).collect::<Vec<_>>(), [20, 40, 60]);
    for format in ["human", "markdown", "html"] {
        let text = stdout(&runs(path, &["--format", format])).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(culprits.iter().all(|run| text.contains(run)) && text.contains("2 more changes"), "{format}: {text}");
    }
}

#[test]
fn ten_thousand_lines_are_read() {
    let line = |index: usize| {
        format!("{{\"run\": \"r{index}\", \"step_time\": {}}}\n", noisy(index, if index < 7000 { 9.0 } else { 9.3 }))
    };
    let (_folder, path) = record(&(0..10_000).map(line).collect::<String>());
    let report = json_of(path.to_str().unwrap(), &[]);
    assert_eq!(report["series"][0]["shifts"][0]["index"], 7000);
    assert!(report["notes"].to_string().contains("no run says what its config was"), "{}", report["notes"]);
}
