//! Tests about the rules: what every one of them has to have.

mod common;

use std::collections::BTreeSet;

use moelint::facts::catalogue;
use moelint::facts::release::ReleaseSet;
use moelint::rule::model::{Confidence, Part, Rule, Severity, Template};

use common::{files, moelint, root, rules, stdout};

#[test]
fn every_example_says_what_it_should() {
    let output = moelint(&["rules", "test", "testdata/rules"]);
    let text = stdout(&output);
    assert!(text.ends_with(" 0 failures\n"), "{text}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn an_example_that_lies_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let example = folder.path().join("shared-overlap-dispatcher");
    std::fs::create_dir(&example).unwrap();
    let text =
        "# args: --target 0.17\nmodel:\n  num_layers: 4\n  num_moe_experts: 8\n  moe_token_dispatcher_type: alltoall\n";
    std::fs::write(
        example.join("bad.yaml"),
        format!("{text}  moe_router_topk: 2  # expect: shared-overlap-dispatcher\n"),
    )
    .unwrap();
    std::fs::write(example.join("good.yaml"), text).unwrap();
    let output = moelint(&["rules", "test", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("was expected and did not fire"), "{}", stdout(&output));
}

#[test]
fn every_rule_has_bad_and_good_examples_and_every_example_a_rule() {
    let folder = root().join("testdata/rules");
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for rule in rules() {
        wanted.insert(rule.id.clone());
        for kind in ["bad", "good"] {
            let there = std::fs::read_dir(folder.join(&rule.id)).is_ok_and(|entries| {
                entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with(kind))
            });
            assert!(there, "testdata/rules/{}/{kind}*.yaml is missing", rule.id);
        }
    }
    for entry in std::fs::read_dir(&folder).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(wanted.contains(&name), "testdata/rules/{name} belongs to no rule");
    }
}

#[test]
fn every_release_border_has_examples_on_both_sides() {
    // a rule that ends or begins at a release shows it: some example runs in the range, and a good one outside of it
    let mut missing = Vec::new();
    for rule in rules().iter().filter(|rule| !rule.cases.is_empty() && rule.package == "megatron-core") {
        let all = catalogue().releases.packages["megatron-core"].all();
        let covered = rule.cases.iter().fold(ReleaseSet::NONE, |set, case| set.or(case.releases));
        if covered == all || covered.newest() == all.newest() {
            continue;
        }
        let mut outside = false;
        for path in files(&root().join("testdata/rules").join(&rule.id)) {
            let text = std::fs::read_to_string(path).unwrap();
            let first = text.lines().next().unwrap_or_default();
            let targets = first.split("--target").skip(1).filter_map(|rest| rest.split_whitespace().next());
            outside |= targets
                .map(|target| target.trim_start_matches("megatron-core="))
                .filter_map(|target| catalogue().releases.find("megatron-core", target).ok())
                .any(|index| !covered.has(index) && Some(index) > covered.newest());
        }
        if !outside {
            missing.push(rule.id.as_str());
        }
    }
    assert!(missing.is_empty(), "no example beyond the last release of: {missing:?}");
}

#[test]
fn rules_are_honest_about_their_sources() {
    for rule in rules() {
        assert!(!rule.sources.is_empty(), "{}", rule.id);
        assert!(!rule.why.trim().is_empty(), "{} does not say why", rule.id);
        assert!(rule.confidence != Confidence::Derived || rule.severity != Severity::Error, "{}", rule.id);
    }
}

fn literal(template: &Template) -> String {
    let piece = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Expr(..) => "x".to_owned(),
    };
    template.iter().map(piece).collect()
}

/// Names that a text may begin with.
const NAMES: [&str; 8] =
    ["Bridge", "Megatron", "Transformer Engine", "Hopper", "Blackwell", "Sinkhorn", "Householder", "Torch"];

#[test]
fn messages_are_written_in_one_style() {
    let capital = |text: &str| {
        let first = text.split_whitespace().next().unwrap_or_default();
        // names such as HybridEP, NCCL or NUM_OF_… keep their case
        first.chars().next().is_some_and(char::is_uppercase) && first.chars().skip(1).all(char::is_lowercase)
    };
    for rule in rules() {
        let check = |what: &str, text: &str| {
            assert!(!text.ends_with('.'), "{}: {what} ends with a full stop: {text}", rule.id);
            assert!(
                !capital(text) || NAMES.iter().any(|name| text.starts_with(name)),
                "{}: {what} begins with a capital: {text}",
                rule.id
            );
        };
        check("summary", &rule.summary);
        for case in &rule.cases {
            check("message", &literal(&case.message));
        }
        check("help", &literal(&rule.help));
        for label in rule.labels.iter() {
            check("label", &literal(&label.text));
        }
    }
}

#[test]
fn the_catalogue_command_lists_every_rule() {
    let table = stdout(&moelint(&["rules"]));
    let list: serde_json::Value = serde_json::from_str(&stdout(&moelint(&["rules", "--json"]))).unwrap();
    let all: Vec<&Rule> = rules();
    assert_eq!(list.as_array().unwrap().len(), all.len());
    for rule in all {
        assert!(table.contains(&rule.id), "{}", rule.id);
    }
}

