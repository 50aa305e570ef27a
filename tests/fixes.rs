//! Fixes: they mend what they say, change nothing else, and never break a file.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use moelint::cli::args::Level;
use moelint::cli::fixing::fixed;
use moelint::dialect::recognise;
use moelint::document::parse;
use moelint::facts::catalogue;
use moelint::facts::store::Facts;
use moelint::facts::value::Value;
use moelint::rule::model::Severity;
use proptest::prelude::*;

use common::{linter_with, stderr, stdout};

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_moelint"));
    command.args(arguments).current_dir(folder).env_remove("COLUMNS").env("NO_COLOR", "1").output().unwrap()
}

/// The text after `check --fix`, with these flags.
fn mended(text: &str, flags: &[&str]) -> (String, Output) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    fs::write(&path, text).unwrap();
    let all: Vec<&str> = ["check", "a.yaml", "--fix", "--isolated"].iter().chain(flags).copied().collect();
    let output = run(folder.path(), &all);
    (fs::read_to_string(path).unwrap(), output)
}

const HEAD: &str = "model:\n  num_layers: 48\n  hidden_size: 2048\n  num_moe_experts: 128\n  moe_router_topk: 8\n";

#[test]
fn an_ignored_setting_goes_and_its_comment_stays() {
    let text = format!("{HEAD}  moe_token_drop_policy: position  # from the 2023 sweep\n  hidden_dropout: 0.0\n");
    let (new, output) = mended(&text, &["--target", "0.18"]);
    let wanted = format!("{HEAD}  # from the 2023 sweep\n  hidden_dropout: 0.0\n");
    assert_eq!(new, wanted, "{}", stdout(&output));
    assert!(stdout(&output).contains("1 fixed"), "{}", stdout(&output));
}

#[test]
fn quotes_columns_and_line_ends_are_kept() {
    let text =
        format!("{HEAD}  moe_expert_capacity_factor:   -1.0   # none\n  moe_token_dispatcher_type: 'alltoall'\n");
    let (new, _) = mended(&text, &["--target", "0.18"]);
    assert_eq!(new, text.replace("-1.0   # none", "null   # none"));
    let windows = text.replace('\n', "\r\n");
    assert_eq!(mended(&windows, &["--target", "0.18"]).0, new.replace('\n', "\r\n"));
}

#[test]
fn what_may_change_the_meaning_needs_a_second_flag() {
    let text = format!(
        "{HEAD}  moe_token_dispatcher_type: flex\n  moe_flex_dispatcher_backend: deepep\n  \
                        moe_pad_expert_input_to_capacity: true\n  expert_model_parallel_size: 8\n"
    );
    assert_eq!(mended(&text, &["--target", "0.18"]).0, text);
    let (new, output) = mended(&text, &["--target", "0.18", "--unsafe-fixes"]);
    assert_ne!(new, text, "{}", stdout(&output));
    assert!(!stdout(&output).contains("error"), "{}", stdout(&output));
}

#[test]
fn a_diff_changes_nothing() {
    let text = format!("{HEAD}  moe_token_drop_policy: position\n");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), &text).unwrap();
    let output = run(folder.path(), &["check", "a.yaml", "--diff", "--isolated", "--target", "0.18"]);
    assert_eq!(output.status.code(), Some(1));
    let wanted = "--- a.yaml\n+++ a.yaml\n@@ -3,4 +3,3 @@\n   hidden_size: 2048\n   num_moe_experts: 128\n   \
                  moe_router_topk: 8\n-  moe_token_drop_policy: position\n";
    assert_eq!(stdout(&output), wanted);
    assert_eq!(fs::read_to_string(folder.path().join("a.yaml")).unwrap(), text);
}

#[test]
fn nothing_shared_through_an_anchor_is_touched() {
    let text = "base: &base\n  moe_token_drop_policy: position\n  moe_router_topk: 8\nmodel:\n  <<: *base\n  \
                num_layers: 48\n  hidden_size: 2048\n  num_moe_experts: 128\n";
    assert_eq!(mended(text, &["--target", "0.18"]).0, text);
}

#[test]
fn a_line_written_twice_with_one_value_goes() {
    let text = format!("{HEAD}  moe_router_topk: 8\n  hidden_dropout: 0.0\n");
    assert_eq!(mended(&text, &["--target", "0.18"]).0, text.replacen("  moe_router_topk: 8\n", "", 1));
    let other = format!("{HEAD}  moe_router_topk: 6\n  hidden_dropout: 0.0\n");
    assert_eq!(mended(&other, &["--target", "0.18"]).0, other, "which one is meant, nobody knows");
}

#[test]
fn json_and_flags_are_edited_in_their_own_form() {
    let json = "{\n  \"num_layers\": 48,\n  \"hidden_size\": 2048,\n  \"num_moe_experts\": 128,\n  \"moe_router_topk\": 8,\n  \
                \"moe_token_drop_policy\": \"position\"\n}\n";
    let (new, output) = mended(json, &["--target", "0.18"]);
    assert_eq!(new, json.replace(",\n  \"moe_token_drop_policy\": \"position\"", ""), "{}", stdout(&output));
    let flags = "MODEL_ARGS:\n  --num-layers: 48\n  --hidden-size: 2048\n  --num-experts: 128\n  --moe-router-topk: 8\n  \
                 --moe-token-drop-policy: position\n";
    let (new, _) = mended(flags, &["--target", "0.18"]);
    assert_eq!(new, flags.replace("  --moe-token-drop-policy: position\n", ""));
}

