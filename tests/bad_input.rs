//! Input that must not hurt: a clear message each, bounded time and memory, the exit status of the contract.

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{linter_with, moelint, root, say, stderr, stdout};

/// Far more than any of these takes, far less than a hang.
const LIMIT: Duration = Duration::from_secs(20);

struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

/// Runs `check` on the path and gives exit status and output, within the time limit.
fn check(path: &Path) -> (i32, String) {
    let started = Instant::now();
    let output = moelint(&["check", path.to_str().unwrap()]);
    assert!(started.elapsed() < LIMIT, "{} took {:?}", path.display(), started.elapsed());
    (output.status.code().unwrap(), format!("{}{}", stdout(&output), stderr(&output)))
}

const MOE: &str = "num_layers: 4\nnum_moe_experts: 8\nmoe_token_dispatcher_type: alltoall\n";

#[test]
fn an_alias_bomb_is_read_like_any_other_file() {
    let mut text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for pair in ('a'..='k').collect::<Vec<_>>().windows(2) {
        text += &format!(
            "{}: &{} [*{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}]\n",
            pair[1],
            pair[1],
            p = pair[0]
        );
    }
    text += MOE;
    text += "moe_layer_freq: *k\n";
    let scratch = Scratch::new();
    let (status, said) = check(&scratch.file("bomb.yaml", text));
    assert_eq!(status, 0, "{said}");
}

#[test]
fn nesting_without_end_is_a_finding() {
    let scratch = Scratch::new();
    let deep: String = (0..3000).map(|depth| format!("{}k:\n", " ".repeat(depth))).collect();
    for (name, text) in
        [("brackets.yaml", format!("{MOE}x: {}", "[".repeat(100_000))), ("deep.yaml", format!("{MOE}{deep}"))]
    {
        let (status, said) = check(&scratch.file(name, text));
        assert_eq!(status, 1, "{said}");
        assert!(said.contains("error[MOE0001] cannot be parsed"), "{said}");
        assert!(said.contains(&format!("{name}:4:")) || said.contains(&format!("{name}:")), "{said}");
    }
}

#[test]
fn cycles_of_merges_and_aliases_end() {
    let scratch = Scratch::new();
    for text in ["a: &a\n  <<: *a\n  b: 1\n", "a: &a [*a]\n", "a: &a\n  <<: [*a, *a]\n", "? &k [*k]\n: 1\n"] {
        let (status, said) = check(&scratch.file("cycle.yaml", format!("{text}{MOE}")));
        assert!(status <= 1, "{said}");
    }
}

#[test]
fn files_that_are_no_text_are_named_as_such() {
    let scratch = Scratch::new();
    for (name, bytes, expected) in [
        ("latin1.yaml", b"num_moe_experts: 8 # caf\xe9\n".to_vec(), "not UTF-8: byte 24 on line 1"),
        ("utf16.yaml", b"\xff\xfea\x00:\x00 \x001\x00".to_vec(), "UTF-16; convert it"),
        ("binary.yaml", vec![0; 512], "a binary file, no config"),
    ] {
        let (status, said) = check(&scratch.file(name, bytes));
        assert_eq!(status, 2, "{name}: {said}");
        assert!(said.contains(expected), "{name}: {said}");
    }
}

