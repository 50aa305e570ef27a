//! The semantic difference of two configs.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::catalogue::Catalogue;
use crate::facts::field::{FieldId, Owner};
use crate::facts::release::CORE;
use crate::facts::shape::Frontend;
use crate::facts::value::Value;

use super::snapshot::{Place, Releases, Role, Setting, Settings, Snapshot, default_of};

/// One side of a change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Side {
    /// As written; `None`: not written.
    pub written: Option<Value>,
    /// What the framework goes on with; `None`: there is no such setting, or nobody knows.
    pub effective: Option<Value>,
    /// Where; `None`: nowhere.
    pub place: Option<Place>,
    /// Why the framework changed it, in words.
    pub by: Option<String>,
}

/// One setting that means something else on the two sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Megatron-Core's name, `env NAME`, or a path of keys.
    pub name: String,
    /// The catalogue's setting, where it is one.
    pub field: Option<FieldId>,
    /// The role on the new side (on the old one where it is gone); `""`: none.
    pub role: String,
    /// Before.
    pub from: Side,
    /// After.
    pub to: Side,
}

impl Change {
    /// The key as a person would write it: as it stands on the new side, or else on the old one.
    #[must_use]
    pub fn key(&self) -> &str {
        let place = self.to.place.as_ref().or(self.from.place.as_ref());
        place.map_or(self.name.as_str(), |place| place.key.as_str())
    }
}

/// What changed from `old` to `new`, sorted by role and name.
#[must_use]
pub fn changes(old: &Snapshot, new: &Snapshot, catalogue: &Catalogue, releases: Releases) -> Vec<Change> {
    let mut found = Vec::new();
    for (old, new) in pairs(old, new) {
        let empty = Settings::new();
        let frontend = new.or(old).map_or(Frontend::Generic, |role| role.frontend);
        let name = new.or(old).map_or("", |role| role.name.as_str());
        let (old, new) = (old.map_or(&empty, |role| &role.settings), new.map_or(&empty, |role| &role.settings));
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let default = |field: Option<FieldId>| default_of(catalogue, field?, frontend, releases.core).cloned();
        let is = |settings: &Settings, name: &str| {
            settings
                .get(name)
                .map_or_else(|| default(catalogue.by_name(name)), |setting| Some(setting.effective.clone()))
        };
        for setting in names {
            let pair = (old.get(setting), new.get(setting));
            let changed = change(setting, name, pair, default);
            found.extend(changed.filter(|change| {
                // what an old name says counts under the new one
                let heir = heir(catalogue, change.field, releases.core);
                heir.is_none_or(|heir| !same(is(old, heir).as_ref(), is(new, heir).as_ref()))
            }));
        }
    }
    let (old_keys, new_keys) = (claimed(old), claimed(new));
    found.retain(|change: &Change| {
        // the setting is there on the other side, under a name that says more
        let elsewhere = match (change.field, &change.from.place, &change.to.place) {
            (None, Some(_), None) => new_keys.contains(change.name.as_str()),
            (None, None, Some(_)) => old_keys.contains(change.name.as_str()),
            _ => false,
        };
        // what a config does not tell about the machine is no other machine
        let machine = change.field.is_some_and(|field| catalogue.field(field).owner == Owner::Environment);
        let unknown = change.from.effective.is_none() || change.to.effective.is_none();
        !(elsewhere || (machine && unknown))
    });
    found.sort_by(|a, b| (&a.role, &a.name).cmp(&(&b.role, &b.name)));
    found
}

/// The keys, as written, that are settings of the catalogue.
fn claimed(snapshot: &Snapshot) -> BTreeSet<&str> {
    let settings = snapshot.roles.iter().flat_map(|role| role.settings.values());
    let known = settings.filter(|setting| setting.field.is_some());
    known.filter_map(|setting| Some(setting.place.as_ref()?.key.as_str())).collect()
}

/// Roles that belong together: those of one name; or the two that are the only ones of their files.
fn pairs<'a>(old: &'a Snapshot, new: &'a Snapshot) -> Vec<(Option<&'a Role>, Option<&'a Role>)> {
    let models = |snapshot: &'a Snapshot| snapshot.roles.iter().filter(|role| !role.name.is_empty());
    let mut old_roles: BTreeMap<&str, &Role> = models(old).map(|role| (role.name.as_str(), role)).collect();
    let mut pairs = Vec::new();
    if models(old).count() == 1 && models(new).count() == 1 {
        pairs.push((models(old).next(), models(new).next()));
    } else {
        for role in models(new) {
            pairs.push((old_roles.remove(role.name.as_str()), Some(role)));
        }
        pairs.extend(old_roles.into_values().map(|role| (Some(role), None)));
    }
    let rest = |snapshot: &'a Snapshot| snapshot.roles.iter().find(|role| role.name.is_empty());
    pairs.push((rest(old), rest(new)));
    pairs
}

fn change(
    name: &str,
    role: &str,
    (old, new): (Option<&Setting>, Option<&Setting>),
    default: impl Fn(Option<FieldId>) -> Option<Value>,
) -> Option<Change> {
    let field = new.or(old)?.field;
    let side = |setting: Option<&Setting>| match setting {
        Some(setting) => Side {
            written: setting.written.clone(),
            effective: Some(setting.effective.clone()),
            place: setting.place.clone(),
            by: setting.by.clone(),
        },
        None => Side { effective: default(field), ..Side::default() },
    };
    let (from, to) = (side(old), side(new));
    let same = same(from.effective.as_ref(), to.effective.as_ref());
    (!same).then(|| Change { name: name.to_owned(), field, role: role.to_owned(), from, to })
}

fn same(one: Option<&Value>, two: Option<&Value>) -> bool {
    match (one, two) {
        (Some(one), Some(two)) => one.same(two),
        (one, two) => one == two,
    }
}

/// The setting that took over from a deprecated one and that the release has.
#[must_use]
pub fn heir(catalogue: &Catalogue, field: Option<FieldId>, core: usize) -> Option<&str> {
    let deprecated = catalogue.field(field?).deprecated.as_ref()?;
    let since = catalogue.releases.range(CORE, &format!(">={}", deprecated.since)).ok()?;
    let heir = deprecated.instead.as_deref().filter(|_| since.has(core))?;
    catalogue.field(catalogue.by_name(heir)?).run(core).map(|_| heir)
}
