//! `moelint diff`: what vanishes, what stays, what is risky, and where the two sides come from.

mod common;

use std::fs;
use std::path::Path;
use std::process::Output;

use common::{moelint, stderr, stdout, tables_are_well_formed};
use serde_json::Value;
use tempfile::TempDir;

const OLD: &str = "testdata/diff/old.yaml";
const NEW: &str = "testdata/diff/new.yaml";
const BASE: &str = "num_layers: 4\nhidden_size: 64\nnum_attention_heads: 4\nnum_moe_experts: 8\nbf16: true\nadd_bias_linear: false\nmoe_grouped_gemm: true\n";

const OVERLAP: &str = "moe_token_dispatcher_type: alltoall\nexpert_model_parallel_size: 4\noverlap_moe_expert_parallel_comm: true\nmoe_shared_expert_intermediate_size: 64\n";

fn diff(old: &str, new: &str, flags: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    let (a, b) = (folder.path().join("a.yaml"), folder.path().join("b.yaml"));
    fs::write(&a, old).unwrap();
    fs::write(&b, new).unwrap();
    let arguments = ["diff", a.to_str().unwrap(), b.to_str().unwrap()].into_iter().chain(flags.iter().copied());
    moelint(&arguments.collect::<Vec<_>>())
}

fn json(old: &str, new: &str, flags: &[&str]) -> Value {
    let output = diff(old, new, &[&["--format", "json"], flags].concat());
    serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{}", stderr(&output)))
}

fn fields(report: &Value) -> Vec<&str> {
    report["pairs"][0]["changes"].as_array().unwrap().iter().map(|change| change["field"].as_str().unwrap()).collect()
}

