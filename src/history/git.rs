//! A repository's commits and trees. Only folders whose ids differ are opened: a walk over ten thousand commits costs
//! a fraction of what a diff with path limits does.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use git2::{ObjectType, Oid, Repository, Sort};

use super::filter::Filter;

/// What can't be done with a repository, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// Nothing there.
    #[error("{0}: no git repository; run this inside one")]
    NoRepository(String),
    /// A revision that names no commit.
    #[error("`{0}` names no commit here; in a shallow or partial clone, fetch it first (git fetch --unshallow)")]
    NoCommit(String),
    /// A file that a revision does not have.
    #[error("{0}")]
    NoBlob(String),
    /// The range is empty.
    #[error("no commit lies between {good} (good) and {bad} (bad): {why}")]
    Empty {
        /// As given.
        good: String,
        /// As given.
        bad: String,
        /// What to do.
        why: &'static str,
    },
    /// A path or glob that can't be read.
    #[error("{0}")]
    Path(String),
    /// libgit2 said no.
    #[error("git: {0}")]
    Git(String),
}

impl From<git2::Error> for HistoryError {
    fn from(error: git2::Error) -> Self {
        Self::Git(error.message().to_owned())
    }
}

/// One commit of the range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: Oid,
    /// First line of its message.
    pub subject: String,
    /// Seconds since 1970.
    pub time: i64,
    /// Parents by index; one outside the range is 0, the good end.
    pub parents: Vec<usize>,
    /// All parents that count, by id.
    pub parent_ids: Vec<Oid>,
}

/// The good end (index 0) and every commit that the bad end contains and the good end does not, parents first.
#[derive(Clone, Debug)]
pub struct Range {
    /// In order; the last one is the bad end.
    pub commits: Vec<Commit>,
    /// Whether the good end is no ancestor of the bad one: then their common ancestor is taken for good.
    pub forked: bool,
}

/// A file that differs between two trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDelta {
    /// Relative to the top.
    pub path: String,
    /// Before; `None`: not there.
    pub old: Option<Oid>,
    /// After; `None`: gone.
    pub new: Option<Oid>,
}

/// Opens the repository that holds `path`.
///
/// # Errors
/// [`HistoryError::NoRepository`].
pub fn open(path: &Path) -> Result<Repository, HistoryError> {
    // objects were checked when they came in; checking each again costs a third of the walk
    git2::opts::strict_hash_verification(false);
    Repository::discover(path).map_err(|_| HistoryError::NoRepository(path.display().to_string()))
}

/// The commit that a revision means.
///
/// # Errors
/// [`HistoryError::NoCommit`].
pub fn resolve(repo: &Repository, revision: &str) -> Result<Oid, HistoryError> {
    let commit = repo.revparse_single(revision).and_then(|object| object.peel_to_commit());
    commit.map(|commit| commit.id()).map_err(|_| HistoryError::NoCommit(revision.to_owned()))
}

/// The commits between a good and a bad one.
///
/// # Errors
/// A revision that names no commit; a range without commits.
pub fn range(repo: &Repository, good: &str, bad: &str, first_parent: bool) -> Result<Range, HistoryError> {
    let (old, new) = (resolve(repo, good)?, resolve(repo, bad)?);
    let empty = |why| HistoryError::Empty { good: good.to_owned(), bad: bad.to_owned(), why };
    if old == new {
        return Err(empty("they are the same commit"));
    }
    if repo.graph_descendant_of(old, new).unwrap_or(false) {
        return Err(empty(
            "the bad one is older; to find what mended something, swap them and swap the probe's answers",
        ));
    }
    let mut walk = repo.revwalk()?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE)?;
    if first_parent {
        walk.simplify_first_parent()?;
    }
    walk.push(new)?;
    walk.hide(old)?;
    let mut index = HashMap::from([(old, 0)]);
    let mut commits = vec![commit(repo, old, first_parent, &HashMap::new())?];
    for id in walk {
        let id = id?;
        index.insert(id, commits.len());
        commits.push(commit(repo, id, first_parent, &index)?);
    }
    if commits.len() < 2 {
        return Err(empty("the good one contains all of it"));
    }
    Ok(Range { forked: !repo.graph_descendant_of(new, old).unwrap_or(true), commits })
}

