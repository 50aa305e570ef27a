//! Logs of each framework in the shape that it prints: what is read, how ranks' logs come together, how runs ended.
#![allow(clippy::cast_precision_loss, reason = "counts are small")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use moelint::run_log::change_point::{Settings, change_points};
use moelint::run_log::line::normalise;
use moelint::run_log::{Metric, Outcome, RankLog, RunLog, formats, read_log, summary};
use proptest::prelude::*;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/logs").join(name)
}

fn log(name: &str, rank: Option<u32>) -> RankLog {
    let bytes = fs::read(path(name)).unwrap();
    read_log(formats(), bytes.as_slice(), rank).unwrap()
}

fn run(logs: &[(&str, Option<u32>)]) -> RunLog {
    RunLog::merge(formats(), logs.iter().map(|(name, rank)| log(name, *rank)).collect())
}

/// What a reader of the snapshot wants to see: the ends of each segment, the summary of each metric, the outcome.
fn told(run: &RunLog) -> String {
    let mut text = format!("format {}\n", run.format.as_deref().unwrap_or("unknown"));
    for steps in &run.segments {
        let _ = writeln!(text, "segment of {} steps", steps.len());
        for step in steps.first().into_iter().chain(steps.last().filter(|_| steps.len() > 1)) {
            let _ = writeln!(text, "  {} {:?}", step.iteration, step.values);
        }
    }
    for metric in [Metric::StepTime, Metric::TflopsPerGpu, Metric::TokensPerSecondPerGpu, Metric::Loss] {
        if let Some(found) = summary(run, metric, 0.95) {
            let unit = metric.unit();
            let (low, high, steps, dropped) = (found.low, found.high, found.steps, found.dropped);
            let _ = writeln!(
                text,
                "{} {:.4} [{low:.4}, {high:.4}] {unit}, p95/median {:.3}, {steps} steps, {dropped} dropped",
                metric.name(),
                found.median,
                found.p95_to_median
            );
        }
    }
    let _ = writeln!(
        text,
        "peak memory {:?} GB, marks {:?}",
        run.peak_memory,
        run.marks.iter().map(|mark| mark.iteration).collect::<Vec<_>>()
    );
    let _ = writeln!(text, "{:?}", Outcome::of(formats(), run));
    text
}

#[test]
fn every_log_is_read_as_it_was() {
    let mut names: Vec<String> =
        fs::read_dir(path("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(names.len() >= 20);
    for name in names {
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!(name.trim_end_matches(".log").to_owned(), told(&run(&[(&name, None)])));
        });
    }
}

#[test]
fn every_format_has_a_log() {
    let read: Vec<String> = fs::read_dir(path(""))
        .unwrap()
        .filter_map(|entry| run(&[(entry.unwrap().file_name().to_str().unwrap(), None)]).format)
        .collect();
    for name in formats().names() {
        assert!(read.iter().any(|found| found == name), "testdata/logs needs a log of {name}");
    }
}

#[test]
fn ranks_come_together_as_in_one_log() {
    let apart = run(&[("bridge_rank0.log", Some(0)), ("bridge_rank15.log", Some(15))]);
    let together = run(&[("bridge_allranks.log", None)]);
    assert_eq!(apart, together);
    assert_eq!(apart.format.as_deref(), Some("megatron-bridge"));
    assert_eq!(apart.peak_memory, Some(61.351));
    assert!(apart.steps().all(|step| step.values.get(Metric::TflopsPerGpu).is_some()));
}

#[test]
fn a_loss_that_is_left_out_is_a_nan() {
    let run = run(&[("loss_nan_is_left_out.log", None)]);
    let loss = |iteration: usize| run.segments[0][iteration - 1].values.get(Metric::Loss).unwrap();
    assert!(loss(11).is_finite() && loss(12).is_nan() && loss(16).is_nan());
    assert_eq!(Outcome::of(formats(), &run).name(), "crashed");
}

#[test]
fn a_framework_that_prints_no_step_time_is_timed_by_its_lines() {
    let automodel = summary(&run(&[("automodel.log", None)]), Metric::StepTime, 0.95).unwrap();
    assert!((automodel.median - 4.0).abs() < 1e-9);
    let titan = summary(&run(&[("torchtitan.log", None)]), Metric::StepTime, 0.95).unwrap();
    assert!((titan.median - 3.001).abs() < 1e-3);
}

#[test]
fn memory_of_a_step_is_in_decimal_gigabytes() {
    let peak = |name| run(&[(name, None)]).peak_memory.unwrap();
    assert!((peak("megatron_lm.log") - 61_351.02 * 1_048_576.0 / 1e9).abs() < 1e-9);
    assert!((peak("nemo.log") - 53.930_270_72).abs() < 1e-9);
    assert!((peak("torchtitan.log") - 45.67 * 1.073_741_824).abs() < 1e-9);
}

