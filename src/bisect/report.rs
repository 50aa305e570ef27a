//! What a search has to say, ready to be rendered: no references into the repository.

use serde::Serialize;
use serde_json::Value as Json;

use crate::delta::change::{Change, Side};
use crate::delta::relevance::Group;
use crate::output::clean::mask_value;
use crate::output::show::to_json;

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// No command was given: the suspects in order.
    Ranked,
    /// The culprit is known.
    Found,
    /// There is none: an end was what it was by chance.
    None,
    /// It is a commit that changed no config.
    Code,
    /// The budget ended first, or nothing that is left to probe would tell.
    Inconclusive,
    /// The two ends can't be told apart by the metric at this budget.
    NotSeparable,
}

/// Probes by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All that ran.
    pub total: u32,
    /// Of them, at the two ends before the search.
    pub preflight: u32,
    /// Good ones.
    pub good: u32,
    /// Bad ones.
    pub bad: u32,
    /// Those that told nothing.
    pub unresolved: u32,
}

/// One setting that changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Changed {
    /// Megatron-Core's name, `env NAME`, or a path of keys.
    pub field: String,
    /// The path of keys as written.
    pub key: String,
    /// What the framework went on with before.
    pub from: Json,
    /// And after.
    pub to: Json,
    /// What it is about.
    pub group: Group,
    /// The config.
    pub path: String,
    /// The role in it; `""`: none.
    pub role: String,
    /// Its line after the change, from 1; 0: it is not written there.
    pub line: u32,
    /// What speaks for or against it as the cause; may be empty.
    pub note: String,
}

impl Changed {
    /// From a change of the config at `path`.
    #[must_use]
    pub fn new(change: &Change, path: &str, group: Group, note: &str) -> Self {
        let value = |side: &Side| masked(&change.name, side.effective.as_ref().map_or(Json::Null, to_json));
        Self {
            field: change.name.clone(),
            key: change.key().to_owned(),
            from: value(&change.from),
            to: value(&change.to),
            group,
            path: path.to_owned(),
            role: change.role.clone(),
            line: change.to.place.as_ref().map_or(0, |place| place.line),
            note: note.to_owned(),
        }
    }
}

/// A report is read by more people than the config: what looks like a secret stays out of it.
fn masked(name: &str, value: Json) -> Json {
    let text = match &value {
        Json::Null => return value,
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let shown = mask_value(name, &text);
    if shown == text { value } else { Json::String(shown) }
}

/// A commit with what it changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Culprit {
    /// Its id.
    pub commit: String,
    /// First line of its message.
    pub subject: String,
    /// How probable it is that it is the cause.
    pub posterior: f64,
    /// The first config that it changed; `""`: none.
    pub path: String,
    /// The likeliest first.
    pub changes: Vec<Changed>,
    /// Rules that start firing with it.
    pub introduced: Vec<String>,
    /// Rules that stop.
    pub fixed: Vec<String>,
    /// In words.
    pub why: String,
}

/// A commit in the ranking.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranked {
    /// Its id.
    pub commit: String,
    /// First line of its message.
    pub subject: String,
    /// How probable it is that it is the cause.
    pub posterior: f64,
    /// Whether it changed an effective config.
    pub config: bool,
}

/// What else could be true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Others {
    /// Some commit that changed no config.
    pub code: f64,
    /// No commit at all.
    pub none: f64,
}

/// Commits that can't or need not be looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exonerated {
    /// They touch no config.
    pub untouched: usize,
    /// They touch configs without changing what they mean.
    pub cosmetic: usize,
    /// They only set values that had been there while the run was good, or that were taken back while it was bad.
    pub by_values: usize,
}

