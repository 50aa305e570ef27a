//! Whether a change matters: its group, what it points at, whether anybody reads the setting, whether it is risky.

use std::collections::BTreeMap;

use crate::facts::catalogue::Catalogue;
use crate::facts::shape::Frontend;
use crate::facts::value::Value;
use crate::lint::finding::Finding;
use crate::rule::model::Severity;

use super::change::{Change, heir};
use super::relevance::{Group, Symptom, relevance};
use super::snapshot::{Releases, Role, Settings, Snapshot, default_of};

/// Settings that decide who dispatches.
const DISPATCH: [&str; 3] = ["moe_token_dispatcher_type", "moe_flex_dispatcher_backend", "moe_enable_deepep"];

/// Why a change should not go in unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// Another dispatcher or backend.
    Dispatch,
    /// Another setting of a group in which a mistake stops or corrupts runs.
    Group(Group),
}

/// A change and what is to be said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The change.
    pub change: Change,
    /// What the setting is about.
    pub group: Group,
    /// How much settings of its kind matter.
    pub weight: f64,
    /// The symptoms for which it is a suspect, the weightiest first.
    pub symptoms: Vec<(Symptom, f64)>,
    /// Why nobody reads the setting on either side.
    pub unread: Option<String>,
    /// Why it is risky.
    pub risk: Option<Risk>,
    /// Rules that start to fire and read the setting, by code.
    pub rules: Vec<String>,
}

/// Judges changes; `started` are the findings that only the new side has. Sorted by group, the weightiest first.
#[must_use]
pub fn judged(
    changes: Vec<Change>,
    (old, new): (&Snapshot, &Snapshot),
    catalogue: &Catalogue,
    releases: Releases,
    started: &[Finding],
) -> Vec<Judged> {
    let table = relevance();
    let known = changes.iter().filter(|change| change.field.is_some());
    let fields: BTreeMap<String, Change> = known.map(|change| (change.name.clone(), change.clone())).collect();
    let mut all: Vec<Judged> = changes
        .into_iter()
        .map(|change| {
            let name = change.name.as_str();
            let on = |snapshot: &Snapshot| {
                let role = role_of(snapshot, &change.role);
                table.unread(name, |other| value(role, other, catalogue, releases)).map(str::to_owned)
            };
            let (before, after) = (on(old), on(new));
            let unwritten = (change.from.written.is_none(), change.to.written.is_none());
            let unread = match (before, after) {
                (Some(_), Some(why)) => Some(why),
                // it only goes with what switches it on or off
                (Some(why), None) if unwritten.0 => Some(format!("{why} before")),
                (None, Some(why)) if unwritten.1 => Some(format!("{why} after")),
                _ => None,
            };
            let unread = unread.or_else(|| repeats(&change, &fields, catalogue, releases));
            let group = table.group(name);
            let symptoms = if unread.is_some() { Vec::new() } else { table.symptoms(name) };
            let risk = risk(&change, group).filter(|_| unread.is_none());
            let rules = rules_about(&change, started);
            Judged { group, weight: table.weight(None, name), symptoms, unread, risk, rules, change }
        })
        .collect();
    all.sort_by(|a, b| {
        let key = |judged: &Judged| (judged.group, judged.risk.is_none());
        key(a).cmp(&key(b)).then(b.weight.total_cmp(&a.weight)).then_with(|| a.change.name.cmp(&b.change.name))
    });
    all
}

/// Whether the change is that of another setting once more: under its old name, or in another section.
fn repeats(
    change: &Change,
    fields: &BTreeMap<String, Change>,
    catalogue: &Catalogue,
    releases: Releases,
) -> Option<String> {
    if let Some(heir) = heir(catalogue, change.field, releases.core) {
        return fields.contains_key(heir).then(|| format!("the old name of {heir}, which changes too"));
    }
    let last = change.name.rsplit('.').next().filter(|_| change.field.is_none())?;
    let field = catalogue.find(last).map(|found| catalogue.field(found.0).name.as_str())?;
    let same =
        |one: &Option<Value>, two: &Option<Value>| one.as_ref().zip(two.as_ref()).is_some_and(|(a, b)| a.same(b));
    let known = fields.get(field).filter(|known| {
        same(&known.to.effective, &change.to.effective) || same(&known.to.written, &change.to.effective)
    })?;
    Some(format!("the same as {}, which changes too", known.name))
}

fn risk(change: &Change, group: Group) -> Option<Risk> {
    if DISPATCH.contains(&change.name.as_str()) {
        return Some(Risk::Dispatch);
    }
    matches!(group, Group::Dispatcher | Group::Topology | Group::Precision).then_some(Risk::Group(group))
}

fn rules_about(change: &Change, started: &[Finding]) -> Vec<String> {
    let reads = |finding: &&Finding| {
        finding.labels.iter().any(|label| label.field.as_deref() == Some(change.name.as_str()))
            && (finding.role == change.role || change.role.is_empty())
    };
    let shown = started.iter().filter(|finding| finding.severity >= Severity::Warning);
    let mut rules: Vec<String> = shown.filter(reads).map(|finding| finding.code.to_string()).collect();
    rules.sort();
    rules.dedup();
    rules
}

/// The role of that name, or else the only model.
fn role_of<'a>(snapshot: &'a Snapshot, name: &str) -> Option<&'a Role> {
    let named = snapshot.roles.iter().find(|role| role.name == name && !name.is_empty());
    named.or_else(|| snapshot.roles.iter().find(|role| !role.name.is_empty()))
}

/// What the framework goes on with for the setting; `None`: nobody knows.
fn value(role: Option<&Role>, name: &str, catalogue: &Catalogue, releases: Releases) -> Option<Value> {
    let none = Settings::new();
    let settings = role.map_or(&none, |role| &role.settings);
    let frontend = role.map_or(Frontend::Generic, |role| role.frontend);
    let default = || default_of(catalogue, catalogue.by_name(name)?, frontend, releases.core).cloned();
    settings.get(name).map(|setting| setting.effective.clone()).or_else(default)
}
