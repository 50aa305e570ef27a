//! A job's state as Slurm's programs print it.

/// What is known of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// One word.
    pub(super) state: String,
    /// First half of `ExitCode`.
    pub(super) code: i32,
    /// Second half of `ExitCode`.
    pub(super) signal: i32,
    /// Where it ran.
    pub(super) node: Option<String>,
    /// Seconds it ran.
    pub(super) seconds: Option<u64>,
    /// Slurm's reason.
    pub(super) reason: String,
}

/// Whether a job in that state is still to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// In the queue.
    Waiting,
    /// On its nodes.
    Running,
    /// Over.
    Over,
    /// Back in the queue, or in a state that is not known here: no verdict can come of it, and it must not run on.
    Stray,
}

/// The columns that [`accounting`] reads; each is older than any Slurm in use.
pub(super) const COLUMNS: &str = "jobid,state,exitcode,nodelist,elapsedraw";

impl Report {
    /// Whether it is still to end.
    pub(super) fn phase(&self) -> Phase {
        match self.state.as_str() {
            "PENDING" | "CONFIGURING" | "POWER_UP_NODE" | "RESV_DEL_HOLD" | "REQUEUE_FED" => Phase::Waiting,
            "RUNNING" | "COMPLETING" | "SUSPENDED" | "RESIZING" | "SIGNALING" | "STAGE_OUT" | "STOPPED"
            | "UPDATE_DB" => Phase::Running,
            "COMPLETED" | "FAILED" | "TIMEOUT" | "NODE_FAIL" | "BOOT_FAIL" | "PREEMPTED" | "CANCELLED" | "DEADLINE"
            | "OUT_OF_MEMORY" | "LAUNCH_FAILED" | "RECONFIG_FAIL" | "REVOKED" => Phase::Over,
            _ => Phase::Stray,
        }
    }
}

/// The line of a job among what `sacct -P -n` prints; the last one is the last try.
pub(super) fn accounting(text: &str, id: &str) -> Option<Report> {
    text.lines().rev().find_map(|line| {
        let mut columns = line.split('|');
        if columns.next()? != id {
            return None;
        }
        let state = word(columns.next()?)?;
        let (code, signal) = status(columns.next().unwrap_or_default());
        let node = node(columns.next().unwrap_or_default());
        let seconds = columns.next().and_then(|text| text.trim().parse().ok());
        Some(Report { state, code, signal, node, seconds, reason: String::new() })
    })
}

/// What `scontrol show job -o` prints for one job.
pub(super) fn control(text: &str) -> Option<Report> {
    let line = text.lines().find(|line| line.starts_with("JobId="))?;
    // a name comes before these and holds no blank (ours is made so), a comment after them
    let value = |name: &str| {
        line.split(' ').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).filter(|value| *value != "(null)")
    };
    let (code, signal) = status(value("ExitCode").unwrap_or_default());
    Some(Report {
        state: word(value("JobState")?)?,
        code,
        signal,
        node: value("NodeList").and_then(node),
        seconds: value("RunTime").and_then(run_time),
        reason: value("Reason").unwrap_or_default().to_owned(),
    })
}

/// `CANCELLED by 1000` and `CANCELLED+` are CANCELLED.
fn word(text: &str) -> Option<String> {
    let word = text.split_whitespace().next()?.trim_end_matches('+');
    (!word.is_empty()).then(|| word.to_owned())
}

fn status(text: &str) -> (i32, i32) {
    let (code, signal) = text.trim().split_once(':').unwrap_or((text.trim(), "0"));
    (code.parse().unwrap_or(0), signal.parse().unwrap_or(0))
}

fn node(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty() && text != "None assigned" && text != "(null)").then(|| text.to_owned())
}

/// `[days-]hours:minutes:seconds`.
fn run_time(text: &str) -> Option<u64> {
    let (days, rest) = text.split_once('-').unwrap_or(("0", text));
    let mut seconds = days.parse::<u64>().ok()? * 24;
    for (part, scale) in rest.split(':').zip([1, 60, 60]) {
        seconds = seconds * scale + part.parse::<u64>().ok()?;
    }
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sacct_prints_columns() {
        let text = "7|RUNNING|0:0|n1|5\n7_1|CANCELLED by 0|0:15|n[1-2]|61\n70|COMPLETED|0:0|n1|1\n";
        let report = accounting(text, "7_1").unwrap();
        assert_eq!((report.state.as_str(), report.code, report.signal), ("CANCELLED", 0, 15));
        assert_eq!((report.node.as_deref(), report.seconds), (Some("n[1-2]"), Some(61)));
        assert_eq!(accounting(text, "7").unwrap().phase(), Phase::Running);
        assert_eq!(accounting(text, "8"), None);
        assert_eq!(accounting("7|PENDING|0:0|None assigned|0", "7").unwrap().node, None);
    }

    #[test]
    fn scontrol_prints_pairs() {
        let text = "JobId=5 ArrayJobId=2 ArrayTaskId=1 JobName=a JobState=FAILED Reason=NonZeroExitCode ExitCode=10:0 \
                    RunTime=1-00:01:02 NodeList=vm Comment=JobState=COMPLETED \n";
        let report = control(text).unwrap();
        assert_eq!((report.state.as_str(), report.code, report.seconds), ("FAILED", 10, Some(86_462)));
        assert_eq!((report.node.as_deref(), report.reason.as_str()), (Some("vm"), "NonZeroExitCode"));
        assert_eq!(control("slurm_load_jobs error: Invalid job id specified"), None);
    }

    #[test]
    fn an_unknown_state_is_a_stray() {
        for state in ["REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT", "SOMETHING_NEW"] {
            let report = Report { state: state.to_owned(), ..Report::default() };
            assert_eq!(report.phase(), Phase::Stray);
        }
    }
}
