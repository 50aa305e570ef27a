//! What a probe's end says about its candidate. The caller brings what was seen; nothing here looks anything up.
//!
//! The order is part of the contract: what was not the candidate's fault (a dead node, a cancelled job) is no verdict
//! whatever else is there; then the probe's own `verdict.json`; then its exit status, as `git bisect run` reads it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::executor::{End, Ended};

mod slurm;

/// What a probe says about its candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It works.
    Good,
    /// It fails the way the search is after.
    Bad,
    /// It can't tell; [`Outcome::note`] says why.
    Unresolved,
}

/// A verdict with what led to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// How it failed, where that is known: `hang`, `oom`, `crash` or what the probe wrote.
    pub symptom: Option<String>,
    /// What the probe measured.
    pub metrics: BTreeMap<String, f64>,
    /// Not the candidate's fault: run it again, on other nodes.
    pub infra: bool,
    /// The command was not found or can't be run. When the good end does the same, the probe is at fault.
    pub bogus: bool,
    /// The whole search is to stop, as `git bisect run` does from exit 128 on; says why.
    pub stop: Option<String>,
    /// Where it ran, as Slurm lists nodes.
    pub node: Option<String>,
    /// From its start to its end; waiting in a queue does not count.
    pub seconds: f64,
    /// What decided, in words.
    pub note: String,
}

/// What the search is after.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// `hang`, `oom`, `crash`, …; `None`: any failure is bad.
    pub symptom: Option<String>,
    /// Seconds without a word in the log (or a touch of `$MOELINT_OUT/heartbeat`) after which a run that ran out of
    /// time counts as hanging; below that it was only slow.
    pub quiet: f64,
}

impl Default for Expectation {
    fn default() -> Self {
        Self { symptom: None, quiet: 60.0 }
    }
}

impl Expectation {
    fn is(&self, symptom: &str) -> bool {
        self.symptom.as_deref() == Some(symptom)
    }
}

/// A verdict without the probe's particulars.
#[derive(Debug, Default)]
struct Call {
    verdict: Option<Verdict>,
    symptom: Option<&'static str>,
    infra: bool,
    bogus: bool,
    stop: bool,
    note: String,
}

impl Call {
    fn good(note: impl Into<String>) -> Self {
        Self { verdict: Some(Verdict::Good), note: note.into(), ..Self::default() }
    }

    fn bad(note: impl Into<String>) -> Self {
        Self { verdict: Some(Verdict::Bad), note: note.into(), ..Self::default() }
    }

    fn unresolved(note: impl Into<String>) -> Self {
        Self { note: note.into(), ..Self::default() }
    }

    fn infra(note: impl Into<String>) -> Self {
        Self { infra: true, note: note.into(), ..Self::default() }
    }

    fn stop(note: impl Into<String>) -> Self {
        Self { stop: true, note: note.into(), ..Self::default() }
    }

    fn with(self, symptom: &'static str) -> Self {
        Self { symptom: Some(symptom), ..self }
    }
}

/// Reads a probe's end; `verdict_file` is the text of `$MOELINT_OUT/verdict.json`, if the probe wrote one.
#[must_use]
pub fn judge(ended: &Ended, verdict_file: Option<&str>, expect: &Expectation) -> Outcome {
    let call = match &ended.end {
        End::Exited(code) => exited(*code, expect),
        End::TimedOut => out_of_time(ended.quiet, expect),
        End::Cancelled => Call::infra("cancelled before it ended"),
        End::Lost => Call::infra("it is gone without an exit status: killed from outside, or the machine went down"),
        End::Slurm { state, code, signal, reason } => slurm::call(state, (*code, *signal), reason, ended, expect),
    };
    let mut outcome = Outcome {
        verdict: call.verdict.unwrap_or(Verdict::Unresolved),
        symptom: call.symptom.map(str::to_owned),
        metrics: BTreeMap::new(),
        infra: call.infra,
        bogus: call.bogus,
        stop: call.stop.then(|| call.note.clone()),
        node: ended.node.clone(),
        seconds: ended.seconds,
        note: call.note,
    };
    if outcome.infra {
        return outcome;
    }
    if let Some(text) = verdict_file {
        said(text, expect, &mut outcome);
    } else if let Some(why) = &ended.launch
        && outcome.verdict != Verdict::Good
    {
        let note = format!("it did not get to run: {why}");
        outcome = Outcome { verdict: Verdict::Unresolved, symptom: None, infra: true, stop: None, note, ..outcome };
    }
    outcome
}