#[test]
fn the_page_of_rules_is_current() {
    let page = stdout(&moelint(&["rules", "--markdown"]));
    let path = root().join("docs/rules.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let known = std::fs::read_to_string(path).unwrap_or_default();
    assert!(known == page, "docs/rules.md is out of date: UPDATE_DOCS=1 cargo test --test rules the_page");
}

/// Where a check stands: package, file, release, line.
type Place = (String, String, u8, Vec<u32>);

#[test]
fn no_two_errors_are_about_one_check() {
    let mut places: std::collections::BTreeMap<Place, Vec<&str>> = std::collections::BTreeMap::new();
    for rule in rules().into_iter().filter(|rule| rule.severity == Severity::Error && !rule.file.is_empty()) {
        for (release, line) in rule.lines.iter() {
            let place = (rule.package.clone(), rule.file.clone(), *release, line.clone());
            places.entry(place).or_default().push(&rule.id);
        }
    }
    let known = |rules: &[&str]| ALTERNATIVES.iter().any(|group| rules.iter().all(|rule| group.contains(rule)));
    let shared: BTreeSet<&Vec<&str>> = places.values().filter(|rules| rules.len() > 1 && !known(rules)).collect();
    assert!(shared.is_empty(), "one line of the framework, several rules: {shared:#?}");
    let linters = Linters;
    for path in files(&root().join("testdata/rules")) {
        let errors = linters.errors(&path);
        for group in ALTERNATIVES {
            let both: Vec<&String> = errors.iter().filter(|rule| group.contains(&rule.as_str())).collect();
            assert!(both.len() < 2, "{}: {both:?} say the same", path.display());
        }
    }
}

/// Rules about one line of the framework of which at most one fires: the condition has two ways to fail, or the command
/// line reaches it with other defaults.
const ALTERNATIVES: [&[&str]; 12] = [
    &["alltoall-seq-removed", "unknown-dispatcher-type"],
    &["ep-overlap-fsdp-double-buffer", "ep-overlap-fsdp-user-buffers"],
    &["fused-bias-with-other-activation", "squared-relu-with-fused-bias"],
    &["fused-bias-with-te-activation", "te-activation-with-default-fusion"],
    &["groups-do-not-divide-experts", "group-limit-without-experts"],
    &["heads-not-divisible-by-tp", "parallel-size-not-positive"],
    &["query-groups-not-divisible-by-tp", "query-groups-flag-not-divisible-by-tp"],
    &["uneven-stages-without-middle", "middle-layers-not-divisible"],
    &["world-size-not-divisible", "weight-shards-do-not-divide-world"],
    &["deterministic-fused-cross-entropy", "deterministic-tensor-overlap"],
    &["deterministic-nccl-algorithm", "deterministic-environment"],
    &["single-grouped-weight-without-grouped-tensor", "fused-mlp-offload-without-op-fuser"],
];

/// Examples' error-level findings, each with the flags of the example.
struct Linters;

impl Linters {
    #[expect(clippy::unused_self, reason = "reads as a sentence")]
    fn errors(&self, path: &std::path::Path) -> BTreeSet<String> {
        let text = std::fs::read_to_string(path).unwrap();
        let first = text.lines().next().and_then(|line| line.strip_prefix("# args:")).unwrap_or_default();
        let flags: Vec<&str> = first.split_whitespace().collect();
        let report = common::linter_with(&flags).file(path, &text);
        let errors = report.findings.iter().filter(|finding| finding.severity == Severity::Error);
        errors.map(|finding| finding.rule.to_string()).collect()
    }
}

#[test]
fn examples_notice_every_condition_and_every_last_release() {
    let output = moelint(&["rules", "test", "testdata/rules", "--mutate"]);
    let text = stdout(&output);
    let survivors: Vec<&str> = text.lines().filter(|line| line.contains("no example notices")).collect();
    assert!(survivors.is_empty(), "{survivors:#?}");
}

#[test]
fn every_rule_and_field_can_be_explained() {
    for rule in rules() {
        let output = moelint(&["explain", &rule.id]);
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains(rule.why.trim()), "{}", rule.id);
    }
    for name in ["moe_deepep_num_sms", "--num-experts", "0.18", "core_v0.17.0", "MOE0301"] {
        assert_eq!(moelint(&["explain", name]).status.code(), Some(0), "{name}");
    }
}

/// Whether a condition reads a fact that no config holds.
fn needs_outside_facts(rule: &Rule) -> bool {
    use moelint::facts::field::Owner;
    use moelint::rule::expr::Node;
    let mut needs = false;
    for case in &rule.cases {
        case.condition.walk(&mut |expr| {
            needs |= match &expr.node {
                Node::Env(_) | Node::EnvInt(..) | Node::Backend(_) | Node::VersionBefore(..) => true,
                Node::Field(id) | Node::Has(id) | Node::Explicit(id) | Node::AsList(id) => {
                    let field = catalogue().field(*id);
                    field.owner == Owner::Environment
                        && !["partial_config", "pipeline_layout", "expert_tp_default"].contains(&field.name.as_str())
                }
                _ => false,
            };
        });
    }
    needs
}

#[test]
fn rules_that_need_outside_facts_show_that_they_wait_for_them() {
    let missing: Vec<&str> = rules()
        .into_iter()
        .filter(|rule| needs_outside_facts(rule))
        .filter(|rule| {
            let folder = root().join("testdata/rules").join(&rule.id);
            !files(&folder).iter().any(|path| path.file_name().unwrap().to_string_lossy().starts_with("undecided"))
        })
        .map(|rule| rule.id.as_str())
        .collect();
    assert!(missing.is_empty(), "no undecided example of {missing:?}");
}
