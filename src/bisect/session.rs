//! A search on disk: what was asked and every probe, written before it starts and after it ends.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::executor::Run;
use super::verdict::{Outcome, Verdict};

/// What went wrong, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The system said no.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    /// The file was changed by hand, or by another version.
    #[error("{0}: {1}; start over with --restart")]
    Broken(PathBuf, serde_json::Error),
    /// Nothing to go on with.
    #[error("{0}: no search has been started here; moelint bisect commits --good REV --bad REV -- CMD starts one")]
    Nothing(PathBuf),
    /// A search that has not ended.
    #[error(
        "{0}: an unfinished search ({1} probes) is kept here: go on with it (moelint bisect resume), start over \
         (--restart), or keep this one elsewhere (--state DIR)"
    )]
    Unfinished(PathBuf, usize),
}

/// One probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// From 1.
    pub number: u32,
    /// The commit whose code runs.
    pub code: String,
    /// The commit whose config runs; for a search over keys, the set's name.
    pub config: String,
    /// Why it was chosen, in one line.
    pub why: String,
    /// Whether it is one of the two at the ends.
    pub preflight: bool,
    /// What runs it; `None`: it was about to start.
    pub run: Option<Run>,
    /// How it ended; `None`: it has not.
    pub outcome: Option<Outcome>,
}

impl Probe {
    /// Whether it said good or bad.
    #[must_use]
    pub fn failed(&self) -> Option<bool> {
        match self.outcome.as_ref()?.verdict {
            Verdict::Good => Some(false),
            Verdict::Bad => Some(true),
            Verdict::Unresolved => None,
        }
    }
}

/// The search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// 1.
    pub version: u8,
    /// The command line that started it, without the program's name.
    pub arguments: Vec<String>,
    /// The folder that it was started in.
    pub folder: PathBuf,
    /// The good end's commit.
    pub good: String,
    /// The bad end's commit.
    pub bad: String,
    /// In the order in which they started.
    pub probes: Vec<Probe>,
    /// Whether it has ended.
    pub finished: bool,
}

/// Where sessions are kept: a folder with the state and one folder a probe.
#[derive(Clone, Debug)]
pub struct Store {
    /// The folder.
    pub folder: PathBuf,
}

impl Store {
    /// The folder of a probe, made if need be.
    ///
    /// # Errors
    /// The system's.
    pub fn probe(&self, number: u32) -> Result<PathBuf, SessionError> {
        let folder = self.folder.join("probes").join(number.to_string());
        fs::create_dir_all(&folder).map_err(|error| SessionError::Io(folder.clone(), error))?;
        Ok(folder)
    }

    fn file(&self) -> PathBuf {
        self.folder.join("session.json")
    }

    /// The session kept here.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn load(&self) -> Result<Session, SessionError> {
        let file = self.file();
        let text = fs::read_to_string(&file).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => SessionError::Nothing(self.folder.clone()),
            _ => SessionError::Io(file.clone(), error),
        })?;
        serde_json::from_str(&text).map_err(|error| SessionError::Broken(file, error))
    }

    /// Makes room for a new session: a finished one goes; an unfinished one only on request.
    ///
    /// # Errors
    /// [`SessionError::Unfinished`], the system's.
    pub fn begin(&self, restart: bool) -> Result<(), SessionError> {
        match self.load() {
            Ok(old) if !old.finished && !old.probes.is_empty() && !restart => {
                return Err(SessionError::Unfinished(self.folder.clone(), old.probes.len()));
            }
            Err(SessionError::Broken(file, error)) if !restart => return Err(SessionError::Broken(file, error)),
            _ => {}
        }
        let probes = self.folder.join("probes");
        if probes.exists() {
            fs::remove_dir_all(&probes).map_err(|error| SessionError::Io(probes.clone(), error))?;
        }
        fs::create_dir_all(&self.folder).map_err(|error| SessionError::Io(self.folder.clone(), error))
    }

    /// Writes the state: beside, to the disk, then renamed, so that it is the old or the new one whatever happens.
    ///
    /// # Errors
    /// The system's.
    pub fn save(&self, session: &Session) -> Result<(), SessionError> {
        let file = self.file();
        let beside = self.folder.join("session.json.tmp");
        let write = || -> std::io::Result<()> {
            let mut out = File::create(&beside)?;
            out.write_all(&serde_json::to_vec_pretty(session)?)?;
            out.sync_all()?;
            fs::rename(&beside, &file)?;
            sync_folder(&self.folder)
        };
        write().map_err(|error| SessionError::Io(file.clone(), error))
    }
}

/// The rename itself has to reach the disk too.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A few letters that tell the sessions of one repository apart.
#[must_use]
pub fn tag(folder: &Path) -> String {
    let print = crate::lint::finding::fingerprint(&[&folder.to_string_lossy()]);
    print.get(..8).unwrap_or("").to_owned()
}
