//! Whether a job's log shows that the command never got to run. `srun` ends with the same status whether it could not
//! start the ranks or one of them failed; only its words tell.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::super::record;
use super::script::MARK;

/// What `srun` prints when it is not the command's fault.
const WORDS: [&str; 8] = [
    "Unable to create step for job",
    "Unable to confirm allocation for job",
    "Unable to allocate resources",
    "Unable to contact slurm controller",
    "Application launch failed",
    "Task launch for",
    "Job credential",
    "Node failure on",
];

/// The last part of a log that is looked at; these words are among the last.
const TAIL: u64 = 64 << 10;

/// The line that says so, if there is one.
pub(super) fn failure(out: &Path) -> Option<String> {
    let mut file = File::open(out.join(record::LOG)).ok()?;
    let size = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(TAIL))).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).ok()?;
    line(&String::from_utf8_lossy(&bytes)).map(str::to_owned)
}

fn line(log: &str) -> Option<&str> {
    log.lines().find(|line| {
        let srun = line.strip_prefix("srun: error: ").or_else(|| line.strip_prefix("srun: fatal: "));
        line.starts_with(MARK) || srun.is_some_and(|text| WORDS.iter().any(|word| text.starts_with(word)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_srun_are_told_from_words_of_a_rank() {
        let log = "step 1\nsrun: error: Unable to create step for job 8: More processors requested than permitted\n";
        assert!(line(log).unwrap().contains("job 8"));
        assert_eq!(line("srun: error: n1: task 0: Exited with exit code 7\nTask launch for fun\n"), None);
        assert_eq!(line("rank 3: srun: error: Application launch failed"), None);
    }
}
