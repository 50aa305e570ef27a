//! `unknown-key`: a key that names no setting but nearly does, or a setting that the target release doesn't have.

use std::sync::OnceLock;

use crate::facts::catalogue::Catalogue;
use crate::facts::field::{Field, Owner};
use crate::facts::release::{CORE, ReleaseSet};
use crate::facts::shape::{Completeness, Frontend};
use crate::facts::store::{Entry, Facts, UnknownKey};
use crate::facts::value::Value;
use crate::rule::model::{Phase, Severity};

use super::{Draft, Mend};

/// One finding for each such key. `target`: the Megatron-Core releases that count.
#[must_use]
pub fn check(facts: &Facts, catalogue: &Catalogue, target: ReleaseSet, source: &str) -> Vec<Draft> {
    let mut drafts = Vec::new();
    if facts.completeness == Completeness::Authored {
        drafts.extend(facts.unknown_keys.iter().filter_map(|key| misspelled(facts, catalogue, key, source)));
    }
    let mla = catalogue.by_name("multi_latent_attention").and_then(|field| facts.entry(field));
    let mla = mla.is_some_and(|entry| entry.value != Ok(Value::Bool(false)));
    for (id, entry) in facts.entries() {
        let field = catalogue.field(id);
        // Megatron-Bridge's own sections use some of Megatron-LM's argument names for settings of theirs
        let config = matches!(field.owner, Owner::TransformerConfig | Owner::MLATransformerConfig);
        let ours = facts.frontend != Frontend::MegatronBridge || (config && entry.path.starts_with("model."));
        if ours
            && !entry.derived
            && field.owner != Owner::Environment
            && !field.runs.is_empty()
            && !entry.path.is_empty()
        {
            if field.releases_or_flags().and(target).is_empty() {
                drafts.extend(absent(facts, catalogue, field, entry, target));
            } else if facts.frontend == Frontend::Python && field.owner == Owner::MLATransformerConfig && !mla {
                drafts.push(only_mla(field, entry));
            }
        }
    }
    drafts
}

fn misspelled(facts: &Facts, catalogue: &Catalogue, unknown: &UnknownKey, source: &str) -> Option<Draft> {
    let key = unknown.span.slice(source).trim_matches(['"', '\'']);
    let right = near(catalogue, key)?;
    let name = spelled_like(key, right);
    let (severity, phase) = match facts.frontend {
        Frontend::Python => (Severity::Error, Phase::Config),
        // the script that reads the flags may know more of them than the framework's own parser
        Frontend::MegatronLm => (Severity::Warning, Phase::Argparse),
        _ => (Severity::Warning, Phase::Silent),
    };
    Some(Draft {
        rule: "unknown-key",
        message: format!("`{key}` is no setting of Megatron-Core, did you mean `{name}`?"),
        help: format!("rename it to {name}"),
        labels: vec![(unknown.span, "nothing reads this".to_owned())],
        field: None,
        path: if unknown.section.is_empty() { key.to_owned() } else { format!("{}.{key}", unknown.section) },
        severity: Some(severity),
        phase: Some(phase),
        mend: Some(Mend::Rename(unknown.span, name)),
    })
}

/// A setting of multi-latent attention in a config without it: `TransformerConfig` does not have it.
fn only_mla(field: &Field, entry: &Entry) -> Draft {
    Draft {
        rule: "unknown-key",
        message: format!("{} is a setting of multi-latent attention only", field.name),
        help: format!("remove {}, or set multi_latent_attention to true", field.name),
        labels: vec![(entry.key_span, "TransformerConfig does not have it".to_owned())],
        field: Some(field.name.clone()),
        path: entry.path.clone(),
        severity: Some(Severity::Error),
        phase: Some(Phase::Config),
        mend: Some(Mend::Remove(entry.key_span, false)),
    }
}

