//! Every commit of a range with what it changed in the effective configs.

use std::collections::{BTreeMap, BTreeSet};

use git2::Oid;

use crate::delta::change::{Change, changes};

use super::filter::Filter;
use super::git::{Commit, FileDelta, Range, blob_at, deltas, text_of};
use super::reader::Reader;
use super::rename::{Moved, pairs};

/// One config that a commit changed.
#[derive(Clone, Debug)]
pub struct FileChange {
    /// Its path after the commit (before, where it went).
    pub path: String,
    /// Where it came from, if it moved.
    pub old_path: Option<String>,
    /// Before.
    pub old: Option<Oid>,
    /// After.
    pub new: Option<Oid>,
    /// In the effective settings; empty: comments, order, spelling.
    pub changes: Vec<Change>,
}

/// What one commit did.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Configs with effective changes.
    pub files: Vec<FileChange>,
    /// Configs that it touched without changing what they mean.
    pub cosmetic: usize,
}

impl Step {
    /// Whether it changed any effective config.
    #[must_use]
    pub fn is_change(&self) -> bool {
        !self.files.is_empty()
    }
}

/// The range with what each commit did.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// The commits.
    pub range: Range,
    /// In their order; the good end has an empty one.
    pub steps: Vec<Step>,
    /// The named configs, as they are called at the bad end, with all names they had.
    pub names: BTreeMap<String, BTreeSet<String>>,
    /// What could not be read.
    pub problems: Vec<String>,
}

impl Timeline {
    /// Looks at every commit of the range, newest first, so that a file is known by its last name.
    #[must_use]
    pub fn read(range: Range, mut filter: Filter, reader: &mut Reader<'_>) -> Self {
        let mut walk = Walk { filter: &mut filter, reader, children: BTreeMap::new(), problems: Vec::new() };
        if let Some(bad) = range.commits.last() {
            walk.find_parents(bad.id);
        }
        let mut steps: Vec<Step> = Vec::with_capacity(range.commits.len());
        let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut alias: BTreeMap<String, String> = BTreeMap::new();
        for (at, commit) in range.commits.iter().enumerate().rev() {
            let step = if at == 0 { Step::default() } else { walk.step(commit) };
            for file in &step.files {
                let last = alias.get(&file.path).unwrap_or(&file.path).clone();
                let known = names.entry(last.clone()).or_default();
                known.insert(file.path.clone());
                if let Some(old) = &file.old_path {
                    known.insert(old.clone());
                    alias.insert(old.clone(), last);
                }
            }
            steps.push(step);
        }
        steps.reverse();
        let mut problems = walk.problems;
        problems.append(&mut reader.problems);
        problems.sort();
        problems.dedup();
        Self { range, steps, names, problems }
    }

    /// The commits that changed an effective config.
    pub fn changing(&self) -> impl Iterator<Item = usize> {
        self.steps.iter().enumerate().filter(|(_, step)| step.is_change()).map(|(at, _)| at)
    }
}

struct Walk<'a, 'r> {
    filter: &'a mut Filter,
    reader: &'a mut Reader<'r>,
    /// Parents' paths → the configs that name them.
    children: BTreeMap<String, BTreeSet<String>>,
    problems: Vec<String>,
}

impl Walk<'_, '_> {
    /// The parents of all configs at the newest commit: only a text that names some is parsed for it.
    fn find_parents(&mut self, newest: Oid) {
        for delta in deltas(self.reader.repo, None, Some(newest), self.filter, &mut self.problems) {
            let Some(blob) = delta.new else { continue };
            let names = |text: &String| ["defaults:", "extends:", "_base_:"].iter().any(|key| text.contains(key));
            if text_of(self.reader.repo, blob).is_some_and(|text| names(&text)) {
                self.note_parents(&delta.path, blob);
            }
        }
    }

    fn step(&mut self, commit: &Commit) -> Step {
        let mut sides: Vec<(Option<Oid>, Vec<FileDelta>)> = Vec::new();
        for parent in &commit.parent_ids {
            let found = deltas(self.reader.repo, Some(*parent), Some(commit.id), self.filter, &mut self.problems);
            if found.is_empty() {
                return Step::default(); // a merge that took one side's configs as they were
            }
            sides.push((Some(*parent), found));
        }
        if sides.is_empty() {
            sides.push((None, deltas(self.reader.repo, None, Some(commit.id), self.filter, &mut self.problems)));
        }
        let mut all: Vec<(Vec<FileChange>, usize)> =
            sides.into_iter().map(|(parent, found)| self.files(parent, commit.id, found)).collect();
        let (mut files, cosmetic) = all.pop().unwrap_or_default();
        // a merge is to blame for what it has from neither side
        for (others, _) in all {
            files.retain_mut(|file| {
                let Some(other) = others.iter().find(|other| other.path == file.path) else { return false };
                file.changes.retain(|change| {
                    other.changes.iter().any(|theirs| theirs.name == change.name && theirs.role == change.role)
                });
                !file.changes.is_empty()
            });
        }
        Step { files, cosmetic }
    }