#[test]
fn files_without_content_are_no_configs() {
    let scratch = Scratch::new();
    for text in
        ["", "\n\n", "# only a comment\n", "---\n", "---\n...\n---\n", "\u{feff}", "just text", "[1, 2]", "5", "null"]
    {
        let (status, said) = check(&scratch.file("empty.yaml", text));
        assert_eq!(status, 0, "{text:?}: {said}");
        assert!(said.contains("not a config of a framework that moelint reads"), "{text:?}: {said}");
    }
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_change_nothing() {
    let scratch = Scratch::new();
    let bad = format!("{MOE}expert_model_parallel_size: 3\n");
    for (name, text) in [
        ("bom.yaml", format!("\u{feff}{bad}")),
        ("crlf.yaml", bad.replace('\n', "\r\n")),
        ("both.yaml", format!("\u{feff}{}", bad.replace('\n', "\r\n"))),
    ] {
        let (status, said) = check(&scratch.file(name, text));
        assert_eq!(status, 1, "{said}");
        assert!(said.contains(&format!("{name}:4:29]")), "{said}");
        assert!(!said.contains('\r'), "{said}");
    }
}

#[test]
fn a_file_too_large_for_a_config_is_refused_before_it_is_read() {
    let scratch = Scratch::new();
    let line = "key_that_nobody_knows: some value or other\n";
    let path = scratch.file("large.yaml", line.repeat((50 << 20) / line.len()));
    let (status, said) = check(&path);
    assert_eq!(status, 2);
    assert!(said.contains("50 MiB is more than a config ever has"), "{said}");
}

#[test]
fn a_large_log_is_searched_for_its_arguments() {
    let scratch = Scratch::new();
    let noise = "0: [2026-08-01 00:00:00] iteration 7 | elapsed time per iteration (ms): 5444.9 |\n";
    let argument = |name: &str, value: &str| format!("0:   {name} {} {value}\n", ".".repeat(48 - name.len()));
    let listing = format!(
        "0: ------------------------ arguments ------------------------\n{}{}{}{}0: -------------------- end of arguments ---------------------\n",
        argument("num_layers", "4"),
        argument("num_experts", "8"),
        argument("moe_token_dispatcher_type", "alltoall"),
        argument("expert_model_parallel_size", "3"),
    );
    let half = noise.repeat((25 << 20) / noise.len());
    let (status, said) = check(&scratch.file("train.log", format!("{half}{listing}{half}")));
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("8 experts cannot be split evenly over expert_model_parallel_size 3"), "{said}");
}