#[test]
fn public_series_are_cut_where_people_cut_them() {
    let Ok(shared) = std::env::var("MOELINT_SHARED") else {
        eprintln!("skipped: MOELINT_SHARED is not set");
        return;
    };
    let cuts = |name: &str| {
        let values = series(&Path::new(&shared).join("changepoints").join(name)).unwrap();
        let all: Vec<usize> = (1..values.len()).collect();
        let found = change_points(&values, &all, &Settings::default()).unwrap().config;
        for change in &found {
            assert!(change.first <= change.index && change.index <= change.last && change.last < values.len());
            assert!(change.p < change.limit && change.shift_low <= change.shift && change.shift <= change.shift_high);
        }
        found.iter().map(|change| change.index).collect::<Vec<usize>>()
    };
    // what at least three of the five annotators agree on
    let well = cuts("tcpd/well_log.json");
    for truth in [255_usize, 281, 311, 343, 402, 412, 422, 432] {
        assert!(well.iter().any(|cut| cut.abs_diff(truth) <= 2), "{truth} is not in {well:?}");
    }
    let stairs = cuts("mongodb/long_series.json");
    assert!(
        stairs.len() == 4 && stairs.iter().zip([200_usize, 400, 600, 800]).all(|(cut, truth)| cut.abs_diff(truth) <= 6)
    );
    assert_eq!(cuts("mongodb/real_series.json"), Vec::<usize>::new());
    // no steps at all, but no reason to fail either
    for name in ["bank", "brent_spot", "co2_canada", "gdp_croatia", "jfk_passengers", "ozone", "uk_coal_employ"] {
        cuts(&format!("tcpd/{name}.json"));
    }
}

/// The first series of a TCPD file, or a list of numbers.
fn series(path: &Path) -> Option<Vec<f64>> {
    let json: serde_json::Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let raw = json.get("series").map_or(Some(&json), |series| series.get(0)?.get("raw"))?;
    raw.as_array()?.iter().map(serde_json::Value::as_f64).map(|value| Some(value.unwrap_or(f64::NAN))).collect()
}

/// Pieces that formats are made of, so that random lines get far.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        " iteration ",
        "12/ 100 | consumed samples: 5",
        " | lm loss: nan",
        "\x1b[31m",
        "step: 1  loss: 2",
        "[rank",
        "3]: ",
        "(A pid=1",
        ") ",
        " [repeated 7x across cluster]",
        "2026-02-31 25:61:61",
        "• Loss: ",
        "= Step 3/4 =",
        "Step Time : 1.0s GPU utilization: 2MODEL_TFLOP/s/GPU",
        "\n",
        "\r",
        "18446744073709551616",
        "ValueError: ",
        "é",
        " | epoch ",
    ];
    prop_oneof![
        3 => proptest::sample::select(known.to_vec()).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..12),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_input_panics(pieces in proptest::collection::vec(piece(), 0..60)) {
        let bytes = pieces.concat();
        let run = RunLog::merge(formats(), vec![read_log(formats(), bytes.as_slice(), None).unwrap()]);
        let _ = (told(&run), normalise(&bytes));
    }

    #[test]
    fn the_order_of_the_logs_does_not_matter(order in Just((0..4).collect::<Vec<usize>>()).prop_shuffle(), split in 1_usize..19) {
        let text = fs::read_to_string(path("bridge_rank15.log")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let part = |lines: &[&str], rank| read_log(formats(), lines.join("\n").as_bytes(), rank).unwrap();
        let slower = text.replace("(ms): 9", "(ms): 10");
        let logs = [
            log("bridge_rank0.log", Some(0)),
            part(&lines, None),
            part(&lines[..split], Some(7)),
            read_log(formats(), slower.as_bytes(), None).unwrap(),
        ];
        let merged = |order: &[usize]| RunLog::merge(formats(), order.iter().map(|place| logs[*place].clone()).collect());
        prop_assert_eq!(merged(&order), merged(&[0, 1, 2, 3]));
    }

    #[test]
    fn a_scaled_series_has_the_same_changes(seed in 0_u64..200, scale in 1e-3_f64..1e3) {
        let mut state = seed + 1;
        let mut next = || { state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1); (state >> 40) as f64 / 16_777_216.0 };
        let values: Vec<f64> = (0..60).map(|place| (if place < 30 { 10.0 } else { 11.0 }) * (1.0 + 0.04 * (next() - 0.5))).collect();
        let scaled: Vec<f64> = values.iter().map(|value| value * scale).collect();
        let places = |values: &[f64]| {
            let found = change_points(values, &[10, 30, 50], &Settings::default()).unwrap();
            found.config.iter().map(|change| change.index).collect::<Vec<usize>>()
        };
        prop_assert_eq!(places(&values), vec![30]);
        prop_assert_eq!(places(&scaled), vec![30]);
    }

    #[test]
    fn no_series_panics(values in proptest::collection::vec(prop_oneof![any::<f64>(), Just(0.0), Just(f64::NAN), 0.9_f64..1.1], 0..40), suspects in proptest::collection::vec(0_usize..45, 0..6)) {
        let _ = change_points(&values, &suspects, &Settings::default());
    }
}
