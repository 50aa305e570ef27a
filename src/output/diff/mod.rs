//! `moelint diff`'s forms.

pub mod human;
pub mod json;
pub mod markdown;
pub mod text;

use crate::delta::change::Side;
use crate::delta::compare::Comparison;
use crate::delta::judge::{Judged, Risk};
use crate::delta::relevance::{Group, Symptom};
use crate::facts::value::Value;
use crate::lint::finding::Finding;
use crate::lint::target::TargetSource;
use crate::rule::model::Severity;

use super::clean::{clean, mask_value};

/// Longest value that is shown in a line of a table.
const MAX_VALUE: usize = 60;
/// Longest value that is shown in the headline.
const MAX_BRIEF: usize = 28;
/// Of what two long values share in front, the characters that are shown.
const SHARED_SHOWN: usize = 8;
/// Symptoms that are named beside a change.
const MAX_SYMPTOMS: usize = 3;

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Both sides are there.
    Modified,
    /// Both sides are there, under two names.
    Renamed,
    /// Only the new one is.
    Added,
    /// Only the old one is.
    Removed,
}

impl Kind {
    /// The name used in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Modified => "modified",
            Self::Renamed => "renamed",
            Self::Added => "added",
            Self::Removed => "removed",
        }
    }
}

/// Two sides and what lies between them.
#[derive(Clone, Debug)]
pub struct Pair {
    /// What became of the file.
    pub kind: Kind,
    /// As the user named it.
    pub old: String,
    /// As the user named it.
    pub new: String,
    /// The difference.
    pub comparison: Comparison,
    /// Old and new, for the text difference.
    pub texts: (String, String),
}

/// All of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The revision of `--base`, in words.
    pub base: Option<String>,
    /// In order.
    pub pairs: Vec<Pair>,
}

impl Report {
    /// Whether any pair holds a risky change.
    #[must_use]
    pub fn is_risky(&self) -> bool {
        self.pairs.iter().any(|pair| pair.comparison.is_risky())
    }

    /// The pairs worth showing: of a branch, those that mean something else, the risky ones first.
    fn shown(&self) -> Vec<&Pair> {
        let all = self.base.is_none();
        let worth = |pair: &&Pair| all || pair.kind != Kind::Modified || !pair.comparison.is_same();
        let mut shown: Vec<&Pair> = self.pairs.iter().filter(worth).collect();
        shown.sort_by_key(|pair| !pair.comparison.is_risky());
        shown
    }

    /// One line about a branch; `None`: it is about two sides.
    fn summary(&self) -> Option<String> {
        let base = self.base.as_ref()?;
        let risky = self.pairs.iter().filter(|pair| pair.comparison.is_risky()).count();
        let same = self.pairs.len() - self.shown().len();
        let same = if same > 0 { format!(", {same} with the same meaning as before") } else { String::new() };
        let count = counted(self.pairs.len(), "config changed", "configs changed");
        Some(format!("{count} since {base}, {risky} of them risky{same}"))
    }
}

/// How to say it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// ANSI colours.
    pub color: bool,
    /// Only what matters.
    pub quiet: bool,
}