#[test]
fn paths_that_lead_nowhere_are_usage_errors() {
    let scratch = Scratch::new();
    for path in ["missing.yaml", "missing/"] {
        let (status, said) = check(&scratch.0.path().join(path));
        assert_eq!(status, 2, "{said}");
        assert!(said.contains("no such file or folder"), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn links_to_themselves_and_special_files_do_not_hang() {
    use std::os::unix::fs::symlink;
    let scratch = Scratch::new();
    let folder = scratch.0.path();
    symlink(folder, folder.join("loop")).unwrap();
    symlink("self.yaml", folder.join("self.yaml")).unwrap();
    scratch.file("good.yaml", MOE);
    let (status, said) = check(folder);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("in 1 file"), "{said}");
    let (status, said) = check(&folder.join("self.yaml"));
    assert_eq!(status, 2, "{said}");
    let (status, said) = check(Path::new("/dev/zero"));
    assert_eq!(status, 2, "{said}");
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_is_named_and_the_others_are_checked() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new();
    let locked = scratch.file("locked.yaml", MOE);
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&locked).is_ok() {
        say("skipped: this user may read everything");
        return;
    }
    let bad = scratch.file("bad.yaml", format!("{MOE}expert_model_parallel_size: 3\n"));
    let output = moelint(&["check", locked.to_str().unwrap(), bad.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stdout(&output).contains("ermission denied"), "{}", stdout(&output));
    assert!(stdout(&output).contains("MOE0701"));
}

#[test]
fn a_broken_file_does_not_stop_the_next_one() {
    let scratch = Scratch::new();
    scratch.file("a.yaml", format!("{MOE}x: [1\n"));
    scratch.file("b.yaml", format!("{MOE}expert_model_parallel_size: 3\n"));
    let (status, said) = check(scratch.0.path());
    assert_eq!(status, 1);
    assert!(said.contains("MOE0001") && said.contains("MOE0701"), "{said}");
}

#[test]
fn a_broken_document_keeps_the_ones_before_it() {
    let scratch = Scratch::new();
    let (status, said) =
        check(&scratch.file("two.yaml", format!("{MOE}expert_model_parallel_size: 3\n---\nmoe_x: [1\n")));
    assert_eq!(status, 1);
    assert!(said.contains("MOE0001") && said.contains("MOE0701"), "{said}");
    let lines = "{\"num_layers\": 4, \"num_moe_experts\": 8, \"expert_model_parallel_size\": 3}\n{\"num_layers\": [}\n{\"num_layers\": 4, \"num_moe_experts\": 8, \"expert_model_parallel_size\": 5}\n";
    let (_, said) = check(&scratch.file("three.jsonl", lines));
    assert!(
        said.contains("three.jsonl:1:") && said.contains("three.jsonl:2:") && said.contains("three.jsonl:3:"),
        "{said}"
    );
}

#[test]
fn any_number_of_jobs_gives_the_same_bytes() {
    for format in ["human", "concise", "json", "jsonl", "github", "sarif"] {
        let run = |jobs: &str| {
            moelint(&["check", "testdata", "--pedantic", "--show-undecided", "--format", format, "-j", jobs]).stdout
        };
        assert_eq!(run("1"), run("8"), "{format}");
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    for format in ["human", "concise", "json", "jsonl", "github", "sarif"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_moelint"))
            .args(["check", "testdata", "--pedantic", "--format", format])
            .current_dir(root())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.stderr.is_empty(), "{format}: {}", stderr(&output));
        assert!(matches!(output.status.code(), Some(0 | 1)), "{format}: {:?}", output.status);
    }
}

#[test]
fn standard_input_is_read_under_a_name() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_moelint"))
        .args(["check", "-", "--stdin-filename", "configs/a.yaml", "--format", "concise"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(format!("{MOE}expert_model_parallel_size: 3\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).starts_with("configs/a.yaml:4:29: error[MOE0701]"), "{}", stdout(&output));
}

#[test]
fn flags_with_bad_values_say_what_is_legal() {
    for (flags, expected) in [
        (["--gpu", "h1000"], "unknown GPU, expected one of"),
        (["--backend", "deepeep=missing"], "unknown backend `deepeep`, expected one of deepep, hybridep, ncclep"),
        (["--backend", "deepep=gone"], "write deepep= and one of available, missing, broken"),
        (["--env", "NAME"], "write NAME=VALUE"),
        (["--select", "shared-overlap-dispatchr"], "did you mean `shared-overlap-dispatcher`?"),
        (["--ignore", "dispatchr"], "did you mean `dispatcher`?"),
        (["--num-gpus", "0"], "0 is not in 1.."),
        (["-j", "0"], "0 is not in 1.."),
        (["--rules", "no/such/folder"], "No such file"),
        (["--output-file", "no/such/folder/x"], "No such file"),
        (["--format", "xml"], "possible values: human"),
    ] {
        let output = moelint(&["check", "testdata/configs/clean.yaml", flags[0], flags[1]]);
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        assert!(stderr(&output).contains(expected), "{flags:?}: {}", stderr(&output));
    }
}

#[test]
fn values_of_every_kind_at_known_places_are_survived() {
    let names = [
        "num_moe_experts",
        "expert_model_parallel_size",
        "moe_token_dispatcher_type",
        "recompute_modules",
        "seq_length",
        "moe_layer_freq",
    ];
    let values = [
        "null",
        "~",
        "",
        "true",
        "-1",
        "0",
        "1e400",
        "123456789012345678901234567890",
        "-9223372036854775808",
        ".inf",
        ".nan",
        "''",
        "'x'",
        "[]",
        "[[[]]]",
        "{}",
        "{a: b}",
        "[{a: b}]",
        "!!python/object:os.system x",
        "!!int 'x'",
        "&a x",
        "|\n  text\n  more",
        "${X}",
        "???",
        "2001-12-14",
        "12:30:45",
        "0x1F",
        "\"\\u00e9\"",
    ];
    let linter = linter_with(&["--num-gpus", "8", "--gpu", "h100"]);
    for name in names {
        for value in values {
            for head in ["", "_target_: ConfigContainer\nmodel:\n  ", "MODEL_ARGS:\n  --"] {
                let spelled = if head.ends_with("--") { name.replace('_', "-") } else { name.to_owned() };
                let text = format!("{head}{spelled}: {value}\n");
                let report = linter.file(Path::new("x.yaml"), &text);
                assert!(report.findings.iter().all(|finding| finding.primary().is_some()), "{text}");
            }
        }
    }
}
