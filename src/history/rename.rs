//! Files that moved: what went and what came in one commit, paired by content.

use std::collections::BTreeSet;

use crate::delta::snapshot::Snapshot;

/// Least share of equal settings for two files to be one.
const ALIKE: f64 = 0.6;

/// A file that went or came.
#[derive(Clone, Debug)]
pub struct Moved<'a> {
    /// Its path.
    pub path: &'a str,
    /// Its content's id, as text.
    pub blob: String,
    /// What it says.
    pub snapshot: &'a Snapshot,
}

/// Pairs of indexes (went, came), each at most once: equal content first, then the most alike, then the nearest name.
#[must_use]
pub fn pairs(went: &[Moved<'_>], came: &[Moved<'_>]) -> Vec<(usize, usize)> {
    let prints = |files: &[Moved<'_>]| files.iter().map(|file| print(file.snapshot)).collect::<Vec<_>>();
    let (before, after) = (prints(went), prints(came));
    let mut scored: Vec<(f64, usize, usize, usize)> = Vec::new();
    for (i, old) in went.iter().enumerate() {
        for (j, new) in came.iter().enumerate() {
            let same = old.blob == new.blob;
            let score = match (same, before.get(i), after.get(j)) {
                (true, ..) => 2.0,
                (false, Some(old), Some(new)) => alike(old, new),
                _ => 0.0,
            };
            if score >= ALIKE {
                scored.push((score, common(old.path, new.path), i, j));
            }
        }
    }
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then((a.2, a.3).cmp(&(b.2, b.3))));
    let (mut used_old, mut used_new) = (BTreeSet::new(), BTreeSet::new());
    let mut pairs = Vec::new();
    for (_, _, i, j) in scored {
        if !used_old.contains(&i) && !used_new.contains(&j) {
            used_old.insert(i);
            used_new.insert(j);
            pairs.push((i, j));
        }
    }
    pairs.sort_unstable();
    pairs
}

/// Hashes of all settings, sorted.
fn print(snapshot: &Snapshot) -> Vec<u64> {
    let mut print = Vec::new();
    for role in &snapshot.roles {
        for (name, setting) in &role.settings {
            let text = crate::lint::finding::fingerprint(&[name, &setting.effective.to_string()]);
            print.push(u64::from_str_radix(&text, 16).unwrap_or(0));
        }
    }
    print.sort_unstable();
    print
}

/// Twice the common settings over all settings of both.
fn alike(one: &[u64], two: &[u64]) -> f64 {
    let (mut i, mut j, mut common) = (0, 0, 0_usize);
    while let (Some(a), Some(b)) = (one.get(i), two.get(j)) {
        match a.cmp(b) {
            std::cmp::Ordering::Equal => {
                common += 1;
                i += 1;
                j += 1;
            }
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
        }
    }
    let all = one.len() + two.len();
    #[expect(clippy::cast_precision_loss, reason = "numbers of settings")]
    let share = if all == 0 { 0.0 } else { 2.0 * common as f64 / all as f64 };
    share
}

/// Bytes that two paths have in common at their beginnings and ends.
fn common(one: &str, two: &str) -> usize {
    let head = one.bytes().zip(two.bytes()).take_while(|(a, b)| a == b).count();
    let tail = one.bytes().rev().zip(two.bytes().rev()).take_while(|(a, b)| a == b).count();
    head + tail
}
