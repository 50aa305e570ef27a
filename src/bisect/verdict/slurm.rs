//! What Slurm's word for a job's end says about the candidate. An unknown word is no verdict: a node that dies leaves
//! `0:0` behind, so nothing but COMPLETED may ever be good.

use super::{Call, Expectation, KILL, exited, is_crash, out_of_time, relayed, signal_name};
use crate::bisect::executor::Ended;

/// Above them are no signals of the job: Slurm puts its own errors there (53: the output file or folder is not to be had).
const LAST_SIGNAL: i32 = 31;

/// Reads a state as `sacct` and `scontrol` spell it; `status` is `ExitCode`'s code and signal.
pub(super) fn call(state: &str, status: (i32, i32), reason: &str, ended: &Ended, expect: &Expectation) -> Call {
    let shown = if matches!(reason, "" | "None") { state.to_owned() } else { format!("{state} ({reason})") };
    match state {
        "COMPLETED" if status == (0, 0) => Call::good("COMPLETED"),
        "COMPLETED" | "FAILED" => ran(&shown, status, expect),
        "TIMEOUT" => out_of_time(ended.quiet, expect),
        "OUT_OF_MEMORY" if expect.is("oom") => Call::bad("OUT_OF_MEMORY").with("oom"),
        "OUT_OF_MEMORY" => Call::unresolved("OUT_OF_MEMORY: the host's memory ran out, which the search is not after"),
        "NODE_FAIL" | "BOOT_FAIL" | "PREEMPTED" | "REQUEUED" | "REQUEUE_HOLD" | "CANCELLED" | "DEADLINE"
        | "LAUNCH_FAILED" | "RECONFIG_FAIL" | "REVOKED" | "SPECIAL_EXIT" => {
            Call::infra(format!("{shown}: not the candidate's doing"))
        }
        _ => Call::unresolved(format!("Slurm says {shown}, a state that is not known here: no verdict")),
    }
}

/// The job ran to an end of its own.
fn ran(shown: &str, (code, signal): (i32, i32), expect: &Expectation) -> Call {
    match (code, signal) {
        (0, 0) => Call::unresolved(format!("{shown} with exit status 0: Slurm contradicts itself")),
        (_, 1..=LAST_SIGNAL) => by_signal(shown, signal, expect),
        (_, signal) if signal > LAST_SIGNAL => {
            let why = "the job could not be started; are its folders to be seen from the node?";
            Call::infra(format!("{shown}, Slurm's error {signal}: {why}"))
        }
        (code, _) => match relayed(code) {
            // how `srun` and a shell hand on a death by signal; other numbers from 128 on are the probe's own
            Some(signal) => by_signal(shown, signal, expect),
            None => exited(code, expect),
        },
    }
}

/// `srun --kill-on-bad-exit` ends the other ranks with SIGTERM and reports that, so it is a failure of the candidate;
/// nothing but a person or a shutdown sends the others.
fn by_signal(shown: &str, signal: i32, expect: &Expectation) -> Call {
    let note = format!("{shown}: killed by {}", signal_name(signal));
    match signal {
        1..=3 => Call::infra(note),
        KILL if expect.is("oom") => Call::bad(note).with("oom"),
        signal if is_crash(signal) => Call::bad(note).with("crash"),
        _ => Call::bad(note),
    }
}
