//! What a probe's folder says about the probe: the files that make it findable after we died.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::Handle;

/// What the command prints.
pub(super) const LOG: &str = "log";
/// Its exit status, written by the wrapper when the command is over.
pub(super) const EXIT: &str = "exit";
/// The number that Slurm gave this very task, which differs from the array's.
pub(super) const SLURM_JOB: &str = "slurm-job";
/// What was started.
const HANDLE: &str = "handle.json";
/// That we ended it, and why.
const STOP: &str = "stop.json";
/// The probe's own word.
const VERDICT: &str = "verdict.json";
/// Touched by a probe that has a better sign of life than its log.
const HEARTBEAT: &str = "heartbeat";
/// More than any verdict holds.
const MAX_VERDICT: u64 = 1 << 20;

/// Why we ended a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Why {
    /// Over its time limit.
    TimeLimit,
    /// Not wanted any more.
    Cancelled,
}

/// That we ended a probe. Written before the first signal, so that a restart knows it was us.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Stop {
    /// Why.
    pub(super) why: Why,
    /// Since when, in milliseconds since 1970.
    pub(super) since: u64,
    /// For how long it had been silent then; its last words on being ended don't count.
    pub(super) quiet: Option<f64>,
}

/// Removes what an earlier try left: its verdict must not be taken for the next one's.
pub(super) fn clear(out: &Path) -> io::Result<()> {
    for name in [LOG, EXIT, SLURM_JOB, HANDLE, STOP, VERDICT, HEARTBEAT] {
        match fs::remove_file(out.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Writes a file whole or not at all.
pub(super) fn write(out: &Path, name: &str, text: &str) -> io::Result<()> {
    let beside = out.join(format!("{name}.new"));
    fs::write(&beside, text)?;
    fs::rename(&beside, out.join(name))
}

/// Writes down what was started.
pub(super) fn write_handle(out: &Path, handle: &Handle) -> io::Result<()> {
    write(out, HANDLE, &serde_json::to_string(handle)?)
}

/// Writes down that we end it.
pub(super) fn write_stop(out: &Path, stop: Stop) -> io::Result<()> {
    write(out, STOP, &serde_json::to_string(&stop)?)
}

/// What was started.
pub(super) fn handle(out: &Path) -> Option<Handle> {
    serde_json::from_str(&text(out, HANDLE)?).ok()
}

/// That we ended it.
pub(super) fn stop(out: &Path) -> Option<Stop> {
    serde_json::from_str(&text(out, STOP)?).ok()
}

/// Its exit status.
pub(super) fn exit(out: &Path) -> Option<i32> {
    text(out, EXIT)?.trim().parse().ok()
}

/// Slurm's own number of the task.
pub(super) fn slurm_job(out: &Path) -> Option<String> {
    let number = text(out, SLURM_JOB)?.trim().to_owned();
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(number)
}

/// The probe's own word; what can't be read is returned as no JSON, and so as no verdict.
pub(super) fn verdict(out: &Path) -> Option<String> {
    let path = out.join(VERDICT);
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(MAX_VERDICT).read_to_end(&mut bytes)) {
        Ok(_) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some(error.to_string()),
    }
}

/// Milliseconds since 1970.
pub(super) fn now() -> u64 {
    millis(SystemTime::now())
}

/// When the command ended.
pub(super) fn ended_at(out: &Path) -> Option<u64> {
    modified(out, EXIT)
}

/// For how long nothing has been heard from the probe.
pub(super) fn quiet(out: &Path) -> Option<f64> {
    let last = modified(out, HEARTBEAT).or_else(|| modified(out, LOG))?;
    Some(seconds(now().saturating_sub(last)))
}

/// Milliseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "a probe takes less than 285,000 years")]
pub(super) fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}

fn text(out: &Path, name: &str) -> Option<String> {
    fs::read_to_string(out.join(name)).ok()
}

fn modified(out: &Path, name: &str) -> Option<u64> {
    fs::metadata(out.join(name)).and_then(|data| data.modified()).ok().map(millis)
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