/// One line that says whether a pair matters, and why.
#[must_use]
pub fn headline(pair: &Pair) -> String {
    let found = &pair.comparison;
    let errors = found.started.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = found.started.iter().filter(|finding| finding.severity == Severity::Warning).count();
    let mut parts = Vec::new();
    let new = if pair.kind == Kind::Added { "" } else { "new " };
    if errors > 0 {
        let codes: Vec<&str> =
            found.started.iter().filter(|f| f.severity == Severity::Error).map(|f| f.code.as_ref()).collect();
        let listed = if codes.len() <= 4 { format!(" ({})", codes.join(", ")) } else { String::new() };
        parts.push(format!("{}{listed}", counted(errors, &format!("{new}error"), &format!("{new}errors"))));
    }
    let risky: Vec<&Judged> = found.changes.iter().filter(|change| change.risk.is_some()).collect();
    parts.extend(risky.iter().take(3).map(|change| in_short(change)));
    if risky.len() > 3 {
        parts.push(format!("{} more of its kind", risky.len() - 3));
    }
    if warnings > 0 {
        parts.push(counted(warnings, &format!("{new}warning"), &format!("{new}warnings")));
    }
    let verdict = if found.is_risky() { "risky" } else { "not risky" };
    match (pair.kind, parts.is_empty()) {
        (Kind::Removed, _) => "removed".to_owned(),
        (Kind::Added, true) => "not risky: a new config without errors or warnings".to_owned(),
        (_, false) => format!("{verdict}: {}", parts.join("; ")),
        (_, true) if found.is_same() => "the same: only comments, order or spelling differ, if anything".to_owned(),
        (_, true) => {
            let count = found.changes.iter().filter(|change| change.unread.is_none()).count();
            let what = match count {
                0 => "no setting that is read means something else".to_owned(),
                count => counted(count, "setting means something else", "settings mean something else"),
            };
            format!("{verdict}: {what}")
        }
    }
}

/// `1 error`, `2 errors`.
#[must_use]
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// For which releases both sides were read, and how to name others.
#[must_use]
pub fn read_for(comparison: &Comparison) -> String {
    let releases = &comparison.releases;
    let bridge = releases.bridge.as_ref().map_or_else(String::new, |bridge| format!(", megatron-bridge {bridge}"));
    let who = match releases.source {
        TargetSource::Inferred => ", the newest that has these settings; --target names another".to_owned(),
        source => format!(" ({})", source.in_words()),
    };
    format!("megatron-core {}{bridge}{who}", releases.core)
}

/// The setting's own name: `model.moe_router_topk` is `moe_router_topk`.
fn last(name: &str) -> &str {
    let shown = |key: &&str| !(key.starts_with('_') && key.ends_with('_'));
    if name.starts_with("env ") { name } else { name.rsplit('.').find(shown).unwrap_or(name) }
}

/// The whole value as text, secrets masked.
fn whole(name: &str, value: Option<&Value>) -> String {
    value.map_or_else(|| "not set".to_owned(), |value| mask_value(name, &value.to_string()))
}

/// A value, not longer than a line has room for; `skip`: characters in front that the other side has too.
fn shown(text: &str, skip: usize, room: usize) -> String {
    let length = text.chars().count();
    if length <= room {
        return if text.is_empty() { "\"\"".to_owned() } else { clean(text).into_owned() };
    }
    // not so far that nothing is left to see
    let skip = skip.min(length - room);
    let cut: String = text.chars().skip(skip).take(room).collect();
    let (before, after) = (if skip > 0 { "…" } else { "" }, if skip + room < length { "…" } else { "" });
    clean(&format!("{before}{cut}{after}")).into_owned()
}

/// How many characters in front two long values share, less some that show where one is.
fn shared(one: &str, two: &str) -> usize {
    one.chars().zip(two.chars()).take_while(|(a, b)| a == b).count().saturating_sub(SHARED_SHOWN)
}

/// A change in a few words: `moe_router_topk 2 → 4`.
fn in_short(judged: &Judged) -> String {
    let change = &judged.change;
    let [from, to] = [&change.from, &change.to].map(|side| whole(&change.name, side.effective.as_ref()));
    let skip = shared(&from, &to);
    format!("{} {} → {}", last(&change.name), shown(&from, skip, MAX_BRIEF), shown(&to, skip, MAX_BRIEF))
}

/// The value of a side as a reader needs it: what is written, and what the framework makes of it.
struct Told {
    value: String,
    /// Where it is from, if from no line of the file.
    origin: &'static str,
    line: Option<u32>,
    /// What the framework makes of what is written, and why.
    turned: Option<(String, String)>,
}

