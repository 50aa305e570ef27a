//! A real Slurm of one node: what a cluster really answers, and not what we think it does.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use moelint::bisect::executor::slurm::{Options, Slurm};
use moelint::bisect::executor::{End, Executor, Handle, Job, Progress, Run, outcome};
use moelint::bisect::verdict::{Expectation, Outcome, Verdict};

use common::{root, say};

/// The daemons; ended when the test is over, however it ends.
struct Cluster {
    folder: tempfile::TempDir,
}

impl Cluster {
    fn up() -> Option<Self> {
        let has =
            |program: &str| ["/usr/sbin", "/usr/bin"].iter().any(|folder| Path::new(folder).join(program).exists());
        if let Some(program) = ["slurmctld", "slurmd", "munged", "sbatch"].iter().find(|program| !has(program)) {
            say(&format!("skipped: {program} is not installed (apt-get install slurm-wlm munge)"));
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            say("skipped: a Slurm of one node needs root");
            return None;
        }
        let cluster = Self { folder: tempfile::tempdir().unwrap() };
        cluster.script(&["up"]);
        Some(cluster)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn script(&self, arguments: &[&str]) {
        let (action, rest) = arguments.split_first().unwrap();
        let output = Command::new(root().join("tests/slurm-one-node.sh"))
            .arg(action)
            .arg(self.path())
            .args(rest)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(output.status.success(), "{arguments:?}: {said:?}");
    }

    fn slurm(&self) -> Slurm {
        self.slurm_with(BTreeMap::new())
    }

    fn slurm_with(&self, mut env: BTreeMap<String, String>) -> Slurm {
        env.insert("SLURM_CONF".to_owned(), self.path().join("slurm.conf").display().to_string());
        let options = Options {
            sbatch_args: vec!["--mem=100".to_owned()],
            first: Duration::from_millis(200),
            most: Duration::from_secs(1),
            settle: Duration::from_secs(2),
            env,
        };
        Slurm::new(options).unwrap()
    }

    fn job(&self, number: u32, text: &str) -> Job {
        let out = self.path().join(format!("probe {number}"));
        fs::create_dir_all(&out).unwrap();
        Job {
            number,
            name: format!("session-{number}"),
            command: ["bash", "-c", text].map(str::to_owned).to_vec(),
            dir: self.path().to_owned(),
            env: BTreeMap::from([("GREETING".to_owned(), "it's \"me\"".to_owned())]),
            out,
            time_limit: Some(Duration::from_mins(5)),
            exclude: Vec::new(),
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // a second panic would end the test before the daemons
            let script = root().join("tests/slurm-one-node.sh");
            let _ =
                Command::new(script).arg("down").arg(self.path()).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").status();
        } else {
            self.script(&["down"]);
        }
    }
}

/// Each alone: a job that differs in its limits would be part of an array else.
fn start(slurm: &mut Slurm, job: &Job) -> Run {
    slurm.start(std::slice::from_ref(job)).unwrap().remove(0)
}

fn until(what: &str, mut is: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < Duration::from_secs(40), "{what} takes too long");
        sleep(Duration::from_millis(50));
    }
}

fn wait(slurm: &mut Slurm, run: &Run) -> (Outcome, End) {
    let mut found = None;
    until("a job's end", || {
        if let Progress::Ended(ended) = slurm.poll(run).unwrap() {
            found = Some((outcome(&ended, &run.out, &Expectation::default()), ended.end));
        }
        found.is_some()
    });
    found.unwrap()
}

fn number(run: &Run) -> &str {
    match &run.handle {
        Handle::Slurm { job, .. } => job,
        Handle::Local { .. } => panic!("a local one"),
    }
}

fn state(end: &End) -> &str {
    match end {
        End::Slurm { state, .. } => state,
        _ => panic!("{end:?}"),
    }
}

