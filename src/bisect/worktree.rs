//! Working trees of our own for probes: the user's tree is never touched.
//!
//! libgit2 can only add a working tree together with a new branch, so the three files that make a linked one are
//! written here, as git's documentation of the repository layout has them.

use std::fs;
use std::path::{Path, PathBuf};

use git2::build::CheckoutBuilder;
use git2::{Oid, Repository};

/// What went wrong, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum WorktreeError {
    /// The system said no.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    /// A path of the repository that leads out of the working tree.
    #[error("{0}: leads out of the working tree")]
    Outside(String),
    /// libgit2 said no.
    #[error("git: {0}")]
    Git(String),
}

impl From<git2::Error> for WorktreeError {
    fn from(error: git2::Error) -> Self {
        Self::Git(error.message().to_owned())
    }
}

/// One linked working tree.
pub struct Worktree {
    /// Its top folder.
    pub path: PathBuf,
    admin: PathBuf,
    repo: Repository,
    /// What is checked out.
    pub commit: Option<Oid>,
}

impl Worktree {
    /// Makes a working tree at `path`, or takes over the one that an earlier search left there.
    ///
    /// # Errors
    /// [`WorktreeError`].
    pub fn add(main: &Repository, path: &Path, name: &str, first: Oid) -> Result<Self, WorktreeError> {
        let io = |at: &Path| {
            let at = at.to_path_buf();
            move |error| WorktreeError::Io(at, error)
        };
        let admin = main.commondir().join("worktrees").join(name);
        fs::create_dir_all(path).map_err(io(path))?;
        let path = path.canonicalize().map_err(io(path))?;
        fs::create_dir_all(&admin).map_err(io(&admin))?;
        let admin = admin.canonicalize().map_err(io(&admin))?;
        let link = path.join(".git");
        let write = |file: &Path, text: String| fs::write(file, text).map_err(io(file));
        write(&admin.join("commondir"), "../..\n".to_owned())?;
        write(&admin.join("gitdir"), format!("{}\n", link.display()))?;
        if !admin.join("HEAD").exists() {
            write(&admin.join("HEAD"), format!("{first}\n"))?;
        }
        write(&link, format!("gitdir: {}\n", admin.display()))?;
        let repo = Repository::open(&path)?;
        Ok(Self { path, admin, repo, commit: None })
    }

    /// Checks a commit out, whatever a probe left in tracked files; untracked files stay, as `git bisect` leaves them.
    ///
    /// # Errors
    /// [`WorktreeError`].
    pub fn checkout(&mut self, commit: Oid) -> Result<(), WorktreeError> {
        let object = self.repo.find_commit(commit)?.into_object();
        let mut how = CheckoutBuilder::new();
        how.force();
        self.repo.checkout_tree(&object, Some(&mut how))?;
        self.repo.set_head_detached(commit)?;
        self.commit = Some(commit);
        Ok(())
    }

    /// Puts a file's content in place; `None`: takes the file away.
    ///
    /// # Errors
    /// [`WorktreeError`].
    pub fn put(&self, path: &str, content: Option<&[u8]>) -> Result<PathBuf, WorktreeError> {
        let inside = Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !inside {
            return Err(WorktreeError::Outside(path.to_owned()));
        }
        let file = self.path.join(path);
        let io = |error| WorktreeError::Io(file.clone(), error);
        match content {
            Some(bytes) => {
                if let Some(folder) = file.parent() {
                    fs::create_dir_all(folder).map_err(io)?;
                }
                fs::write(&file, bytes).map_err(io)?;
            }
            None if file.exists() => fs::remove_file(&file).map_err(io)?,
            None => {}
        }
        Ok(file)
    }

    /// Takes the working tree away.
    ///
    /// # Errors
    /// [`WorktreeError`].
    pub fn remove(self) -> Result<(), WorktreeError> {
        for folder in [&self.path, &self.admin] {
            fs::remove_dir_all(folder).map_err(|error| WorktreeError::Io(folder.clone(), error))?;
        }
        Ok(())
    }
}
