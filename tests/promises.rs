//! Behaviour that users were promised, one test a promise.

mod common;

use std::path::Path;

use moelint::lint::FileReport;
use moelint::rule::model::Severity;

use common::{linter_with, moelint, root, stderr, stdout};

fn check(text: &str, flags: &[&str]) -> FileReport {
    linter_with(flags).file(Path::new("a.yaml"), text)
}

fn severity(report: &FileReport, rule: &str) -> Option<Severity> {
    report.findings.iter().find(|finding| finding.rule == rule).map(|finding| finding.severity)
}

const CONFLICT: &str = "model:\n  num_layers: 24\n  num_moe_experts: 64\n  moe_token_dispatcher_type: flex\n  \
    moe_flex_dispatcher_backend: hybridep\n  moe_deepep_num_sms: 20\n  moe_hybridep_num_sms: 16\n\
    parallel:\n  expert_model_parallel_size: 8\n";

#[test]
fn conflicting_sm_counts_are_refused_from_0_19_only() {
    for target in ["0.19", "main"] {
        assert_eq!(
            severity(&check(CONFLICT, &["--target", target]), "num-sms-conflict"),
            Some(Severity::Error),
            "{target}"
        );
    }
    for target in ["0.16", "0.17", "0.18"] {
        let report = check(CONFLICT, &["--target", target]);
        let loud: Vec<_> = report.findings.iter().filter(|finding| finding.severity > Severity::Info).collect();
        assert!(loud.iter().all(|finding| finding.message.contains("is never read")), "{target}: {loud:#?}");
    }
    let report = check(CONFLICT, &[]);
    let finding = report.findings.iter().find(|finding| finding.rule == "num-sms-conflict").unwrap();
    assert_eq!(finding.releases.summary, "fails from 0.19");
    assert_eq!(finding.releases.fails, ["0.19.2", "main"]);
    assert_eq!(finding.releases.passes, ["0.16.1", "0.17.1", "0.18.2"]);
}

const BESIDE: &str = "  moe_token_dispatcher_type: alltoall\n  moe_flex_dispatcher_backend: BACKEND\n";

fn beside(backend: &str, dump: bool) -> FileReport {
    let head = if dump {
        "_target_: megatron.bridge.training.config.ConfigContainer\nmodel:\n  _target_: megatron.bridge.models.gpt_provider.GPTModelProvider\n"
    } else {
        "model:\n"
    };
    let sizes = "  num_layers: 24\n  num_moe_experts: 64\n  expert_model_parallel_size: 8\n";
    check(&format!("{head}{sizes}{}", BESIDE.replace("BACKEND", backend)), &["--target", "main"])
}

#[test]
fn a_default_in_a_dump_says_nothing_about_intent() {
    assert_eq!(severity(&beside("deepep", true), "flex-backend-ignored-without-flex"), None);
    for (backend, dump) in [("deepep", false), ("hybridep", true), ("hybridep", false)] {
        let found = severity(&beside(backend, dump), "flex-backend-ignored-without-flex");
        assert_eq!(found, Some(Severity::Warning), "{backend} {dump}");
    }
}

#[test]
fn a_missing_fact_is_undecided_and_named() {
    let text = "_target_: megatron.bridge.training.config.ConfigContainer\nmodel:\n  \
        _target_: megatron.bridge.models.gpt_provider.GPTModelProvider\n  num_layers: 24\n  num_moe_experts: 64\n  \
        moe_token_dispatcher_type: flex\n  moe_flex_dispatcher_backend: deepep\n  expert_model_parallel_size: 8\n";
    let rule = "bridge-deepep-gpu-gate";
    let report = check(text, &["--target", "main"]);
    let open = report.undecided.iter().find(|open| open.rule == rule).unwrap();
    assert!(open.missing.iter().any(|name| name.starts_with("gpu")), "{open:?}");
    assert_eq!(severity(&report, rule), None);
    assert_eq!(severity(&check(text, &["--target", "main", "--gpu", "gb200"]), rule), Some(Severity::Error));
    assert_eq!(severity(&check(text, &["--target", "main", "--gpu", "h100"]), rule), None);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dump.yaml");
    std::fs::write(&path, text).unwrap();
    let shown = stdout(&moelint(&["check", path.to_str().unwrap(), "--target", "main", "--show-undecided"]));
    let line = shown.lines().find(|line| line.starts_with("  gpu (--gpu) would decide")).unwrap();
    assert!(line.contains(rule), "said once for all rules: {shown}");
}