#[test]
fn a_real_cluster_says_how_probes_end() {
    let Some(cluster) = Cluster::up() else { return };
    let mut slurm = cluster.slurm();
    let cases = [
        ("[ \"$GREETING\" = \"it's \\\"me\\\"\" ] && [ \"$MOELINT_PROBE\" = 1 ] || exit 3", Verdict::Good, false),
        ("exit 3", Verdict::Bad, false),
        ("exit 125", Verdict::Unresolved, false),
        // the command, then the batch script itself
        ("kill -SEGV $$", Verdict::Bad, false),
        ("kill -SEGV $PPID; sleep 1", Verdict::Bad, false),
        ("srun -n1 bash -c 'exit 7'", Verdict::Bad, false),
        ("srun -n2 true", Verdict::Unresolved, true),
        ("printf '{\"verdict\":\"bad\",\"symptom\":\"hang\"}' >\"$MOELINT_OUT/verdict.json\"", Verdict::Bad, false),
    ];
    let jobs: Vec<Job> = (1..).zip(&cases).map(|(number, case)| cluster.job(number, case.0)).collect();
    let runs: Vec<Run> = jobs.iter().map(|job| start(&mut slurm, job)).collect();
    for (run, (text, verdict, infra)) in runs.iter().zip(cases) {
        let (seen, end) = wait(&mut slurm, run);
        assert_eq!((seen.verdict, seen.infra), (verdict, infra), "{text}: {end:?} {}", seen.note);
    }
    an_array(&cluster, &mut slurm);
    a_cancel(&cluster, &mut slurm);
    a_dead_node(&cluster, &mut slurm);
}

/// Each task has its own state, also for a search that comes back when only the completion log is left.
fn an_array(cluster: &Cluster, slurm: &mut Slurm) {
    let jobs = [(11, "exit 0"), (12, "exit 1"), (13, "exit 125")].map(|(number, text)| cluster.job(number, text));
    let runs = slurm.start(&jobs).unwrap();
    assert!(runs.iter().all(|run| number(run) == number(&runs[0])));
    let verdicts = [Verdict::Good, Verdict::Bad, Verdict::Unresolved];
    assert_eq!(runs.iter().map(|run| wait(slurm, run).0.verdict).collect::<Vec<_>>(), verdicts);
    // nothing but sacct on its PATH
    let programs = cluster.path().join("programs");
    fs::create_dir(&programs).unwrap();
    std::os::unix::fs::symlink("/usr/bin/sacct", programs.join("sacct")).unwrap();
    let mut later = cluster.slurm_with(BTreeMap::from([("PATH".to_owned(), programs.display().to_string())]));
    assert_eq!(runs.iter().map(|run| wait(&mut later, run).0.verdict).collect::<Vec<_>>(), verdicts);
}

fn a_cancel(cluster: &Cluster, slurm: &mut Slurm) {
    let run = start(slurm, &cluster.job(21, "touch \"$MOELINT_OUT/runs\"; sleep 100"));
    until("its start", || run.out.join("runs").exists());
    slurm.cancel(std::slice::from_ref(&run)).unwrap();
    let (seen, end) = wait(slurm, &run);
    assert_eq!((seen.verdict, seen.infra, state(&end)), (Verdict::Unresolved, true, "CANCELLED"));
    // once more does no harm
    slurm.cancel(&[run]).unwrap();
}

/// The trap that `sbatch --wait` falls into: it returns 0 here.
fn a_dead_node(cluster: &Cluster, slurm: &mut Slurm) {
    let run = start(slurm, &cluster.job(31, "touch \"$MOELINT_OUT/runs\"; sleep 100"));
    until("its start", || run.out.join("runs").exists());
    assert_eq!(slurm.poll(&run).unwrap(), Progress::Running);
    cluster.script(&["fail", number(&run)]);
    let (seen, end) = wait(slurm, &run);
    assert_eq!((seen.verdict, seen.infra, state(&end)), (Verdict::Unresolved, true, "NODE_FAIL"), "{}", seen.note);
    assert!(seen.node.is_some());
    cluster.script(&["recover"]);
    let run = start(slurm, &cluster.job(32, "exit 0"));
    assert_eq!(wait(slurm, &run).0.verdict, Verdict::Good);
}
