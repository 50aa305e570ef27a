//! A folder of run folders → recorded runs. Logs are read as streams: memory grows with the steps of the run that is being
//! read, never with its log.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::dialect::recognise;
use crate::document::arg_dump::has_arg_dump;
use crate::document::parse;
use crate::facts::catalogue;
use crate::run_log::{LogReader, Metric, Outcome, RankLog, RunLog, formats, read_log, steady, summary};
use crate::source::read::read_text;
use crate::source::run_dir::{self, config_of, may_be_config};

use super::runs::{Order, Run, RunConfig, Runs};

/// Folders of a run that are looked into.
const DEPTH: usize = 4;
/// Endings of logs.
const LOGS: [&str; 4] = ["log", "out", "txt", "err"];
/// Files of one run that are read: one a rank on 1,024 GPUs, twice.
const MOST_FILES: usize = 2048;
/// Bytes of a log that are read at once.
const BUFFER: usize = 1 << 16;
/// Bytes at the start of a log in which printed arguments are looked for.
const HEAD: u64 = 1 << 20;
/// Logs of a run in which they are.
const LISTED: usize = 16;
/// The last line of the listing.
const END_OF_ARGUMENTS: &str = "--- end of arguments ---";
/// Metrics that a run has one number of.
const METRICS: [Metric; 6] = [
    Metric::StepTime,
    Metric::TflopsPerGpu,
    Metric::TokensPerSecondPerGpu,
    Metric::PeakMemory,
    Metric::Loss,
    Metric::GradNorm,
];

/// What can't be read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder itself.
    #[error("{folder}: {error}")]
    Io {
        /// Its name.
        folder: String,
        /// What the system says.
        error: io::Error,
    },
    /// Nothing in it is a run.
    #[error(
        "{0}: no run folder in it; give the folder above the runs: each run is a folder with its config and its logs \
         (*.log, *.out, *.txt)"
    )]
    Empty(String),
}

/// Reads every folder of `folder` as a run, in the order of their names.
///
/// # Errors
/// [`FolderError`]; what can't be read inside a run is a note.
pub fn read(folder: &Path) -> Result<Runs, FolderError> {
    let failed = |error| FolderError::Io { folder: folder.display().to_string(), error };
    let mut names: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.is_dir() && !hidden {
            names.push(path);
        }
    }
    let mut read: Vec<(Run, Vec<String>)> = names.par_iter().filter_map(|path| run(path)).collect();
    read.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    if read.is_empty() {
        return Err(FolderError::Empty(folder.display().to_string()));
    }
    let (runs, notes): (Vec<Run>, Vec<Vec<String>>) = read.into_iter().unzip();
    let mut runs = Runs { runs, notes: notes.into_iter().flatten().collect() };
    runs.sort(Order::Name);
    Ok(runs)
}

/// One run; `None`: a folder with neither a log nor a config.
fn run(folder: &Path) -> Option<(Run, Vec<String>)> {
    let name = folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut notes = Vec::new();
    let mut files = Vec::new();
    if let Err(error) = files_below(folder, Path::new(""), DEPTH, &mut files) {
        notes.push(format!("{name}: {error}"));
    }
    files.sort();
    let packed = files.iter().filter(|file| has_ending(file, &["gz", "zst", "xz", "bz2"])).count();
    if packed > 0 {
        notes.push(format!("{name}: {packed} compressed files are not read; unpack the logs first"));
    }
    let config = config(folder, &name, &files, &mut notes);
    let logs: Vec<&PathBuf> = files.iter().filter(|file| has_ending(file, &LOGS)).take(MOST_FILES).collect();
    if logs.is_empty() && config.is_none() && notes.is_empty() {
        return None;
    }
    let config = config.or_else(|| printed(folder, &logs));
    let mut ranks = Vec::new();
    for log in logs {
        match read_file(&folder.join(log), rank_of(log)) {
            Ok(log) => ranks.push(log),
            Err(error) => notes.push(format!("{name}/{}: {error}", log.display())),
        }
    }
    let read = !ranks.is_empty();
    let log = RunLog::merge(formats(), ranks);
    let ending = if read { (&Outcome::of(formats(), &log)).into() } else { super::runs::Ending::Unknown };
    let run = Run {
        name,
        time: log.steps().find_map(|step| step.values.get(Metric::Timestamp)),
        config,
        metrics: metrics(&log),
        steps: Some(steady(&log).len()),
        ending,
        ..Run::default()
    };
    Some((run, notes))
}

