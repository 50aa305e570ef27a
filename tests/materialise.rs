//! Candidates between two configs: what they say, and that they say nothing else.

mod common;

use std::collections::BTreeSet;
use std::path::PathBuf;

use common::{files, linter_with, root, say, shared};
use moelint::bisect::evidence::Set;
use moelint::bisect::materialise::{MaterialiseError, Pair};
use moelint::delta::change::changes;
use moelint::delta::snapshot::Snapshot;
use moelint::dialect::Dialect;
use moelint::lint::engine::Linter;

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides.max(1)
    }
}

/// What random subsets of two configs' differences came to.
#[derive(Default)]
struct Count {
    pairs: usize,
    candidates: usize,
    /// Of these: setting by setting, beside the places of the text.
    compared: usize,
    refused: Vec<String>,
}

fn set_of(units: usize, dice: &mut Dice) -> Set {
    let share = 1 + dice.roll(4);
    (0..units).filter(|_| dice.roll(4) < share).collect()
}

/// Every unit's settings are written as the bad config has them if it is in `set`, as the good one has them if not.
fn says_what_was_meant(pair: &Pair<'_>, set: &Set, text: &str, linter: &Linter<'_>) -> bool {
    if text.contains("use-checkpoint-args") || pair.bad().contains("use-checkpoint-args") {
        return false; // what other settings are then depends on this one
    }
    let now = Snapshot::read(text, linter, pair.releases());
    // sections that collide, or no longer do, make other roles
    let roles = |snapshot: &Snapshot| snapshot.roles.iter().map(|role| role.name.clone()).collect::<Vec<_>>();
    if roles(&now) != roles(&pair.good_snapshot) || roles(&now) != roles(&pair.bad_snapshot) {
        return false;
    }
    let setting = |snapshot: &Snapshot, role: &str, name: &str| {
        let known = snapshot.roles.iter().find(|known| known.name == role);
        let found = known.and_then(|role| role.settings.get(name)).filter(|found| found.written.is_some())?;
        Some((found.place.clone().map(|place| place.key), found.written.clone().map(|value| value.to_string())))
    };
    for (index, unit) in pair.units.iter().enumerate() {
        let source = if set.contains(&index) { &pair.bad_snapshot } else { &pair.good_snapshot };
        for change in &unit.changes {
            let (found, meant) =
                (setting(&now, &change.role, &change.name), setting(source, &change.role, &change.name));
            // whether a dump was finalised decides which section wins, and so where a setting stands
            let elsewhere = match (&found, &meant) {
                (Some(found), Some(meant)) => found.0 != meant.0,
                (None, None) => false,
                _ => pair.good_snapshot.dialect == Some(Dialect::MegatronBridge),
            };
            // computed from another setting
            let computed = |side: &Option<(Option<String>, Option<String>)>| {
                let key = side.as_ref().and_then(|side| side.0.as_deref()).and_then(|key| key.rsplit('.').next());
                let named = key.and_then(|key| linter.catalogue.find(key)).map(|found| found.0);
                named.is_some() && change.field.is_some() && named != change.field
            };
            if !elsewhere && change.name != "world_size" && !computed(&found) && !computed(&meant) {
                assert_eq!(found, meant, "{} of {} with {set:?}", change.name, change.role);
            }
        }
    }
    true
}

fn compare(name: &str, good: &str, bad: &str, linter: &Linter<'_>, dice: &mut Dice, count: &mut Count) {
    let pair = match Pair::new(good, bad, linter) {
        Ok(pair) => pair,
        Err(MaterialiseError::Broken { .. } | MaterialiseError::Shapes { .. }) => return,
        Err(error) => panic!("{error}"),
    };
    count.pairs += 1;
    assert_eq!(pair.apply(&Set::new()).unwrap(), good);
    let mut sets: BTreeSet<Set> = (0..4).map(|_| set_of(pair.units.len(), dice)).collect();
    sets.insert(pair.all());
    for set in sets {
        count.candidates += 1;
        match pair.apply(&set) {
            Ok(text) => {
                count.compared += usize::from(says_what_was_meant(&pair, &set, &text, linter));
                if set == pair.all() {
                    let now = Snapshot::read(&text, linter, pair.releases());
                    let left = changes(&now, &pair.bad_snapshot, linter.catalogue, pair.releases());
                    let left: Vec<&str> = left.iter().map(|change| change.name.as_str()).collect();
                    assert!(left.is_empty(), "{name}: {left:?} still differ");
                }
            }
            Err(error) => count.refused.push(format!("{name}: {error}")),
        }
    }
}

fn corpus() -> Vec<PathBuf> {
    let is_config = |path: &PathBuf| path.extension().is_some_and(|end| end == "yaml" || end == "json" || end == "yml");
    let mut found = shared("corpus").map_or_else(Vec::new, |folder| files(&folder));
    if found.is_empty() {
        found = files(&root().join("testdata/rules"));
        found.extend(files(&root().join("testdata/dialects")));
        found.extend(files(&root().join("testdata/configs")));
    }
    found.retain(is_config);
    found
}

/// Pairs that are tried.
const PAIRS: usize = 150;

#[test]
fn random_subsets_of_the_differences_of_real_configs() {
    let linter = linter_with(&["--target", "megatron-core=0.18"]);
    let files: Vec<(PathBuf, String)> =
        corpus().into_iter().filter_map(|path| Some((path.clone(), std::fs::read_to_string(path).ok()?))).collect();
    let (mut dice, mut count) = (Dice(7), Count::default());
    // all of them take minutes; every so many of them show the same
    let every = files.len().div_ceil(PAIRS).max(1);
    for (at, (path, good)) in files.iter().enumerate().step_by(every) {
        // one from the same neighbourhood
        let other = (at + 1 + dice.roll(8)).min(files.len() - 1);
        let (other, bad) = &files[other];
        let start = std::time::Instant::now();
        let name = format!("{} -> {}", path.display(), other.display());
        compare(&name, good, bad, &linter, &mut dice, &mut count);
        if start.elapsed().as_secs_f64() > 0.5 && std::env::var_os("MOELINT_VERBOSE").is_some() {
            say(&format!("{} -> {}: {:?}", path.display(), other.display(), start.elapsed()));
        }
    }
    let refused = count.refused.len();
    say(&format!(
        "{} pairs, {} candidates, {} compared, {refused} refused",
        count.pairs, count.candidates, count.compared
    ));
    for error in count.refused.iter().take(50) {
        say(error);
    }
    // mostly pairs of different models, whose sections are in one another's way: said with the key's name, and rare
    assert!(count.compared * 10 > count.candidates * 8, "{} of {} compared", count.compared, count.candidates);
    assert!(refused * 30 <= count.candidates, "{refused} of {} refused", count.candidates);
}
