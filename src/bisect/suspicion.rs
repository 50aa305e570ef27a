//! How much each commit is to be suspected before anything was run: which settings it changed, what the symptom points
//! at, and whether the values themselves can explain that everything before was good and everything since is bad.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::delta::relevance::{Relevance, Symptom};
use crate::facts::value::Value;
use crate::history::timeline::Timeline;

/// Suspicion of a change that nothing speaks for.
const FLOOR: f64 = 0.02;
/// A value that some earlier commit had too: if it were the cause, that commit would have been bad. It takes another
/// setting beside it to make it one.
const SEEN_BEFORE: f64 = 0.05;
/// A value that was taken back later while the run stayed bad.
const TAKEN_BACK: f64 = 0.05;
/// A value that was later replaced by another new one, which would have to be bad too.
const REPLACED: f64 = 0.5;
/// A config that came new, or went: what ran well and what runs badly are another one.
const OTHER_CONFIG: f64 = 0.03;
/// What every further changed setting adds, as a share of its own weight.
const BESIDE: f64 = 0.05;
/// A change that makes the linter complain.
const COMPLAINT: f64 = 1.5;

/// Why a commit is suspected, as far as the values go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// A new value that is still there at the bad end.
    New,
    /// A new value, replaced by another new one later.
    Replaced,
    /// The value had been there before, when the run was good.
    SeenBefore,
    /// Taken back later, while the run stayed bad.
    TakenBack,
    /// The whole config came with this commit, or went.
    OtherConfig,
}

impl Standing {
    /// The factor on the suspicion.
    #[must_use]
    pub const fn factor(self) -> f64 {
        match self {
            Self::New => 1.0,
            Self::Replaced => REPLACED,
            Self::SeenBefore => SEEN_BEFORE,
            Self::TakenBack => TAKEN_BACK,
            Self::OtherConfig => OTHER_CONFIG,
        }
    }

    /// In words.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::New => "a value not seen before, and still there at the bad end",
            Self::Replaced => "a value not seen before, replaced by another later",
            Self::SeenBefore => "the value had been there before, when the run was good",
            Self::TakenBack => "taken back later, while the run stayed bad",
            Self::OtherConfig => "the whole file came or went with this commit: what ran well was another one",
        }
    }
}

/// One changed setting of one commit.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// Index of the file among the commit's files.
    pub file: usize,
    /// Index of the change among the file's.
    pub change: usize,
    /// How the symptom and the value weigh.
    pub weight: f64,
    /// What the values say.
    pub standing: Standing,
}

/// One commit.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspicion {
    /// Its index in the range.
    pub commit: usize,
    /// Relative to the others.
    pub weight: f64,
    /// Its changes, the heaviest first.
    pub suspects: Vec<Suspect>,
}

/// A setting of one role of one config over the range.
type Key<'a> = (&'a str, &'a str, &'a str);

/// The values that a setting took, oldest first: commit and value; the first is the one at the good end.
type Values<'a> = Vec<(usize, Option<&'a Value>)>;

/// All commits that changed a config, in their order. `complaints` says which commits bring a new finding of the
/// linter.
#[must_use]
pub fn suspicions(
    timeline: &Timeline,
    table: &Relevance,
    symptom: Option<Symptom>,
    complaints: &BTreeMap<usize, usize>,
) -> Vec<Suspicion> {
    let last = last_names(timeline);
    let values = values(timeline, &last);
    let mut all = Vec::new();
    for commit in timeline.changing() {
        let Some(step) = timeline.steps.get(commit) else { continue };
        let mut suspects = Vec::new();
        for (file, about) in step.files.iter().enumerate() {
            let path = last.get(about.path.as_str()).copied().unwrap_or(&about.path);
            let whole = about.old.is_none() || about.new.is_none();
            for (index, change) in about.changes.iter().enumerate() {
                let key = (path, change.role.as_str(), change.name.as_str());
                let standing = match values.get(&key) {
                    _ if whole => Standing::OtherConfig,
                    Some(values) => standing(values, commit),
                    None => Standing::New,
                };
                let weight = table.weight(symptom, &change.name) * standing.factor();
                suspects.push(Suspect { file, change: index, weight, standing });
            }
        }
        suspects.sort_by(|a, b| b.weight.total_cmp(&a.weight).then((a.file, a.change).cmp(&(b.file, b.change))));
        // the same setting in many configs is one suspect
        let mut names = BTreeSet::new();
        let name =
            |suspect: &Suspect| step.files.get(suspect.file)?.changes.get(suspect.change).map(|c| c.name.as_str());
        let once = suspects.iter().filter(|suspect| names.insert(name(suspect)));
        let mut weights = once.map(|suspect| suspect.weight);
        let first = weights.next().unwrap_or(0.0);
        let rest: f64 = weights.take(8).sum();
        let complaint = if complaints.contains_key(&commit) { COMPLAINT } else { 1.0 };
        all.push(Suspicion { commit, weight: FLOOR + (first + BESIDE * rest) * complaint, suspects });
    }
    all
}

/// Every name that a config had → the one that it has at the bad end.
fn last_names(timeline: &Timeline) -> HashMap<&str, &str> {
    let pairs =
        timeline.names.iter().flat_map(|(last, names)| names.iter().map(move |name| (name.as_str(), last.as_str())));
    pairs.collect()
}

fn values<'a>(timeline: &'a Timeline, last: &HashMap<&'a str, &'a str>) -> HashMap<Key<'a>, Values<'a>> {
    let mut values: HashMap<Key<'_>, Values<'_>> = HashMap::new();
    for (commit, step) in timeline.steps.iter().enumerate() {
        for file in &step.files {
            let path = last.get(file.path.as_str()).copied().unwrap_or(&file.path);
            for change in &file.changes {
                let taken = values.entry((path, change.role.as_str(), change.name.as_str())).or_default();
                if taken.is_empty() {
                    taken.push((0, change.from.effective.as_ref()));
                }
                taken.push((commit, change.to.effective.as_ref()));
            }
        }
    }
    values
}

/// What the values before and after a commit say of the one that it set.
fn standing(values: &Values<'_>, commit: usize) -> Standing {
    let same = |one: Option<&Value>, two: Option<&Value>| match (one, two) {
        (Some(one), Some(two)) => one.same(two),
        (one, two) => one.is_none() && two.is_none(),
    };
    let Some(at) = values.iter().position(|(when, _)| *when == commit) else { return Standing::New };
    let (before, since) = values.split_at(at);
    let Some((now, later)) = since.split_first() else { return Standing::New };
    let was_there = |value: Option<&Value>| before.iter().any(|(_, old)| same(*old, value));
    if was_there(now.1) {
        Standing::SeenBefore
    } else if later.iter().any(|(_, value)| was_there(*value)) {
        Standing::TakenBack
    } else if later.is_empty() {
        Standing::New
    } else {
        Standing::Replaced
    }
}