#[test]
fn a_person_sees_the_verdict_the_settings_the_rules_and_the_text() {
    let output = moelint(&["diff", OLD, NEW, "--target", "0.18"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn a_review_gets_a_comment() {
    let output = moelint(&["diff", OLD, NEW, "--target", "0.18", "--format", "markdown"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = stdout(&output);
    tables_are_well_formed(&text);
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    insta::assert_snapshot!(text);
}

#[test]
fn programs_get_what_the_schema_says() {
    let schema = stdout(&moelint(&["schema", "diff"]));
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let same = json(BASE, BASE, &[]);
    let whole = json(&fs::read_to_string(OLD).unwrap(), &fs::read_to_string(NEW).unwrap(), &["--target", "0.18"]);
    for report in [&same, &whole] {
        let wrong: Vec<String> =
            schema.iter_errors(report).map(|error| format!("{} {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
    assert_eq!((&same["status"], &whole["status"]), (&"same".into(), &"risky".into()));
    let backend = &whole["pairs"][0]["changes"][0];
    assert_eq!(backend["field"], "moe_flex_dispatcher_backend");
    assert_eq!(
        (&backend["from"], &backend["to"], &backend["risk"]),
        (&"deepep".into(), &"hybridep".into(), &"dispatch".into())
    );
    assert_eq!((&backend["old"]["line"], &backend["new"]["line"]), (&14.into(), &13.into()));
    assert!(backend["points_at"].as_array().unwrap().iter().any(|pointed| pointed["symptom"] == "hang"));
    assert_eq!(whole["pairs"][0]["started"][0]["code"], "MOE0910");
}

#[test]
fn what_means_the_same_is_no_change() {
    let with = |text: &str| format!("{BASE}{text}");
    for (what, old, new, target) in [
        ("comments", with("# one\n"), with("# two, and\n# three\n"), "0.18"),
        (
            "order",
            "num_moe_experts: 8\nnum_layers: 4\n".to_owned(),
            "num_layers: 4\nnum_moe_experts: 8\n".to_owned(),
            "0.18",
        ),
        ("numbers", with("moe_aux_loss_coeff: 1.0e-3\n"), with("moe_aux_loss_coeff: 0.001\n"), "0.18"),
        (
            "quotes",
            with("moe_token_dispatcher_type: 'alltoall'\n"),
            with("moe_token_dispatcher_type: alltoall\n"),
            "0.18",
        ),
        ("booleans", with("moe_permute_fusion: yes\n"), with("moe_permute_fusion: true\n"), "0.18"),
        ("an explicit default", with(""), with("moe_router_topk: 2\nmoe_shared_expert_overlap: false\n"), "0.18"),
        (
            "an old flag",
            with("moe_token_dispatcher_type: flex\nmoe_enable_deepep: true\n"),
            with("moe_token_dispatcher_type: flex\nmoe_flex_dispatcher_backend: deepep\n"),
            "0.18",
        ),
        (
            "an old name of an SM count",
            with("moe_token_dispatcher_type: flex\nmoe_deepep_num_sms: 24\n"),
            with("moe_token_dispatcher_type: flex\nmoe_flex_dispatcher_num_sms: 24\n"),
            "0.19",
        ),
        ("an alias", BASE.replace("num_moe_experts", "num_experts"), BASE.to_owned(), "0.18"),
        (
            "layouts",
            with("pipeline_model_parallel_size: 2\npipeline_model_parallel_layout: Et*2|ttL\n"),
            with(
                "pipeline_model_parallel_size: 2\npipeline_model_parallel_layout: [[embedding, decoder, decoder], [decoder, decoder, loss]]\n",
            ),
            "0.18",
        ),
        (
            "flow style",
            with("recompute_granularity: selective\nrecompute_modules: [moe_act, mlp]\n"),
            with("recompute_granularity: selective\nrecompute_modules:\n- moe_act\n- mlp\n"),
            "0.18",
        ),
    ] {
        let report = json(&old, &new, &["--target", target]);
        assert_eq!(fields(&report), Vec::<&str>::new(), "{what}: {report:#}");
        let output = diff(&old, &new, &["--target", target]);
        assert_eq!(output.status.code(), Some(0), "{what}: {}", stdout(&output));
    }
}

#[test]
fn an_old_flag_is_a_change_where_nobody_rewrites_it() {
    let flex = format!("{BASE}moe_token_dispatcher_type: flex\n");
    let report = json(&format!("{flex}moe_enable_deepep: true\n"), &flex, &["--target", "0.15"]);
    assert_eq!(fields(&report), ["moe_enable_deepep"]);
    assert_eq!(report["status"], "risky");
}

#[test]
fn the_exit_status_says_whether_to_look() {
    let with = |text: &str| format!("{BASE}{text}");
    for (what, old, new, code) in [
        ("logging", "log_interval: 10\n", "log_interval: 50\n", 0),
        ("a learning rate", "lr: 1.0e-4\n", "lr: 2.0e-4\n", 0),
        ("a router setting", "moe_router_topk: 2\n", "moe_router_topk: 4\n", 0),
        ("the dispatcher", "moe_token_dispatcher_type: allgather\n", "moe_token_dispatcher_type: alltoall\n", 1),
        (
            "a parallel size",
            "expert_model_parallel_size: 4\nmoe_token_dispatcher_type: alltoall\n",
            "expert_model_parallel_size: 8\nmoe_token_dispatcher_type: alltoall\n",
            1,
        ),
        ("a number format", "moe_router_dtype: fp32\n", "moe_router_dtype: fp64\n", 1),
        ("a rule of error level", OVERLAP, &format!("{OVERLAP}moe_shared_expert_overlap: true\n"), 1),
        (
            "an SM count that nobody reads",
            "moe_token_dispatcher_type: alltoall\nmoe_flex_dispatcher_num_sms: 20\n",
            "moe_token_dispatcher_type: alltoall\nmoe_flex_dispatcher_num_sms: 24\n",
            0,
        ),
    ] {
        let output = diff(&with(old), &with(new), &["--target", "main"]);
        assert_eq!(output.status.code(), Some(code), "{what}: {}{}", stdout(&output), stderr(&output));
    }
}

#[test]
fn what_nobody_reads_is_folded_away() {
    let with = |text: &str| format!("{BASE}moe_token_dispatcher_type: alltoall\n{text}");
    let report = json(
        &with("moe_flex_dispatcher_num_sms: 20\n"),
        &with("moe_flex_dispatcher_num_sms: 24\n"),
        &["--target", "main"],
    );
    let change = &report["pairs"][0]["changes"][0];
    assert_eq!((&change["no_effect"], &change["risk"]), (&"only the flex dispatcher reads it".into(), &Value::Null));
}

#[test]
fn of_long_values_the_part_that_differs_is_shown() {
    let long = |end: &str| format!("{BASE}hybrid_layer_pattern: {}{end}\n", "ME".repeat(60));
    let text = stdout(&diff(&long("*E"), &long("-E"), &["-q"]));
    assert!(text.contains("*E → …") && text.contains("-E  (line 8)"), "{text}");
    let report = json(&long("*E"), &long("-E"), &[]);
    assert!(report["pairs"][0]["changes"][0]["from"].as_str().unwrap().len() > 120, "programs get the whole");
}

#[test]
fn secrets_are_shown_in_no_form() {
    let old = format!("{BASE}logger:\n  wandb_api_key: aaaasecret\n");
    let new = format!("{BASE}logger:\n  wandb_api_key: bbbbsecret\n");
    for format in ["human", "markdown", "json"] {
        let text = stdout(&diff(&old, &new, &["--format", format]));
        assert!(text.contains("wandb_api_key") && !text.contains("secret"), "{format}: {text}");
    }
}

#[test]
fn hostile_cells_stay_in_their_cells() {
    let old = format!("{BASE}note: 'a'\n");
    let new = format!("{BASE}note: \"x | y <b> `code` ``` @someone\\n| z |\\u001b[31m\"\n'k|e`y': 1\n");
    let text = stdout(&diff(&old, &new, &["--format", "markdown"]));
    tables_are_well_formed(&text);
    assert!(!text.contains('\u{1b}'));
    let human = stdout(&diff(&old, &new, &[]));
    assert!(!human.contains('\u{1b}'));
}

#[test]
fn colours_only_when_asked_for() {
    let flags = ["diff", OLD, NEW, "--color", "always"];
    let text = stdout(&moelint(&flags));
    assert!(text.contains("\u{1b}[31;7m") && text.contains("\u{1b}[32;7m"), "words that changed stand out");
    assert!(!stdout(&moelint(&["diff", OLD, NEW])).contains('\u{1b}'));
}

#[test]
fn quiet_leaves_the_text_out_and_an_output_file_takes_the_rest() {
    let text = stdout(&moelint(&["diff", OLD, NEW, "-q"]));
    assert!(text.contains("risky") && !text.contains("@@"), "{text}");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("comment.md");
    let output = moelint(&["diff", OLD, NEW, "--format", "markdown", "--output-file", path.to_str().unwrap()]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(1), String::new()));
    assert!(fs::read_to_string(path).unwrap().starts_with("<!-- moelint diff -->"));
}

#[test]
fn a_side_that_is_no_config_is_told_so() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let two = [file("two/a.yaml", BASE.as_bytes()), file("two/b.yaml", BASE.as_bytes())];
    for (path, expected) in [
        (file("binary.yaml", b"moe_\0\x01"), "a binary file"),
        (file("latin.yaml", b"a: \xe9\n"), "not UTF-8"),
        (file("broken.yaml", b"moe_router_topk: [1, 2\nnum_moe_experts: {\n"), "cannot be parsed: line"),
        (folder.path().join("missing.yaml").to_str().unwrap().to_owned(), "No such file"),
        (empty.to_str().unwrap().to_owned(), "no config in this folder"),
        (Path::new(&two[0]).parent().unwrap().to_str().unwrap().to_owned(), "2 configs in this folder; name one of"),
        ("nowhere:a.yaml".to_owned(), "no revision `nowhere`"),
    ] {
        for arguments in [["diff", path.as_str(), NEW], ["diff", NEW, path.as_str()]] {
            let output = moelint(&arguments);
            assert_eq!(output.status.code(), Some(2), "{path}: {}", stdout(&output));
            assert!(stderr(&output).contains(expected), "{path}: {}", stderr(&output));
            assert_eq!(stdout(&output), "");
        }
    }
    for arguments in [vec!["diff"], vec!["diff", OLD], vec!["diff", OLD, NEW, OLD], vec!["diff", "-", "-"]] {
        assert_eq!(moelint(&arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn files_of_another_kind_are_compared_as_they_stand() {
    let report = json("a: 1\nb: {c: [1, 2]}\n", "a: 1.0\nb: {c: [1, 3]}\n", &[]);
    assert_eq!(fields(&report), ["b.c"]);
    assert_eq!(report["status"], "changed");
    let empty = json("", "", &[]);
    assert_eq!(empty["status"], "same");
}

#[test]
fn a_run_is_its_config() {
    let folder = TempDir::new().unwrap();
    for (run, topk) in [("one", 2), ("two", 4)] {
        let run = folder.path().join(run);
        fs::create_dir_all(run.join("checkpoints/iter_0000200")).unwrap();
        fs::create_dir_all(run.join("checkpoints/iter_0000100")).unwrap();
        fs::write(run.join("out.log"), "step 1\n").unwrap();
        fs::write(run.join("checkpoints/iter_0000100/run_config.yaml"), BASE).unwrap();
        fs::write(run.join("checkpoints/iter_0000200/run_config.yaml"), format!("{BASE}moe_router_topk: {topk}\n"))
            .unwrap();
    }
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let output = moelint(&["diff", one.to_str().unwrap(), two.to_str().unwrap(), "--format", "json"]);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(fields(&report), ["moe_router_topk"]);
    assert!(report["pairs"][0]["new"]["path"].as_str().unwrap().ends_with("iter_0000200/run_config.yaml"));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for format in ["human", "markdown", "json"] {
        let run = || moelint(&["diff", OLD, NEW, "--format", format]).stdout;
        assert_eq!(run(), run());
    }
}
