//! What runs a probe command and says how it ended: on this machine or as jobs of a Slurm cluster.
//!
//! Everything that has to outlive us is in the probe's folder (`MOELINT_OUT`) before anybody waits for it: what was
//! started, and in the end its exit status, which the probe's wrapper writes even when nobody is left to listen. So a
//! search that was killed finds its probes again, whether they still run or have ended meanwhile.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::verdict::{Expectation, Outcome, judge};

pub mod interrupt;
pub mod local;
mod process;
mod record;
pub mod slurm;

/// A probe to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// From 1; the command sees it as `MOELINT_PROBE`.
    pub number: u32,
    /// What a cluster's queue shows: the session and the candidate.
    pub name: String,
    /// The command and its arguments, as they are to arrive.
    pub command: Vec<String>,
    /// Where it runs.
    pub dir: PathBuf,
    /// Variables beside the inherited ones.
    pub env: BTreeMap<String, String>,
    /// Its own folder, which exists; the command sees it as `MOELINT_OUT`.
    pub out: PathBuf,
    /// It is ended after that.
    pub time_limit: Option<Duration>,
    /// Nodes to keep away from, as Slurm lists them.
    pub exclude: Vec<String>,
}

/// What a started probe is found by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Handle {
    /// A process group of this machine.
    Local {
        /// Its leader, which is the wrapper around the command.
        pid: u32,
        /// When that one started, in the system's own count: a number that was given to another process meanwhile shows.
        started: String,
        /// The same as milliseconds since 1970.
        began: u64,
        /// Time limit in milliseconds.
        limit: Option<u64>,
    },
    /// A job of a cluster.
    Slurm {
        /// Its number; that of the whole array, where it is one.
        job: String,
        /// Its place in the array.
        array_task: Option<u32>,
        /// The cluster, where there are several.
        cluster: Option<String>,
    },
}

/// A started probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// What it is found by.
    pub handle: Handle,
    /// Its folder.
    pub out: PathBuf,
}

/// How far a probe is.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// In a queue; why.
    Waiting(String),
    /// It runs.
    Running,
    /// It is over.
    Ended(Ended),
}

/// How a probe ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// On this machine, with that status; a death by signal is 128 + its number, as in every shell.
    Exited(i32),
    /// Ended by us at its time limit.
    TimedOut,
    /// Ended by us because nobody wanted it any more.
    Cancelled,
    /// As Slurm has it.
    Slurm {
        /// One word, such as COMPLETED.
        state: String,
        /// First half of `ExitCode`.
        code: i32,
        /// Second half of `ExitCode`.
        signal: i32,
        /// Slurm's reason; may be empty.
        reason: String,
    },
    /// Not there any more, and nothing says how it ended.
    Lost,
}

/// An end with what is known beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// How.
    pub end: End,
    /// Where it ran, as Slurm lists nodes.
    pub node: Option<String>,
    /// From start to end, without the queue.
    pub seconds: f64,
    /// For how long nothing had been heard from it before it was ended; `None`: not known.
    pub quiet: Option<f64>,
    /// Why it did not get to run, where its log or the lack of one shows that.
    pub launch: Option<String>,
}

/// Runs probes. Every call returns at once but `cancel`, which waits for the grace period at most.
pub trait Executor {
    /// Starts probes, all or none; several at once may become one array of a cluster.
    ///
    /// # Errors
    /// [`ExecError`].
    fn start(&mut self, jobs: &[Job]) -> Result<Vec<Run>, ExecError>;

    /// How far a probe is. Cheap to call often: a cluster is asked at a polite pace only.
    ///
    /// # Errors
    /// [`ExecError::Foreign`]; files that can't be written.
    fn poll(&mut self, run: &Run) -> Result<Progress, ExecError>;

    /// Ends probes and waits for them to be gone, within reason.
    ///
    /// # Errors
    /// [`ExecError`].
    fn cancel(&mut self, runs: &[Run]) -> Result<(), ExecError>;
}