    /// Effective changes against one parent, and how many files were touched without one.
    fn files(&mut self, parent: Option<Oid>, commit: Oid, mut found: Vec<FileDelta>) -> (Vec<FileChange>, usize) {
        self.with_children(parent, commit, &mut found);
        let moved = self.moved(parent, commit, &found);
        let mut files = Vec::new();
        let mut cosmetic = 0;
        for delta in &found {
            if moved.values().any(|old| old.0 == delta.path) {
                continue;
            }
            let (old, old_path) = match moved.get(&delta.path) {
                Some((path, blob)) => (Some(*blob), Some(path.clone())),
                None => (delta.old, None),
            };
            match self.compare(parent, commit, delta, old, old_path) {
                Some(file) if file.changes.is_empty() => cosmetic += 1,
                Some(file) => files.push(file),
                None => {}
            }
        }
        (files, cosmetic)
    }

    /// The change of one file; `None`: it is no config.
    fn compare(
        &mut self,
        parent: Option<Oid>,
        commit: Oid,
        delta: &FileDelta,
        old: Option<Oid>,
        old_path: Option<String>,
    ) -> Option<FileChange> {
        let before = match (old, parent) {
            (Some(blob), Some(parent)) => {
                let path = old_path.as_deref().unwrap_or(&delta.path);
                self.note_parents(path, blob);
                Some(self.reader.whole(path, blob, parent))
            }
            _ => None,
        };
        let after = delta.new.map(|blob| {
            self.note_parents(&delta.path, blob);
            self.reader.whole(&delta.path, blob, commit)
        });
        let known = [&before, &after].into_iter().flatten().any(|snapshot| snapshot.dialect.is_some());
        if !known && !self.filter.names(&delta.path) {
            return None;
        }
        let empty = crate::delta::snapshot::Snapshot::default();
        let (one, two) = (before.as_deref().unwrap_or(&empty), after.as_deref().unwrap_or(&empty));
        let changes = changes(one, two, self.reader.linter.catalogue, self.reader.releases);
        Some(FileChange { path: delta.path.clone(), old_path, old, new: delta.new, changes })
    }

    /// Parents are watched like the configs that name them.
    fn note_parents(&mut self, path: &str, blob: Oid) {
        for parent in self.reader.parents_of(path, blob).iter() {
            self.filter.watch(parent);
            self.children.entry(parent.clone()).or_default().insert(path.to_owned());
        }
    }

    /// A changed parent changes its children, which did not change themselves.
    fn with_children(&self, parent: Option<Oid>, commit: Oid, found: &mut Vec<FileDelta>) {
        let mut open: Vec<String> = found.iter().map(|delta| delta.path.clone()).collect();
        while let Some(path) = open.pop() {
            for child in self.children.get(&path).into_iter().flatten() {
                if found.iter().any(|delta| delta.path == *child) {
                    continue;
                }
                let blob = |commit: Option<Oid>| blob_at(self.reader.repo, commit?, child);
                found.push(FileDelta { path: child.clone(), old: blob(parent), new: blob(Some(commit)) });
                open.push(child.clone());
            }
        }
    }

    /// For each file that came, the one that went for it.
    fn moved(&mut self, parent: Option<Oid>, commit: Oid, found: &[FileDelta]) -> BTreeMap<String, (String, Oid)> {
        let came: Vec<(String, Oid)> = side(found, |delta| delta.new.filter(|_| delta.old.is_none()));
        if came.is_empty() || parent.is_none() {
            return BTreeMap::new();
        }
        let mut went: Vec<(String, Oid)> = side(found, |delta| delta.old.filter(|_| delta.new.is_none()));
        // a file that was named may have come from anywhere
        if came.iter().any(|(path, _)| self.filter.names(path)) {
            let all = deltas(self.reader.repo, parent, Some(commit), &Filter::default(), &mut self.problems);
            for gone in side(&all, |delta| delta.old.filter(|_| delta.new.is_none())) {
                if !went.contains(&gone) {
                    went.push(gone);
                }
            }
        }
        let mut read = |list: &[(String, Oid)]| -> Vec<_> {
            list.iter().map(|(path, blob)| self.reader.blob(path, *blob)).collect()
        };
        let (old, new) = (read(&went), read(&came));
        let files = |list: &'_ [(String, Oid)]| {
            list.iter().map(|(path, blob)| (path.clone(), blob.to_string())).collect::<Vec<_>>()
        };
        let (went_names, came_names) = (files(&went), files(&came));
        let moved = |names: &'_ [(String, String)], at: usize| names.get(at).cloned().unwrap_or_default();
        let old_moved: Vec<Moved<'_>> = went_names
            .iter()
            .zip(&old)
            .map(|((path, blob), snapshot)| Moved { path, blob: blob.clone(), snapshot })
            .collect();
        let new_moved: Vec<Moved<'_>> = came_names
            .iter()
            .zip(&new)
            .map(|((path, blob), snapshot)| Moved { path, blob: blob.clone(), snapshot })
            .collect();
        let mut result = BTreeMap::new();
        for (i, j) in pairs(&old_moved, &new_moved) {
            if let Some((path, blob)) = went.get(i) {
                self.filter.add(path);
                result.insert(moved(&came_names, j).0, (path.clone(), *blob));
            }
        }
        result
    }
}

fn side(found: &[FileDelta], blob: impl Fn(&FileDelta) -> Option<Oid>) -> Vec<(String, Oid)> {
    found.iter().filter_map(|delta| Some((delta.path.clone(), blob(delta)?))).collect()
}
