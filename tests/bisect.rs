//! `moelint bisect commits` on scratch repositories: what it names, what it runs, and what it leaves alone.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A repository with one commit a config.
struct Scratch {
    folder: TempDir,
    commits: Vec<String>,
}

const BASE: &str = "model:\n  num_layers: 48\n  hidden_size: 2048\n  num_attention_heads: 32\n  num_moe_experts: 128\n  add_bias_linear: false\n  moe_grouped_gemm: true\n";

fn config(sms: u32, topk: u32, extra: &str) -> String {
    format!(
        "{BASE}  moe_token_dispatcher_type: flex\n  moe_flex_dispatcher_backend: hybridep\n  moe_flex_dispatcher_num_sms: {sms}\n  moe_router_topk: {topk}\n{extra}"
    )
}

impl Scratch {
    fn new() -> Self {
        let scratch = Self { folder: TempDir::new().unwrap(), commits: Vec::new() };
        scratch.git(&["init", "-q", "-b", "main"]);
        scratch.git(&["config", "user.name", "somebody"]);
        scratch.git(&["config", "user.email", "somebody@example.com"]);
        scratch
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git").args(args).current_dir(self.path()).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn commit(&mut self, subject: &str, files: &[(&str, &str)]) -> String {
        for (name, text) in files {
            let path = self.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", subject]);
        let id = self.git(&["rev-parse", "HEAD"]);
        self.commits.push(id.clone());
        id
    }

    /// Twelve commits; the eighth sets the SM count that hangs. Gives that one.
    fn usual() -> (Self, String) {
        let mut scratch = Self::new();
        scratch.commit("base", &[("configs/a.yaml", &config(16, 8, "")), ("src/a.py", "0\n")]);
        scratch.commit("code", &[("src/a.py", "1\n")]);
        scratch.commit("topk", &[("configs/a.yaml", &config(16, 6, ""))]);
        scratch.commit("comment", &[("configs/a.yaml", &format!("# new\n{}", config(16, 6, "")))]);
        scratch.commit("sms 24", &[("configs/a.yaml", &config(24, 6, ""))]);
        scratch.commit("code", &[("src/a.py", "2\n")]);
        scratch.commit("topk back", &[("configs/a.yaml", &config(24, 8, ""))]);
        let culprit = scratch.commit("tune dispatcher", &[("configs/a.yaml", &config(32, 8, ""))]);
        scratch.commit("code", &[("src/a.py", "3\n")]);
        scratch.commit("lr", &[("configs/a.yaml", &config(32, 8, "train:\n  lr: 1e-4\n"))]);
        scratch.commit("topk", &[("configs/a.yaml", &config(32, 6, "train:\n  lr: 1e-4\n"))]);
        scratch.commit("code", &[("src/a.py", "4\n")]);
        (scratch, culprit)
    }

    fn ends(&self) -> [String; 4] {
        let last = self.commits.last().unwrap();
        ["--good".to_owned(), self.commits[0].clone(), "--bad".to_owned(), last.clone()]
    }

    fn command(&self, args: &[&str], probe: Option<&Path>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_moelint"));
        command.args(["bisect", "commits"]).args(self.ends()).args(["--target", "main", "--quiet"]).args(args);
        if let Some(probe) = probe {
            command.arg("--").arg(probe);
        }
        command.current_dir(self.path());
        command
    }

    /// Runs it for its JSON.
    fn json(&self, args: &[&str], probe: Option<&Path>) -> (Value, Output) {
        let output =
            self.command(args, probe).args(["--format", "json"].iter().filter(|_| probe.is_none())).output().unwrap();
        let value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            panic!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
        });
        (value, output)
    }

    /// A script outside the repository that notes each commit it is run on.
    fn probe(&self, body: &str) -> (PathBuf, PathBuf) {
        let folder = self.path().join(".git/probe");
        fs::create_dir_all(&folder).unwrap();
        let (script, log) = (folder.join("probe.sh"), folder.join("log"));
        let text = format!("#!/bin/sh\necho $(git rev-parse HEAD) $MOELINT_COMMIT >> {}\n{body}\n", log.display());
        fs::write(&script, text).unwrap();
        let mut mode = fs::metadata(&script).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
        fs::set_permissions(&script, mode).unwrap();
        (script, log)
    }
}

