//! Which commits a commit contains: what decides whether a culprit is in effect at a probe.

/// Commits by index in topological order, parents before children; 0 is the good end, which contains nothing.
#[derive(Clone, Debug)]
pub enum Ancestry {
    /// A line of `n` commits behind the good end: each contains all before it.
    Line(usize),
    /// Any history: for each commit the set of commits in it, itself included.
    Graph(Vec<Bits>),
}

/// A set of small numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// The empty set with room for numbers below `len`.
    #[must_use]
    pub fn new(len: usize) -> Self {
        Self(vec![0; len.div_ceil(64)])
    }

    /// Adds a number; one beyond the room is left out.
    pub fn insert(&mut self, at: usize) {
        if let Some(word) = self.0.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }

    /// Whether the number is in it.
    #[must_use]
    pub fn contains(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word & (1 << (at % 64)) != 0)
    }

    /// Adds another set.
    pub fn extend(&mut self, other: &Self) {
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    /// How many numbers it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The set as words of 64 numbers each.
    #[must_use]
    pub fn words(self) -> Vec<u64> {
        self.0
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
}

impl Ancestry {
    /// From each commit's parents (indexes smaller than its own; parents outside the range left out); a line where
    /// each commit has the one before it as its only parent.
    #[must_use]
    pub fn new(parents: &[Vec<usize>]) -> Self {
        let line = parents.iter().enumerate().skip(1).all(|(at, parents)| parents.as_slice() == [at - 1]);
        if line {
            return Self::Line(parents.len().saturating_sub(1));
        }
        let mut sets: Vec<Bits> = Vec::with_capacity(parents.len());
        for (at, parents_of) in parents.iter().enumerate() {
            let mut set = Bits::new(parents.len());
            for parent in parents_of {
                if let Some(theirs) = sets.get(*parent) {
                    set.extend(theirs);
                }
            }
            if at > 0 {
                set.insert(at);
            }
            sets.push(set);
        }
        Self::Graph(sets)
    }

    /// Whether the commit at `tip` contains the one at `commit`.
    #[must_use]
    pub fn contains(&self, tip: usize, commit: usize) -> bool {
        match self {
            Self::Line(_) => commit <= tip && commit > 0,
            Self::Graph(sets) => sets.get(tip).is_some_and(|set| set.contains(commit)),
        }
    }

    /// How many commits there are, the good end included.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Line(count) => count + 1,
            Self::Graph(sets) => sets.len(),
        }
    }

    /// Whether there is none but the good end.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() <= 1
    }
}
