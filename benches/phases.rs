//! One benchmark a phase: parse, facts, evaluate, render, on one in-house config of 250 keys and one whole dump.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use moelint::cli::args::{Cli, Command};
use moelint::cli::check::linter;
use moelint::dialect::recognise;
use moelint::document::LineIndex;
use moelint::document::parse;
use moelint::facts::catalogue;
use moelint::lint::engine::{Linter, Source};
use moelint::output::{Format, Style, Summary};

fn linter_for(flags: &[&str]) -> Linter<'static> {
    use clap::Parser;
    let all = ["moelint", "check"].into_iter().chain(flags.iter().copied());
    let Command::Check(args) = Cli::parse_from(all).command else { unreachable!() };
    let rules: Vec<_> = moelint::lint::rules().iter().collect();
    linter(&args, &rules).expect("the flags are good")
}

/// 250 keys in sections, of which 40 are settings.
fn in_house() -> String {
    let clean = include_str!("../testdata/configs/one_finding.yaml");
    let filler: String =
        (0..230).map(|index| format!("  data_path_{index:03}: /data/shard_{index}  # written by hand\n")).collect();
    format!("{clean}data:\n{filler}")
}

fn phases(criterion: &mut Criterion) {
    let texts = [("in-house", in_house()), ("dump", include_str!("../testdata/configs/run_config.yaml").to_owned())];
    for (name, text) in &texts {
        let document = parse(text);
        let (_, roles) = recognise(&document, catalogue()).expect("a config");
        let lines = LineIndex::new(text);
        let source = Source { text, lines: &lines };
        let (any, one) = (linter_for(&[]), linter_for(&["--target", "0.17"]));
        let mut group = criterion.benchmark_group(*name);
        group.bench_function("parse", |bench| bench.iter(|| parse(black_box(text))));
        group.bench_function("facts", |bench| bench.iter(|| recognise(black_box(&document), catalogue())));
        group.bench_function("evaluate one release", |bench| bench.iter(|| one.role(black_box(&roles[0]), source)));
        group.bench_function("evaluate all releases", |bench| bench.iter(|| any.role(black_box(&roles[0]), source)));
        group.bench_function("whole file", |bench| bench.iter(|| any.file(Path::new("a.yaml"), black_box(text))));
        let report = one.file(Path::new("a.yaml"), text);
        for format in [Format::Human, Format::Json, Format::Sarif] {
            let style = Style { color: false, width: 100, show_undecided: false, quiet: false, rules: Vec::new() };
            group.bench_function(format!("render {format:?}"), |bench| {
                bench.iter(|| {
                    let mut out = Vec::new();
                    let mut reporter = format.reporter(style.clone());
                    reporter.file(&mut out, black_box(&report)).expect("memory");
                    reporter.finish(&mut out, &Summary::default()).expect("memory");
                    out
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, phases);
criterion_main!(benches);