const HANGS: &str = "grep -q 'num_sms: 32' $MOELINT_CONFIG && exit 1\nexit 0";
const JSON: &[&str] = &["--symptom", "hang", "--format", "json"];

fn lines(log: &Path) -> usize {
    fs::read_to_string(log).map_or(0, |text| text.lines().count())
}

#[test]
fn without_a_command_the_suspects_are_ranked() {
    let (scratch, culprit) = Scratch::usual();
    let (report, output) = scratch.json(&["--symptom", "hang"], None);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(report["status"], "ranked");
    assert_eq!(report["culprits"][0]["commit"], culprit.as_str());
    assert_eq!(report["culprits"][0]["changes"][0]["field"], "moe_flex_dispatcher_num_sms");
    assert_eq!(report["exonerated"]["untouched"], 4);
    assert_eq!(report["exonerated"]["cosmetic"], 1);
    assert_eq!(report["commits"], 11);
    assert_eq!(report["config_classes"], 7);
}

#[test]
fn a_command_pins_the_culprit_and_the_users_tree_is_left_alone() {
    let (scratch, culprit) = Scratch::usual();
    fs::write(scratch.path().join("src/a.py"), "unsaved work\n").unwrap();
    let (probe, log) = scratch.probe(HANGS);
    let (report, output) = scratch.json(JSON, Some(&probe));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(report["status"], "found");
    assert_eq!(report["culprits"][0]["commit"], culprit.as_str());
    assert_eq!(report["probes"]["preflight"], 2);
    assert_eq!(report["probes"]["total"], lines(&log));
    assert!(lines(&log) <= 8, "{}", lines(&log));
    assert_eq!(scratch.git(&["status", "--porcelain"]), "M src/a.py");
    assert_eq!(scratch.git(&["rev-parse", "HEAD"]), *scratch.commits.last().unwrap());
    assert_eq!(scratch.git(&["worktree", "list"]).lines().count(), 1);
    // HEAD is the candidate in a probe
    for line in fs::read_to_string(&log).unwrap().lines() {
        let (head, commit) = line.split_once(' ').unwrap();
        assert!(head == commit || head == scratch.commits.last().unwrap(), "{line}");
    }
}

#[test]
fn the_same_with_four_probes_at_once_with_fixed_code_and_when_told_to_trust() {
    let (scratch, culprit) = Scratch::usual();
    for extra in [&["-j", "4"][..], &["--config-only"], &["--deterministic", "--assume", "config", "--no-preflight"]] {
        let (probe, log) = scratch.probe(HANGS);
        let _ = fs::remove_file(&log);
        let args: Vec<&str> = JSON.iter().chain(extra).copied().collect();
        let (report, _) = scratch.json(&args, Some(&probe));
        assert_eq!(report["status"], "found", "{extra:?}");
        assert_eq!(report["culprits"][0]["commit"], culprit.as_str(), "{extra:?}");
        if extra.contains(&"--config-only") {
            let text = fs::read_to_string(&log).unwrap();
            assert!(text.lines().all(|line| line.starts_with(scratch.commits.last().unwrap())), "{text}");
        }
        if extra.contains(&"--deterministic") {
            assert!(lines(&log) <= 3, "{}", lines(&log));
        }
    }
}

#[test]
fn code_is_named_when_it_is_the_code() {
    let (scratch, _) = Scratch::usual();
    let (probe, _) = scratch.probe("test $(cat src/a.py) -ge 2 && exit 1\nexit 0");
    let (report, _) = scratch.json(JSON, Some(&probe));
    assert_eq!(report["status"], "code", "{report}");
    assert_eq!(report["culprits"][0]["commit"], scratch.commits[5].as_str());
}

#[test]
fn nobody_is_named_when_the_bad_end_passes() {
    let (scratch, _) = Scratch::usual();
    let (probe, _) = scratch.probe("exit 0");
    let (report, output) = scratch.json(JSON, Some(&probe));
    assert_eq!((report["status"].as_str(), output.status.code()), (Some("none"), Some(0)), "{report}");
    assert_eq!(report["culprits"].as_array().unwrap().len(), 0);
}

