//! `moelint diff` beside git: a side at a revision, a branch against where it left.

mod common;

use std::fs;
use std::process::{Command, Output};

use common::{stderr, stdout, tables_are_well_formed};
use serde_json::Value;
use tempfile::TempDir;

const BASE: &str = "num_layers: 4\nhidden_size: 64\nnum_attention_heads: 4\nnum_moe_experts: 8\nbf16: true\nadd_bias_linear: false\nmoe_grouped_gemm: true\n";
const OVERLAP: &str = "moe_token_dispatcher_type: alltoall\nexpert_model_parallel_size: 4\noverlap_moe_expert_parallel_comm: true\nmoe_shared_expert_intermediate_size: 64\n";

fn fields(report: &Value) -> Vec<&str> {
    report["pairs"][0]["changes"].as_array().unwrap().iter().map(|change| change["field"].as_str().unwrap()).collect()
}

/// A repository with a config that two commits change.
struct Scratch {
    folder: TempDir,
}

impl Scratch {
    fn new() -> Self {
        let scratch = Self { folder: TempDir::new().unwrap() };
        scratch.git(&["init", "-q", "-b", "main"]);
        scratch.write("configs/a.yaml", &format!("{BASE}moe_router_topk: 2\n"));
        scratch.write(
            "configs/gone.yaml",
            "moe_token_dispatcher_type: alltoall\nnum_moe_experts: 16\nffn_hidden_size: 512\n",
        );
        scratch.write("ci.yaml", "steps: [1, 2]\n");
        scratch.write(
            "configs/big.yaml",
            &format!("{BASE}moe_router_topk: 2\nmoe_permute_fusion: true\nseq_length: 4096\nlr: 0.1\n"),
        );
        scratch.commit("first");
        scratch.write("configs/a.yaml", &format!("{BASE}moe_router_topk: 4\n"));
        scratch.commit("second");
        scratch
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(self.folder.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        stdout(&output)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn commit(&self, subject: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", subject]);
    }

    fn diff(&self, folder: &str, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_moelint"))
            .arg("diff")
            .args(arguments)
            .current_dir(self.folder.path().join(folder))
            .env("NO_COLOR", "1")
            .output()
            .unwrap()
    }

    fn json(&self, folder: &str, arguments: &[&str]) -> Value {
        let output = self.diff(folder, &[arguments, &["--format", "json"]].concat());
        serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{}", stderr(&output)))
    }
}

#[test]
fn a_side_can_be_a_file_at_a_revision() {
    let scratch = Scratch::new();
    for (folder, old, new) in [
        (".", "HEAD~1:configs/a.yaml", "HEAD:configs/a.yaml"),
        (".", "HEAD~1:configs/a.yaml", "configs/a.yaml"),
        ("configs", "main~1:./a.yaml", "a.yaml"),
        ("configs", "main~1:configs/a.yaml", "main:../configs/a.yaml"),
    ] {
        let report = scratch.json(folder, &[old, new]);
        assert_eq!(fields(&report), ["moe_router_topk"], "{old}");
        assert_eq!(report["pairs"][0]["old"]["path"], old);
    }
    for (side, expected) in [
        ("HEAD:configs/b.yaml", "no file `configs/b.yaml` in HEAD; `git ls-tree"),
        ("HEAD:a.yaml", "did you mean `HEAD:configs/a.yaml`?"),
        ("HEAD~9:configs/a.yaml", "no revision `HEAD~9`"),
        ("HEAD:configs", "configs in this folder; name one of HEAD:configs/a.yaml"),
        ("HEAD:../../etc/passwd", "not in this repository"),
    ] {
        let output = scratch.diff(".", &[side, "configs/a.yaml"]);
        assert_eq!(output.status.code(), Some(2), "{side}");
        assert!(stderr(&output).contains(expected), "{side}: {}", stderr(&output));
    }
}

#[test]
fn a_branch_is_compared_with_where_it_left() {
    let scratch = Scratch::new();
    scratch.git(&["checkout", "-q", "-b", "work", "HEAD~1"]);
    scratch.write(
        "configs/big.yaml",
        &format!("{BASE}moe_router_topk: 2\nmoe_permute_fusion: true\nseq_length: 4096\nlr: 0.2\n"),
    );
    scratch.git(&["mv", "configs/big.yaml", "configs/large.yaml"]);
    scratch.commit("moved");
    fs::remove_file(scratch.folder.path().join("configs/gone.yaml")).unwrap();
    scratch.write("configs/new.yaml", &format!("{BASE}{OVERLAP}moe_shared_expert_overlap: true\n"));
    scratch.write("configs/a.yaml", &format!("{BASE}moe_token_dispatcher_type: flex\n"));
    scratch.write("ci.yaml", "steps: [1, 3]\n");
    scratch.write("notes.txt", "moe_router_topk\n");
    let status = scratch.git(&["status", "--porcelain"]);
    let report = scratch.json(".", &["--base", "main", "--target", "main"]);
    let pairs = report["pairs"].as_array().unwrap();
    let kinds: Vec<(&str, &str)> =
        pairs.iter().map(|pair| (pair["kind"].as_str().unwrap(), pair["new"]["path"].as_str().unwrap())).collect();
    let expected = [
        ("modified", "configs/a.yaml"),
        ("removed", ""),
        ("renamed", "configs/large.yaml"),
        ("added", "configs/new.yaml"),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(pairs[2]["old"]["path"], "configs/big.yaml");
    assert_eq!(pairs[2]["changes"].as_array().unwrap().len(), 1, "only the learning rate");
    // what main did since is none of the branch's doing
    assert_eq!(pairs[0]["changes"][0]["field"], "moe_token_dispatcher_type");
    assert!(pairs[3]["risky"].as_bool().unwrap() && pairs[3]["changes"].as_array().unwrap().is_empty());
    assert_eq!(scratch.git(&["status", "--porcelain"]), status, "the work tree is not touched");

    let below = scratch.json("configs", &["--base", "main", "large.yaml"]);
    assert_eq!((below["pairs"].as_array().unwrap().len(), &below["status"]), (1, &"changed".into()));
    assert_eq!(below["pairs"][0]["new"]["path"], "large.yaml");
    let output = scratch.diff(".", &["--base", "main", "--format", "markdown"]);
    assert_eq!(output.status.code(), Some(1));
    tables_are_well_formed(&stdout(&output));
    let human = stdout(&scratch.diff(".", &["--base", "main"]));
    assert!(human.contains("4 configs changed since main ("), "{human}");
    let none = scratch.diff(".", &["--base", "nowhere"]);
    assert!(none.status.code() == Some(2) && stderr(&none).contains("no revision `nowhere`"));
    let outside = TempDir::new().unwrap();
    let none = scratch.diff(".", &["--base", "main", outside.path().to_str().unwrap()]);
    assert!(none.status.code() == Some(2) && stderr(&none).contains("not in a git repository"), "{}", stderr(&none));
}

#[test]
fn a_branch_that_breaks_a_file_is_risky() {
    let scratch = Scratch::new();
    scratch.write("configs/a.yaml", "num_moe_experts: [8\nmoe_router_topk: {\n");
    let report = scratch.json(".", &["--base", "HEAD"]);
    assert_eq!(report["status"], "risky", "{report:#}");
    let nothing = Scratch::new();
    let output = nothing.diff(".", &["--base", "HEAD"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("0 configs changed since HEAD"));
}