/// Why a probe can't be run, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// No command.
    #[error("no command to run; put it after `--`")]
    NoCommand,
    /// The folder to run in is not there.
    #[error("{0}: no folder to run the probe in; was it removed meanwhile?")]
    NoFolder(PathBuf),
    /// A zero byte, or a variable that no shell takes.
    #[error(
        "`{0}` can't be handed to a command; leave out the zero byte, or name the variable with letters, digits and _"
    )]
    Text(String),
    /// A path in another encoding.
    #[error("{0}: not UTF-8; put the session into a folder with a plain name (--state DIR)")]
    Path(PathBuf),
    /// The probe's folder can't be written.
    #[error("{path}: {source}; put the session where you can write (--state DIR)")]
    Record {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program that isn't there.
    #[error("{program}: {source}; {next}")]
    Program {
        /// Its name.
        program: String,
        /// Why.
        source: io::Error,
        /// What to do.
        next: &'static str,
    },
    /// A Slurm program said no.
    #[error("{program} refused: {text}; what it needs goes into --sbatch-arg, such as --sbatch-arg=--account=NAME")]
    Refused {
        /// Its name.
        program: &'static str,
        /// What it printed.
        text: String,
    },
    /// An answer of a Slurm program that is not what it answers.
    #[error("{program} answered `{text}`, which names no job; is it the real one? (type -a {program})")]
    Answer {
        /// Its name.
        program: &'static str,
        /// What it printed.
        text: String,
    },
    /// An argument for `sbatch` that takes over what the search has to do itself.
    #[error("--sbatch-arg {arg}: {why}; leave it out")]
    SbatchArg {
        /// As given.
        arg: String,
        /// Why not.
        why: &'static str,
    },
    /// A handle of another executor.
    #[error("the session was started with another executor; resume it with --executor {0}")]
    Foreign(&'static str),
}

/// What a probe's end says, with the `verdict.json` that it may have left in its folder.
#[must_use]
pub fn outcome(ended: &Ended, out: &Path, expect: &Expectation) -> Outcome {
    let text = record::verdict(out);
    judge(ended, text.as_deref(), expect)
}

/// What was started in a probe's folder, for a session that died before it wrote that down itself.
#[must_use]
pub fn recorded(out: &Path) -> Option<Run> {
    record::handle(out).map(|handle| Run { handle, out: out.to_owned() })
}

/// Refuses what would not arrive, and makes the probe's folder absolute: the command runs elsewhere.
fn prepare(job: &Job) -> Result<PathBuf, ExecError> {
    if job.command.first().is_none_or(String::is_empty) {
        return Err(ExecError::NoCommand);
    }
    if !job.dir.is_dir() {
        return Err(ExecError::NoFolder(job.dir.clone()));
    }
    let texts = job.command.iter().chain(job.env.values());
    if let Some(text) = texts.into_iter().find(|text| text.contains('\0')) {
        return Err(ExecError::Text(text.replace('\0', "\\0")));
    }
    let plain = |name: &str| {
        let starts = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
        starts && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    if let Some(name) = job.env.keys().find(|name| !plain(name)) {
        return Err(ExecError::Text(name.replace('\0', "\\0")));
    }
    let failed = |source| ExecError::Record { path: job.out.clone(), source };
    let out = std::path::absolute(&job.out).map_err(failed)?;
    record::clear(&out).map_err(failed)?;
    Ok(out)
}

/// The job's variables with those that every probe sees.
fn environment(job: &Job, out: &Path) -> Result<BTreeMap<String, String>, ExecError> {
    let folder = out.to_str().ok_or_else(|| ExecError::Path(out.to_owned()))?;
    let mut env = job.env.clone();
    env.insert("MOELINT_OUT".to_owned(), folder.to_owned());
    env.insert("MOELINT_PROBE".to_owned(), job.number.to_string());
    Ok(env)
}
