//! Recorded runs, oldest first: what each ran with, what it measured, how it ended. Pure; who reads them is in
//! [`super::run_folder`] and [`super::run_lines`].

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::str::Chars;

use crate::delta::table::Symptom;
use crate::run_log::Outcome;

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// Nobody says.
    #[default]
    Unknown,
    /// It got to its end.
    Finished,
    /// It failed; the kind, where it is a known one.
    Crashed(Option<Symptom>),
    /// Its log just ends.
    CutOff,
    /// Too few steps to be compared.
    TooShort,
}

impl Ending {
    /// From a word of a record: `finished`, `crashed`, `oom`, …; `None`: no such word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.trim().to_ascii_lowercase().replace(['_', ' '], "-");
        Some(match word.as_str() {
            "" | "unknown" => Self::Unknown,
            "finished" | "completed" | "success" | "succeeded" | "ok" | "passed" | "good" => Self::Finished,
            "crashed" | "crash" | "failed" | "failure" | "error" | "bad" => Self::Crashed(None),
            "cut-off" | "cancelled" | "canceled" | "preempted" | "timeout" | "node-fail" | "killed" => Self::CutOff,
            "too-short" => Self::TooShort,
            "out-of-memory" => Self::Crashed(Some(Symptom::Oom)),
            other => Self::Crashed(Some(*Symptom::ALL.iter().find(|symptom| symptom.name() == other)?)),
        })
    }

    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Finished => "finished",
            Self::Crashed(None) => "crashed",
            Self::Crashed(Some(symptom)) => symptom.name(),
            Self::CutOff => "cut off",
            Self::TooShort => "too short",
        }
    }
}

impl From<&Outcome> for Ending {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Finished => Self::Finished,
            Outcome::Crashed(crash) => Self::Crashed(crash.symptom),
            Outcome::CutOff(_) => Self::CutOff,
            Outcome::TooShort(_) => Self::TooShort,
        }
    }
}

/// The config of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunConfig {
    /// As it is to be called.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Whether `path` is a file that a command can be given.
    pub file: bool,
}

/// One recorded run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// Its name: unique or not, as recorded.
    pub name: String,
    /// Seconds since 1970 by the clock of its log.
    pub time: Option<f64>,
    /// The commit whose code ran.
    pub commit: Option<String>,
    /// What it ran with.
    pub config: Option<RunConfig>,
    /// Keys that somebody says changed with it; `None`: nobody says anything.
    pub changed: Option<Vec<String>>,
    /// Numbers by name.
    pub metrics: BTreeMap<String, f64>,
    /// Steps that the numbers come from; `None`: recorded elsewhere.
    pub steps: Option<usize>,
    /// How it ended.
    pub ending: Ending,
}

/// All runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Runs {
    /// Oldest first.
    pub runs: Vec<Run>,
    /// What somebody should know about them.
    pub notes: Vec<String>,
}

/// By what runs are put in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The natural order of their names: `run-9` before `run-10`.
    Name,
    /// When they began.
    Time,
    /// As they stand in a file.
    Given,
}

impl Runs {
    /// Puts the runs in order; among equals they stay as they are. A run without a time takes that of the run before it.
    pub fn sort(&mut self, order: Order) {
        match order {
            Order::Given => {}
            Order::Name => self.runs.sort_by(|a, b| natural(&a.name, &b.name)),
            Order::Time => {
                let mut last = self.runs.iter().find_map(|run| run.time).unwrap_or(0.0);
                let mut keyed: Vec<(f64, Run)> = Vec::with_capacity(self.runs.len());
                for run in std::mem::take(&mut self.runs) {
                    last = run.time.unwrap_or(last);
                    keyed.push((last, run));
                }
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
                self.runs = keyed.into_iter().map(|(_, run)| run).collect();
            }
        }
    }

    /// Names that more than one run has.
    #[must_use]
    pub fn repeated_names(&self) -> usize {
        let mut once = BTreeSet::new();
        let again: BTreeSet<&str> =
            self.runs.iter().map(|run| run.name.as_str()).filter(|name| !once.insert(*name)).collect();
        again.len()
    }
}