#[test]
fn commits_that_cannot_be_built_are_passed_over() {
    let (scratch, culprit) = Scratch::usual();
    let broken = &scratch.commits[5];
    let (probe, _) = scratch.probe(&format!("test $(git rev-parse HEAD) = {broken} && exit 125\n{HANGS}"));
    let (report, _) = scratch.json(JSON, Some(&probe));
    assert_eq!(report["culprits"][0]["commit"], culprit.as_str());
}

#[test]
fn a_budget_ends_it_without_a_name() {
    let (scratch, _) = Scratch::usual();
    let (probe, _) = scratch.probe(HANGS);
    let args: Vec<&str> = JSON.iter().chain(&["--max-probes", "2"]).copied().collect();
    let (report, output) = scratch.json(&args, Some(&probe));
    assert_eq!((report["status"].as_str(), output.status.code()), (Some("inconclusive"), Some(1)));
    assert!(report["notes"].to_string().contains("--max-probes"));
}

#[test]
fn a_status_of_128_and_more_ends_it_and_it_can_go_on() {
    let (scratch, culprit) = Scratch::usual();
    let (probe, _) = scratch.probe("exit 200");
    let (report, output) = scratch.json(JSON, Some(&probe));
    assert_eq!((report["status"].as_str(), output.status.code()), (Some("inconclusive"), Some(1)));
    let again = scratch.command(JSON, Some(&probe)).output().unwrap();
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("moelint bisect resume"), "{again:?}");
    scratch.probe(HANGS);
    let args: Vec<&str> = JSON.iter().chain(&["--restart"]).copied().collect();
    assert_eq!(scratch.json(&args, Some(&probe)).0["culprits"][0]["commit"], culprit.as_str());
}

#[test]
fn after_a_kill_it_goes_on_and_repeats_nothing() {
    let (scratch, culprit) = Scratch::usual();
    let (probe, log) = scratch.probe(&format!("sleep 0.3\n{HANGS}"));
    let mut child = scratch.command(JSON, Some(&probe)).spawn().unwrap();
    let since = Instant::now();
    // in the middle of the third probe
    while lines(&log) < 3 && since.elapsed() < Duration::from_secs(20) {
        sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    sleep(Duration::from_millis(600));
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_moelint"));
        command.args(["bisect"]).args(args).current_dir(scratch.path()).output().unwrap()
    };
    let status = run(&["status"]);
    assert!(String::from_utf8_lossy(&status.stdout).contains("unfinished"), "{status:?}");
    let resumed = run(&["resume", "--format", "json", "--quiet"]);
    let report: Value = serde_json::from_slice(&resumed.stdout).unwrap_or_else(|_| panic!("{resumed:?}"));
    assert_eq!(report["culprits"][0]["commit"], culprit.as_str());
    assert_eq!(report["probes"]["total"], lines(&log), "a finished probe ran again");
    let ended = run(&["resume"]);
    assert_eq!(ended.status.code(), Some(2));
    // its log is evidence for another search: nothing is left to run
    let replay = scratch.path().join(".git/replay.jsonl");
    fs::write(&replay, run(&["log"]).stdout).unwrap();
    let before = lines(&log);
    let args: Vec<&str> = JSON.iter().chain(&["--no-preflight", "--runs", replay.to_str().unwrap()]).copied().collect();
    let (report, _) = scratch.json(&args, Some(&probe));
    assert_eq!(report["culprits"][0]["commit"], culprit.as_str());
    assert_eq!(lines(&log), before, "{report}");
}

