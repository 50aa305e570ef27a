//! One test a bug; its input is in `testdata/bugs/`, named after the symptom.

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use moelint::facts::shape::Stage;
use moelint::lint::FileReport;
use moelint::rule::model::Severity;

use common::{linter_with, moelint, root, stderr, stdout};

fn bug(name: &str, flags: &[&str]) -> FileReport {
    let path = root().join("testdata/bugs").join(name);
    linter_with(flags).file(&path, &std::fs::read_to_string(&path).unwrap())
}

fn fires(report: &FileReport, rule: &str) -> bool {
    report.findings.iter().any(|finding| finding.rule == rule)
}

fn human(name: &str) -> String {
    stdout(&moelint(&["check", &format!("testdata/bugs/{name}"), "--target", "0.18"]))
}

#[test]
fn a_comment_does_not_switch_the_linter_off() {
    assert!(fires(&bug("comment-that-looks-like-a-listing.yaml", &["--target", "0.18"]), "ep-does-not-divide"));
}

#[test]
fn what_a_truncated_listing_lacks_is_unknown() {
    let report = bug("truncated-listing.log", &["--target", "0.18"]);
    assert!(report.findings.iter().all(|finding| finding.severity != Severity::Error), "{:#?}", report.findings);
    let open = report.undecided.iter().find(|open| open.rule == "deepep-tpep-1").unwrap();
    assert!(open.missing.contains(&"tensor_model_parallel_size".to_owned()), "{open:?}");
}

#[test]
fn colour_codes_are_no_part_of_a_value() {
    let report = bug("colour-codes-in-listing.log", &["--target", "0.18"]);
    assert!(!fires(&report, "wrong-type"), "{:#?}", report.findings);
    assert_eq!(report.status, moelint::lint::finding::Status::Linted);
}

#[test]
fn no_control_character_of_a_file_reaches_the_terminal() {
    for format in ["human", "concise", "github"] {
        let output =
            moelint(&["check", "testdata/bugs/escape-codes-in-value.yaml", "--target", "0.18", "--format", format]);
        let text = stdout(&output);
        assert!(text.contains("MOE01"), "{text}");
        assert!(
            !text.contains('\u{1b}') && !text.lines().any(|line| line.starts_with("::error::x")),
            "{format}: {text}"
        );
    }
}

#[test]
fn secrets_stay_secret() {
    for format in ["human", "concise", "json", "jsonl", "github", "sarif"] {
        let output =
            moelint(&["check", "testdata/bugs/secret-beside-a-finding.json", "--target", "0.18", "--format", format]);
        assert!(stdout(&output).contains("MOE0701") || stdout(&output).contains("ep-does-not-divide"));
        assert!(!stdout(&output).contains("hf_do_not_show"), "{format}: {}", stdout(&output));
    }
    assert!(human("secret-beside-a-finding.json").contains("\"HF_TOKEN\": \"**************\""));
}

#[test]
fn bridge_sections_do_not_narrow_the_releases() {
    let report = bug("argument-name-in-another-section.yaml", &[]);
    assert!(!fires(&report, "flex-without-deepep-flag"), "{:#?}", report.findings);
    assert!(!fires(&report, "topology-env-without-hybridep"), "{:#?}", report.findings);
}

#[test]
fn a_partial_initialiser_is_enough_to_know_a_resolved_dump() {
    let report = bug("partial-initialiser-without-overlap-section.yaml", &[]);
    assert_eq!(report.shape.unwrap().1, Stage::Resolved);
}

#[test]
fn sections_of_one_run_may_have_seeds_of_their_own() {
    let report = bug("seeds-differ-between-sections.yaml", &["--target", "0.18"]);
    assert_eq!(report.roles, ["config"]);
    let shown: Vec<_> = report.findings.iter().filter(|finding| finding.severity > Severity::Info).collect();
    assert!(shown.is_empty(), "{shown:#?}");
}

/// Runs `check` on a text and fails if it takes long.
fn quick(name: &str, text: &str, flags: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let started = Instant::now();
    let arguments: Vec<&str> = ["check", path.to_str().unwrap()].into_iter().chain(flags.iter().copied()).collect();
    let output = moelint(&arguments);
    assert!(started.elapsed() < Duration::from_secs(20), "{name} took {:?}", started.elapsed());
    assert!(matches!(output.status.code(), Some(0..=2)), "{name}: {:?} {}", output.status, stderr(&output));
    stdout(&output)
}

