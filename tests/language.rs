//! Laws of the rule language: three-valued logic, totality, and errors with a place.

mod common;

use std::cell::RefCell;
use std::collections::BTreeMap;

use moelint::facts::catalogue;
use moelint::facts::field::FieldId;
use moelint::facts::release::ReleaseSet;
use moelint::facts::value::Value;
use moelint::rule::eval::{Context, Term, eval};
use moelint::rule::load::load_rule;
use moelint::rule::parse::{Scope, parse};
use proptest::prelude::*;

const FIELDS: [&str; 6] = [
    "num_moe_experts",
    "expert_model_parallel_size",
    "moe_token_dispatcher_type",
    "moe_shared_expert_overlap",
    "recompute_modules",
    "moe_expert_capacity_factor",
];

/// An environment variable that somebody knows about.
#[derive(Clone, Debug)]
enum Variable {
    Unset,
    Set(String),
}

/// Facts for the fields above; absent means unknown.
#[derive(Clone, Debug, Default)]
struct World {
    known: BTreeMap<FieldId, Value>,
    env: Option<Variable>,
}

impl Context for World {
    fn value(&self, field: FieldId) -> Option<&Value> {
        self.known.get(&field)
    }
    fn explicit(&self, field: FieldId) -> Option<bool> {
        self.known.get(&field).map(|value| *value != Value::Null)
    }
    fn env(&self, _: &str) -> Option<Option<&str>> {
        self.env.as_ref().map(|variable| match variable {
            Variable::Unset => None,
            Variable::Set(text) => Some(text.as_str()),
        })
    }
    fn backend(&self, _: &str) -> Option<&str> {
        None
    }
    fn version_before(&self, _: &str, _: &str) -> Option<bool> {
        None
    }
    fn release_in(&self, set: ReleaseSet) -> bool {
        set.has(8)
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-4i64..200).prop_map(Value::Int),
        Just(Value::Int(i64::MAX)),
        Just(Value::Int(i64::MIN)),
        (-2.0f64..2.0).prop_map(Value::Float),
        "(alltoall|flex|moe|)".prop_map(Value::Str),
        prop::collection::vec("(moe|mlp|core_attn)".prop_map(Value::Str), 0..3).prop_map(Value::List),
    ]
}

fn world() -> impl Strategy<Value = World> {
    let fields = prop::collection::vec(prop::option::of(value()), FIELDS.len());
    let variable = prop_oneof![Just(Variable::Unset), "[0-9a-z]{0,3}".prop_map(Variable::Set)];
    let env = prop::option::of(variable);
    (fields, env).prop_map(|(values, env)| World {
        known: FIELDS
            .iter()
            .zip(values)
            .filter_map(|(name, value)| Some((catalogue().by_name(name)?, value?)))
            .collect(),
        env,
    })
}

/// Text of a condition over the fields above, of any type; macros inside macros inside macros are refused.
fn condition() -> impl Strategy<Value = String> {
    any_condition().prop_filter("nested macros", |text| text.matches("(m, ").count() <= 2)
}