#[test]
fn a_config_that_would_be_refused_is_never_run() {
    let mut scratch = Scratch::new();
    scratch.commit("base", &[("a.yaml", &config(16, 8, ""))]);
    // 128 experts over 48 ranks, mended later
    scratch.commit("48 ranks", &[("a.yaml", &config(16, 8, "  expert_model_parallel_size: 48\n"))]);
    scratch.commit("more", &[("a.yaml", &config(24, 8, "  expert_model_parallel_size: 48\n"))]);
    scratch.commit("mended", &[("a.yaml", &config(24, 8, "  expert_model_parallel_size: 16\n"))]);
    let culprit = scratch.commit("tune", &[("a.yaml", &config(32, 8, "  expert_model_parallel_size: 16\n"))]);
    scratch.commit("after", &[("a.yaml", &config(32, 6, "  expert_model_parallel_size: 16\n"))]);
    let (probe, log) = scratch.probe(HANGS);
    let (report, _) = scratch.json(JSON, Some(&probe));
    assert_eq!(report["culprits"][0]["commit"], culprit.as_str(), "{report}");
    let ran = fs::read_to_string(log).unwrap();
    for refused in &scratch.commits[1..3] {
        assert!(!ran.contains(refused.as_str()), "{ran}");
    }
}

#[test]
fn a_file_is_followed_through_its_names_and_a_branch_through_its_merge() {
    let mut scratch = Scratch::new();
    scratch.commit("base", &[("old/a.yaml", &config(16, 8, ""))]);
    scratch.commit("topk", &[("old/a.yaml", &config(16, 6, ""))]);
    scratch.git(&["checkout", "-q", "-b", "feature"]);
    let culprit = scratch.commit("tune on a branch", &[("old/a.yaml", &config(32, 6, ""))]);
    scratch.commit("code on the branch", &[("src/b.py", "1\n")]);
    scratch.git(&["checkout", "-q", "main"]);
    scratch.commit("code", &[("src/a.py", "1\n")]);
    scratch.git(&["merge", "-q", "--no-ff", "-m", "merge feature", "feature"]);
    scratch.git(&["mv", "old", "new"]);
    scratch.commit("move configs", &[]);
    scratch.commit("lr", &[("new/a.yaml", &config(32, 6, "train:\n  lr: 1e-4\n"))]);
    let (probe, _) = scratch.probe(HANGS);
    for path in ["new/a.yaml", "."] {
        let args: Vec<&str> = JSON.iter().chain(&[path]).copied().collect();
        let (report, _) = scratch.json(&args, Some(&probe));
        assert_eq!(report["culprits"][0]["commit"], culprit.as_str(), "{path}: {report}");
    }
    let merge = scratch.git(&["rev-parse", "HEAD~2"]);
    let args: Vec<&str> = JSON.iter().chain(&["--first-parent"]).copied().collect();
    let (report, _) = scratch.json(&args, Some(&probe));
    assert_eq!(report["culprits"][0]["commit"], merge.as_str(), "{report}");
}

#[test]
fn a_parents_change_is_its_childrens() {
    let mut scratch = Scratch::new();
    let child = |extra: &str| format!("defaults: parent.yaml\npolicy:\n  name: x\n{extra}");
    scratch.commit("base", &[("c/child.yaml", &child("")), ("c/parent.yaml", "policy:\n  num_sms: 16\n")]);
    scratch.commit("name", &[("c/child.yaml", &child("  kind: y\n"))]);
    let culprit = scratch.commit("parent", &[("c/parent.yaml", "policy:\n  num_sms: 32\n")]);
    scratch.commit("kind", &[("c/child.yaml", &child("  kind: z\n"))]);
    let (report, _) = scratch.json(&["c/child.yaml"], None);
    assert_eq!(report["config_classes"], 4, "{report}");
    let found = report["culprits"].as_array().unwrap().iter().find(|one| one["commit"] == culprit.as_str()).unwrap();
    assert_eq!(found["changes"][0]["field"], "policy.num_sms");
    assert_eq!(found["changes"][0]["to"], 32);
}

#[test]
fn nothing_that_changed_is_an_answer() {
    let mut scratch = Scratch::new();
    scratch.commit("base", &[("a.yaml", &config(16, 8, ""))]);
    scratch.commit("code", &[("src/a.py", "1\n")]);
    let (report, _) = scratch.json(&["--symptom", "hang"], None);
    assert!(report["notes"].to_string().contains("look outside the config"), "{report}");
    assert_eq!(report["culprits"].as_array().unwrap().len(), 0);
}

