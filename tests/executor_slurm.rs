//! Probes as Slurm jobs, with stand-ins for Slurm's programs: every state, every source of it, and what is submitted.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use moelint::bisect::executor::slurm::{Options, Slurm};
use moelint::bisect::executor::{End, Ended, ExecError, Executor, Handle, Job, Progress, Run, outcome, recorded};
use moelint::bisect::verdict::{Expectation, Outcome, Verdict};

/// A cluster that answers what the files in its folder hold.
struct Fake {
    folder: tempfile::TempDir,
}

impl Fake {
    fn new() -> Self {
        let fake = Self { folder: tempfile::tempdir().unwrap() };
        fake.set("sbatch", "7\n");
        fake
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn set(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    fn calls(&self, program: &str) -> usize {
        self.text("calls").lines().filter(|line| line.split(' ').next() == Some(program)).count()
    }

    fn options(&self) -> Options {
        let programs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fake-slurm");
        let env = BTreeMap::from([
            ("PATH".to_owned(), format!("{}:/usr/bin:/bin", programs.display())),
            ("FAKE".to_owned(), self.path().display().to_string()),
        ]);
        let (first, most) = (Duration::from_millis(1), Duration::from_millis(5));
        Options { sbatch_args: Vec::new(), first, most, settle: Duration::from_millis(50), env }
    }

    fn slurm(&self) -> Slurm {
        Slurm::new(self.options()).unwrap()
    }

    fn job(&self, number: u32, command: &[&str]) -> Job {
        let out = self.path().join(format!("it's probe {number}"));
        fs::create_dir_all(&out).unwrap();
        Job {
            number,
            name: format!("session {number}/abc"),
            command: command.iter().map(|&word| word.to_owned()).collect(),
            dir: self.path().to_owned(),
            env: BTreeMap::new(),
            out,
            time_limit: None,
            exclude: Vec::new(),
        }
    }

    /// The end of a job about which accounting says that, when it left that exit status.
    fn accounted(&self, line: &str, exit: Option<i32>, expect: &Expectation) -> Outcome {
        let mut slurm = self.slurm();
        let run = slurm.start(&[self.job(1, &["true"])]).unwrap().remove(0);
        self.set("sacct", &format!("7|{line}\n"));
        if let Some(code) = exit {
            fs::write(run.out.join("exit"), format!("{code}\n")).unwrap();
        }
        let ended = wait(&mut slurm, &run);
        outcome(&ended, &run.out, expect)
    }
}

fn wait(slurm: &mut Slurm, run: &Run) -> Ended {
    let began = Instant::now();
    loop {
        if let Progress::Ended(ended) = slurm.poll(run).unwrap() {
            return ended;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "no end");
        sleep(Duration::from_millis(2));
    }
}

fn after(symptom: &str) -> Expectation {
    Expectation { symptom: Some(symptom.to_owned()), quiet: 0.0 }
}

#[test]
fn every_state_has_its_verdict() {
    let any = Expectation::default();
    let (hang, oom) = (after("hang"), after("oom"));
    let cases: [(&str, Option<i32>, &Expectation, Verdict, bool); 25] = [
        ("COMPLETED|0:0|n1|9", Some(0), &any, Verdict::Good, false),
        ("COMPLETED|0:0|n1|9", None, &any, Verdict::Good, false),
        ("FAILED|1:0|n1|9", Some(1), &any, Verdict::Bad, false),
        ("FAILED|125:0|n1|9", Some(125), &any, Verdict::Unresolved, false),
        ("FAILED|127:0|n1|9", Some(127), &any, Verdict::Bad, false),
        ("FAILED|139:0|n1|9", Some(139), &any, Verdict::Bad, false),
        ("FAILED|143:0|n1|9", Some(143), &any, Verdict::Bad, false),
        ("FAILED|0:11|n1|9", None, &any, Verdict::Bad, false),
        ("FAILED|0:53|n1|0", None, &any, Verdict::Unresolved, true),
        ("FAILED|1:0|n1|9", None, &any, Verdict::Unresolved, true),
        ("FAILED|0:0|n1|9", None, &any, Verdict::Unresolved, true),
        ("TIMEOUT|0:15|n1|9", None, &any, Verdict::Unresolved, false),
        ("TIMEOUT|0:15|n1|9", None, &oom, Verdict::Unresolved, false),
        ("OUT_OF_MEMORY|0:125|n1|9", None, &any, Verdict::Unresolved, false),
        ("OUT_OF_MEMORY|0:125|n1|9", None, &hang, Verdict::Unresolved, false),
        ("OUT_OF_MEMORY|0:125|n1|9", None, &oom, Verdict::Bad, false),
        ("NODE_FAIL|0:0|n1|9", Some(0), &any, Verdict::Unresolved, true),
        ("BOOT_FAIL|0:0|n1|0", None, &any, Verdict::Unresolved, true),
        ("PREEMPTED|0:15|n1|9", None, &any, Verdict::Unresolved, true),
        ("REQUEUED|0:0|n1|9", None, &any, Verdict::Unresolved, true),
        ("CANCELLED by 1000|0:15|n1|9", None, &any, Verdict::Unresolved, true),
        ("CANCELLED+|0:0|None assigned|0", None, &any, Verdict::Unresolved, true),
        ("DEADLINE|0:0|None assigned|0", None, &any, Verdict::Unresolved, true),
        ("SOMETHING_NEW|0:0|n1|9", Some(0), &any, Verdict::Unresolved, false),
        ("|0:0|n1|9", None, &any, Verdict::Unresolved, true),
    ];
    for (line, exit, expect, verdict, infra) in cases {
        let outcome = Fake::new().accounted(line, exit, expect);
        assert_eq!((outcome.verdict, outcome.infra, outcome.stop), (verdict, infra, None), "{line}: {}", outcome.note);
    }
}

#[test]
fn a_timeout_is_a_hang_by_what_was_seen_while_it_ran() {
    let fake = Fake::new();
    let mut slurm = fake.slurm();
    let run = slurm.start(&[fake.job(1, &["true"])]).unwrap().remove(0);
    fs::write(run.out.join("log"), "step 1\n").unwrap();
    fake.set("sacct", "7|RUNNING|0:0|n1|9\n");
    let until = Instant::now() + Duration::from_millis(900);
    while Instant::now() < until {
        assert_eq!(slurm.poll(&run).unwrap(), Progress::Running);
        sleep(Duration::from_millis(10));
    }
    // its last words on being ended
    fs::write(run.out.join("log"), "step 1\nterminated\n").unwrap();
    fake.set("sacct", "7|TIMEOUT|0:15|n1|61\n");
    let ended = wait(&mut slurm, &run);
    assert!(ended.quiet.is_some_and(|quiet| quiet > 0.3), "{ended:?}");
    assert!((ended.seconds - 61.0).abs() < 1e-9);
    let silent = Expectation { quiet: 0.3, ..after("hang") };
    let seen = outcome(&ended, &run.out, &silent);
    assert_eq!((seen.verdict, seen.symptom.as_deref()), (Verdict::Bad, Some("hang")));
    assert_eq!(outcome(&ended, &run.out, &Expectation { quiet: 60.0, ..silent }).verdict, Verdict::Unresolved);
}

#[test]
fn who_does_not_know_is_not_asked_again_and_the_next_one_is() {
    let fake = Fake::new();
    let mut slurm = fake.slurm();
    let run = slurm.start(&[fake.job(1, &["true"])]).unwrap().remove(0);
    fake.set(
        "scontrol",
        "JobId=7 JobName=s JobState=PENDING Reason=Priority ExitCode=0:0 RunTime=00:00:00 NodeList=\n",
    );
    assert_eq!(slurm.poll(&run).unwrap(), Progress::Waiting("Priority".to_owned()));
    fake.set(
        "scontrol",
        "JobId=7 JobName=s JobState=NODE_FAIL Reason=None ExitCode=0:0 RunTime=00:01:05 NodeList=n1\n",
    );
    let ended = wait(&mut slurm, &run);
    assert_eq!((ended.node.as_deref(), ended.seconds), (Some("n1"), 65.0));
    assert!(matches!(ended.end, End::Slurm { ref state, .. } if state == "NODE_FAIL"));
    assert_eq!(fake.calls("sacct"), 1, "{}", fake.text("calls"));
}

#[test]
fn the_completion_log_is_asked_when_the_controller_has_forgotten() {
    let fake = Fake::new();
    let mut slurm = fake.slurm();
    let run = slurm.start(&[fake.job(1, &["true"])]).unwrap().remove(0);
    // a requeued job stands there once for each try
    fake.set("sacct-c", "7|PREEMPTED|0:15|n1|9\n7|FAILED|3:0|n2|8\n");
    fs::write(run.out.join("exit"), "3\n").unwrap();
    let ended = wait(&mut slurm, &run);
    assert_eq!(ended.node.as_deref(), Some("n2"));
    assert_eq!(outcome(&ended, &run.out, &Expectation::default()).verdict, Verdict::Bad);
}

#[test]
fn a_task_is_not_taken_for_another_one_in_the_completion_log() {
    let fake = Fake::new();
    let mut slurm = fake.slurm();
    let jobs = [fake.job(1, &["true"]), fake.job(2, &["true"])];
    let runs = slurm.start(&jobs).unwrap();
    // the last task bears the array's number
    fake.set("sacct-c", "8|FAILED|1:0|n1|9\n7|COMPLETED|0:0|n1|9\n");
    fs::write(runs[0].out.join("slurm-job"), "8\n").unwrap();
    fs::write(runs[0].out.join("exit"), "1\n").unwrap();
    assert!(matches!(wait(&mut slurm, &runs[0]).end, End::Slurm { code: 1, .. }));
    // nobody knows the other one's number
    assert_eq!(wait(&mut slurm, &runs[1]).end, End::Lost);
}

#[test]
fn the_exit_status_is_the_last_resort_and_a_job_without_one_is_lost() {
    let fake = Fake::new();
    let mut slurm = fake.slurm();
    let run = slurm.start(&[fake.job(1, &["true"])]).unwrap().remove(0);
    fs::write(run.out.join("exit"), "4\n").unwrap();
    let ended = wait(&mut slurm, &run);
    assert!(matches!(ended.end, End::Slurm { code: 4, .. }), "{ended:?}");
    assert_eq!(outcome(&ended, &run.out, &Expectation::default()).verdict, Verdict::Bad);
    let run = slurm.start(&[fake.job(2, &["true"])]).unwrap().remove(0);
    assert_eq!(wait(&mut fake.slurm(), &run).end, End::Lost);
}

#[test]
fn a_job_that_accounting_thinks_is_still_running_is_asked_for_elsewhere() {
    let fake = Fake::new();
    let mut slurm = fake.slurm();
    let run = slurm.start(&[fake.job(1, &["true"])]).unwrap().remove(0);
    fake.set("sacct", "7|RUNNING|0:0|n1|9\n");
    assert_eq!(slurm.poll(&run).unwrap(), Progress::Running);
    fs::write(run.out.join("exit"), "0\n").unwrap();
    assert!(matches!(wait(&mut slurm, &run).end, End::Slurm { ref state, .. } if state == "COMPLETED"));
}

#[test]
fn a_controller_that_is_away_is_waited_for() {
    let fake = Fake::new();
    let mut slurm = fake.slurm();
    let run = slurm.start(&[fake.job(1, &["true"])]).unwrap().remove(0);
    fake.set("down", "");
    for _ in 0..20 {
        assert!(matches!(slurm.poll(&run).unwrap(), Progress::Waiting(text) if text.contains("Unable to contact")));
        sleep(Duration::from_millis(6));
    }
    fs::remove_file(fake.path().join("down")).unwrap();
    fake.set(
        "scontrol",
        "JobId=7 JobName=s JobState=COMPLETED Reason=None ExitCode=0:0 RunTime=00:00:01 NodeList=n1\n",
    );
    assert!(matches!(wait(&mut slurm, &run).end, End::Slurm { ref state, .. } if state == "COMPLETED"));
}

#[test]
fn a_state_that_means_another_try_ends_the_job() {
    for state in ["REQUEUED", "SOMETHING_NEW"] {
        let fake = Fake::new();
        fake.accounted(&format!("{state}|0:0|n1|9"), None, &Expectation::default());
        assert!(fake.text("calls").contains("scancel 7"));
    }
}

#[test]
fn the_cluster_is_asked_at_a_polite_pace() {
    let fake = Fake::new();
    let options = Options { first: Duration::from_millis(100), most: Duration::from_secs(30), ..fake.options() };
    let mut slurm = Slurm::new(options).unwrap();
    let run = slurm.start(&[fake.job(1, &["true"])]).unwrap().remove(0);
    fake.set("sacct", "7|RUNNING|0:0|n1|9\n");
    let until = Instant::now() + Duration::from_secs(1);
    while Instant::now() < until {
        slurm.poll(&run).unwrap();
        sleep(Duration::from_millis(2));
    }
    // at 0, 150, 375, 713 ms
    assert!((2..=4).contains(&fake.calls("sacct")), "{}", fake.calls("sacct"));
}

#[test]
fn what_is_submitted_says_all_and_is_written_down() {
    let fake = Fake::new();
    fake.set("sbatch", "sbatch: note\n7;big\n");
    let options = Options { sbatch_args: vec!["--partition=p".to_owned()], ..fake.options() };
    let mut slurm = Slurm::new(options).unwrap();
    let mut job = fake.job(1, &["true"]);
    job.time_limit = Some(Duration::from_secs(61));
    job.exclude = vec!["n1".to_owned(), "n2".to_owned()];
    let run = slurm.start(&[job]).unwrap().remove(0);
    let sent = fake.text("sbatch.args");
    for arg in
        ["--parsable", "--no-requeue", "--job-name=session-1-abc", "--time=2", "--exclude=n1,n2", "--partition=p"]
    {
        assert!(sent.lines().any(|line| line == arg), "{arg}\n{sent}");
    }
    assert!(sent.contains("--comment=moelint:") && !sent.contains("--array") && !sent.contains("--wait"));
    assert_eq!(run.handle, Handle::Slurm { job: "7".to_owned(), array_task: None, cluster: Some("big".to_owned()) });
    assert_eq!(recorded(&run.out), Some(run.clone()));
    slurm.cancel(std::slice::from_ref(&run)).unwrap();
    assert!(fake.text("calls").contains("scancel -M big 7"));
}

#[test]
fn jobs_that_differ_in_their_limits_are_submitted_apart() {
    let fake = Fake::new();
    let mut jobs = [1, 2, 3].map(|number| fake.job(number, &["true"]));
    jobs[1].exclude = vec!["n1".to_owned()];
    let runs = fake.slurm().start(&jobs).unwrap();
    assert_eq!(fake.calls("sbatch"), 2);
    let tasks = runs.iter().map(|run| match &run.handle {
        Handle::Slurm { array_task, .. } => *array_task,
        Handle::Local { .. } => panic!(),
    });
    assert_eq!(tasks.collect::<Vec<_>>(), [Some(0), None, Some(1)]);
    assert!(runs.iter().zip(&jobs).all(|(run, job)| run.out == job.out));
}

#[test]
fn the_scripts_bring_every_word_to_the_command() {
    let fake = Fake::new();
    fake.set("run", "");
    let print =
        r#"for word; do printf '[%s]' "$word"; done; printf '%s|%s' "$ODD" "$SLURM_KILL_BAD_EXIT"; cat; exit 6"#;
    let words = ["a b", "it's", "\"", "new\nline\r\n", "$HOME", "*", "", "\\n", "`x`", "-x"];
    let mut first = fake.job(1, &["sh", "-c", print, "name"]);
    first.command.extend(words.map(str::to_owned));
    first.env.insert("ODD".to_owned(), "a 'b'\n$c".to_owned());
    let second = fake.job(2, &["sh", "-c", "pwd; kill -SEGV $$"]);
    let runs = fake.slurm().start(&[first, second]).unwrap();
    let read = |at: usize, name: &str| fs::read_to_string(runs[at].out.join(name)).unwrap();
    let shown: String = words.iter().map(|word| format!("[{word}]")).collect();
    assert_eq!(read(0, "log"), format!("{shown}a 'b'\n$c|1"));
    assert_eq!((read(0, "exit").as_str(), read(1, "exit").as_str()), ("6\n", "139\n"));
    assert_eq!((read(0, "slurm-job").as_str(), read(1, "slurm-job").as_str()), ("100\n", "101\n"));
    assert!(read(1, "log").starts_with(fake.path().canonicalize().unwrap().to_str().unwrap()));
}

#[test]
fn a_job_that_did_not_come_to_its_command_is_run_again() {
    let fake = Fake::new();
    let mut slurm = fake.slurm();
    let run = slurm.start(&[fake.job(1, &["true"])]).unwrap().remove(0);
    // its folder is not to be seen from the node
    let script = fs::read_to_string(run.out.join("probe.sh")).unwrap();
    fs::write(run.out.join("probe.sh"), script.replace("\ncd '", "\ncd '/nowhere")).unwrap();
    let status = std::process::Command::new("sh").arg(run.out.join("launch.sh")).status().unwrap();
    assert_eq!(status.code(), Some(125));
    fake.set("sacct", "7|FAILED|125:0|n1|9\n");
    let seen = outcome(&wait(&mut slurm, &run), &run.out, &Expectation::default());
    assert_eq!((seen.verdict, seen.infra), (Verdict::Unresolved, true));
    assert!(seen.note.contains("can not be entered"), "{}", seen.note);

    let run = slurm.start(&[fake.job(2, &["true"])]).unwrap().remove(0);
    let log = "srun: error: Unable to create step for job 7: More processors requested than permitted\n";
    fs::write(run.out.join("log"), log).unwrap();
    fs::write(run.out.join("exit"), "1\n").unwrap();
    fake.set("sacct", "7|FAILED|1:0|n1|9\n");
    let seen = outcome(&wait(&mut fake.slurm(), &run), &run.out, &Expectation::default());
    assert_eq!((seen.verdict, seen.infra), (Verdict::Unresolved, true));
}

#[test]
fn a_second_try_by_slurm_itself_does_not_run() {
    let fake = Fake::new();
    let run = fake.slurm().start(&[fake.job(1, &["touch", "ran"])]).unwrap().remove(0);
    let mut again = std::process::Command::new("sh");
    let status = again.arg(run.out.join("launch.sh")).env("SLURM_RESTART_COUNT", "1").status().unwrap();
    assert_eq!(status.code(), Some(125));
    assert!(!fake.path().join("ran").exists());
    assert!(fs::read_to_string(run.out.join("log")).unwrap().contains("second time"));
}

#[test]
fn what_can_not_be_submitted_says_what_to_do() {
    let fake = Fake::new();
    fake.set("refuse", "sbatch: error: Batch job submission failed: Invalid account\n");
    let error = fake.slurm().start(&[fake.job(1, &["true"])]).unwrap_err().to_string();
    assert!(error.contains("Invalid account") && error.contains("--sbatch-arg=--account"), "{error}");
    let mut options = fake.options();
    options.env.insert("PATH".to_owned(), "/nowhere".to_owned());
    let error = Slurm::new(options).unwrap().start(&[fake.job(1, &["true"])]).unwrap_err().to_string();
    assert!(error.contains("login node"), "{error}");
    let fake = Fake::new();
    fake.set("sbatch", "Submitted batch job 7\n");
    assert!(matches!(fake.slurm().start(&[fake.job(1, &["true"])]), Err(ExecError::Answer { .. })));
    let options = Options { sbatch_args: vec!["--wait".to_owned()], ..fake.options() };
    assert!(Slurm::new(options).unwrap_err().to_string().contains("node dies"));
}
