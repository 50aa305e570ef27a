//! Real configs, which their frameworks accept and run: no crying wolf, and nothing misread.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use moelint::lint::FileReport;
use moelint::lint::finding::Status;
use moelint::rule::model::Severity;

use common::{files, linter_with, say, shared};

/// Defects that are really there, with the reason; anything else at error level fails the test.
///
/// * Dumps written by releases before 0.19 carry both old SM counts, which 0.19 and main refuse on replay
///   (`TransformerConfig.__post_init__` at main d98e8a64: "Conflicting deprecated SM-count knobs").
/// * `qwen3_30b_a3b_pretrain_64gpu_h100_bf16_config` fuses the permutation into `HybridEP` and sets only the combine
///   chunk (`deepseek-ai/DeepEP@94a9f8f`, `csrc/hybrid_ep/config.cuh`: "Fuse mode requires identical chunk sizes").
/// * `qwen3_235b_a22b_pretrain_128gpu_b200_fp8mx_deepep_dev_config` is refused by the framework's own validation.
const REAL: [(&str, &str); 3] = [
    ("_dumps-at-a9497c6b1", "num-sms-conflict"),
    ("qwen3_30b_a3b_pretrain_64gpu_h100_bf16_config", "hybridep-fused-chunk-sizes"),
    ("qwen3_235b_a22b_pretrain_128gpu_b200_fp8mx_deepep_dev_config", "num-sms-conflict"),
];

fn wolves(path: &Path, report: &FileReport) -> Vec<String> {
    let name = path.display().to_string();
    let errors = report.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let unexpected =
        errors.filter(|finding| !REAL.iter().any(|(file, rule)| name.contains(file) && finding.rule == *rule));
    unexpected.map(|finding| format!("{name}: {} {}", finding.rule, finding.message)).collect()
}

#[test]
fn accepted_configs_get_no_error_under_main() {
    let Some(corpus) = shared("corpus") else { return };
    let linter = linter_with(&["--target", "main"]);
    let mut found = Vec::new();
    let mut statuses: BTreeMap<&str, usize> = BTreeMap::new();
    let configs = files(&corpus);
    for path in configs.iter().filter(|path| path.extension().is_some_and(|e| e == "yaml" || e == "txt" || e == "toml"))
    {
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        let report = linter.file(path, &text);
        *statuses.entry(report.status.name()).or_default() += 1;
        assert_ne!(report.status, Status::Unreadable, "{}", path.display());
        found.extend(wolves(path, &report));
    }
    say(&format!("{statuses:?}"));
    assert!(statuses["linted"] > 400);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn whole_dumps_get_no_error() {
    let Some(knowledge) = shared("knowledge") else { return };
    for path in files(&knowledge).iter().filter(|path| path.display().to_string().contains("example-")) {
        let report = linter_with(&["--target", "main"]).file(path, &std::fs::read_to_string(path).unwrap());
        assert_eq!(report.status, Status::Linted);
        assert!(wolves(path, &report).is_empty(), "{:#?}", wolves(path, &report));
    }
}

#[test]
fn validated_dumps_get_no_error_with_their_gpu_and_count() {
    let Some(dumps) = shared("corpus/megatron-bridge-dumps") else { return };
    let index = std::fs::read_to_string(dumps.join("INDEX.csv")).unwrap();
    let mut found = Vec::new();
    let mut checked = 0;
    for line in index.lines().skip(1) {
        let columns: Vec<&str> = line.split(',').collect();
        let [recipe, _, gpu, count, ..] = columns[..] else { continue };
        let path = dumps.join("post").join(format!("{recipe}.yaml"));
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let gpu = gpu.to_lowercase();
        let linter = linter_with(&["--target", "main", "--gpu", &gpu, "--num-gpus", count]);
        found.extend(wolves(&path, &linter.file(&path, &text)));
        checked += 1;
    }
    say(&format!("{checked} dumps"));
    assert!(checked >= 272);
    assert!(found.is_empty(), "{found:#?}");
}
