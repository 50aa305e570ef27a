use super::*;

fn ended(end: End) -> Ended {
    Ended { end, node: Some("n1".to_owned()), seconds: 12.0, quiet: None, launch: None }
}

fn slurm(state: &str, code: i32, signal: i32) -> Ended {
    ended(End::Slurm { state: state.to_owned(), code, signal, reason: String::new() })
}

fn after(symptom: &str) -> Expectation {
    Expectation { symptom: Some(symptom.to_owned()), ..Expectation::default() }
}

fn plain(ended: &Ended) -> Outcome {
    judge(ended, None, &Expectation::default())
}

#[test]
fn exit_statuses_mean_what_they_mean_to_git_bisect_run() {
    for code in 0..=255 {
        let outcome = plain(&ended(End::Exited(code)));
        let verdict = match code {
            0 => Verdict::Good,
            1..=124 | 126 | 127 => Verdict::Bad,
            _ => Verdict::Unresolved,
        };
        assert_eq!(outcome.verdict, verdict, "{code}");
        assert_eq!(outcome.stop.is_some(), code >= 128, "{code}");
        assert_eq!(outcome.bogus, code == 126 || code == 127, "{code}");
        assert!(!outcome.infra && !outcome.note.is_empty(), "{code}");
    }
}

#[test]
fn a_crash_stops_the_search_unless_the_search_is_after_it() {
    let segv = ended(End::Exited(139));
    assert!(plain(&segv).stop.unwrap().contains("SIGSEGV"));
    let outcome = judge(&segv, None, &after("crash"));
    assert_eq!((outcome.verdict, outcome.stop), (Verdict::Bad, None));
    assert!(judge(&ended(End::Exited(143)), None, &after("crash")).stop.is_some());
    assert_eq!(judge(&ended(End::Exited(137)), None, &after("oom")).verdict, Verdict::Bad);
    assert!(judge(&ended(End::Exited(255)), None, &after("crash")).stop.is_some());
}