#[test]
fn a_misspelled_key_is_renamed_on_request() {
    let text = format!("{HEAD}  moe_token_dispacher_type:  alltoall\n");
    let (new, output) = mended(&text, &["--unsafe-fixes", "--target", "0.18"]);
    assert_eq!(new, text.replace("dispacher_type:  alltoall", "dispatcher_type: alltoall"), "{}", stdout(&output));
}

#[test]
fn flags_that_do_not_go_together_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for flags in [&["check", "--unsafe-fixes"][..], &["check", "--fix", "-"], &["check", "--fix", "--diff"]] {
        let output = run(folder.path(), flags);
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {}", stderr(&output));
    }
}

/// Keys with values that rules with fixes look at, in and out of their right range.
const LINES: [&str; 26] = [
    "moe_token_dispatcher_type: flex",
    "moe_token_dispatcher_type: 'alltoall'  # proven",
    "moe_token_dispatcher_type: allgather",
    "moe_flex_dispatcher_backend: deepep",
    "moe_flex_dispatcher_backend: hybridep   # GB200",
    "moe_enable_deepep: true",
    "moe_deepep_num_sms: 20",
    "moe_hybridep_num_sms: 16",
    "moe_flex_dispatcher_num_sms: 24",
    "moe_token_drop_policy: position",
    "moe_expert_capacity_factor: -1.0",
    "moe_expert_capacity_factor: 1.25  # tuned",
    "moe_pad_expert_input_to_capacity: true",
    "moe_shared_expert_intermediate_size: 512",
    "moe_shared_expert_overlap: true",
    "moe_shared_expert_gate: true",
    "moe_router_load_balancing_type: sinkhorn",
    "moe_router_dtype: fp64",
    "moe_router_topk: 8",
    "moe_router_topk: \"8\"",
    "moe_aux_loss_coeff: 1e-3",
    "moe_grouped_gem: true",
    "moe_permute_fusion: true",
    "variable_seq_lengths: true",
    "overlap_moe_expert_parallel_comm: true",
    "expert_model_parallel_size: 8",
];
const TARGETS: [&str; 4] = ["0.15", "0.17", "0.19", "main"];

fn config(lines: &[usize], shape: usize) -> String {
    let own: Vec<&str> = lines.iter().filter_map(|at| LINES.get(*at)).copied().collect();
    let fixed = ["num_layers: 48", "hidden_size: 2048", "num_moe_experts: 128"];
    let all = fixed.iter().chain(&own);
    match shape {
        0 => format!("model:\n{}", all.map(|line| format!("  {line}\n")).collect::<String>()),
        1 => format!("# flat\r\n{}", all.map(|line| format!("{line}\r\n")).collect::<String>()),
        2 => {
            let flags = all.map(|line| {
                let (key, value) = line.split_once(':').unwrap();
                format!("  --{}:{value}\n", key.replace('_', "-"))
            });
            format!("MODEL_ARGS:\n{}", flags.collect::<String>())
        }
        _ => {
            let pairs = all.map(|line| {
                let (key, value) = line.split('#').next().unwrap().split_once(':').unwrap();
                let value = value.trim().trim_matches(['\'', '"']);
                let plain = value.parse::<f64>().is_ok() || value == "true";
                let value = if plain { value.to_owned() } else { format!("\"{value}\"") };
                format!("\"{key}\": {value}")
            });
            format!("{{\"model\": {{{}}}}}\n", pairs.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Every setting of the first role with its value.
fn values(text: &str) -> BTreeMap<String, Result<Value, String>> {
    let document = parse(text);
    assert!(document.errors.is_empty(), "{text}");
    let roles = recognise(&document, catalogue()).map(|found| found.1).unwrap_or_default();
    let all = roles.iter().flat_map(Facts::entries);
    all.filter(|(_, entry)| !entry.derived)
        .map(|(field, entry)| (catalogue().field(field).name.clone(), entry.value.clone()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fixes_do_what_they_say_and_nothing_else(
        lines in prop::collection::vec(0..LINES.len(), 1..12),
        shape in 0..4_usize,
        target in 0..TARGETS.len(),
    ) {
        let text = config(&lines, shape);
        let linter = linter_with(&["--target", TARGETS[target]]);
        let path = Path::new("a.yaml");
        let before = linter.file(path, &text);
        for finding in &before.findings {
            for fix in &finding.fixes {
                let once = moelint::document::edit::apply(&text, &fix.edits).unwrap();
                let (old, new) = (values(&text), values(&once));
                let touched: Vec<_> = old.iter().filter(|(name, value)| new.get(*name) != Some(value)).collect();
                let added: Vec<_> = new.keys().filter(|name| !old.contains_key(*name)).collect();
                for name in touched.iter().map(|found| found.0).chain(added) {
                    let named = fix.title.contains(name.as_str()) || fix.title.contains(&name.replace('_', "-"));
                    let alias = name == "num_moe_experts";
                    prop_assert!(named || alias, "{} also changes {name}:\n{text}\n{once}", fix.title);
                }
            }
        }
        for all in [false, true] {
            let (new, _) = fixed(&linter, path, &text, all, Level::Info);
            let (again, more) = fixed(&linter, path, &new, all, Level::Info);
            prop_assert_eq!((&again, more), (&new, 0), "not idempotent");
            let errors = |text: &str| {
                let report = linter.file(path, text);
                report.findings.iter().filter(|finding| finding.severity == Severity::Error).count()
            };
            prop_assert!(errors(&new) <= errors(&text));
        }
    }
}
