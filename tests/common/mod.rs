//! What several test files share.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clap::Parser;
use moelint::cli::args::{CheckArgs, Cli, Command as Sub};
use moelint::cli::check::linter;
use moelint::lint::engine::Linter;
use moelint::rule::model::Rule;

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Prints a line that the test harness does not swallow when the test passes.
pub fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The shared corpora and oracle, if this machine has them; says so if not.
pub fn shared(what: &str) -> Option<PathBuf> {
    let found = std::env::var_os("MOELINT_SHARED")
        .map(PathBuf::from)
        .map(|path| if path.is_relative() { root().join(path) } else { path });
    let found = found.map(|path| path.join(what)).filter(|path| path.exists());
    if found.is_none() {
        say(&format!("skipped: MOELINT_SHARED does not name a folder with {what}"));
    }
    found
}

/// The program with these arguments, run in the repository without colours.
pub fn moelint(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_moelint"))
        .args(arguments)
        .current_dir(root())
        .env_remove("COLUMNS")
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

/// Standard output as text.
pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The flags of `moelint check`.
pub fn check_args(arguments: &[&str]) -> CheckArgs {
    let all = ["moelint", "check"].into_iter().chain(arguments.iter().copied());
    match Cli::try_parse_from(all).unwrap().command {
        Sub::Check(args) => args,
        _ => unreachable!(),
    }
}

/// The built-in rules as a linter takes them.
pub fn rules() -> Vec<&'static Rule> {
    moelint::lint::rules().iter().collect()
}

/// A linter with the flags of `moelint check`.
pub fn linter_with(arguments: &[&str]) -> Linter<'static> {
    linter(&check_args(arguments), &rules()).unwrap()
}

/// All files below a folder, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// Every row of a table has as many cells as its head.
pub fn tables_are_well_formed(text: &str) {
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut head = None;
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.starts_with("```");
        if fenced || !line.starts_with('|') {
            head = None;
            continue;
        }
        let expected = *head.get_or_insert(cells(line));
        assert_eq!(cells(line), expected, "{line}");
        assert!(line.ends_with('|'), "{line}");
    }
}
