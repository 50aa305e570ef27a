//! Facts from outside the file: `moelint.toml`, facts files, lock files, and which of them wins.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use common::{stderr, stdout};

const CONFIG: &str = "model:
  num_layers: 48
  hidden_size: 2048
  num_moe_experts: 128
  moe_router_topk: 8
  moe_shared_expert_intermediate_size: 512
  moe_shared_expert_overlap: true
  moe_token_dispatcher_type: flex
  moe_flex_dispatcher_backend: deepep
parallel:
  expert_model_parallel_size: 8
";

/// A folder with a `.git` of its own, so that nothing above it is looked at.
fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".git")).unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_moelint"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("COLUMNS")
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

fn json(folder: &Path, arguments: &[&str]) -> serde_json::Value {
    let all: Vec<&str> = ["check", "--format", "json"].iter().chain(arguments).copied().collect();
    let output = run(folder, &all);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)))
}

fn has(report: &serde_json::Value, rule: &str) -> bool {
    report["findings"].as_array().unwrap().iter().any(|finding| finding["rule"] == rule)
}

#[test]
fn settings_name_the_release_and_flags_win_over_them() {
    let folder = project(&[("a.yaml", CONFIG), ("moelint.toml", "[target]\nmegatron-core = \"0.17\"\n")]);
    let report = json(folder.path(), &["a.yaml"]);
    assert!(has(&report, "shared-overlap-dispatcher"));
    assert_eq!(report["target"][0]["source"], "config");
    assert_eq!(report["target"][0]["releases"][0], "0.17.1");
    let report = json(folder.path(), &["a.yaml", "--target", "0.18"]);
    assert!(!has(&report, "shared-overlap-dispatcher"));
    assert_eq!(report["target"][0]["source"], "flag");
    let report = json(folder.path(), &["a.yaml", "--isolated"]);
    assert_eq!(report["target"][0]["source"], "inferred");
}

#[test]
fn settings_are_found_above_the_file_and_in_pyproject() {
    let toml = "[project]\nname = \"x\"\n[tool.moelint]\nfail-on = \"never\"\ntarget = { megatron-core = \"0.17\" }\n";
    let folder = project(&[("configs/deep/a.yaml", CONFIG), ("pyproject.toml", toml)]);
    let output = run(folder.path(), &["check", "configs"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).contains("megatron-core 0.17.1 (moelint.toml)"), "{}", stdout(&output));
}

#[test]
fn overrides_hold_for_their_paths_only() {
    let toml = "[target]\nmegatron-bridge = \"main\"\n\n[[overrides]]\npaths = [\"configs/gb200/**\"]\ngpu = \"gb200\"\n\n\
                [[overrides]]\npaths = [\"old/*.yaml\"]\ntarget = { megatron-core = \"0.17\" }\nignore = [\"MOE03\"]\n";
    let folder = project(&[
        ("configs/gb200/a.yaml", CONFIG),
        ("configs/h100/a.yaml", CONFIG),
        ("old/a.yaml", CONFIG),
        ("moelint.toml", toml),
    ]);
    let report = json(folder.path(), &["."]);
    let undecided = |path: &str| {
        let open = report["undecided"].as_array().unwrap().iter().filter(|open| open["path"] == path);
        open.filter(|open| open["missing"].as_array().unwrap().iter().any(|fact| fact == "gpu_arch")).count()
    };
    assert_eq!(undecided("./configs/gb200/a.yaml"), 0);
    let paths: Vec<_> = report["files"].as_array().unwrap().iter().map(|file| file["path"].clone()).collect();
    assert_eq!(paths.len(), 3, "{paths:?}");
    assert!(!has(&report, "shared-overlap-dispatcher"), "silenced for old/, fine on main");
    let sources: Vec<_> = report["target"].as_array().unwrap().iter().map(|line| line["releases"].clone()).collect();
    assert!(sources.iter().any(|releases| releases.as_array().unwrap().len() == 2), "0.17 and main: {sources:?}");
}

#[test]
fn a_mistake_in_the_settings_has_a_place() {
    let cases = [
        ("gpus = \"h100\"\n", "moelint.toml:1:1", "unknown field `gpus`"),
        ("[target]\nmegatron-core = \"0.99\"\n", "moelint.toml: target megatron-core=0.99", "0.19"),
        ("gpu = \"h1000\"\n", "moelint.toml: gpu h1000", "gb200"),
        ("[[overrides]]\ngpu = \"h100\"\n", "moelint.toml: an entry of overrides needs paths", ""),
        ("[[overrides]]\npaths = [\"x/**\"]\ngpu = \"nope\"\n", "overrides for x/**: gpu nope", "h100"),
        ("[[overrides]]\npaths = [\"x/[\"]\n", "moelint.toml: overrides:", ""),
        ("fail-on = \"loud\"\n", "moelint.toml: fail-on loud", "warning"),
        ("select = [\"shared-overlap-dispacher\"]\n", "did you mean `shared-overlap-dispatcher`", ""),
        ("facts = \"nowhere.json\"\n", "nowhere.json", ""),
        ("a = [\n", "moelint.toml:", ""),
    ];
    for (toml, place, more) in cases {
        let folder = project(&[("a.yaml", CONFIG), ("moelint.toml", toml)]);
        let output = run(folder.path(), &["check", "a.yaml"]);
        assert_eq!(output.status.code(), Some(2), "{toml}");
        assert!(stderr(&output).contains(place) && stderr(&output).contains(more), "{toml}: {}", stderr(&output));
    }
}

