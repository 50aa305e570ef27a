//! Probes as jobs of a Slurm cluster.
//!
//! `sbatch --wait` is never asked: it returns 0 when a node dies and 1 for a crash, a cancel and a timeout alike. A job is
//! submitted, its number written down, and its state asked for, from whoever still knows it: `sacct` (only with
//! accounting), `scontrol` (only for some minutes after the end), `sacct -c` (only with a completion log), and last the
//! exit status that the job left in the probe's folder, which has to be on a file system that the nodes share.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::{End, Ended, ExecError, Executor, Handle, Job, Progress, Run, prepare, record};
use ask::{Answer, Sources};
use state::{Phase, Report};

mod ask;
mod launch;
mod script;
mod state;
mod submit;

/// How a cluster is talked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Passed on to `sbatch`.
    pub sbatch_args: Vec<String>,
    /// Between two questions about the same job at first.
    pub first: Duration,
    /// The interval grows by half each time, up to this.
    pub most: Duration,
    /// For how long an exit status may be on its way through a shared file system, and a job unknown, before that counts.
    pub settle: Duration,
    /// Variables for Slurm's programs; a `PATH` here is where they are looked for.
    pub env: BTreeMap<String, String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sbatch_args: Vec::new(),
            first: Duration::from_secs(1),
            most: Duration::from_secs(30),
            // twice what a network file system keeps the attributes of a folder
            settle: Duration::from_mins(2),
            env: BTreeMap::new(),
        }
    }
}

/// Runs probes on a cluster.
#[derive(Debug)]
pub struct Slurm {
    programs: Programs,
    options: Options,
    sources: Sources,
    watched: BTreeMap<Id, Watch>,
}

/// What a job was when it was last asked for.
#[derive(Debug)]
struct Watch {
    next: Instant,
    interval: Duration,
    progress: Progress,
    /// Silent for that long when it was last seen running: what it says on being ended does not count.
    quiet: Option<f64>,
    /// Since when something is missing that may still come.
    missing: Option<Instant>,
}

/// A job, and its place in an array.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Id {
    job: String,
    task: Option<u32>,
    cluster: Option<String>,
}

impl Id {
    fn of(run: &Run) -> Result<Self, ExecError> {
        match &run.handle {
            Handle::Slurm { job, array_task, cluster } => {
                Ok(Self { job: job.clone(), task: *array_task, cluster: cluster.clone() })
            }
            Handle::Local { .. } => Err(ExecError::Foreign("local")),
        }
    }

    fn text(&self) -> String {
        self.task.map_or_else(|| self.job.clone(), |task| format!("{}_{task}", self.job))
    }
}

/// Slurm's programs.
#[derive(Debug)]
struct Programs {
    env: BTreeMap<String, String>,
}

impl Programs {
    fn run(&self, program: &str, cluster: Option<&str>, arguments: &[&str]) -> io::Result<Output> {
        let mut command = Command::new(program);
        if let Some(cluster) = cluster {
            command.args(["-M", cluster]);
        }
        command.args(arguments).envs(&self.env).stdin(Stdio::null()).output()
    }
}

fn missing(program: &str, source: io::Error) -> ExecError {
    let next = "run this where jobs are submitted, such as a login node, or use --executor local";
    ExecError::Program { program: program.to_owned(), source, next }
}

/// What a program printed, errors first, in one line.
fn words(output: &Output) -> String {
    let text = [&output.stderr, &output.stdout].map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
    text.join(" ").lines().map(str::trim).collect::<Vec<_>>().join("; ").trim().to_owned()
}

impl Slurm {
    /// An executor that submits with these options.
    ///
    /// # Errors
    /// [`ExecError::SbatchArg`].
    pub fn new(options: Options) -> Result<Self, ExecError> {
        submit::check(&options.sbatch_args)?;
        let programs = Programs { env: options.env.clone() };
        Ok(Self { programs, options, sources: Sources::default(), watched: BTreeMap::new() })
    }

    /// Submits jobs that differ in nothing that `sbatch` sees.
    fn submit(&self, jobs: &[&Job]) -> Result<Vec<Run>, ExecError> {
        let outs = jobs.iter().map(|job| prepare(job)).collect::<Result<Vec<PathBuf>, _>>()?;
        let Some(first) = outs.first() else { return Ok(Vec::new()) };
        let save = |out: &PathBuf, name: &str, text: &str| {
            record::write(out, name, text).map_err(|source| ExecError::Record { path: out.clone(), source })
        };
        for (job, out) in jobs.iter().zip(&outs) {
            save(out, "probe.sh", &script::probe(job, out)?)?;
        }
        let paths: Vec<_> = outs.iter().map(PathBuf::as_path).collect();
        save(first, "launch.sh", &script::launcher(&paths)?)?;
        let arguments = submit::arguments(jobs, first, &self.options.sbatch_args)?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = self.programs.run("sbatch", None, &arguments).map_err(|error| missing("sbatch", error))?;
        if !output.status.success() {
            return Err(ExecError::Refused { program: "sbatch", text: words(&output) });
        }
        let (job, cluster) = submit::number(&String::from_utf8_lossy(&output.stdout))
            .ok_or_else(|| ExecError::Answer { program: "sbatch", text: words(&output) })?;
        let handle = |task: usize| Handle::Slurm {
            job: job.clone(),
            array_task: (jobs.len() > 1).then(|| u32::try_from(task).unwrap_or(u32::MAX)),
            cluster: cluster.clone(),
        };
        let runs: Vec<Run> =
            outs.iter().enumerate().map(|(at, out)| Run { handle: handle(at), out: out.clone() }).collect();
        for run in &runs {
            if let Err(source) = record::write_handle(&run.out, &run.handle) {
                self.end(&Id { job, task: None, cluster })?;
                return Err(ExecError::Record { path: run.out.clone(), source });
            }
        }
        Ok(runs)
    }

