//! What each kind of file says: settings, values and places, as `show` tells them.

mod common;

use std::path::Path;

use moelint::dialect::recognise;
use moelint::document::parse;
use moelint::facts::catalogue;
use moelint::facts::store::Facts;
use moelint::lint::finding::Status;

use common::{linter_with, root};

/// Everything that was read, one line a setting.
fn reading(name: &str) -> String {
    let text = std::fs::read_to_string(root().join("testdata/dialects").join(name)).unwrap();
    let document = parse(&text);
    let (dialect, roles) = recognise(&document, catalogue()).unwrap_or_else(|| panic!("{name} was not recognised"));
    let mut out = format!("{}\n", dialect.name());
    for facts in &roles {
        out += &role(facts, &text);
    }
    out
}

fn role(facts: &Facts, text: &str) -> String {
    let frontend = facts.frontend.name();
    let mut out = format!("role {} ({frontend}, {:?}, {:?})\n", facts.role, facts.completeness, facts.stage);
    let mut lines: Vec<String> = facts
        .entries()
        .map(|(field, entry)| {
            let line = text[..entry.span.start as usize].matches('\n').count() + 1;
            let value = match &entry.value {
                Ok(value) => value.to_string(),
                Err(why) => format!("unknown: {why}"),
            };
            format!("  {} = {value}  [{}, line {line}]\n", catalogue().field(field).name, entry.path)
        })
        .collect();
    lines.sort();
    out += &lines.concat();
    for (name, entry) in &facts.env {
        out += &format!("  env {name} = {}\n", entry.value.as_deref().unwrap_or("unknown"));
    }
    for (field, entry) in &facts.replaced {
        out += &format!("  replaced {} = {:?}\n", catalogue().field(*field).name, entry.value);
    }
    out
}

#[test]
fn every_dialect_reads_its_example() {
    let mut names: Vec<String> = std::fs::read_dir(root().join("testdata/dialects"))
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let all: String = names.iter().map(|name| format!("== {name}: {}", reading(name))).collect();
    insta::assert_snapshot!(all);
}

fn status(text: &str) -> Status {
    linter_with(&[]).file(Path::new("x"), text).status
}

#[test]
fn dense_models_are_said_to_be_dense() {
    for text in [
        "num_layers: 4\nhidden_size: 512\ntensor_model_parallel_size: 2\n",
        "MODEL_ARGS:\n  --num-layers: 4\n  --tensor-model-parallel-size: 2\n",
        "_target_: megatron.bridge.training.config.ConfigContainer\nmodel:\n  num_layers: 4\n  num_moe_experts: null\n  moe_router_topk: 2\n",
        "model:\n  num_layers: 4\n  num_moe_experts: 0\n  tensor_model_parallel_size: 2\n",
    ] {
        assert_eq!(status(text), Status::NotMoe, "{text}");
    }
}

#[test]
fn other_files_are_not_ours() {
    for text in [
        "name: ci\non: [push]\njobs:\n  test:\n    runs-on: ubuntu-latest\n",
        "services:\n  web:\n    image: nginx\n    environment:\n      A: 1\n",
        "{\"architectures\": [\"Qwen3MoeForCausalLM\"], \"hidden_size\": 2048, \"moe_intermediate_size\": 768, \"num_hidden_layers\": 48, \"num_experts\": 128, \"norm_topk_prob\": true, \"num_attention_heads\": 32}",
        "{\"train_batch_size\": 8, \"zero_optimization\": {\"stage\": 3}, \"bf16\": {\"enabled\": true}}",
        "model: Qwen/Qwen3-30B-A3B\ntensor_parallel_size: 8\nenable_expert_parallel: true\n",
        "defaults: grpo_math_1B.yaml\npolicy:\n  megatron_cfg:\n    enabled: true\n    moe_token_dispatcher_type: alltoall\n",
        "MODEL_ARGS:\n  trainer.devices: 8\n  model.config.num_moe_experts: 8\n",
        "lr: 0.1\nepochs: 3\nmodel: resnet\n",
    ] {
        assert_eq!(status(text), Status::Unrecognised, "{text}");
    }
}

#[test]
fn a_file_is_known_by_its_content_not_its_name() {
    let text = std::fs::read_to_string(root().join("testdata/dialects/bridge-post.yaml")).unwrap();
    for name in ["run_config.yaml", "ConfigContainer.yaml", "a", "notes.txt", "model_config.yaml"] {
        let report = linter_with(&[]).file(Path::new(name), &text);
        assert_eq!(report.dialect.map(moelint::dialect::Dialect::name), Some("megatron-bridge"), "{name}");
    }
}