#[test]
fn a_facts_file_decides_what_flags_would() {
    let facts = r#"{
  "version": 1, "tool": "moelint 0.1.0",
  "gpu": { "value": "h100", "source": "nvidia-smi" },
  "num_gpus": 64,
  "packages": { "megatron-core": { "value": "0.18.2", "source": "importlib.metadata" }, "transformer-engine": null },
  "backends": { "deepep": { "value": "missing", "error": "ModuleNotFoundError: No module named 'deep_ep'" } },
  "env": { "CUDA_DEVICE_MAX_CONNECTIONS": { "value": "1" } }
}"#;
    let folder = project(&[("a.yaml", CONFIG), ("facts.json", facts)]);
    let report = json(folder.path(), &["a.yaml", "--facts", "facts.json"]);
    assert!(has(&report, "deepep-not-installed"));
    assert_eq!(report["target"][0]["source"], "facts");
    let report = json(folder.path(), &["a.yaml", "--facts", "facts.json", "--backend", "deepep=available"]);
    assert!(!has(&report, "deepep-not-installed"), "the flag wins");
    let folder = project(&[("a.yaml", CONFIG), ("facts.json", facts), ("moelint.toml", "facts = \"facts.json\"\n")]);
    assert!(has(&json(folder.path(), &["a.yaml"]), "deepep-not-installed"));
    for (text, message) in [
        ("{\"version\": 2}", "a facts file of version 2"),
        ("{\"version\": 1, \"gpuu\": \"h100\"}", "unknown field `gpuu`"),
        ("{\"version\": 1, \"backends\": {\"deepep\": \"perhaps\"}}", "facts.json: backend deepep=perhaps"),
        ("[", "facts.json"),
    ] {
        fs::write(folder.path().join("facts.json"), text).unwrap();
        let output = run(folder.path(), &["check", "a.yaml"]);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(stderr(&output).contains(message), "{text}: {}", stderr(&output));
    }
}

#[test]
fn a_lock_file_names_the_release_when_it_is_unambiguous() {
    let uv = "version = 1\n[[package]]\nname = \"megatron-core\"\nversion = \"0.17.1\"\n\
              source = { registry = \"https://pypi.org/simple\" }\n";
    let git = uv.replace("registry = \"https://pypi.org/simple\"", "git = \"https://github.com/NVIDIA/Megatron-LM\"");
    let pins = "megatron_core[mlm]==0.17.1  # pinned\ntorch==2.8.0\n";
    let range = "[project]\nname = \"x\"\ndependencies = [\"megatron-core>=0.17,<0.18\", \"pyyaml\"]\n";
    let cases: [(&str, &str, bool); 7] = [
        ("uv.lock", uv, true),
        ("uv.lock", &git, false),
        ("requirements.txt", pins, true),
        ("requirements-train.txt", pins, true),
        ("requirements.txt", "megatron-core>=0.16\n", false),
        ("requirements.txt", "megatron-core==0.3.1\n", false),
        ("pyproject.toml", range, true),
    ];
    for (name, text, named) in cases {
        let folder = project(&[("configs/a.yaml", CONFIG), (name, text)]);
        let report = json(folder.path(), &["configs/a.yaml"]);
        let expected = if named { "lock-file" } else { "inferred" };
        assert_eq!(report["target"][0]["source"], expected, "{name}: {text}");
        assert!(has(&report, "shared-overlap-dispatcher"), "{name}");
    }
    let two = [("a.yaml", CONFIG), ("requirements.txt", pins), ("requirements-b.txt", "megatron-core==0.18.2\n")];
    assert_eq!(json(project(&two).path(), &["a.yaml"])["target"][0]["source"], "inferred", "two pins that differ");
    let below = [("a.yaml", CONFIG), ("uv.lock", uv), ("moelint.toml", "target = { megatron-bridge = \"0.5\" }\n")];
    let report = json(project(&below).path(), &["a.yaml"]);
    assert_eq!(report["target"][0]["releases"][0], "0.18.2", "settings win, and the lock's release is void");
}