fn any_condition() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(FIELDS.to_vec()).prop_map(str::to_owned),
        prop::sample::select(vec![
            "null",
            "true",
            "false",
            "0",
            "3",
            "1.5",
            "\"flex\"",
            "[\"moe\", \"mlp\"]",
            "env(\"X\")",
            "env_int(\"X\", 2)",
            "has(num_moe_experts)",
            "explicit(moe_expert_capacity_factor)",
            "as_list(recompute_modules)",
            "since(\"0.18\")",
            "backend(\"deepep\")",
            "version_before(\"torch\", \"2.6\")",
            "etp",
            "moe",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 48, 3, |inner| {
        let operators = vec!["&&", "||", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "in"];
        prop_oneof![
            (inner.clone(), prop::sample::select(operators), inner.clone())
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            inner.clone().prop_map(|a| format!("-({a})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("max({a}, {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("round_up({a}, {b})")),
            inner.clone().prop_map(|a| format!("size({a})")),
            inner.clone().prop_map(|a| format!("floor({a})")),
            inner.clone().prop_map(|a| format!("as_list(recompute_modules).exists(m, m == {a})")),
            inner.prop_map(|a| format!("as_list(recompute_modules).all(m, {a})")),
        ]
    })
}

fn run<'a>(text: &str, world: &'a World, hold: &'a RefCell<Vec<moelint::rule::expr::Expr>>) -> Option<bool> {
    let scope = Scope { catalogue: catalogue(), package: "megatron-core" };
    hold.borrow_mut().clear();
    hold.borrow_mut().push(parse(text, scope).unwrap_or_else(|error| panic!("{text}: {error}")));
    let parsed = hold.borrow();
    let result: Term<'_> = eval(&parsed[0], world);
    result.truth()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn de_morgan_holds_for_all_three_values(a in condition(), b in condition(), world in world()) {
        let hold = RefCell::new(Vec::new());
        let both = run(&format!("!({a} && {b})"), &world, &hold);
        prop_assert_eq!(both, run(&format!("!({a}) || !({b})"), &world, &hold));
        let either = run(&format!("!({a} || {b})"), &world, &hold);
        prop_assert_eq!(either, run(&format!("!({a}) && !({b})"), &world, &hold));
        let twice = run(&format!("!!({a})"), &world, &hold);
        prop_assert_eq!(twice, run(&a, &world, &hold));
    }

    #[test]
    fn learning_a_fact_never_changes_a_known_answer(text in condition(), world in world(), more in world()) {
        let hold = RefCell::new(Vec::new());
        let before = run(&text, &world, &hold);
        let mut learnt = world.clone();
        for (field, value) in more.known {
            learnt.known.entry(field).or_insert(value);
        }
        learnt.env = learnt.env.or(more.env);
        if before.is_some() {
            prop_assert_eq!(run(&text, &learnt, &hold), before);
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        let _ = parse(&text, Scope { catalogue: catalogue(), package: "megatron-core" });
    }

    #[test]
    fn no_rule_file_makes_the_loader_panic(text in "[a-z:&|!=<>\"'\\[\\]{}()\\- \n.0-9_]{0,200}") {
        let file = format!("id: x\ncode: MOE9999\ngroup: x\nsummary: x\nseverity: info\nconfidence: read\nphase: silent\nsources: [x]\ncases:\n  - releases: \"*\"\n    when: {text}\n    message: x\n");
        let _ = load_rule("x.yaml", &file, catalogue());
        let _ = load_rule("x.yaml", &text, catalogue());
    }
}

/// A rule file with this condition.
fn rule(when: &str) -> String {
    format!(
        "id: x\ncode: MOE9999\ngroup: x\nsummary: x\nseverity: info\nconfidence: read\nphase: silent\nsources: [x]\n\
         cases:\n  - releases: \"*\"\n    when: {when}\n    message: x\n"
    )
}

fn error(when: &str) -> String {
    load_rule("x.yaml", &rule(when), catalogue()).unwrap_err().to_string()
}

#[test]
fn mistakes_are_named_with_their_place_and_the_nearest_right_name() {
    for (when, expected) in [
        ("moe_router_topkk > 1", "x.yaml:11:11: unknown field `moe_router_topkk`, did you mean `moe_router_topk`?"),
        ("'ep > 1 && haz(ep)'", "x.yaml:11:22: unknown function `haz`, did you mean `has`?"),
        ("since(\"0.81\")", "x.yaml:11:17: unknown megatron-core release `0.81`"),
        ("backend(\"deepeep\") == \"missing\"", "x.yaml:11:19: unknown backend `deepeep`, did you mean `deepep`?"),
        (
            "moe_token_dispatcher_type == \"flexx\"",
            "x.yaml:11:40: unknown value of moe_token_dispatcher_type `flexx`, did you mean `flex`?",
        ),
        ("ep >", "expected a value, found the end"),
        ("ep = 1", "x.yaml:11:14: `=` means nothing here, write `==`"),
        ("ep & 1", "`&` means nothing here, write `&&`"),
        ("(ep > 1", "expected `)`, found the end"),
        ("moe_token_dispatcher_type > 3", "x.yaml:11:11: this needs to be a number"),
        ("moe_router_topk == \"two\"", "x.yaml:11:30: the two sides can never be equal"),
        ("moe_router_topk in 8", "x.yaml:11:30: `in` needs a list on its right"),
        ("ep.exists(x, x == 1)", "need a list; wrap a scalar in as_list()"),
        ("moe_token_dispatcher_type.matches(\"(\")", "bad regular expression"),
        ("\"abc", "x.yaml:"),
    ] {
        let text = error(when);
        assert!(text.contains(expected), "{when}\n  said {text}\n  not  {expected}");
    }
}

#[test]
fn a_place_is_right_in_folded_and_quoted_text_too() {
    let folded = ">-\n      ep > 1\n      && moe_router_topkk > 1";
    assert!(error(folded).contains("x.yaml:13:10:"), "{}", error(folded));
}

#[test]
fn other_mistakes_in_a_rule_file_have_a_place_too() {
    let change = |from: &str, to: &str| {
        load_rule("x.yaml", &rule("ep > 1").replace(from, to), catalogue()).unwrap_err().to_string()
    };
    assert!(change("severity:", "severty:").contains("unknown field `severty`"));
    assert!(change("\"*\"", "\"<0.81\"").starts_with("x.yaml:10:"), "{}", change("\"*\"", "\"<0.81\""));
    assert!(change("\"*\"", "\"~0.18\"").contains("no range of releases"));
    assert!(change("sources: [x]", "sources: []").contains("needs at least one entry under `sources`"));
    let derived =
        rule("ep > 1").replace("severity: info", "severity: error").replace("confidence: read", "confidence: derived");
    assert!(load_rule("x.yaml", &derived, catalogue()).unwrap_err().to_string().contains("can't be an error"));
    let brace = rule("ep > 1").replace("message: x", "message: \"{ep\"");
    assert!(load_rule("x.yaml", &brace, catalogue()).unwrap_err().to_string().contains("never closed"));
}

#[test]
fn depth_is_bounded() {
    for text in ["(".repeat(100_000), "!".repeat(100_000), "-".repeat(100_000), format!("{}1", "1+".repeat(20_000))] {
        let _ = parse(&text, Scope { catalogue: catalogue(), package: "megatron-core" });
    }
}