fn read_file(path: &Path, rank: Option<u32>) -> io::Result<RankLog> {
    if fs::metadata(path)?.len() == 0 {
        return Ok(LogReader::new(formats(), rank).finish());
    }
    read_log(formats(), BufReader::with_capacity(BUFFER, File::open(path)?), rank)
}

/// One number a metric: the median of the steady steps; of memory, which some print once, the most.
fn metrics(log: &RunLog) -> BTreeMap<String, f64> {
    let mut found = BTreeMap::new();
    for metric in METRICS {
        let median = summary(log, metric, 0.95).map(|summary| summary.median);
        let value = if metric == Metric::PeakMemory { log.peak_memory.or(median) } else { median };
        if let Some(value) = value.filter(|value| value.is_finite()) {
            found.insert(metric.name().to_owned(), value);
        }
    }
    found
}

fn config(folder: &Path, name: &str, files: &[PathBuf], notes: &mut Vec<String>) -> Option<RunConfig> {
    let recognised = |file: &Path| {
        read_text(&folder.join(file), false).is_ok_and(|text| recognise(&parse(&text), catalogue()).is_some())
    };
    let only = || {
        // nothing that is known, but the only one there is: its keys are compared as they stand
        let mut all = files.iter().filter(|file| file.components().count() == 1 && may_be_config(file));
        all.next().filter(|_| all.next().is_none()).cloned()
    };
    let file = match config_of(files, recognised) {
        run_dir::Config::One(file) => file,
        run_dir::Config::None => only()?,
        run_dir::Config::Many(files) => {
            let names = files.iter().take(3).map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ");
            notes.push(format!("{name}: {} configs ({names}), so it counts as unknown; leave one", files.len()));
            return None;
        }
    };
    let path = folder.join(&file);
    match read_text(&path, false) {
        Ok(text) => Some(RunConfig { path: path.display().to_string(), text, file: true }),
        Err(error) => {
            notes.push(format!("{name}/{}: {error}", file.display()));
            None
        }
    }
}

/// The arguments that Megatron-LM prints at its start, where there is no config: what the run had, flags included.
fn printed(folder: &Path, logs: &[&PathBuf]) -> Option<RunConfig> {
    logs.iter().take(LISTED).find_map(|log| {
        let path = folder.join(log);
        let mut head = Vec::new();
        File::open(&path).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
        let text = String::from_utf8_lossy(&head);
        let end = text.find(END_OF_ARGUMENTS)? + END_OF_ARGUMENTS.len();
        // the rest of its line belongs to it
        let end = text[end..].find('\n').map_or(text.len(), |newline| end + newline + 1);
        let text = text[..end].to_owned();
        has_arg_dump(&text).then(|| RunConfig { path: path.display().to_string(), text, file: true })
    })
}

/// Files below a folder, relative to it; links to folders are not followed.
fn files_below(folder: &Path, inside: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder.join(inside))? {
        let entry = entry?;
        let name = inside.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 1 {
            files_below(folder, &name, depth - 1, files)?;
        } else if kind.is_file() || (kind.is_symlink() && folder.join(&name).is_file()) {
            files.push(name);
        }
    }
    Ok(())
}

fn has_ending(file: &Path, endings: &[&str]) -> bool {
    let ending = file.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    ending.is_some_and(|ending| endings.contains(&ending.as_str()))
}

/// The rank that a log's name tells: `rank3.log`, `stdout_rank-12.txt`, `rank_0/stdout.log`.
fn rank_of(file: &Path) -> Option<u32> {
    file.iter().rev().find_map(|part| {
        let name = part.to_str()?.to_ascii_lowercase();
        let mut rest = name.as_str();
        while let Some(at) = rest.find("rank") {
            rest = &rest[at + 4..];
            let number = rest.trim_start_matches(['_', '-', '.', '=']);
            let digits = number.bytes().take_while(u8::is_ascii_digit).count();
            if let Ok(rank) = number[..digits].parse() {
                return Some(rank);
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_by_the_names_of_their_logs() {
        for (name, rank) in [
            ("rank3.log", Some(3)),
            ("stdout_Rank-12.txt", Some(12)),
            ("rank_0/stdout.log", Some(0)),
            ("allranks.log", None),
            ("slurm-4711.out", None),
            ("rank99999999999.log", None),
        ] {
            assert_eq!(rank_of(Path::new(name)), rank, "{name}");
        }
    }
}
