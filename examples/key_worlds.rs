//! Plays the key-level search on worlds from stdin, one JSON object a line, and prints what it took, one a line.
//! `benches/key_worlds.py` makes the worlds and sums up.

use std::collections::BTreeSet;
use std::io::{BufRead, Write};

use moelint::bisect::evidence::Set;
use moelint::bisect::rates::Known;
use moelint::bisect::reduce::Reducer;
use moelint::bisect::reduction::{Options, Step};
use moelint::bisect::verdict::Verdict;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct World {
    weights: Vec<f64>,
    deps: Vec<Vec<usize>>,
    /// Each makes it fail on its own; the first is the one that the table counts.
    causes: Vec<Set>,
    #[serde(default)]
    seed: u64,
    /// P(fail | good), P(pass | bad).
    #[serde(default)]
    flakes: (f64, f64),
    /// P(nobody can tell).
    #[serde(default)]
    unresolved: f64,
    /// `deterministic`, `told`, `unknown`
    rates: String,
    confirm: bool,
}

#[derive(Serialize)]
struct Played {
    probes: usize,
    search: usize,
    confirm: usize,
    shrink: usize,
    unresolved: usize,
    /// Probes of candidates that lack something they need.
    invalid: usize,
    must: Set,
    others: Vec<Set>,
    minimal: bool,
    necessary: Option<bool>,
}

/// A number in 0..1 that depends on the world and how many were drawn.
fn draw(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let high = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(0);
    f64::from(high) / f64::from(u32::MAX)
}

fn play(world: &World) -> Played {
    let rates = match world.rates.as_str() {
        "told" => Known::Told(world.flakes.0, world.flakes.1),
        "unknown" => Known::Nothing,
        _ => Known::Deterministic,
    };
    let options = Options { rates, confirm: world.confirm, max_probes: 2000, ..Options::default() };
    let mut reducer = Reducer::new(&world.weights, &world.deps, options);
    let closed = |set: &Set| set.iter().all(|key| world.deps[*key].iter().all(|need| set.contains(need)));
    let mut state = world.seed;
    let mut invalid = 0;
    loop {
        match reducer.next(&closed) {
            Step::Done(done) => {
                return Played {
                    probes: done.probes.total(),
                    search: done.probes.search,
                    confirm: done.probes.confirm,
                    shrink: done.probes.shrink,
                    unresolved: done.probes.unresolved,
                    invalid,
                    must: done.must,
                    others: done.others,
                    minimal: done.minimal,
                    necessary: done.necessary,
                };
            }
            Step::Probe(set) => {
                invalid += usize::from(!closed(&set));
                let bad = world.causes.iter().any(|cause: &BTreeSet<usize>| cause.is_subset(&set));
                let lies = draw(&mut state) < if bad { world.flakes.1 } else { world.flakes.0 };
                let verdict = if draw(&mut state) < world.unresolved {
                    Verdict::Unresolved
                } else if bad != lies {
                    Verdict::Bad
                } else {
                    Verdict::Good
                };
                reducer.record(&set, &verdict);
            }
        }
    }
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let world: World = serde_json::from_str(&line?)?;
        writeln!(out, "{}", serde_json::to_string(&play(&world))?)?;
    }
    Ok(())
}
