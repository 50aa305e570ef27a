//! Probes on this machine: what arrives, how they end, and what a search finds again after it died.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use moelint::bisect::executor::interrupt;
use moelint::bisect::executor::local::Local;
use moelint::bisect::executor::{End, Ended, ExecError, Executor, Handle, Job, Progress, Run, outcome, recorded};
use moelint::bisect::verdict::{Expectation, Verdict};

fn job(folder: &Path, number: u32, command: &[&str]) -> Job {
    let out = folder.join(format!("probe {number}"));
    fs::create_dir_all(&out).unwrap();
    Job {
        number,
        name: format!("s-{number}"),
        command: command.iter().map(|&word| word.to_owned()).collect(),
        dir: folder.to_owned(),
        env: BTreeMap::new(),
        out,
        time_limit: None,
        exclude: Vec::new(),
    }
}

fn script(folder: &Path, text: &str) -> Job {
    job(folder, 1, &["sh", "-c", text])
}

fn quick() -> Local {
    Local::new(Duration::from_millis(300))
}

fn start(executor: &mut dyn Executor, job: Job) -> Run {
    executor.start(&[job]).unwrap().remove(0)
}

fn wait(executor: &mut dyn Executor, run: &Run) -> Ended {
    let began = Instant::now();
    loop {
        if let Progress::Ended(ended) = executor.poll(run).unwrap() {
            return ended;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "no end");
        sleep(Duration::from_millis(10));
    }
}

fn run(job: Job) -> (Ended, PathBuf) {
    let mut executor = quick();
    let run = start(&mut executor, job);
    (wait(&mut executor, &run), run.out)
}

/// Waits for a file that a probe writes.
fn text(path: &Path) -> String {
    for _ in 0..1000 {
        match fs::read_to_string(path) {
            Ok(text) if !text.is_empty() => return text,
            _ => sleep(Duration::from_millis(10)),
        }
    }
    panic!("{}: not there", path.display());
}

/// Whether a process is there and not just waiting to be collected.
fn alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim_start().starts_with('Z'))
}

#[test]
fn exit_statuses_arrive() {
    let folder = tempfile::tempdir().unwrap();
    for (code, verdict) in
        [(0, Verdict::Good), (1, Verdict::Bad), (125, Verdict::Unresolved), (200, Verdict::Unresolved)]
    {
        let (ended, out) = run(script(folder.path(), &format!("exit {code}")));
        assert_eq!(ended.end, End::Exited(code));
        let outcome = outcome(&ended, &out, &Expectation::default());
        assert_eq!((outcome.verdict, outcome.stop.is_some()), (verdict, code == 200));
    }
    let (ended, _) = run(script(folder.path(), "kill -SEGV $$"));
    assert_eq!(ended.end, End::Exited(139));
}

#[test]
fn a_command_that_can_not_be_run_is_bogus() {
    let folder = tempfile::tempdir().unwrap();
    let (ended, out) = run(job(folder.path(), 1, &["./no such command"]));
    assert_eq!(ended.end, End::Exited(127));
    assert!(outcome(&ended, &out, &Expectation::default()).bogus);
    fs::write(folder.path().join("plain"), "exit 0\n").unwrap();
    let (ended, _) = run(job(folder.path(), 1, &["./plain"]));
    assert_eq!(ended.end, End::Exited(126));
    // a word of the shell is no program
    assert_eq!(run(job(folder.path(), 1, &["exit", "3"])).0.end, End::Exited(127));
}

#[test]
fn words_and_variables_arrive_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let print = r#"for word; do printf '[%s]' "$word"; done; printf '%s|%s|%s' "$PWD" "$ODD" "$MOELINT_PROBE"; cat"#;
    let words = ["a b", "it's", "\"", "new\nline", "$HOME", "*", "", "\\n", "a=b", "-x"];
    let mut job = job(folder.path(), 7, &["sh", "-c", print, "name"]);
    job.command.extend(words.map(str::to_owned));
    job.env.insert("ODD".to_owned(), "a 'b'\n$c".to_owned());
    let (ended, out) = run(job);
    assert_eq!(ended.end, End::Exited(0));
    let shown: String = words.iter().map(|word| format!("[{word}]")).collect();
    let folder = folder.path().canonicalize().unwrap();
    assert_eq!(fs::read_to_string(out.join("log")).unwrap(), format!("{shown}{}|a 'b'\n$c|7", folder.display()));
}

#[test]
fn the_verdict_file_wins_and_an_old_one_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let say = r#"printf '{"verdict":"bad","symptom":"hang","metrics":{"loss":1.5}}' >"$MOELINT_OUT/verdict.json""#;
    let (ended, out) = run(script(folder.path(), say));
    let seen = outcome(&ended, &out, &Expectation::default());
    assert_eq!((seen.verdict, seen.symptom.as_deref()), (Verdict::Bad, Some("hang")));
    let (ended, out) = run(script(folder.path(), "true"));
    assert_eq!(outcome(&ended, &out, &Expectation::default()).verdict, Verdict::Good);
    let (ended, out) = run(script(folder.path(), "mkdir \"$MOELINT_OUT/verdict.json\""));
    assert_eq!(outcome(&ended, &out, &Expectation::default()).verdict, Verdict::Unresolved);
}

