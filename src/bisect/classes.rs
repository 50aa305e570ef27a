//! Commits whose configs mean the same: one of them answers for all, as far as configs go.

use std::collections::BTreeMap;

use super::ancestry::{Ancestry, Bits};

/// Classes by number, and the members of each, the one to probe first in front.
#[derive(Clone, Debug)]
pub struct Classes {
    /// The class of each commit.
    pub of: Vec<usize>,
    /// The members of each class.
    pub members: Vec<Vec<usize>>,
}

impl Classes {
    /// Two commits are in one class if they contain the same config changes (`changing`, by index).
    ///
    /// An end stands for its own class, since somebody has seen it run; elsewhere the commit in the middle does.
    #[must_use]
    pub fn new(ancestry: &Ancestry, changing: &[usize]) -> Self {
        let count = ancestry.len();
        let mut numbers: BTreeMap<Vec<u64>, usize> = BTreeMap::new();
        let mut of = Vec::with_capacity(count);
        let mut members: Vec<Vec<usize>> = Vec::new();
        for commit in 0..count {
            let key = match ancestry {
                Ancestry::Line(_) => vec![changing.partition_point(|change| *change <= commit) as u64],
                Ancestry::Graph(_) => contained(ancestry, changing, commit).words(),
            };
            let next = numbers.len();
            let class = *numbers.entry(key).or_insert(next);
            if class == members.len() {
                members.push(Vec::new());
            }
            if let Some(list) = members.get_mut(class) {
                list.push(commit);
            }
            of.push(class);
        }
        for list in &mut members {
            let middle = list.get(list.len() / 2).copied().unwrap_or(0);
            let last = count.saturating_sub(1);
            let end = |commit: usize| commit == 0 || commit == last;
            list.sort_by_key(|commit| (!end(*commit), commit.abs_diff(middle), *commit));
        }
        Self { of, members }
    }

    /// Another member of the class of `commit` for which `free` holds.
    #[must_use]
    pub fn another(&self, commit: usize, free: impl Fn(usize) -> bool) -> Option<usize> {
        let class = self.of.get(commit)?;
        self.members.get(*class)?.iter().copied().find(|member| *member != commit && free(*member))
    }
}

fn contained(ancestry: &Ancestry, changing: &[usize], commit: usize) -> Bits {
    let mut bits = Bits::new(changing.len());
    for (at, change) in changing.iter().enumerate() {
        if ancestry.contains(commit, *change) {
            bits.insert(at);
        }
    }
    bits
}
