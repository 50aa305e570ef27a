//! `moelint rules test`: rules held against their examples.
//!
//! A folder `<id>/` holds `bad*` files, in which the rule has to fire where `# expect: <id>` says, `good*` files, in
//! which it must not, and `undecided*` files, in which it has to be undecided. Whatever else fires at error level in
//! an example has to be expected too.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;

use crate::facts::catalogue;
use crate::lint::FileReport;
use crate::rule::model::{Rule, Severity};

use super::args::{Cli, Command, TestArgs};
use super::{CliError, Exit, options, with_stdout};

/// What an example is there to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bad,
    Good,
    Undecided,
}

/// An example file's wishes.
pub struct Example {
    path: PathBuf,
    /// The id of the rule that it is about.
    pub rule: String,
    kind: Kind,
    text: String,
    arguments: Vec<String>,
    /// Line and rule.
    expected: Vec<(u32, String)>,
    undecided: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// A folder or rule file that can't be used.
pub fn run(args: &TestArgs) -> Result<Exit, CliError> {
    let own = options::user_rules(&args.rules, catalogue())?;
    let all = options::all_rules(&own);
    let examples = examples(&args.dir, &all, &args.select)?;
    if examples.is_empty() {
        let dir = args.dir.display();
        return Err(CliError::Usage(format!("{dir}: no folder of examples here is named after a rule")));
    }
    let mut failures = Vec::new();
    for example in &examples {
        failures.extend(check(example, &all)?.into_iter().map(|what| format!("{}: {what}", example.path.display())));
    }
    failures.extend(incomplete(&examples));
    if args.mutate {
        for rule in &all {
            let own: Vec<&Example> = examples.iter().filter(|example| example.rule == rule.id).collect();
            if !own.is_empty() && !rule.cases.is_empty() {
                failures.extend(super::mutate::survivors(rule, &own)?);
            }
        }
    }
    with_stdout(|out| {
        for failure in &failures {
            writeln!(out, "{failure}")?;
        }
        writeln!(out, "{} examples, {} failures", examples.len(), failures.len())?;
        Ok(if failures.is_empty() { Exit::Clean } else { Exit::Findings })
    })
}

fn examples(dir: &Path, all: &[&Rule], select: &[String]) -> Result<Vec<Example>, CliError> {
    let mut found = Vec::new();
    for folder in sorted(dir)? {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let Some(rule) = all.iter().find(|rule| rule.id == name).filter(|_| folder.is_dir()) else { continue };
        if !select.is_empty() && !select.iter().any(|wanted| rule.is_called(wanted)) {
            continue;
        }
        for path in sorted(&folder)? {
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let kinds = [("bad", Kind::Bad), ("good", Kind::Good), ("undecided", Kind::Undecided)];
            let Some((_, kind)) = kinds.iter().find(|(prefix, _)| stem.starts_with(prefix)) else { continue };
            let text =
                fs::read_to_string(&path).map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))?;
            found.push(example(path, &rule.id, *kind, text));
        }
    }
    Ok(found)
}

fn sorted(dir: &Path) -> Result<Vec<PathBuf>, CliError> {
    let entries = fs::read_dir(dir).map_err(|error| CliError::Usage(format!("{}: {error}", dir.display())))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

fn example(path: PathBuf, rule: &str, kind: Kind, text: String) -> Example {
    let mut example = Example {
        path,
        rule: rule.to_owned(),
        kind,
        arguments: Vec::new(),
        expected: Vec::new(),
        undecided: Vec::new(),
        text,
    };
    for (line, number) in example.text.lines().zip(1..) {
        if let Some(arguments) = line.strip_prefix("# args:") {
            example.arguments = arguments.split_whitespace().map(str::to_owned).collect();
        }
        let names =
            |rest: &str| rest.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        if let Some((_, rest)) = line.split_once("# expect:") {
            example.expected.extend(names(rest).into_iter().map(|name| (number, name)));
        }
        if let Some((_, rest)) = line.split_once("# expect-undecided:") {
            example.undecided.extend(names(rest));
        }
    }
    example
}

/// Lints the example's text as `moelint check` would with its arguments.
fn lint(example: &Example, all: &[&Rule]) -> Result<FileReport, CliError> {
    let head = ["moelint", "check"].into_iter().map(str::to_owned);
    let parsed = Cli::try_parse_from(head.chain(example.arguments.iter().cloned()));
    let usage = |error: String| CliError::Usage(format!("{}: # args: {error}", example.path.display()));
    let Command::Check(args) = parsed.map_err(|error| usage(error.to_string()))?.command else {
        return Err(usage("only flags of check".to_owned()));
    };
    let linter = super::check::linter(&args, all)?;
    Ok(linter.file(&example.path, &example.text))
}

fn check(example: &Example, all: &[&Rule]) -> Result<Vec<String>, CliError> {
    let report = lint(example, all)?;
    let known = |_: &String| true;
    Ok(compare(example, &report, &known))
}

/// As for all rules, but only what concerns the example's own, given in a form of its own.
///
/// # Errors
/// Arguments in the example that `check` does not take.
pub fn about_rule(example: &Example, rule: &Rule) -> Result<Vec<String>, CliError> {
    let report = lint(example, &[rule])?;
    let own = |name: &String| *name == rule.id;
    Ok(compare(example, &report, &own))
}

fn compare(example: &Example, report: &FileReport, concerns: &dyn Fn(&String) -> bool) -> Vec<String> {
    let mut failures = Vec::new();
    for (line, rule) in example.expected.iter().filter(|expected| concerns(&expected.1)) {
        let at = |finding: &&crate::lint::finding::Finding| finding.rule == *rule;
        let lines: Vec<u32> = report
            .findings
            .iter()
            .filter(at)
            .filter_map(|finding| finding.primary())
            .map(|label| label.start.line)
            .collect();
        if lines.is_empty() {
            failures.push(format!("line {line}: {rule} was expected and did not fire"));
        } else if !lines.contains(line) {
            failures.push(format!("line {line}: {rule} fired on line {lines:?} instead"));
        }
    }
    for finding in &report.findings {
        let expected = example.expected.iter().any(|(_, rule)| finding.rule == *rule);
        let about_it = finding.rule == example.rule;
        if !expected && (about_it || finding.severity == Severity::Error) {
            let line = finding.primary().map_or(0, |label| label.start.line);
            failures.push(format!("line {line}: {} fired and was not expected: {}", finding.rule, finding.message));
        }
    }
    let open = |rule: &String| report.undecided.iter().any(|open| open.rule == *rule);
    for rule in example.undecided.iter().filter(|rule| concerns(rule) && !open(rule)) {
        failures.push(format!("{rule} was expected to be undecided"));
    }
    let shown = match example.kind {
        Kind::Bad => example.expected.iter().any(|(_, rule)| *rule == example.rule),
        Kind::Good => !open(&example.rule),
        Kind::Undecided => example.undecided.contains(&example.rule),
    };
    if !shown {
        failures.push(format!("a {:?} example that says nothing about {}", example.kind, example.rule).to_lowercase());
    }
    failures
}

/// Rules with a bad and no good example, or the reverse.
fn incomplete(examples: &[Example]) -> Vec<String> {
    let mut failures = Vec::new();
    let mut rules: Vec<&str> = examples.iter().map(|example| example.rule.as_str()).collect();
    rules.dedup();
    for rule in rules {
        for kind in [Kind::Bad, Kind::Good] {
            if !examples.iter().any(|example| example.rule == rule && example.kind == kind) {
                failures.push(format!("{rule}: no {kind:?} example").to_lowercase());
            }
        }
    }
    failures
}