#[test]
fn nothing_grows_faster_than_its_input() {
    let listing = format!(
        "------------------------ arguments ------------------------\n  num_experts ..... 8\n  moe_layer_freq ..... {}1{}\n",
        "[".repeat(20_000),
        "]".repeat(20_000)
    );
    quick("nested-list.log", &listing, &[]);
    let ones = vec!["1"; 100].join(", ");
    let bomb = |name: &str| vec![format!("*{name}"); 100].join(", ");
    let text = format!(
        "a: &a [{ones}]\nb: &b [{}]\nc: &c [{}]\nd: &d [{}]\nmoe_layer_freq: *d\nnum_moe_experts: 8\n",
        bomb("a"),
        bomb("b"),
        bomb("c")
    );
    quick("multiplying-aliases.yaml", &text, &[]);
    let keys = |prefix: &str| (0..30_000).map(|i| format!("  {prefix}{i}: 1\n")).collect::<String>();
    quick(
        "large-merge.yaml",
        &format!("base: &a\n{}moe:\n  <<: *a\n{}  num_moe_experts: 8\n  num_layers: 2\n", keys("a"), keys("b")),
        &[],
    );
    let sections: String =
        (0..10_000).map(|i| format!("s{i}: {{moe_router_topk: {i}, num_moe_experts: 8}}\n")).collect();
    quick("many-sections.yaml", &sections, &[]);
    let twice: String = (0..5_000).map(|i| format!("key_{i}: 1\nkey_{i}: 2\n")).collect();
    let said = quick("many-duplicates.yaml", &format!("num_layers: 2\nnum_moe_experts: 8\n{twice}"), &[]);
    assert!(said.contains("5000 warnings"), "{}", &said[said.len() - 200..]);
    let long = format!("num_layers: 2\nnum_moe_experts: 8\nmoe_token_dispatcher_type: {}\n", "x".repeat(1 << 20));
    let said = quick("long-value.yaml", &long, &["--target", "0.18"]);
    assert!(said.len() < 20_000, "{} bytes of output", said.len());
}

#[test]
fn hostile_rule_files_are_refused() {
    let rule = |when: &str| {
        format!(
            "id: mine\ncode: MOE9001\ngroup: mine\nsummary: x\nseverity: info\nconfidence: read\nphase: silent\nsources: [x]\n\
             cases:\n  - releases: \"*\"\n    when: '{when}'\n    message: x\n"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    for when in [
        format!("false{}", " || false".repeat(100_000)),
        format!("\"a\"{}", ".matches(\"a\")".repeat(100_000)),
        format!("1 in {}", "[".repeat(20_000)),
        "as_list(recompute_modules).all(a, as_list(recompute_modules).all(b, as_list(recompute_modules).all(c, true)))"
            .to_owned(),
    ] {
        std::fs::write(folder.path().join("mine.yaml"), rule(&when)).unwrap();
        let output = moelint(&["check", "testdata/configs/clean.yaml", "--rules", folder.path().to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{}", &when[..40]);
        assert!(stderr(&output).contains("mine.yaml:"), "{}", stderr(&output));
    }
}

#[cfg(unix)]
#[test]
fn links_and_pipes_among_rule_files_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("a")).unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("b")).unwrap();
    let output = moelint(&["check", "testdata/configs/clean.yaml", "--rules", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("zero.yaml")).unwrap();
    let output = moelint(&["check", "testdata/configs/clean.yaml", "--rules", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no regular file"), "{}", stderr(&output));
}

#[test]
fn the_exit_status_counts_what_is_not_shown() {
    let path = "testdata/rules/shared-overlap-dispatcher/bad-0.17.yaml";
    for flags in [["--fail-on", "error", "--min-severity", "never"], ["--fail-on", "error", "--max-diagnostics", "0"]] {
        let arguments: Vec<&str> = ["check", path, "--target", "0.17"].into_iter().chain(flags).collect();
        assert_eq!(moelint(&arguments).status.code(), Some(1), "{flags:?}");
    }
    assert_eq!(moelint(&["check", path, "--target", "0.17", "--fail-on", "never"]).status.code(), Some(0));
    // a syntax error is a finding, whether it is shown or not; it does not make the call itself a wrong one
    let broken = "testdata/rules/syntax-error/bad.yaml";
    assert_eq!(moelint(&["check", broken, "--min-severity", "never"]).status.code(), Some(1));
}

#[test]
fn labels_of_one_long_line_stay_where_they_belong() {
    let filler: String = (0..500).map(|i| format!("\"pad_{i:03}\": {i}, ")).collect();
    let text = format!(
        "{{\"num_moe_experts\": 8, \"num_layers\": 2, \"moe_token_dispatcher_type\": \"alltoall\", {filler}\"expert_model_parallel_size\": 3}}"
    );
    let said = quick("far.json", &text, &["--target", "0.18"]);
    assert!(said.contains("3 does not divide 8"), "{said}");
    assert!(!said.contains("8 experts\n"), "{said}");
}

#[test]
fn an_output_file_that_is_no_file_is_written_through() {
    assert!(Path::new("/dev/null").exists());
    let output = moelint(&["check", "testdata/configs/clean.yaml", "--output-file", "/dev/null"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
}
