//! Files at a revision, read from the object database: the work tree is never touched.

use std::path::{Component, Path, PathBuf};

use git2::{Delta, DiffFindOptions, DiffOptions, ErrorCode, ObjectType, Repository, Tree};

pub use git2::Oid;

use super::read::{MAX_CONFIG, ReadError, text_of};

/// Most candidates that are compared to find out what a file was called before.
const MAX_RENAMES: usize = 2_000;

/// What a repository can't give.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// No repository around.
    #[error("{path}: not in a git repository; REV:PATH and --base need one")]
    NoRepository {
        /// Where it was looked for.
        path: String,
    },
    /// Not a commit.
    #[error("no revision `{rev}` here; `git log --oneline` lists commits, `git fetch` gets those of a remote{hint}")]
    NoRevision {
        /// As typed.
        rev: String,
        /// What else may be meant.
        hint: String,
    },
    /// Not in that commit.
    #[error("no file `{path}` in {rev}{hint}")]
    NoPath {
        /// As typed.
        rev: String,
        /// As typed.
        path: String,
        /// What to type.
        hint: String,
    },
    /// A folder, a link or a submodule.
    #[error("`{path}` is no regular file in {rev}")]
    NotAFile {
        /// As typed.
        rev: String,
        /// As typed.
        path: String,
    },
    /// It is there, but no text.
    #[error("{rev}:{path}: {why}")]
    Unreadable {
        /// As typed.
        rev: String,
        /// As typed.
        path: String,
        /// What is wrong with it.
        why: ReadError,
    },
    /// Histories without a common commit.
    #[error("`{0}` and HEAD have no common ancestor; in a shallow clone `git fetch --unshallow` gets the history")]
    NoMergeBase(String),
    /// A repository without files beside it.
    #[error("a bare repository has no work tree to compare with; name two sides as REV:PATH")]
    Bare,
    /// Outside of the repository.
    #[error("{0}: not in this repository")]
    Outside(String),
    /// Anything else that libgit2 says.
    #[error("git: {0}")]
    Git(String),
}

impl From<git2::Error> for GitError {
    fn from(error: git2::Error) -> Self {
        Self::Git(error.message().to_owned())
    }
}

/// A file that is not the same at two points of a history; paths are relative to the repository's root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changed {
    /// Its name then; `None`: it is new.
    pub old: Option<PathBuf>,
    /// Its name now; `None`: it is gone.
    pub new: Option<PathBuf>,
}

/// A git repository.
pub struct Repo {
    git: Repository,
    root: PathBuf,
}

impl Repo {
    /// The repository that `path` is in.
    ///
    /// # Errors
    /// [`GitError::NoRepository`]; a repository that can't be read.
    pub fn open(path: &Path) -> Result<Self, GitError> {
        let git = Repository::discover(path).map_err(|error| match error.code() {
            ErrorCode::NotFound => GitError::NoRepository { path: path.display().to_string() },
            ErrorCode::Owner => GitError::Git(format!(
                "{}; `git config --global --add safe.directory FOLDER` says that it may be read",
                error.message()
            )),
            _ => error.into(),
        })?;
        let root = git.workdir().unwrap_or_else(|| git.path()).to_path_buf();
        let root = root.canonicalize().unwrap_or(root);
        Ok(Self { git, root })
    }

    /// The folder that paths are relative to.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The commit that a branch, tag, hash or expression (`HEAD~3`) stands for.
    ///
    /// # Errors
    /// [`GitError::NoRevision`].
    pub fn resolve(&self, rev: &str) -> Result<Oid, GitError> {
        let commit = self.git.revparse_single(rev).and_then(|object| object.peel_to_commit());
        commit.map(|commit| commit.id()).map_err(|_| {
            let remote = format!("origin/{rev}");
            let known = self.git.revparse_single(&remote).is_ok();
            let hint = if known { format!("; did you mean `{remote}`?") } else { String::new() };
            GitError::NoRevision { rev: rev.to_owned(), hint }
        })
    }

    /// The newest commit that `rev` and HEAD both come from.
    ///
    /// # Errors
    /// [`GitError::NoRevision`], [`GitError::NoMergeBase`].
    pub fn merge_base(&self, rev: &str) -> Result<Oid, GitError> {
        let (base, head) = (self.resolve(rev)?, self.resolve("HEAD")?);
        self.git.merge_base(base, head).map_err(|_| GitError::NoMergeBase(rev.to_owned()))
    }

    /// The text of the file at `path` (from the root) in a revision.
    ///
    /// # Errors
    /// A revision or file that is not there, with what to type; a file that is no text.
    pub fn blob(&self, rev: &str, path: &Path) -> Result<String, GitError> {
        let tree = self.tree(rev)?;
        let name = slashes(path);
        let unreadable = |why| GitError::Unreadable { rev: rev.to_owned(), path: name.clone(), why };
        let Ok(entry) = tree.get_path(Path::new(&name)) else { return Err(self.no_path(&tree, rev, &name)) };
        let regular = entry.kind() == Some(ObjectType::Blob) && entry.filemode() != 0o120_000;
        if !regular {
            return Err(GitError::NotAFile { rev: rev.to_owned(), path: name });
        }
        // looked at before it is read: it may be gigabytes
        let size = self.git.odb()?.read_header(entry.id())?.0 as u64;
        if size > MAX_CONFIG {
            let (size, limit) = (size.div_ceil(1 << 20), MAX_CONFIG >> 20);
            return Err(unreadable(ReadError::TooLarge { size, limit }));
        }
        let bytes = self.git.find_blob(entry.id())?.content().to_vec();
        text_of(bytes, false).map_err(unreadable)
    }