#[test]
fn a_release_is_understood_in_every_spelling_and_no_other() {
    for target in ["0.18", "0.18.2", "core_v0.18.2", "v0.18.0", "megatron-core=0.18", "megatron-bridge=0.5"] {
        let output = moelint(&["check", "testdata/configs/run_config.yaml", "--target", target, "--format", "json"]);
        let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(report["target"][0]["releases"], serde_json::json!(["0.18.2"]), "{target}");
    }
    for target in ["0.20", "0.1", "latest", "megatron-core=", "megatron-cor=0.18", "torch"] {
        let output = moelint(&["check", "testdata/configs/run_config.yaml", "--target", target]);
        assert_eq!(output.status.code(), Some(2), "{target}");
        assert!(stderr(&output).contains("expected one of"), "{}", stderr(&output));
    }
}

#[test]
fn the_first_check_that_stops_the_run_comes_first() {
    let output = moelint(&["check", "testdata/configs/run_config.yaml", "--target", "0.17", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings[0]["rule"], "shared-overlap-dispatcher");
    assert_eq!(findings[0]["blocking"], true);
    assert_eq!(findings[1]["rule"], "ep-does-not-divide");
    assert_eq!(findings[1]["blocking"], false);
}

#[test]
fn a_comment_silences_a_finding_and_is_counted() {
    let line = "  moe_flex_dispatcher_backend: hybridep";
    let text = |comment: &str| {
        format!(
            "model:\n  num_layers: 24\n  num_moe_experts: 64\n  moe_token_dispatcher_type: alltoall\n{line}{comment}\n"
        )
    };
    let rule = "flex-backend-ignored-without-flex";
    let flags = ["--target", "main"];
    assert!(severity(&check(&text(""), &flags), rule).is_some());
    for comment in [
        "  # moelint: ignore[flex-backend-ignored-without-flex] waiting for the new image",
        "  # moelint: ignore[MOE0115, MOE01]",
        "  # moelint: ignore[dispatcher]",
        "\n# moelint: ignore-file[flex-backend-ignored-without-flex]",
    ] {
        let report = check(&text(comment), &flags);
        assert_eq!(severity(&report, rule), None, "{comment}");
        assert!(report.suppressed > 0, "{comment}");
    }
    let above = text("").replace(line, &format!("  # moelint: ignore[{rule}]\n{line}"));
    assert_eq!(severity(&check(&above, &flags), rule), None);
    for comment in [
        "  # moelint: ignore[ep-does-not-divide]",
        "  # moelint: ignored",
        "  # moelint: ignore[unclosed",
        "  # moelint: ignore",
        "  # moelint: ignore[]",
        "  # moelint: ignore-next-line[dispatcher]",
    ] {
        assert!(severity(&check(&text(comment), &flags), rule).is_some(), "{comment}");
    }
}

#[test]
fn several_candidate_releases_make_a_refusal_a_warning() {
    let text = std::fs::read_to_string(root().join("testdata/configs/run_config.yaml")).unwrap();
    let wide = "model:\n  num_layers: 24\n  num_moe_experts: 64\n  moe_shared_expert_intermediate_size: 512\n  \
        moe_shared_expert_overlap: true\n  moe_token_dispatcher_type: flex\n  moe_enable_deepep: true\n  expert_model_parallel_size: 8\n";
    assert_eq!(severity(&check(wide, &[]), "shared-overlap-dispatcher"), Some(Severity::Warning));
    assert_eq!(severity(&check(wide, &["--target", "0.17"]), "shared-overlap-dispatcher"), Some(Severity::Error));
    assert_eq!(severity(&check(wide, &["--target", "0.18"]), "shared-overlap-dispatcher"), None);
    // the dump's keys leave only one release
    assert_eq!(severity(&check(&text, &["--target", "0.17"]), "ep-does-not-divide"), Some(Severity::Error));
}

#[test]
fn a_users_rule_goes_through_the_same_loader() {
    let folder = tempfile::tempdir().unwrap();
    let rule = "id: house-topk\ncode: HOUSE01\ngroup: house\nsummary: our router takes eight experts\nseverity: error\n\
        confidence: read\nphase: config\nsources: [our handbook]\nhelp: set moe_router_topk to 8\ncases:\n  - releases: \"*\"\n    \
        when: moe_router_topk != 8\n    message: \"top-{moe_router_topk} instead of top-8\"\n";
    std::fs::write(folder.path().join("house-topk.yaml"), rule).unwrap();
    let config = folder.path().join("a.yaml");
    std::fs::write(&config, "num_layers: 4\nnum_moe_experts: 64\nmoe_router_topk: 6\n").unwrap();
    let run = |flags: &[&str]| {
        let head =
            ["check", config.to_str().unwrap(), "--rules", folder.path().to_str().unwrap(), "--format", "concise"];
        moelint(&head.into_iter().chain(flags.iter().copied()).collect::<Vec<_>>())
    };
    // the config itself is no rule file
    assert_eq!(run(&[]).status.code(), Some(2));
    std::fs::rename(&config, folder.path().join("a.yml.txt")).unwrap();
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    std::fs::rename(folder.path().join("house-topk.yaml"), folder.path().join("rules/house-topk.yaml")).unwrap();
    let rules = folder.path().join("rules");
    let output = moelint(&[
        "check",
        folder.path().join("a.yml.txt").to_str().unwrap(),
        "--rules",
        rules.to_str().unwrap(),
        "--format",
        "concise",
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stdout(&output).contains("error[HOUSE01] top-6 instead of top-8 (house-topk)"), "{}", stdout(&output));
    // a rule with a built-in's id takes its place
    let milder = std::fs::read_to_string(root().join("lints/rules/experts/ep-does-not-divide.yaml")).unwrap();
    std::fs::write(rules.join("ep-does-not-divide.yaml"), milder.replace("severity: error", "severity: warning"))
        .unwrap();
    let bad = folder.path().join("b.yaml");
    std::fs::write(&bad, "num_layers: 4\nnum_moe_experts: 64\nmoe_router_topk: 8\nexpert_model_parallel_size: 5\nmoe_token_dispatcher_type: alltoall\n").unwrap();
    let output = moelint(&["check", bad.to_str().unwrap(), "--rules", rules.to_str().unwrap(), "--format", "concise"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("warning[MOE0701]"), "{}", stdout(&output));
}

#[test]
fn select_and_ignore_take_ids_codes_prefixes_and_groups() {
    let path = "testdata/configs/run_config.yaml";
    let found = |flags: &[&str]| {
        let head = ["check", path, "--target", "0.17", "--format", "concise"];
        stdout(&moelint(&head.into_iter().chain(flags.iter().copied()).collect::<Vec<_>>()))
    };
    assert!(found(&[]).contains("MOE0301") && found(&[]).contains("MOE0701"));
    for flags in [
        ["--select", "MOE03"],
        ["--select", "shared-experts"],
        ["--select", "MOE0301"],
        ["--ignore", "experts"],
        ["--ignore", "ep-does-not-divide"],
    ] {
        let text = found(&flags);
        assert!(text.contains("MOE0301") && !text.contains("MOE0701"), "{flags:?}: {text}");
    }
}
