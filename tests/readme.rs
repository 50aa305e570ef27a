//! Every command that README shows runs, and prints what README says it prints.

mod common;

use common::{moelint, root, stdout};

/// README with each console block's output made anew.
fn refreshed(readme: &str) -> String {
    let mut out = String::new();
    let mut rest = readme;
    while let Some((before, block)) = rest.split_once("```console\n") {
        let (block, after) = block.split_once("```\n").unwrap();
        let command = block.lines().next().unwrap();
        let arguments: Vec<&str> = command.strip_prefix("$ moelint ").unwrap().split_whitespace().collect();
        let output = moelint(&arguments);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{command}");
        out += &format!("{before}```console\n{command}\n{}```\n", stdout(&output));
        rest = after;
    }
    out + rest
}

#[test]
fn readme_shows_what_the_program_prints() {
    let path = root().join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let now = refreshed(&readme);
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, &now).unwrap();
        return;
    }
    assert!(readme.matches("```console").count() >= 4);
    assert_eq!(readme, now, "README is out of date; UPDATE_README=1 cargo test --test readme brings it up to date");
}

#[test]
fn every_group_and_format_is_in_readme() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for rule in common::rules() {
        assert!(readme.contains(&format!("| `{}` |", rule.group)), "{}", rule.group);
    }
    for format in ["human", "concise", "json", "jsonl", "github", "sarif"] {
        assert!(readme.contains(format));
    }
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    for line in dependencies.lines().filter(|line| line.contains('=')) {
        let name = line.split([' ', '=']).next().unwrap();
        assert!(readme.contains(name), "{name} has no line in README's table");
    }
}
