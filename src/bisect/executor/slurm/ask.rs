//! Who knows how a job is.

use std::io;
use std::path::Path;
use std::process::Output;

use super::super::record;
use super::state::{COLUMNS, Phase, Report, accounting, control};
use super::{Id, Programs, words};

/// What the cluster says about a job.
#[derive(Debug)]
pub(super) enum Answer {
    /// Its state.
    Report(Report),
    /// Nobody knows the job.
    Unknown,
    /// Nobody answers; what was said instead.
    Silent(String),
}

/// Which of them is worth asking.
#[derive(Debug)]
pub(super) struct Sources {
    accounting: bool,
    completions: bool,
}

impl Default for Sources {
    fn default() -> Self {
        Self { accounting: true, completions: true }
    }
}

impl Sources {
    /// Asks one after the other until one knows. A state that is not final is doubted when the command has left its exit
    /// status: accounting may have missed the end.
    pub(super) fn ask(&mut self, programs: &Programs, id: &Id, out: &Path) -> Answer {
        let exit = record::exit(out);
        let settled = |report: &Report| exit.is_none() || !matches!(report.phase(), Phase::Waiting | Phase::Running);
        let accounted = self.accounted(programs, id);
        if let Some(report) = &accounted
            && settled(report)
        {
            return Answer::Report(report.clone());
        }
        let silent = match controlled(programs, id) {
            Ok(Some(report)) => return Answer::Report(report),
            Ok(None) => None,
            Err(text) => Some(text),
        };
        if let Some(report) = self.completed(programs, id, out) {
            return Answer::Report(report);
        }
        match (silent, accounted, exit) {
            (None, _, Some(code)) => Answer::Report(left(code)),
            // the controller may be back in a minute; until then accounting's word has to do
            (_, Some(report), _) => Answer::Report(report),
            (Some(text), None, _) => Answer::Silent(text),
            (None, None, None) => Answer::Unknown,
        }
    }

    /// `sacct`.
    fn accounted(&mut self, programs: &Programs, id: &Id) -> Option<Report> {
        if !self.accounting {
            return None;
        }
        let text = id.text();
        let output = programs.run("sacct", id.cluster.as_deref(), &["-X", "-P", "-n", "-o", COLUMNS, "-j", &text]);
        self.accounting = enabled(&output);
        accounting(&stdout(&output.ok()?), &text)
    }

    /// `sacct -c`. A task of an array stands there under a number of its own, and the array's number is another task's.
    fn completed(&mut self, programs: &Programs, id: &Id, out: &Path) -> Option<Report> {
        if !self.completions {
            return None;
        }
        let number = if id.task.is_some() { record::slurm_job(out)? } else { id.job.clone() };
        let output = programs.run("sacct", id.cluster.as_deref(), &["-c", "-P", "-n", "-o", COLUMNS, "-j", &number]);
        self.completions = enabled(&output);
        accounting(&stdout(&output.ok()?), &number)
    }
}

/// `scontrol`: an error is a controller that does not answer.
fn controlled(programs: &Programs, id: &Id) -> Result<Option<Report>, String> {
    let text = id.text();
    let output = programs
        .run("scontrol", id.cluster.as_deref(), &["show", "job", "-o", &text])
        .map_err(|error| format!("scontrol: {error}"))?;
    if let Some(report) = control(&stdout(&output)) {
        return Ok(Some(report));
    }
    let said = words(&output);
    if output.status.success() || said.contains("Invalid job id") { Ok(None) } else { Err(format!("scontrol: {said}")) }
}

/// What the job itself left, when the cluster has forgotten it.
fn left(code: i32) -> Report {
    let state = if code == 0 { "COMPLETED" } else { "FAILED" };
    Report { state: state.to_owned(), code, reason: "by its own exit status".to_owned(), ..Report::default() }
}

/// Whether it is worth asking again: not where it isn't installed or nothing is kept.
fn enabled(output: &io::Result<Output>) -> bool {
    match output {
        Ok(output) => !words(output).contains("disabled"),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
