//! What candidates look like, which of them the linter lets pass, and how they are typed instead.

mod common;

use common::linter_with;
use moelint::bisect::dependency::Validity;
use moelint::bisect::evidence::Set;
use moelint::bisect::materialise::{MaterialiseError, Pair};
use moelint::bisect::reduce::Reducer;
use moelint::bisect::reduction::{Options, Step};
use moelint::bisect::spell::{flags, overrides};
use moelint::bisect::verdict::Verdict;
use moelint::lint::engine::Linter;

fn linter() -> Linter<'static> {
    linter_with(&["--target", "megatron-core=0.18"])
}

const GOOD: &str = "\
# the run that works
ENV_VARS:
  CUDA_DEVICE_MAX_CONNECTIONS: 1 # for overlap
MODEL_ARGS:
  --num-layers: 4
  --hidden-size: 512
  --num-attention-heads: 8
  --num-experts: 64      # routed
  --moe-router-topk: 6   # see the paper
  --moe-token-dispatcher-type: alltoall
  --expert-model-parallel-size: 8
  --disable-bias-linear: true
";
const BAD: &str = "\
ENV_VARS:
  CUDA_DEVICE_MAX_CONNECTIONS: 32
MODEL_ARGS:
  --num-layers: 4
  --hidden-size: 512
  --num-attention-heads: 8
  --num-experts: 64
  --moe-router-topk: 8
  --moe-token-dispatcher-type: flex
  --moe-flex-dispatcher-backend: hybridep
  --moe-hybridep-num-sms: 32
  --expert-model-parallel-size: 8
NOTES:
  reason: |
    two
    lines
";

fn named(pair: &Pair<'_>, names: &[&str]) -> Set {
    let index = |name: &&str| {
        pair.units
            .iter()
            .position(|unit| unit.changes.iter().any(|change| change.name == **name))
            .unwrap_or_else(|| panic!("{name}"))
    };
    names.iter().map(index).collect()
}

#[test]
fn a_candidate_keeps_what_the_good_config_looks_like() {
    let linter = linter();
    let pair = Pair::new(GOOD, BAD, &linter).unwrap();
    let set = named(
        &pair,
        &["moe_router_topk", "moe_flex_dispatcher_backend", "env CUDA_DEVICE_MAX_CONNECTIONS", "NOTES.reason"],
    );
    let expected = GOOD
        .replace("CONNECTIONS: 1 #", "CONNECTIONS: 32 #")
        .replace("topk: 6   #", "topk: 8   #")
        .replace("type: alltoall\n", "type: alltoall\n  --moe-flex-dispatcher-backend: hybridep\n")
        + "NOTES:\n  reason: |\n    two\n    lines\n";
    assert_eq!(pair.apply(&set).unwrap(), expected);
    // a flag that the bad config lacks goes
    let set = named(&pair, &["add_bias_linear"]);
    assert_eq!(pair.apply(&set).unwrap(), GOOD.replace("  --disable-bias-linear: true\n", ""));
}

#[test]
fn json_stays_json() {
    let linter = linter();
    let good =
        "{\n  \"model\": {\n    \"num_layers\": 4,\n    \"num_moe_experts\": 8,\n    \"moe_router_topk\": 3\n  }\n}\n";
    let bad = "{\n  \"model\": {\n    \"num_layers\": 4,\n    \"num_moe_experts\": 16,\n    \"moe_token_dispatcher_type\": \"alltoall\"\n  },\n  \"data\": {\"path\": \"a b\"}\n}\n";
    let pair = Pair::new(good, bad, &linter).unwrap();
    let text = pair.apply(&pair.all()).unwrap();
    let (now, meant): (serde_json::Value, serde_json::Value) =
        (serde_json::from_str(&text).unwrap(), serde_json::from_str(bad).unwrap());
    assert_eq!(now, meant);
}

#[test]
fn two_kinds_of_file_and_what_a_run_printed_are_refused_by_name() {
    let linter = linter();
    let bridge = "_target_: megatron.bridge.training.config.ConfigContainer\nmodel:\n  num_moe_experts: 8\n";
    let shapes = Pair::new(GOOD, bridge, &linter).err();
    assert_eq!(shapes, Some(MaterialiseError::Shapes { good: "megatron-lm", bad: "megatron-bridge" }));
    let broken = Pair::new(GOOD, "a: [1\nb: 2\n", &linter).err();
    assert!(matches!(broken, Some(MaterialiseError::Broken { side: "bad", .. })), "{broken:?}");
    let log = std::fs::read_to_string(common::root().join("testdata/dialects/arguments.log")).unwrap();
    let other = log.replace(
        "expert_model_parallel_size ...................... 8",
        "expert_model_parallel_size ...................... 4",
    );
    let pair = Pair::new(&log, &other, &linter).unwrap();
    assert_eq!(pair.apply(&pair.all()), Err(MaterialiseError::Printed));
    let typed = flags(&pair, &pair.all(), linter.catalogue).unwrap();
    assert_eq!(typed.add, ["--expert-model-parallel-size", "4"]);
}