#[test]
fn the_time_limit_ends_grandchildren_that_ignore_being_asked() {
    let folder = tempfile::tempdir().unwrap();
    let text_of = "sh -c 'trap \"\" TERM; echo $$ >\"$MOELINT_OUT/pid\"; while :; do sleep 0.1; done' & wait";
    let mut job = script(folder.path(), text_of);
    job.time_limit = Some(Duration::from_millis(700));
    let mut executor = quick();
    let run = start(&mut executor, job);
    let pid = text(&run.out.join("pid"));
    assert!(alive(&pid));
    let ended = wait(&mut executor, &run);
    assert_eq!(ended.end, End::TimedOut);
    assert!(ended.quiet.is_some_and(|quiet| quiet >= 0.5), "{ended:?}");
    assert!((0.6..5.0).contains(&ended.seconds), "{ended:?}");
    assert!(!alive(&pid));
    // asked again, and by another process, the answer is the same
    assert_eq!(wait(&mut quick(), &run).end, End::TimedOut);
    let after = |symptom: &str, quiet| Expectation { symptom: Some(symptom.to_owned()), quiet };
    assert_eq!(outcome(&ended, &run.out, &after("hang", 0.5)).verdict, Verdict::Bad);
    assert_eq!(outcome(&ended, &run.out, &after("hang", 60.0)).verdict, Verdict::Unresolved);
    assert_eq!(outcome(&ended, &run.out, &after("oom", 0.5)).verdict, Verdict::Unresolved);
}

#[test]
fn what_a_probe_left_running_is_ended_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (ended, out) = run(script(folder.path(), "sleep 60 & echo $! >\"$MOELINT_OUT/pid\"; exit 4"));
    assert_eq!(ended.end, End::Exited(4));
    let pid = text(&out.join("pid"));
    for _ in 0..100 {
        if !alive(&pid) {
            return;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("{pid} is still there");
}

#[test]
fn cancelling_ends_several_and_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let hold = "echo $$ >\"$MOELINT_OUT/pid\"; sleep 60";
    let mut executor = quick();
    let jobs = [1, 2].map(|number| job(folder.path(), number, &["sh", "-c", hold]));
    let runs = executor.start(&jobs).unwrap();
    let pids: Vec<String> = runs.iter().map(|run| text(&run.out.join("pid"))).collect();
    executor.cancel(&runs).unwrap();
    assert!(pids.iter().all(|pid| !alive(pid)));
    for run in &runs {
        let ended = wait(&mut executor, run);
        assert_eq!(ended.end, End::Cancelled);
        let outcome = outcome(&ended, &run.out, &Expectation::default());
        assert_eq!((outcome.verdict, outcome.infra), (Verdict::Unresolved, true));
    }
}

#[test]
fn another_process_finds_the_probe_running_and_its_exit_status_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = quick();
    let run = start(&mut first, script(folder.path(), "while ! [ -e go ]; do sleep 0.02; done; exit 9"));
    let found = recorded(&run.out).unwrap();
    assert_eq!(found, run);
    let text = serde_json::to_string(&run).unwrap();
    assert_eq!(serde_json::from_str::<Run>(&text).unwrap(), run);
    let mut second = quick();
    assert_eq!(second.poll(&found).unwrap(), Progress::Running);
    fs::write(folder.path().join("go"), "").unwrap();
    assert_eq!(wait(&mut second, &found).end, End::Exited(9));
    assert_eq!(wait(&mut first, &run).end, End::Exited(9));
}

#[test]
fn another_process_keeps_to_the_time_limit() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = script(folder.path(), "sleep 60");
    job.time_limit = Some(Duration::from_millis(300));
    let mut first = quick();
    let run = start(&mut first, job);
    // the first one never looks again
    assert_eq!(wait(&mut quick(), &recorded(&run.out).unwrap()).end, End::TimedOut);
}

#[test]
fn a_probe_that_is_gone_without_a_word_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut executor = quick();
    let run = start(&mut executor, script(folder.path(), "kill -KILL $PPID; sleep 60"));
    let ended = wait(&mut executor, &run);
    assert_eq!(ended.end, End::Lost);
    let seen = outcome(&ended, &run.out, &Expectation::default());
    assert_eq!((seen.verdict, seen.infra), (Verdict::Unresolved, true));
    // a number that another process has by now: ours, which must not be touched
    let handle = Handle::Local { pid: std::process::id(), started: "1@then".to_owned(), began: 0, limit: Some(1) };
    let other = Run { handle, out: run.out.clone() };
    assert_eq!(wait(&mut quick(), &other).end, End::Lost);
}

#[test]
fn what_can_not_be_started_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |job: Job| quick().start(&[job]).unwrap_err().to_string();
    assert!(refused(job(folder.path(), 1, &[])).contains("`--`"));
    assert!(refused(Job { dir: folder.path().join("gone"), ..script(folder.path(), "true") }).contains("removed"));
    assert!(refused(job(folder.path(), 1, &["a\0b"])).contains("zero byte"));
    let env = BTreeMap::from([("A B".to_owned(), String::new())]);
    assert!(refused(Job { env, ..script(folder.path(), "true") }).contains("letters"));
    assert!(refused(Job { out: folder.path().join("no/out"), ..script(folder.path(), "true") }).contains("--state"));
    let handle = Handle::Slurm { job: "1".to_owned(), array_task: None, cluster: None };
    let foreign = quick().poll(&Run { handle, out: folder.path().to_owned() });
    assert!(matches!(foreign, Err(ExecError::Foreign("slurm"))));
}

#[test]
fn one_that_can_not_be_started_ends_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let first = job(folder.path(), 1, &["sleep", "60"]);
    let second = job(folder.path(), 2, &[]);
    assert!(quick().start(&[first.clone(), second]).is_err());
    assert_eq!(wait(&mut quick(), &recorded(&first.out).unwrap()).end, End::Cancelled);
}

/// Here and not beside the code: the flag is the whole process's.
#[test]
fn the_first_signal_only_sets_the_flag() {
    assert!(!interrupt::interrupted());
    interrupt::install().unwrap();
    interrupt::install().unwrap();
    signal_hook::low_level::raise(signal_hook::consts::SIGINT).unwrap();
    assert!(interrupt::interrupted());
}