fn commit(repo: &Repository, id: Oid, first_parent: bool, index: &HashMap<Oid, usize>) -> Result<Commit, HistoryError> {
    let commit = repo.find_commit(id)?;
    let count = if first_parent { 1 } else { usize::MAX };
    let parent_ids: Vec<Oid> = commit.parent_ids().take(count).collect();
    let mut parents: Vec<usize> = parent_ids.iter().map(|parent| index.get(parent).copied().unwrap_or(0)).collect();
    parents.sort_unstable();
    parents.dedup();
    let subject = commit.summary().ok().flatten().unwrap_or("").to_owned();
    Ok(Commit { id, subject, time: commit.time().seconds(), parents, parent_ids })
}

/// What differs between the trees of two commits, as far as the filter goes; `problems` takes what could not be read.
pub fn deltas(
    repo: &Repository,
    old: Option<Oid>,
    new: Option<Oid>,
    filter: &Filter,
    problems: &mut Vec<String>,
) -> Vec<FileDelta> {
    let mut walk = TreeWalk { repo, filter, found: Vec::new(), problems };
    let tree = |commit: Option<Oid>| {
        let commit = repo.find_commit(commit?).ok()?;
        Some(commit.tree_id())
    };
    walk.compare(tree(old), tree(new), "");
    walk.found
}

struct TreeWalk<'a> {
    repo: &'a Repository,
    filter: &'a Filter,
    found: Vec<FileDelta>,
    problems: &'a mut Vec<String>,
}

/// A tree's entries: name → id and whether it is a folder.
type Entries = BTreeMap<String, (Oid, bool)>;

impl TreeWalk<'_> {
    fn compare(&mut self, old: Option<Oid>, new: Option<Oid>, folder: &str) {
        if old == new {
            return;
        }
        let mut before = self.entries(old, folder);
        let after = self.entries(new, folder);
        for (name, (id, is_folder)) in after {
            let was = before.remove(&name);
            if was == Some((id, is_folder)) {
                continue;
            }
            let path = join(folder, &name);
            let (old_folder, old_file) = split(was);
            let (new_folder, new_file) = split(Some((id, is_folder)));
            self.pair(&path, (old_folder, new_folder), (old_file, new_file));
        }
        for (name, was) in before {
            let (old_folder, old_file) = split(Some(was));
            self.pair(&join(folder, &name), (old_folder, None), (old_file, None));
        }
    }

    fn pair(&mut self, path: &str, folders: (Option<Oid>, Option<Oid>), files: (Option<Oid>, Option<Oid>)) {
        if (folders.0.is_some() || folders.1.is_some()) && self.filter.enters(path) {
            self.compare(folders.0, folders.1, path);
        }
        if files.0 != files.1 && self.filter.takes(path) {
            self.found.push(FileDelta { path: path.to_owned(), old: files.0, new: files.1 });
        }
    }

    fn entries(&mut self, tree: Option<Oid>, folder: &str) -> Entries {
        let Some(id) = tree else { return Entries::new() };
        let Ok(tree) = self.repo.find_tree(id) else {
            let place = if folder.is_empty() { "the top folder" } else { folder };
            self.problems.push(format!("{place}: tree {id} is not in this clone"));
            return Entries::new();
        };
        let mut entries = Entries::new();
        for entry in &tree {
            let Ok(name) = entry.name() else { continue };
            match entry.kind() {
                Some(ObjectType::Tree) => entries.insert(name.to_owned(), (entry.id(), true)),
                Some(ObjectType::Blob) => entries.insert(name.to_owned(), (entry.id(), false)),
                _ => None,
            };
        }
        entries
    }
}

/// A folder's id, a file's id.
fn split(entry: Option<(Oid, bool)>) -> (Option<Oid>, Option<Oid>) {
    match entry {
        Some((id, true)) => (Some(id), None),
        Some((id, false)) => (None, Some(id)),
        None => (None, None),
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The id of a file at a commit.
#[must_use]
pub fn blob_at(repo: &Repository, commit: Oid, path: &str) -> Option<Oid> {
    let tree = repo.find_commit(commit).and_then(|commit| commit.tree()).ok()?;
    tree.get_path(Path::new(path)).ok().map(|entry| entry.id())
}

/// A blob's text; bad bytes are replaced. `None`: not in this clone (shallow, partial), or too large for a config.
#[must_use]
pub fn text_of(repo: &Repository, blob: Oid) -> Option<String> {
    let blob = repo.find_blob(blob).ok()?;
    let fits = u64::try_from(blob.size()).is_ok_and(|size| size <= crate::source::read::MAX_CONFIG);
    fits.then(|| String::from_utf8_lossy(blob.content()).into_owned())
}
