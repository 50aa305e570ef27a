//! Probes as processes of this machine.
//!
//! The command runs below a small shell wrapper that writes its exit status into the probe's folder, in a process group
//! of its own: Ctrl-C does not reach it, and ending it ends what it started too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;

use super::record::{self, Stop, Why};
use super::{End, Ended, ExecError, Executor, Handle, Job, Progress, Run, environment, prepare, process};

/// The traps keep the wrapper until the command is over, so that ending the group still leaves an exit status. `exec` takes
/// programs only: a command named like a word of the shell is still the program.
const WRAPPER: &str = r#"out=$1
shift
trap : HUP INT TERM
(trap - HUP INT TERM; exec "$@")
code=$?
printf '%s\n' "$code" >"$out/exit.new" && mv -f "$out/exit.new" "$out/exit"
exit "$code"
"#;

/// For how long a group may outlast SIGKILL (a driver's call that can't be interrupted) before we go on without it.
const AFTER_KILL: Duration = Duration::from_secs(2);

/// Runs probes here.
#[derive(Debug)]
pub struct Local {
    grace: Duration,
    children: BTreeMap<u32, Child>,
    asked: BTreeSet<u32>,
}

impl Default for Local {
    fn default() -> Self {
        Self::new(Duration::from_secs(10))
    }
}

impl Local {
    /// `grace` lies between asking a probe to end (SIGTERM) and ending it (SIGKILL).
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        Self { grace, children: BTreeMap::new(), asked: BTreeSet::new() }
    }

    fn spawn(&mut self, job: &Job) -> Result<Run, ExecError> {
        let out = prepare(job)?;
        let failed = |source| ExecError::Record { path: out.clone(), source };
        let log = File::create(out.join(record::LOG)).map_err(failed)?;
        let errors = log.try_clone().map_err(failed)?;
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(WRAPPER).arg("moelint-probe").arg(&out).args(&job.command);
        command.envs(environment(job, &out)?).current_dir(&job.dir);
        command.stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0);
        let next = "probes need a POSIX shell, and a command line that is not too long";
        let began = record::now();
        let mut child =
            command.spawn().map_err(|source| ExecError::Program { program: "/bin/sh".to_owned(), source, next })?;
        let pid = child.id();
        // not collected yet, so it is there even if it is over
        let started = process::started(pid).unwrap_or_default();
        let limit = job.time_limit.map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
        let handle = Handle::Local { pid, started: started.clone(), began, limit };
        if let Err(source) = record::write_handle(&out, &handle) {
            process::signal_group(pid, &started, Signal::KILL);
            let _ = child.wait();
            return Err(ExecError::Record { path: out, source });
        }
        self.children.insert(pid, child);
        Ok(Run { handle, out })
    }

    /// Ends what the command left running, as a cluster does when a job is over: it would hold memory and ports when the
    /// next probe starts.
    fn collect(&mut self, pid: u32, started: &str) {
        process::signal_group(pid, started, Signal::KILL);
        self.asked.remove(&pid);
        if let Some(mut child) = self.children.remove(&pid) {
            let _ = child.wait();
        }
    }

    /// Asks a group to end; `false`: it is over already.
    fn ask(&mut self, process: &Process<'_>, why: Why) -> io::Result<bool> {
        if record::exit(process.out).is_some() || record::stop(process.out).is_some() {
            return Ok(record::stop(process.out).is_some());
        }
        let stop = Stop { why, since: record::now(), quiet: record::quiet(process.out) };
        record::write_stop(process.out, stop)?;
        self.asked.insert(process.pid);
        process::signal_group(process.pid, process.started, Signal::TERM);
        Ok(true)
    }

    /// A group that was asked to end: whether it is gone; ends it when its grace is over.
    fn gone(&mut self, process: &Process<'_>, stop: Stop) -> bool {
        let &Process { pid, started, .. } = process;
        if let Some(child) = self.children.get_mut(&pid)
            && !matches!(child.try_wait(), Ok(None))
        {
            self.children.remove(&pid);
        }
        if !process::group_left(pid, started) {
            return true;
        }
        let since = Duration::from_millis(record::now().saturating_sub(stop.since));
        if since >= self.grace {
            process::signal_group(pid, started, Signal::KILL);
        } else if self.asked.insert(pid) {
            // we died between writing that down and doing it
            process::signal_group(pid, started, Signal::TERM);
        }
        since >= self.grace + AFTER_KILL
    }
}

/// A handle's parts.
struct Process<'a> {
    pid: u32,
    started: &'a str,
    began: u64,
    limit: Option<u64>,
    out: &'a Path,
}

fn parts(run: &Run) -> Result<Process<'_>, ExecError> {
    match &run.handle {
        Handle::Local { pid, started, began, limit } => {
            Ok(Process { pid: *pid, started, began: *began, limit: *limit, out: &run.out })
        }
        Handle::Slurm { .. } => Err(ExecError::Foreign("slurm")),
    }
}

fn ended(process: &Process<'_>, end: End, at: u64, quiet: Option<f64>) -> Progress {
    let seconds = record::seconds(at.saturating_sub(process.began));
    Progress::Ended(Ended { end, node: None, seconds, quiet, launch: None })
}

impl Executor for Local {
    fn start(&mut self, jobs: &[Job]) -> Result<Vec<Run>, ExecError> {
        let mut runs = Vec::new();
        for job in jobs {
            match self.spawn(job) {
                Ok(run) => runs.push(run),
                Err(error) => {
                    self.cancel(&runs)?;
                    return Err(error);
                }
            }
        }
        Ok(runs)
    }

    fn poll(&mut self, run: &Run) -> Result<Progress, ExecError> {
        let process = parts(run)?;
        if let Some(stop) = record::stop(process.out) {
            if !self.gone(&process, stop) {
                return Ok(Progress::Running);
            }
            let end = if stop.why == Why::TimeLimit { End::TimedOut } else { End::Cancelled };
            return Ok(ended(&process, end, stop.since, stop.quiet));
        }
        // in this order: the status is written before the process goes
        let alive = process::alive(process.pid, process.started);
        if let Some(code) = record::exit(process.out) {
            self.collect(process.pid, process.started);
            let at = record::ended_at(process.out).unwrap_or_else(record::now);
            return Ok(ended(&process, End::Exited(code), at, None));
        }
        if !alive {
            self.collect(process.pid, process.started);
            return Ok(ended(&process, End::Lost, record::now(), None));
        }
        if process.limit.is_some_and(|limit| record::now().saturating_sub(process.began) >= limit) {
            let failed = |source| ExecError::Record { path: run.out.clone(), source };
            self.ask(&process, Why::TimeLimit).map_err(failed)?;
        }
        Ok(Progress::Running)
    }

    fn cancel(&mut self, runs: &[Run]) -> Result<(), ExecError> {
        let mut waiting = Vec::new();
        for run in runs {
            let process = parts(run)?;
            let failed = |source| ExecError::Record { path: run.out.clone(), source };
            if self.ask(&process, Why::Cancelled).map_err(failed)? {
                waiting.push(process);
            } else {
                self.collect(process.pid, process.started);
            }
        }
        loop {
            waiting.retain(|process| record::stop(process.out).is_some_and(|stop| !self.gone(process, stop)));
            if waiting.is_empty() {
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
    }
}