/// A setting that none of the target releases has.
fn absent(facts: &Facts, catalogue: &Catalogue, field: &Field, entry: &Entry, target: ReleaseSet) -> Option<Draft> {
    let package = catalogue.releases.packages.get(CORE)?;
    let (oldest, newest) = (field.releases().oldest()?, field.releases().newest()?);
    let mut mend = Mend::Remove(entry.key_span, false);
    let (what, help) = if target.newest()? < oldest {
        let since = package.series(oldest);
        (format!("came with {since}"), format!("remove {}, or run {since} or later", field.name))
    } else {
        let gone = package.series(newest + 1);
        let instead = field.deprecated.as_ref().and_then(|deprecated| deprecated.instead.as_ref());
        let help = instead.map_or_else(|| format!("remove {}", field.name), |new| format!("use {new} instead"));
        if let Some(new) = instead.filter(|new| catalogue.by_name(new).is_some_and(|id| facts.entry(id).is_none())) {
            mend = Mend::Rename(entry.key_span, new.clone());
        }
        (format!("was removed in {gone}"), help)
    };
    // an in-house launcher may pick what it passes on; a dump is read by a loader that may be lenient
    let (severity, phase) = match (facts.frontend, facts.completeness) {
        (Frontend::MegatronLm, Completeness::Authored) => (Severity::Error, Phase::Argparse),
        (Frontend::Python, _) => (Severity::Error, Phase::Config),
        _ => (Severity::Warning, Phase::Config),
    };
    Some(Draft {
        rule: "unknown-key",
        message: format!("Megatron-Core {} has no {}: it {what}", package.series(target.newest()?), field.name),
        help,
        labels: vec![(entry.key_span, what)],
        field: Some(field.name.clone()),
        path: entry.path.clone(),
        severity: Some(severity),
        phase: Some(phase),
        mend: Some(mend),
    })
}

/// A spelling with what is cheap to compare: most keys of a file name nothing of ours, and each is held against all.
struct Candidate {
    text: &'static str,
    /// Which letters occur.
    letters: u32,
    digits: usize,
}

/// Settings' spellings by first letter.
fn candidates(catalogue: &Catalogue) -> Vec<Vec<Candidate>> {
    let mut buckets: Vec<Vec<Candidate>> = (0..26).map(|_| Vec::new()).collect();
    for (text, id) in catalogue.spellings() {
        let ours = matches!(catalogue.field(id).owner, Owner::TransformerConfig | Owner::MLATransformerConfig);
        if let Some(bucket) = ours.then(|| bucket(text)).flatten().and_then(|index| buckets.get_mut(index)) {
            let text: &'static str = Box::leak(text.to_owned().into_boxed_str());
            bucket.push(Candidate { text, letters: letters(text), digits: digits(text) });
        }
    }
    buckets
}

fn bucket(text: &str) -> Option<usize> {
    let first = text.bytes().next()?.to_ascii_lowercase();
    first.is_ascii_lowercase().then(|| usize::from(first - b'a'))
}

fn letters(text: &str) -> u32 {
    text.bytes().filter(u8::is_ascii_lowercase).fold(0, |set, letter| set | (1 << (letter - b'a')))
}

fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

/// The setting that a key was probably meant to be: an edit for every eight characters, at most three, and at least
/// eight characters, since short names are near everything.
fn near(catalogue: &Catalogue, key: &str) -> Option<&'static str> {
    static CANDIDATES: OnceLock<Vec<Vec<Candidate>>> = OnceLock::new();
    let all = CANDIDATES.get_or_init(|| candidates(catalogue));
    let normalised;
    let key = if key.contains('-') {
        normalised = key.trim_start_matches('-').replace('-', "_");
        normalised.as_str()
    } else {
        key
    };
    if key.len() < 8 {
        return None;
    }
    let allowed = (key.len() / 8).clamp(1, 3);
    let (mask, count) = (letters(key), digits(key));
    let mut best: Option<(usize, &'static str)> = None;
    for candidate in all.get(bucket(key)?)? {
        let far = candidate.digits != count
            || candidate.text.len().abs_diff(key.len()) > allowed
            || (candidate.letters ^ mask).count_ones() as usize > 2 * allowed;
        if far {
            continue;
        }
        let distance = strsim::osa_distance(key, candidate.text);
        if distance > 0 && distance <= allowed && best.is_none_or(|found| (distance, candidate.text) < found) {
            best = Some((distance, candidate.text));
        }
    }
    best.map(|found| found.1)
}

/// The right name in the spelling of the wrong one: `--moe-router-topk` for a flag.
fn spelled_like(key: &str, right: &str) -> String {
    if key.starts_with("--") { format!("--{}", right.replace('_', "-")) } else { right.to_owned() }
}