/// The exit status of a command on this machine, by git's contract.
fn exited(code: i32, expect: &Expectation) -> Call {
    match code {
        0 => Call::good("exit 0"),
        125 => Call::unresolved("exit 125: the probe can't tell"),
        126 => Call {
            bogus: true,
            ..Call::bad("exit 126: the command can't be executed; chmod +x it if every probe ends so")
        },
        127 => Call {
            bogus: true,
            ..Call::bad("exit 127: the command was not found; look at its path if every probe ends so")
        },
        1..=124 => Call::bad(format!("exit {code}")),
        _ => killed(code, expect),
    }
}

/// From 128 on, git stops. A shell reports a death by signal in the same numbers, and a search for just that failure
/// should not end at the first probe that shows it.
fn killed(code: i32, expect: &Expectation) -> Call {
    let Some(signal) = relayed(code) else {
        return Call::stop(format!("exit {code}: from 128 on a probe stops the search, as with git bisect run"));
    };
    let name = signal_name(signal);
    if is_crash(signal) && expect.is("crash") {
        return Call::bad(format!("killed by {name}")).with("crash");
    }
    if signal == KILL && expect.is("oom") {
        return Call::bad(format!("killed by {name}, which is what the kernel does when memory runs out")).with("oom");
    }
    Call::stop(format!(
        "exit {code} (killed by {name}): from 128 on a probe stops the search, as with git bisect run; where a crash is \
         what you are after, say --symptom crash, or let the probe exit with 1"
    ))
}

/// Over its time limit: a hang, if it had fallen silent before.
fn out_of_time(quiet: Option<f64>, expect: &Expectation) -> Call {
    let heard = match quiet {
        Some(quiet) => format!("nothing was heard from it for {quiet:.0} s before"),
        None => "when it was last heard of is not known".to_owned(),
    };
    if !expect.is("hang") {
        return Call::unresolved(format!("over its time limit; {heard}"));
    }
    if quiet.is_some_and(|quiet| quiet >= expect.quiet) {
        return Call::bad(format!("over its time limit; {heard}")).with("hang");
    }
    Call::unresolved(format!("over its time limit; {heard}: slow rather than hanging; give it more time"))
}

/// What `verdict.json` holds. Keys beside these are the probe's own business.
#[derive(Deserialize)]
struct Said {
    verdict: Word,
    #[serde(default)]
    symptom: Option<String>,
    #[serde(default)]
    metrics: BTreeMap<String, f64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Good,
    Bad,
    Unresolved,
    Skip,
}

/// The probe's own word replaces what its exit status says.
fn said(text: &str, expect: &Expectation, outcome: &mut Outcome) {
    outcome.verdict = Verdict::Unresolved;
    (outcome.symptom, outcome.stop, outcome.bogus) = (None, None, false);
    let said: Said = match serde_json::from_str(text) {
        Ok(said) => said,
        Err(error) => {
            outcome.note = format!("verdict.json is not what it needs to be ({error}); write it beside and rename it");
            return;
        }
    };
    outcome.metrics = said.metrics;
    let (verdict, note) = match (said.verdict, &said.symptom, &expect.symptom) {
        (Word::Good, ..) => (Verdict::Good, "verdict.json".to_owned()),
        (Word::Bad, Some(seen), Some(wanted)) if seen != wanted => {
            (Verdict::Unresolved, format!("it failed with `{seen}` (verdict.json); the search is after `{wanted}`"))
        }
        (Word::Bad, ..) => (Verdict::Bad, "verdict.json".to_owned()),
        (Word::Unresolved | Word::Skip, ..) => (Verdict::Unresolved, "the probe can't tell (verdict.json)".to_owned()),
    };
    (outcome.verdict, outcome.note, outcome.symptom) = (verdict, note, said.symptom);
}

const KILL: i32 = 9;

/// The signal that an exit status of a shell stands for.
fn relayed(code: i32) -> Option<i32> {
    (129..=159).contains(&code).then(|| code - 128)
}

/// Signals that a program brings upon itself: ILL, TRAP, ABRT, BUS, FPE, SEGV, SYS.
fn is_crash(signal: i32) -> bool {
    matches!(signal, 4..=8 | 11 | 31)
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        _ => return format!("signal {signal}"),
    };
    format!("signal {signal}, {name}")
}

#[cfg(test)]
mod tests;