#[test]
fn the_probes_own_word_wins() {
    let bad = r#"{"verdict": "bad", "symptom": "hang", "metrics": {"step_time_s": 2.5}, "samples": [1]}"#;
    let outcome = judge(&ended(End::Exited(0)), Some(bad), &after("hang"));
    assert_eq!((outcome.verdict, outcome.symptom.as_deref()), (Verdict::Bad, Some("hang")));
    assert!((outcome.metrics["step_time_s"] - 2.5).abs() < 1e-12);
    let other = judge(&ended(End::Exited(1)), Some(bad), &after("oom"));
    assert_eq!(other.verdict, Verdict::Unresolved);
    assert!(other.note.contains("`hang`") && other.note.contains("`oom`") && !other.infra);
    let good = judge(&ended(End::Exited(200)), Some(r#"{"verdict": "good"}"#), &Expectation::default());
    assert_eq!((good.verdict, good.stop), (Verdict::Good, None));
    let skip = judge(&ended(End::Exited(1)), Some(r#"{"verdict": "skip"}"#), &Expectation::default());
    assert_eq!(skip.verdict, Verdict::Unresolved);
}

#[test]
fn a_broken_verdict_file_is_no_verdict() {
    for text in
        ["", "{", r#"{"verdict": "fine"}"#, r#"{"symptom": "hang"}"#, r#"{"verdict": "bad", "metrics": {"x": NaN}}"#]
    {
        let outcome = judge(&ended(End::Exited(0)), Some(text), &Expectation::default());
        assert_eq!(outcome.verdict, Verdict::Unresolved, "{text}");
        assert!(outcome.note.contains("line 1"), "{}", outcome.note);
    }
}

#[test]
fn a_dead_node_is_no_verdict_whatever_the_file_says() {
    let good = r#"{"verdict": "good"}"#;
    for end in [slurm("NODE_FAIL", 0, 0), ended(End::Lost), ended(End::Cancelled)] {
        let outcome = judge(&end, Some(good), &Expectation::default());
        assert_eq!((outcome.verdict, outcome.infra), (Verdict::Unresolved, true));
    }
}

#[test]
fn a_timeout_is_bad_only_for_a_hang_that_had_fallen_silent() {
    let silent = |quiet, end| Ended { quiet, ..ended(end) };
    let timeout = || End::Slurm { state: "TIMEOUT".to_owned(), code: 0, signal: 15, reason: "TimeLimit".to_owned() };
    for end in [End::TimedOut, timeout()] {
        let verdict = |quiet, expect: &Expectation| judge(&silent(quiet, end.clone()), None, expect).verdict;
        assert_eq!(verdict(Some(300.0), &after("hang")), Verdict::Bad);
        assert_eq!(verdict(Some(3.0), &after("hang")), Verdict::Unresolved);
        assert_eq!(verdict(None, &after("hang")), Verdict::Unresolved);
        assert_eq!(verdict(Some(300.0), &after("oom")), Verdict::Unresolved);
        assert_eq!(verdict(Some(300.0), &Expectation::default()), Verdict::Unresolved);
    }
}

#[test]
fn slurm_states_that_are_nobodys_fault_are_run_again() {
    for state in ["NODE_FAIL", "BOOT_FAIL", "PREEMPTED", "REQUEUED", "CANCELLED", "DEADLINE", "LAUNCH_FAILED"] {
        let outcome = plain(&slurm(state, 0, 0));
        assert_eq!((outcome.verdict, outcome.infra, outcome.stop), (Verdict::Unresolved, true, None), "{state}");
        assert_eq!(outcome.node.as_deref(), Some("n1"));
    }
}

#[test]
fn nothing_but_completed_is_good() {
    let known = ["FAILED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "CANCELLED", "PENDING", "BROKEN", "", "completed"];
    for state in known {
        for expect in [Expectation::default(), after("hang"), after("oom"), after("crash")] {
            assert_ne!(judge(&slurm(state, 0, 0), None, &expect).verdict, Verdict::Good, "{state}");
        }
    }
    assert_eq!(plain(&slurm("COMPLETED", 0, 0)).verdict, Verdict::Good);
    assert_eq!(plain(&slurm("SOMETHING_NEW", 0, 0)).verdict, Verdict::Unresolved);
}

#[test]
fn a_job_that_failed_is_read_by_its_exit_status() {
    let cases = [(1, 0), (124, 0), (126, 0), (127, 0), (0, 11), (0, 9), (139, 0), (143, 0), (134, 0)];
    for (code, signal) in cases {
        let outcome = plain(&slurm("FAILED", code, signal));
        assert_eq!((outcome.verdict, outcome.stop.is_some()), (Verdict::Bad, false), "{code}:{signal}");
    }
    assert_eq!(plain(&slurm("FAILED", 0, 11)).symptom.as_deref(), Some("crash"));
    assert_eq!(plain(&slurm("FAILED", 125, 0)).verdict, Verdict::Unresolved);
    assert!(plain(&slurm("FAILED", 255, 0)).stop.is_some());
    assert!(plain(&slurm("FAILED", 128, 0)).stop.is_some());
    assert!(plain(&slurm("FAILED", 0, 53)).infra);
    assert!(plain(&slurm("FAILED", 0, 2)).infra);
    assert!(plain(&slurm("FAILED", 130, 0)).infra);
}

#[test]
fn out_of_memory_is_bad_only_for_that_symptom() {
    assert_eq!(judge(&slurm("OUT_OF_MEMORY", 0, 125), None, &after("oom")).verdict, Verdict::Bad);
    assert_eq!(judge(&slurm("OUT_OF_MEMORY", 0, 125), None, &after("hang")).verdict, Verdict::Unresolved);
    assert_eq!(plain(&slurm("OUT_OF_MEMORY", 0, 125)).verdict, Verdict::Unresolved);
}

#[test]
fn a_launch_that_failed_is_run_again_unless_the_probe_knows_better() {
    let launch = Some("srun: error: Unable to create step for job 8".to_owned());
    let end = Ended { launch, ..slurm("FAILED", 1, 0) };
    let outcome = plain(&end);
    assert_eq!((outcome.verdict, outcome.infra), (Verdict::Unresolved, true));
    assert!(outcome.note.contains("Unable to create step"));
    assert_eq!(judge(&end, Some(r#"{"verdict": "bad"}"#), &Expectation::default()).verdict, Verdict::Bad);
}

#[test]
fn verdicts_are_words() {
    let outcome = plain(&slurm("NODE_FAIL", 0, 0));
    let text = serde_json::to_string(&outcome).unwrap();
    assert!(text.contains(r#""verdict":"unresolved""#), "{text}");
    assert_eq!(serde_json::from_str::<Outcome>(&text).unwrap(), outcome);
}
