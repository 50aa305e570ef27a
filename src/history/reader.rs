//! Snapshots of configs at commits, each blob read once.

use std::collections::HashMap;
use std::sync::Arc;

use git2::{Oid, Repository};

use crate::delta::compose::{MAX_DEPTH, over, parents};
use crate::delta::snapshot::{Releases, Snapshot};
use crate::document::parse;
use crate::lint::engine::Linter;

use super::git::{blob_at, text_of};

/// Settings kept in memory; about 100 MiB.
const MAX_SETTINGS: usize = 400_000;

/// Reads configs.
pub struct Reader<'a> {
    /// Where from.
    pub repo: &'a Repository,
    /// Which releases and facts.
    pub linter: &'a Linter<'a>,
    /// The same for all.
    pub releases: Releases,
    /// What could not be read, once each.
    pub problems: Vec<String>,
    cache: HashMap<Oid, Arc<Snapshot>>,
    parents: HashMap<Oid, Arc<Vec<String>>>,
    held: usize,
}

impl<'a> Reader<'a> {
    /// Nothing read yet.
    #[must_use]
    pub fn new(repo: &'a Repository, linter: &'a Linter<'a>, releases: Releases) -> Self {
        Self { repo, linter, releases, problems: Vec::new(), cache: HashMap::new(), parents: HashMap::new(), held: 0 }
    }

    /// A blob on its own.
    pub fn blob(&mut self, path: &str, blob: Oid) -> Arc<Snapshot> {
        if let Some(known) = self.cache.get(&blob) {
            return Arc::clone(known);
        }
        let snapshot = if let Some(text) = text_of(self.repo, blob) {
            self.parents.insert(blob, Arc::new(parents(&parse(&text), path)));
            Snapshot::read(&text, self.linter, self.releases)
        } else {
            self.problems.push(format!("{path}: blob {blob} is not in this clone, or too large for a config"));
            Snapshot::default()
        };
        let size: usize = snapshot.roles.iter().map(|role| role.settings.len()).sum();
        if self.held + size > MAX_SETTINGS {
            self.cache.clear();
            self.held = 0;
        }
        self.held += size;
        let snapshot = Arc::new(snapshot);
        self.cache.insert(blob, Arc::clone(&snapshot));
        snapshot
    }

    /// The parents that a blob names.
    pub fn parents_of(&mut self, path: &str, blob: Oid) -> Arc<Vec<String>> {
        if !self.parents.contains_key(&blob) {
            self.blob(path, blob);
        }
        self.parents.get(&blob).cloned().unwrap_or_default()
    }

    /// A file with what it takes from its parents at the same commit.
    pub fn whole(&mut self, path: &str, blob: Oid, commit: Oid) -> Arc<Snapshot> {
        self.composed(path, blob, commit, 0)
    }

    fn composed(&mut self, path: &str, blob: Oid, commit: Oid, depth: usize) -> Arc<Snapshot> {
        let own = self.blob(path, blob);
        let parents = self.parents_of(path, blob);
        if parents.is_empty() || depth >= MAX_DEPTH {
            return own;
        }
        let mut whole = (*own).clone();
        for parent in parents.iter().rev() {
            if let Some(found) = blob_at(self.repo, commit, parent) {
                let theirs = self.composed(parent, found, commit, depth + 1);
                whole = over(&whole, &theirs, parent);
            }
        }
        Arc::new(whole)
    }
}