#[test]
fn a_candidate_is_typed_as_flags_or_overrides() {
    let linter = linter();
    let pair = Pair::new(GOOD, BAD, &linter).unwrap();
    let set = named(&pair, &["moe_router_topk", "moe_flex_dispatcher_backend", "add_bias_linear"]);
    let typed = flags(&pair, &set, linter.catalogue).unwrap();
    assert_eq!(typed.drop, ["--disable-bias-linear"]);
    assert_eq!(typed.add, ["--moe-flex-dispatcher-backend", "hybridep", "--moe-router-topk", "8"]);
    assert_eq!(flags(&pair, &named(&pair, &["NOTES.reason"]), linter.catalogue), Err(vec!["NOTES.reason".to_owned()]));

    let good = "_target_: megatron.bridge.training.config.ConfigContainer\nmodel:\n  num_moe_experts: 8\n  moe_router_topk: 6\n  moe_z_loss_coeff: 0.1\n";
    let bad = "_target_: megatron.bridge.training.config.ConfigContainer\nmodel:\n  num_moe_experts: 8\n  moe_router_topk: 8\n  recompute_modules: [moe, core_attn]\nlogger:\n  name: it's new\n";
    let pair = Pair::new(good, bad, &linter).unwrap();
    assert_eq!(
        overrides(&pair, &pair.all()),
        [
            "++logger.name='it\\'s new'",
            "model.moe_router_topk=8",
            "~model.moe_z_loss_coeff",
            "++model.recompute_modules=[moe,core_attn]"
        ]
    );
}

#[test]
fn a_section_is_only_dropped_when_nothing_of_it_stays() {
    let linter = linter();
    let pair = Pair::new("a: {x: 1, y: 2}\nb: 1\n", "b: 1\n", &linter).unwrap();
    assert_eq!(overrides(&pair, &named(&pair, &["a.x"])), ["~a.x"]);
    assert_eq!(overrides(&pair, &pair.all()), ["~a"]);
    assert_eq!(pair.apply(&named(&pair, &["a.x"])).unwrap(), "a: {y: 2}\nb: 1\n");
    assert_eq!(pair.apply(&pair.all()).unwrap(), "b: 1\n");
}

#[test]
fn what_means_nothing_alone_is_tried_with_what_it_needs() {
    let linter = linter();
    let pair = Pair::new(GOOD, BAD, &linter).unwrap();
    let validity = Validity::new(&pair, &linter, true);
    let needs = validity.needs();
    let of = |name: &str| *named(&pair, &[name]).first().unwrap();
    assert!(needs[of("moe_flex_dispatcher_backend")].contains(&of("moe_token_dispatcher_type")));
    assert!(needs[of("moe_hybridep_num_sms")].contains(&of("moe_flex_dispatcher_backend")));
    assert!(needs[of("moe_router_topk")].is_empty());
}

#[test]
fn a_candidate_that_the_framework_refuses_is_not_probed() {
    let linter = linter();
    // expert parallelism that no longer divides the experts, unless their number changes too
    let bad = GOOD.replace("size: 8", "size: 48").replace("experts: 64 ", "experts: 96 ").replace("topk: 6", "topk: 4");
    let pair = Pair::new(GOOD, &bad, &linter).unwrap();
    let validity = Validity::new(&pair, &linter, true);
    let (experts, parallel) = (named(&pair, &["num_moe_experts"]), named(&pair, &["expert_model_parallel_size"]));
    assert!(!validity.allows(&parallel));
    assert!(validity.allows(&experts.union(&parallel).copied().collect()));
    let weights = vec![1.0; pair.units.len()];
    let mut reducer = Reducer::new(&weights, &validity.needs(), Options::default());
    let found = loop {
        match reducer.next(&|set| validity.allows(set)) {
            Step::Done(found) => break found,
            Step::Probe(set) => {
                assert!(validity.allows(&set), "{set:?}");
                let fails = parallel.is_subset(&set);
                reducer.record(&set, &if fails { Verdict::Bad } else { Verdict::Good });
            }
        }
    };
    assert_eq!(found.must, experts.union(&parallel).copied().collect());
    assert_eq!(found.named, parallel);
}

#[test]
fn a_renamed_setting_and_one_that_several_models_share_are_one_unit() {
    let linter = linter();
    let good = "MODEL_ARGS: {--num-experts: 8, --moe-router-topk: 2}\nMODEL_ARGS_2: {--num-experts: 8, --moe-router-topk: 2}\nold: {retries: 7}\nnew: {other: 1}\n";
    let bad = "MODEL_ARGS: {--num-experts: 8, --moe-router-topk: 4}\nMODEL_ARGS_2: {--num-experts: 8, --moe-router-topk: 4}\nnew: {other: 1, retries: 7}\n";
    let pair = Pair::new(good, bad, &linter).unwrap();
    let names: Vec<&str> = pair.units.iter().map(moelint::bisect::difference::Unit::name).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(pair.units.iter().map(|unit| unit.changes.len()).collect::<Vec<_>>(), [2, 2]);
    let text = pair.apply(&pair.all()).unwrap();
    assert_eq!(text, bad);
}