/// Compares names as people count: runs of digits by their number.
#[must_use]
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.chars().peekable(), b.chars().peekable());
    loop {
        let (one, two) = match (left.peek().copied(), right.peek().copied()) {
            (None, None) => return a.cmp(b),
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(one), Some(two)) => (one, two),
        };
        let order = if one.is_ascii_digit() && two.is_ascii_digit() {
            let (one, two) = (digits(&mut left), digits(&mut right));
            one.len().cmp(&two.len()).then(one.cmp(&two))
        } else {
            left.next();
            right.next();
            one.cmp(&two)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The digits that come next, without zeros at the front.
fn digits(chars: &mut Peekable<Chars<'_>>) -> String {
    let mut found = String::new();
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        if !(found.is_empty() && digit == '0') {
            found.push(digit);
        }
    }
    found
}

/// Seconds since 1970 of `2026-03-04T10:00:09.5+01:00`, `2026-03-04 10:00` or a number; `None`: neither.
#[must_use]
pub fn seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite().then_some(number);
    }
    let (date, clock) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let day = days(date)?;
    let clock = clock.trim();
    let (clock, offset) = match clock.rfind(['+', '-']) {
        Some(at) => (&clock[..at], zone(&clock[at..])?),
        None => (clock.trim_end_matches(['Z', 'z']), 0.0),
    };
    Some(day * 86_400.0 + clock_seconds(clock)? - offset)
}

fn zone(text: &str) -> Option<f64> {
    let (sign, rest) = text.split_at_checked(1)?;
    let (hours, minutes) = rest.split_once(':').or_else(|| rest.split_at_checked(2)).unwrap_or((rest, ""));
    let minutes = if minutes.is_empty() { 0.0 } else { minutes.parse::<u32>().ok()?.into() };
    let offset = f64::from(hours.parse::<u32>().ok()?) * 3600.0 + minutes * 60.0;
    Some(if sign == "-" { -offset } else { offset })
}

fn clock_seconds(text: &str) -> Option<f64> {
    let mut parts = text.split(':');
    let hours: u32 = parts.next()?.parse().ok().filter(|hours| *hours < 25)?;
    let minutes: u32 = parts.next()?.parse().ok().filter(|minutes| *minutes < 60)?;
    let seconds: f64 = parts.next().map_or(Some(0.0), |part| part.parse().ok())?;
    (seconds.is_finite() && parts.next().is_none()).then_some(f64::from(hours * 3600 + minutes * 60) + seconds)
}

/// Days since 1970-01-01 of `2026-03-04`, by Howard Hinnant's `days_from_civil`.
fn days(date: &str) -> Option<f64> {
    let mut parts = date.split('-');
    let year: i32 = parts.next()?.parse().ok().filter(|year| (1970..10_000).contains(year))?;
    let month: i32 = parts.next()?.parse().ok().filter(|month| (1..13).contains(month))?;
    let day: i32 = parts.next()?.parse().ok().filter(|day| (1..32).contains(day))?;
    if parts.next().is_some() {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(f64::from(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_as_people_do() {
        let mut names = vec!["run-10", "run-9", "run-009b", "run", "run-9-x", "a"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a", "run", "run-9", "run-9-x", "run-009b", "run-10"]);
    }

    #[test]
    fn times_as_people_write_them() {
        for (text, expected) in [
            ("1700000000", Some(1_700_000_000.0)),
            ("2026-03-04T10:00:09.5Z", Some(1_772_618_409.5)),
            ("2026-03-04 11:00:09.5+01:00", Some(1_772_618_409.5)),
            ("2026-03-04T05:00:09.5-0500", Some(1_772_618_409.5)),
            ("2026-03-04", Some(1_772_582_400.0)),
            ("2026-13-04", None),
            ("yesterday", None),
            ("", None),
            ("2026-03-04T", None),
            ("2026-03-04T10:00+é", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn a_run_without_a_time_stays_beside_its_neighbour() {
        let run = |name: &str, time: Option<f64>| Run { name: name.to_owned(), time, steps: Some(1), ..Run::default() };
        let mut runs = Runs {
            runs: vec![run("b2", None), run("a1", Some(30.0)), run("b1", Some(10.0)), run("c1", Some(20.0))],
            notes: Vec::new(),
        };
        runs.sort(Order::Name);
        runs.sort(Order::Time);
        assert_eq!(runs.runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>(), ["b1", "b2", "c1", "a1"]);
    }

    #[test]
    fn endings_by_their_words() {
        assert_eq!(Ending::from_word("illegal_access"), Some(Ending::Crashed(Some(Symptom::IllegalAccess))));
        assert_eq!(Ending::from_word("OOM"), Some(Ending::Crashed(Some(Symptom::Oom))));
        assert_eq!(Ending::from_word("NODE_FAIL"), Some(Ending::CutOff));
        assert_eq!(Ending::from_word("great"), None);
    }
}