/// One commit of the timeline, for a picture of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Its id.
    pub commit: String,
    /// First line of its message.
    pub subject: String,
    /// Seconds since 1970.
    pub time: i64,
    /// Number of the class of equal configs it belongs to, from 0.
    pub class: usize,
    /// How probable it is that it is the cause.
    pub posterior: f64,
    /// Probes of it: good, bad, unresolved.
    pub probes: [u32; 3],
    /// Settings that it changed.
    pub changed: Vec<String>,
}

/// One probe.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProbeLine {
    /// From 1.
    pub number: u32,
    /// The commit whose config ran.
    pub commit: String,
    /// The commit whose code ran, where it is another one.
    pub code: Option<String>,
    /// `good`, `bad` or `unresolved`.
    pub verdict: String,
    /// Why it was chosen.
    pub why: String,
    /// What it said beside the verdict; may be empty.
    pub note: String,
    /// Seconds.
    pub seconds: f64,
}

/// Where the level of a series moved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shift {
    /// First value of the new level, from 0.
    pub index: usize,
    /// The first and the last value at which it may have begun.
    pub between: (usize, usize),
    /// Level before, in the unit of the series.
    pub before: f64,
    /// Level after.
    pub after: f64,
    /// How probable it is that there was a shift at all.
    pub probability: f64,
    /// What the test says of it; `None`: a rate of crashes, whose probability says it all.
    #[serde(flatten)]
    pub size: Option<Size>,
}

/// How large a shift is, and how hard it is to explain by noise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Size {
    /// after / before − 1.
    pub relative: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Two-sided p of this cut alone.
    pub p: f64,
    /// What p had to stay below, so that a series without a shift has no false alarm.
    pub limit: f64,
}

/// A value of a series from which on another config ran.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Marker {
    /// Which value, from 0.
    pub index: usize,
    /// What changed.
    pub text: String,
}

/// What recorded runs measured, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Series {
    /// The metric.
    pub name: String,
    /// Its unit; may be empty.
    pub unit: String,
    /// The commit or the run of each value.
    pub labels: Vec<String>,
    /// `None`: that run has none.
    pub values: Vec<Option<f64>>,
    /// In order.
    pub shifts: Vec<Shift>,
    /// In order.
    pub markers: Vec<Marker>,
}

/// The whole report, version 1 of the contract.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// 1.
    pub version: u8,
    /// `commits`, `keys` or `runs`.
    pub mode: &'static str,
    /// How it ended.
    pub status: Status,
    /// The good end.
    pub good: String,
    /// The bad end.
    pub bad: String,
    /// What the bad end shows, if somebody said.
    pub symptom: Option<String>,
    /// Commits in the range.
    pub commits: usize,
    /// Classes of commits with equal configs.
    pub config_classes: usize,
    /// What was run.
    pub probes: Counts,
    /// Found; in a ranking the leading ones.
    pub culprits: Vec<Culprit>,
    /// The likeliest first.
    pub ranking: Vec<Ranked>,
    /// What else.
    pub hypotheses: Others,
    /// What is out.
    pub exonerated: Exonerated,
    /// What somebody should know about this search.
    pub notes: Vec<String>,
    /// What to type next.
    pub next: Vec<String>,
    /// Every probe in order.
    pub log: Vec<ProbeLine>,
    /// Every commit in order.
    pub timeline: Vec<Point>,
    /// Metrics of recorded runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<Series>,
}

impl Report {
    /// Nothing to say yet.
    #[must_use]
    pub fn empty(mode: &'static str, status: Status, ends: (&str, &str)) -> Self {
        Self {
            version: 1,
            mode,
            status,
            good: ends.0.to_owned(),
            bad: ends.1.to_owned(),
            symptom: None,
            commits: 0,
            config_classes: 0,
            probes: Counts::default(),
            culprits: Vec::new(),
            ranking: Vec::new(),
            hypotheses: Others::default(),
            exonerated: Exonerated::default(),
            notes: Vec::new(),
            next: Vec::new(),
            log: Vec::new(),
            timeline: Vec::new(),
            series: Vec::new(),
        }
    }
}