#[test]
fn mistakes_have_a_next_step() {
    let (scratch, _) = Scratch::usual();
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_moelint"));
        let output = command.arg("bisect").args(args).current_dir(scratch.path()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, text) = run(&["commits", "--good", "nothere", "--bad", "HEAD"]);
    assert!(code == Some(2) && text.contains("names no commit"), "{text}");
    let (code, text) = run(&["commits", "--good", "HEAD", "--bad", "HEAD~3"]);
    assert!(code == Some(2) && text.contains("swap them"), "{text}");
    let (code, text) = run(&["resume"]);
    assert!(code == Some(2) && text.contains("bisect commits"), "{text}");
    let (code, text) = run(&["commits", "--good", "HEAD~3", "--bad", "HEAD", "--flake-rate", "0.7"]);
    assert!(code == Some(2) && text.contains("0.05,0.2"), "{text}");
    let (code, text) = run(&["keys", "configs/a.yaml", "nothere.yaml"]);
    assert!(code == Some(2) && text.contains("nothere.yaml"), "{text}");
}

#[test]
fn the_settings_that_break_a_good_config_are_found() {
    let (scratch, culprit) = Scratch::usual();
    let (probe, _) = scratch.probe(HANGS);
    let mut command = Command::new(env!("CARGO_BIN_EXE_moelint"));
    let good = format!("{}:configs/a.yaml", scratch.commits[0]);
    let output = command
        .args(["bisect", "keys", &good, "configs/a.yaml", "--symptom", "hang", "--format", "json", "-q", "--"])
        .arg(&probe)
        .current_dir(scratch.path())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(report["status"], "found", "{culprit}");
    let changes = report["culprits"][0]["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{report}");
    assert_eq!(changes[0]["field"], "moe_flex_dispatcher_num_sms");
}

/// A step time of 10 s, 11 s from the culprit on, with about 1 % of noise from run to run.
const SLOW: &str = "base=1000; grep -q 'num_sms: 32' $MOELINT_CONFIG && base=1100\nnoise=$(( (MOELINT_PROBE * 7919) % 21 - 10 ))\necho \"{\\\"verdict\\\": \\\"good\\\", \\\"metrics\\\": {\\\"step_time\\\": $((base + noise))}}\" > $MOELINT_OUT/verdict.json";

#[test]
fn what_runs_measure_pins_a_slowdown_or_says_what_it_would_take() {
    let (scratch, culprit) = Scratch::usual();
    let (probe, _) = scratch.probe(SLOW);
    let args = ["--symptom", "slow", "--metric", "step_time", "--worse-by", "10%", "--format", "json"];
    let (report, output) = scratch.json(&args, Some(&probe));
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert_eq!(report["culprits"][0]["commit"], culprit.as_str(), "{report}");
    assert_eq!(report["probes"]["preflight"], 6);
    let (probe, _) = scratch.probe(&SLOW.replace("base=1100", "base=1001"));
    let (report, output) = scratch.json(&args, Some(&probe));
    assert_eq!((report["status"].as_str(), output.status.code()), (Some("not-separable"), Some(1)), "{report}");
    assert!(report["notes"].to_string().contains("need"), "{report}");
}

#[test]
fn a_runs_log_is_measured_too() {
    let (scratch, culprit) = Scratch::usual();
    let line = " [2026-08-22 15:22:22] iteration %8d/      40 | consumed samples: 1536 | elapsed time per iteration (ms): %d.%d | global batch size:   128 | lm loss: 1.258122E+01 |\\n";
    let body = format!(
        "base=1000; grep -q 'num_sms: 32' $MOELINT_CONFIG && base=1100\nfor i in $(seq 40); do printf '{line}' $i $((base + (i * 7 + MOELINT_PROBE * 3) % 11)) 1; done"
    );
    let (probe, _) = scratch.probe(&body);
    let args = ["--symptom", "slow", "--metric", "step_time", "--format", "json"];
    let (report, _) = scratch.json(&args, Some(&probe));
    assert_eq!(report["culprits"][0]["commit"], culprit.as_str(), "{report}");
}
