//! Searches over synthetic histories: how many probes, how often right, and whether the claims hold.
//!
//! A world is a line of commits of which some change settings of one config; one of them plants the value that makes a
//! run fail, or none does. Probes lie at given rates. Everything is computed from seeds: no clocks, no processes.

mod world;

use moelint::bisect::case::Case;
use moelint::bisect::plan::{Decision, Plan, Wishes};
use moelint::bisect::posterior::Cause;
use moelint::bisect::rates::Known;
use moelint::bisect::verdict::{Outcome, Verdict};
use world::{Random, World};

/// How a search ended.
#[derive(Clone, Copy, Debug, Default)]
struct Score {
    probes: usize,
    /// It named something.
    named: bool,
    right: bool,
    /// The probability that it claimed.
    claimed: f64,
}

fn outcome(failed: bool) -> Outcome {
    let verdict = if failed { Verdict::Bad } else { Verdict::Good };
    Outcome {
        verdict,
        symptom: None,
        metrics: std::collections::BTreeMap::new(),
        infra: false,
        bogus: false,
        stop: None,
        node: None,
        seconds: 1.0,
        note: String::new(),
    }
}

fn wishes(rates: Known, any: bool) -> Wishes {
    Wishes {
        rates,
        confidence: 0.95,
        preflight: any,
        assume_config: !any,
        fixed_code: false,
        skip: std::collections::BTreeSet::new(),
        measure: None,
    }
}

/// Runs one search to its end; `flake`: how often a good candidate fails and a bad one passes.
fn search(world: &World, wishes: &Wishes, flake: (f64, f64), seed: u64) -> Score {
    let case: Case = world.case(!wishes.assume_config);
    let mut plan = Plan::new(&case, wishes);
    let mut random = Random::new(seed ^ 0x5eed);
    let mut probes = 0;
    let cause = loop {
        match plan.next(&[]) {
            Decision::Probe(wanted) => {
                if probes == 400 {
                    break None;
                }
                probes += 1;
                let bad = world.is_bad(wanted.point);
                let lies = random.unit() < if bad { flake.1 } else { flake.0 };
                plan.record(wanted.point, &outcome(bad != lies));
            }
            Decision::Found(cause) => break Some(cause),
            Decision::Wait | Decision::Stuck(_) | Decision::NotSeparable(_) => break None,
        }
    };
    let posterior = &plan.search.posterior;
    let named = cause.and_then(|cause| posterior.causes.get(cause).copied());
    let claimed = cause.map_or(0.0, |cause| posterior.belief()[cause]);
    Score { probes, named: named.is_some(), right: named.is_some_and(|cause| world.is_right(cause)), claimed }
}

/// Mean probes, share that was right, share that named something, mean claim.
fn table(what: &str, scores: &[Score]) -> (f64, f64) {
    let count = scores.len() as f64;
    let probes = scores.iter().map(|score| score.probes as f64).sum::<f64>() / count;
    let right = scores.iter().filter(|score| score.right).count() as f64 / count;
    let named = scores.iter().filter(|score| score.named).count() as f64 / count;
    let claimed =
        scores.iter().filter(|score| score.named).map(|score| score.claimed).sum::<f64>() / (named * count).max(1.0);
    println!(
        "{what:44} {probes:6.2} probes  {:5.1}% right  {:5.1}% named  claimed {:.3}",
        100.0 * right,
        100.0 * named,
        claimed
    );
    (probes, right)
}

const SIZES: [usize; 3] = [64, 256, 1024];
const FLAKES: [f64; 3] = [0.0, 0.05, 0.2];

fn grid(
    name: &str,
    seeds: u64,
    rates: impl Fn(f64) -> Known,
    any: bool,
    make: impl Fn(usize, u64) -> World,
) -> Vec<(f64, f64)> {
    let mut rows = Vec::new();
    for flake in FLAKES {
        for size in SIZES {
            let scores: Vec<Score> = (0..seeds)
                .map(|seed| search(&make(size, seed), &wishes(rates(flake), any), (flake, flake), seed))
                .collect();
            rows.push(table(&format!("{name} flake {flake} n {size}"), &scores));
        }
    }
    rows
}

#[test]
#[ignore]
fn explore() {
    grid(
        "told",
        200,
        |f| if f == 0.0 { Known::Deterministic } else { Known::Told(f, f) },
        false,
        |n, s| World::new(n, s, 0.8),
    );
    grid("nothing told", 200, |_| Known::Nothing, false, |n, s| World::new(n, s, 0.8));
    grid("any cause, preflight", 200, |_| Known::Nothing, true, |n, s| World::new(n, s, 0.8));
    grid("useless table", 200, |_| Known::Nothing, false, |n, s| World::new(n, s, 0.0));
    grid("misleading table", 100, |_| Known::Nothing, false, |n, s| World::misleading(n, s));
    let mut all = Vec::new();
    for seed in 0..1000_u64 {
        let flake = FLAKES[(seed % 3) as usize];
        let world = if seed % 5 < 2 { World::none(256, seed) } else { World::new(256, seed, 0.8) };
        all.push(search(&world, &wishes(Known::Nothing, true), (flake, flake), seed));
    }
    table("calibration", &all);
    let none: Vec<Score> = all.iter().enumerate().filter(|(s, _)| s % 5 < 2).map(|(_, s)| *s).collect();
    table("  of them none", &none);
}

#[allow(unused)]
fn used(cause: Cause) {}