    /// Ends a job; one that is over already is fine.
    fn end(&self, id: &Id) -> Result<(), ExecError> {
        let text = id.text();
        let output =
            self.programs.run("scancel", id.cluster.as_deref(), &[&text]).map_err(|error| missing("scancel", error))?;
        let said = words(&output);
        if output.status.success() || said.contains("Invalid job id") || said.contains("already") {
            return Ok(());
        }
        Err(ExecError::Refused { program: "scancel", text: said })
    }

    /// Asks, and makes of the answer how far the job is.
    fn look(&mut self, id: &Id, run: &Run, watch: &mut Watch) -> Progress {
        match self.sources.ask(&self.programs, id, &run.out) {
            Answer::Report(report) => match report.phase() {
                Phase::Waiting => {
                    watch.missing = None;
                    Progress::Waiting(report.reason)
                }
                Phase::Running => {
                    watch.missing = None;
                    watch.quiet = record::quiet(&run.out).or(watch.quiet);
                    Progress::Running
                }
                Phase::Stray => {
                    // best effort: the verdict does not depend on it
                    let _ = self.end(id);
                    Progress::Ended(over(report, watch.quiet, None))
                }
                Phase::Over => self.over(report, run, watch),
            },
            Answer::Silent(text) => Progress::Waiting(text),
            Answer::Unknown if self.still(watch) => watch.progress.clone(),
            Answer::Unknown => {
                Progress::Ended(Ended { end: End::Lost, node: None, seconds: 0.0, quiet: None, launch: None })
            }
        }
    }

    /// A job that ended: one that failed without leaving an exit status, by no signal, may not have come to its command.
    fn over(&self, report: Report, run: &Run, watch: &mut Watch) -> Progress {
        let failed = report.state == "FAILED" && report.signal == 0;
        let launch = if !failed {
            None
        } else if record::exit(&run.out).is_none() {
            let reason = launch::failure(&run.out);
            if reason.is_none() && self.still(watch) {
                return Progress::Running;
            }
            let node = report.node.as_deref().unwrap_or("the node");
            Some(
                reason
                    .unwrap_or_else(|| format!("it left no exit status in {}; does {node} see it?", run.out.display())),
            )
        } else {
            launch::failure(&run.out)
        };
        // a restart has not seen it run; then the log's age has to do, which errs towards "not silent"
        let quiet = watch.quiet.or_else(|| record::quiet(&run.out));
        Progress::Ended(over(report, quiet, launch))
    }

    /// Whether what is missing may still come.
    fn still(&self, watch: &mut Watch) -> bool {
        watch.missing.get_or_insert_with(Instant::now).elapsed() < self.options.settle
    }
}

fn over(report: Report, quiet: Option<f64>, launch: Option<String>) -> Ended {
    let Report { state, code, signal, node, seconds, reason } = report;
    let seconds = record::seconds(seconds.unwrap_or(0).saturating_mul(1000));
    Ended { end: End::Slurm { state, code, signal, reason }, node, seconds, quiet, launch }
}

impl Executor for Slurm {
    fn start(&mut self, jobs: &[Job]) -> Result<Vec<Run>, ExecError> {
        // an array shares its limits, so each kind of job is one
        let mut kinds: Vec<Vec<usize>> = Vec::new();
        for (at, job) in jobs.iter().enumerate() {
            let same = |kind: &&mut Vec<usize>| {
                kind.first()
                    .and_then(|first| jobs.get(*first))
                    .is_some_and(|first| (first.time_limit, &first.exclude) == (job.time_limit, &job.exclude))
            };
            match kinds.iter_mut().find(same) {
                Some(kind) => kind.push(at),
                None => kinds.push(vec![at]),
            }
        }
        let mut runs: BTreeMap<usize, Run> = BTreeMap::new();
        for kind in kinds {
            let members: Vec<&Job> = kind.iter().filter_map(|at| jobs.get(*at)).collect();
            match self.submit(&members) {
                Ok(started) => runs.extend(kind.into_iter().zip(started)),
                Err(error) => {
                    let started: Vec<Run> = runs.into_values().collect();
                    self.cancel(&started)?;
                    return Err(error);
                }
            }
        }
        Ok(runs.into_values().collect())
    }

    fn poll(&mut self, run: &Run) -> Result<Progress, ExecError> {
        let id = Id::of(run)?;
        let now = Instant::now();
        let mut watch = self.watched.remove(&id).unwrap_or(Watch {
            next: now,
            interval: self.options.first,
            progress: Progress::Running,
            quiet: None,
            missing: None,
        });
        let over = matches!(watch.progress, Progress::Ended(_));
        if !over && now >= watch.next {
            watch.progress = self.look(&id, run, &mut watch);
            // what has left its exit status is about to end
            let soon = record::exit(&run.out).is_some();
            watch.interval = if soon { self.options.first } else { (watch.interval * 3 / 2).min(self.options.most) };
            watch.next = Instant::now() + watch.interval;
        }
        let progress = watch.progress.clone();
        self.watched.insert(id, watch);
        Ok(progress)
    }

    fn cancel(&mut self, runs: &[Run]) -> Result<(), ExecError> {
        let mut first = Ok(());
        for run in runs {
            // one that can't be ended must not keep the others running
            let ended = Id::of(run).and_then(|id| {
                if let Some(watch) = self.watched.get_mut(&id) {
                    watch.next = Instant::now();
                }
                self.end(&id)
            });
            first = first.and(ended);
        }
        first
    }
}
