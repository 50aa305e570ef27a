//! Fault injection: keys of a real-shaped dump deleted, doubled, retyped and renamed, 10,000 times.

mod common;

use std::path::Path;

use moelint::document::parse;
use moelint::lint::engine::Linter;
use moelint::lint::finding::Status;
use rayon::prelude::*;

use common::{files, linter_with, root, say, shared};

const RUNS: u64 = 10_000;

/// `SplitMix64`: the same faults on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }
}

const VALUES: [&str; 16] = [
    "null",
    "true",
    "-1",
    "0",
    "1e-4",
    "9223372036854775808",
    "[]",
    "[1, two]",
    "{a: 1}",
    "''",
    "\"8\"",
    "???",
    "${oc.env:X}",
    "nan",
    "*nowhere",
    "!!float 3",
];

/// One to three faults in the lines that hold keys.
fn broken(dump: &str, dice: &mut Dice) -> String {
    let mut lines: Vec<String> = dump.lines().map(str::to_owned).collect();
    for _ in 0..=dice.roll(3) {
        let keys: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].contains(':')).collect();
        let at = keys[dice.roll(keys.len())];
        let (key, rest) = lines[at].split_once(':').map(|(key, rest)| (key.to_owned(), rest.to_owned())).unwrap();
        match dice.roll(4) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => lines[at] = format!("{key}: {}", VALUES[dice.roll(VALUES.len())]),
            _ => {
                let mut name: Vec<char> = key.chars().collect();
                let place = dice.roll(name.len());
                match dice.roll(3) {
                    0 => drop(name.remove(place)),
                    1 => name.insert(place, 'x'),
                    _ => name[place] = '_',
                }
                lines[at] = format!("{}:{rest}", name.into_iter().collect::<String>());
            }
        }
    }
    lines.join("\n")
}

/// Everything that is said has a place that exists.
fn places(linter: &Linter<'_>, text: &str) -> Status {
    let report = linter.file(Path::new("run_config.yaml"), text);
    for error in &parse(text).errors {
        assert!(error.span.start as usize <= text.len(), "{}", error.message);
    }
    let lines = u32::try_from(text.lines().count() + 1).unwrap();
    for finding in &report.findings {
        let primary = finding.primary().unwrap_or_else(|| panic!("{} has no place", finding.rule));
        assert!((1..=lines).contains(&primary.start.line), "{}: line {}", finding.rule, primary.start.line);
        assert!(text.get(primary.span.start as usize..primary.span.end as usize).is_some(), "{}", finding.rule);
        assert!(!finding.message.is_empty(), "{}", finding.rule);
    }
    report.status
}

fn inject(dumps: &[String], runs: u64) {
    let linters = [linter_with(&[]), linter_with(&["--target", "main", "--gpu", "gb200", "--num-gpus", "64"])];
    let statuses: Vec<Status> = (0..runs)
        .into_par_iter()
        .map(|run| {
            let mut dice = Dice(run);
            let dump = &dumps[dice.roll(dumps.len())];
            places(&linters[dice.roll(2)], &broken(dump, &mut dice))
        })
        .collect();
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    let (linted, unreadable) = (count(Status::Linted), count(Status::Unreadable));
    say(&format!(
        "{runs} faulty configs: {linted} checked, {unreadable} unreadable, no panic, a place in every message"
    ));
    assert!(linted > 0 && linted + unreadable > statuses.len() / 2);
}

#[test]
fn a_dump_with_faults_is_survived() {
    let dump = std::fs::read_to_string(root().join("testdata/configs/run_config.yaml")).unwrap();
    inject(&[dump], RUNS / 4);
}

#[test]
fn real_dumps_with_faults_are_survived() {
    let Some(folder) = shared("corpus/megatron-bridge-dumps/post") else { return };
    let dumps: Vec<String> =
        files(&folder).iter().take(20).map(|path| std::fs::read_to_string(path).unwrap()).collect();
    inject(&dumps, RUNS);
}