/// Both sides of a change.
fn told(judged: &Judged) -> (Told, Told) {
    let change = &judged.change;
    let [from, to] = [&change.from, &change.to].map(|side| whole(&change.name, side.effective.as_ref()));
    let skip = shared(&from, &to);
    (side(&change.name, &change.from, &from, skip), side(&change.name, &change.to, &to, skip))
}

fn side(name: &str, side: &Side, effective: &str, skip: usize) -> Told {
    let line = side.place.as_ref().map(|place| place.line);
    let effective = shown(effective, skip, MAX_VALUE);
    match (&side.written, &side.by) {
        (Some(written), Some(by)) => {
            let value = shown(&whole(name, Some(written)), skip, MAX_VALUE);
            let turned = (value != effective).then(|| (effective, by.clone()));
            Told { value, origin: "", line, turned }
        }
        (Some(_), None) => Told { value: effective, origin: "", line, turned: None },
        (None, Some(by)) => Told {
            value: effective.clone(),
            origin: "set by the framework",
            line,
            turned: Some((effective, by.clone())),
        },
        (None, None) => {
            let origin = if side.effective.is_some() { "default" } else { "" };
            Told { value: effective, origin, line, turned: None }
        }
    }
}

/// The role that a change belongs to, where that is not clear anyway.
fn role<'a>(comparison: &Comparison, judged: &'a Judged) -> Option<&'a str> {
    Some(judged.change.role.as_str()).filter(|role| comparison.several_roles && !role.is_empty())
}

/// Whether a side is a config of a framework that is known.
fn known(comparison: &Comparison) -> bool {
    comparison.sides.0.dialect.is_some() || comparison.sides.1.dialect.is_some()
}

/// What a reader needs to know about a comparison as a whole; empty: nothing.
fn remark(comparison: &Comparison) -> &'static str {
    let (old, new) = &comparison.sides;
    if !known(comparison) {
        return "not configs of a framework that moelint reads: keys are compared as they stand";
    }
    match (old.stage, new.stage) {
        (Some(old), Some(new)) if old != new => "one was written before the framework's own setup, the other after it",
        _ => "",
    }
}

/// What to say beside a change: what it points at, and which rules it sets off.
fn note(judged: &Judged) -> String {
    let mut parts = Vec::new();
    if judged.group != Group::Other {
        // whether it is refused is what the rules say
        let pointed = judged.symptoms.iter().map(|found| found.0).filter(|symptom| *symptom != Symptom::ConfigRejected);
        let names: Vec<&str> = pointed.take(MAX_SYMPTOMS).map(Symptom::name).collect();
        if !names.is_empty() {
            parts.push(format!("a suspect for {}", names.join(", ")));
        }
    }
    if !judged.rules.is_empty() {
        parts.push(format!("sets off {}", judged.rules.join(", ")));
    }
    parts.join("; ")
}

/// Changes by group, those that nobody reads left out.
fn groups(comparison: &Comparison) -> Vec<(Group, Vec<&Judged>)> {
    let read = |group: &Group| -> Vec<&Judged> {
        comparison.changes.iter().filter(|change| change.group == *group && change.unread.is_none()).collect()
    };
    let all = Group::ALL.iter().map(|group| (*group, read(group)));
    all.filter(|(_, changes)| !changes.is_empty()).collect()
}

fn unread(comparison: &Comparison) -> Vec<(&Judged, &str)> {
    comparison.changes.iter().filter_map(|change| Some((change, change.unread.as_deref()?))).collect()
}

/// Findings worth a reviewer's time.
fn worth(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(|finding| finding.severity >= Severity::Warning)
}

/// The file and line of a finding.
fn place(name: &str, finding: &Finding) -> String {
    finding.primary().map_or_else(|| name.to_owned(), |label| format!("{name}:{}", label.start.line))
}

/// Whether the change is one of those that make a pair risky, in a word.
fn mark(judged: &Judged) -> bool {
    matches!(judged.risk, Some(Risk::Dispatch | Risk::Group(_)))
}