    /// The files below a folder of a revision, relative to it, sorted; `None`: there is no such folder.
    ///
    /// # Errors
    /// [`GitError::NoRevision`].
    pub fn files(&self, rev: &str, folder: &Path) -> Result<Option<Vec<PathBuf>>, GitError> {
        let mut tree = self.tree(rev)?;
        let name = slashes(folder);
        if !name.is_empty() {
            let found = tree.get_path(Path::new(&name)).and_then(|entry| entry.to_object(&self.git));
            let Some(below) = found.ok().and_then(|object| object.into_tree().ok()) else { return Ok(None) };
            tree = below;
        }
        let mut files = Vec::new();
        tree.walk(git2::TreeWalkMode::PreOrder, |folder, entry| {
            if entry.kind() == Some(ObjectType::Blob) {
                files.push(PathBuf::from(format!("{folder}{}", String::from_utf8_lossy(entry.name_bytes()))));
            }
            git2::TreeWalkResult::Ok
        })?;
        files.sort();
        Ok(Some(files))
    }

    /// Files that differ between a commit and the work tree, new ones included and ignored ones left out, sorted by
    /// their name now; a file that moved is known by its content.
    ///
    /// # Errors
    /// [`GitError::Bare`]; what libgit2 says.
    pub fn changed_files(&self, base: Oid) -> Result<Vec<Changed>, GitError> {
        if self.git.is_bare() {
            return Err(GitError::Bare);
        }
        let tree = self.git.find_commit(base)?.tree()?;
        let mut wanted = DiffOptions::new();
        wanted.include_untracked(true).recurse_untracked_dirs(true).ignore_submodules(true);
        let mut diff = self.git.diff_tree_to_workdir_with_index(Some(&tree), Some(&mut wanted))?;
        let mut similar = DiffFindOptions::new();
        similar.renames(true).for_untracked(true).rename_limit(MAX_RENAMES);
        diff.find_similar(Some(&mut similar))?;
        let mut changed: Vec<Changed> = diff
            .deltas()
            .filter_map(|delta| {
                let old = delta.old_file().path().map(Path::to_path_buf);
                let new = delta.new_file().path().map(Path::to_path_buf);
                match delta.status() {
                    Delta::Added | Delta::Untracked | Delta::Copied => Some(Changed { old: None, new }),
                    Delta::Deleted => Some(Changed { old, new: None }),
                    Delta::Modified | Delta::Renamed | Delta::Typechange => Some(Changed { old, new }),
                    _ => None,
                }
            })
            .collect();
        changed.sort_by(|a, b| (a.new.as_ref().or(a.old.as_ref()), a).cmp(&(b.new.as_ref().or(b.old.as_ref()), b)));
        Ok(changed)
    }

    /// A path as the user typed it beside a revision, from the root: `./a.yaml` and `../a.yaml` start at the current
    /// folder, an absolute one has to be below the root, anything else starts at the root, as git has it.
    ///
    /// # Errors
    /// [`GitError::Outside`].
    pub fn from_root(&self, path: &Path, current: &Path) -> Result<PathBuf, GitError> {
        let outside = || GitError::Outside(path.display().to_string());
        let dotted = matches!(path.components().next(), Some(Component::CurDir | Component::ParentDir));
        let whole = match (path.is_absolute(), dotted) {
            (true, _) => path.to_path_buf(),
            (false, true) => current.join(path),
            (false, false) => self.root.join(path),
        };
        let mut parts: Vec<Component<'_>> = Vec::new();
        for part in whole.components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        let whole: PathBuf = parts.into_iter().collect();
        whole.strip_prefix(&self.root).map(Path::to_path_buf).map_err(|_| outside())
    }

    fn tree(&self, rev: &str) -> Result<Tree<'_>, GitError> {
        let commit = self.resolve(rev)?;
        Ok(self.git.find_commit(commit)?.tree()?)
    }

    /// A file that is not there: where one of its name is, or whether it is only in the work tree.
    fn no_path(&self, tree: &Tree<'_>, rev: &str, path: &str) -> GitError {
        let wanted = path.rsplit('/').next().unwrap_or(path).as_bytes().to_vec();
        let mut elsewhere: Vec<String> = Vec::new();
        let _ = tree.walk(git2::TreeWalkMode::PreOrder, |folder, entry| {
            if entry.kind() == Some(ObjectType::Blob) && entry.name_bytes() == wanted {
                elsewhere.push(format!("{folder}{}", String::from_utf8_lossy(entry.name_bytes())));
            }
            if elsewhere.len() < 64 { git2::TreeWalkResult::Ok } else { git2::TreeWalkResult::Abort }
        });
        // the one that ends the most alike
        elsewhere.sort_by_key(|known| std::cmp::Reverse(alike(known, path)));
        let hint = match elsewhere.first() {
            Some(known) => format!("; did you mean `{rev}:{known}`?"),
            None if self.root.join(path).is_file() => {
                "; it is in the work tree only: name it without `REV:`".to_owned()
            }
            None => format!("; `git ls-tree -r --name-only {rev}` lists what is there"),
        };
        GitError::NoPath { rev: rev.to_owned(), path: path.to_owned(), hint }
    }
}

/// How many parts of two paths are the same, counted from their ends.
fn alike(one: &str, two: &str) -> usize {
    one.rsplit('/').zip(two.rsplit('/')).take_while(|(a, b)| a == b).count()
}

fn slashes(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/").trim_matches('/').to_owned()
}
