//! A candidate as what one types behind a launch command instead of a file.

use std::collections::BTreeSet;

use crate::document::parse;
use crate::document::scalar::{Scalar, Schema, resolve};
use crate::document::tree::{Document, Kind, NodeId, Style};
use crate::facts::catalogue::Catalogue;
use crate::facts::field::Field;
use crate::facts::value::Value;

use super::difference::places;
use super::evidence::Set;
use super::materialise::Pair;
use super::paths::{Path, entries_at};

/// Changes to a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Arguments to add behind those that are there; a later one wins.
    pub add: Vec<String>,
    /// Arguments to take out: nothing turns these off.
    pub drop: Vec<String>,
}

/// The candidate as Hydra overrides of the good config: `key=value`, `++key=value` for a key that is not there, `~key`
/// for one that has to go. One argument each, not quoted for a shell.
#[must_use]
pub fn overrides(pair: &Pair<'_>, set: &Set) -> Vec<String> {
    let (good, bad) = (parse(pair.good()), parse(pair.bad()));
    let mut all = Vec::new();
    let chosen = places(&pair.units, set);
    for path in &chosen {
        let key = path.keys.join(".");
        match entries_at(&bad, path).last() {
            // a section takes the place of a value: its keys follow
            Some(entry) if bad.is_mapping(entry.value) => all.push(format!("~{key}")),
            Some(entry) => {
                let sign = if entries_at(&good, path).is_empty() { "++" } else { "" };
                all.extend(hydra(&bad, entry.value, 0).map(|value| format!("{sign}{key}={value}")));
            }
            None => all.push(format!("~{}", highest_gone(path, pair, &bad, &chosen).keys.join("."))),
        }
    }
    // the keys of a section that goes as a whole stand one behind the other
    all.dedup();
    all
}

/// The outermost section of which nothing stays and that the bad config does not have.
fn highest_gone(path: &Path, pair: &Pair<'_>, bad: &Document<'_>, chosen: &BTreeSet<&Path>) -> Path {
    let mut gone = path.clone();
    while let Some(parent) = gone.parent().filter(|parent| !parent.keys.is_empty()) {
        if !entries_at(bad, &parent).is_empty() || !pair.good_places(&parent).all(|place| chosen.contains(place)) {
            break;
        }
        gone = parent;
    }
    gone
}

/// A value in the grammar of Hydra's overrides.
fn hydra(document: &Document<'_>, node: NodeId, depth: usize) -> Option<String> {
    let id = document.resolve(node);
    if depth > 32 {
        return None;
    }
    match &document.node(id).kind {
        Kind::Scalar(_, Style::Absent) => Some("null".to_owned()),
        Kind::Scalar(text, style) => Some(hydra_scalar(text, *style)),
        Kind::Sequence(..) => {
            let items = document.items(id).iter().map(|item| hydra(document, *item, depth + 1));
            items.collect::<Option<Vec<String>>>().map(|items| format!("[{}]", items.join(",")))
        }
        Kind::Mapping(..) => {
            let pair = |entry: &crate::document::tree::Entry| {
                Some(format!("{}:{}", document.text(entry.key)?, hydra(document, entry.value, depth + 1)?))
            };
            let pairs = document.effective_entries(id).iter().map(pair).collect::<Option<Vec<String>>>()?;
            Some(format!("{{{}}}", pairs.join(",")))
        }
        Kind::Alias(_) => None,
    }
}

/// Quotes keep text from being read as something else; blanks and commas need them too.
fn hydra_scalar(text: &str, style: Style) -> String {
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./+%@?|".contains(c));
    let is_text = matches!(resolve(text, Style::Plain, None, Schema::OmegaConf), Scalar::Text(_));
    let number = !is_text && style == Style::Plain;
    if number && text == "~" {
        return "null".to_owned();
    }
    if plain && (number || is_text) || (style == Style::Plain && text.contains("${")) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The candidate as Megatron-LM flags to be put behind the good config's. Variables of the environment are no flags and
/// are left out; so is what the catalogue has no flag for, by name.
///
/// # Errors
/// The settings that have no flag.
pub fn flags(pair: &Pair<'_>, set: &Set, catalogue: &Catalogue) -> Result<Flags, Vec<String>> {
    let (mut flags, mut without) = (Flags::default(), Vec::new());
    for unit in set.iter().filter_map(|index| pair.units.get(*index)) {
        for change in unit.changes.iter().filter(|change| !change.name.starts_with("env ")) {
            let written =
                change.to.place.as_ref().or(change.from.place.as_ref()).map_or("", |place| place.key.as_str());
            let raw = written.rsplit('.').next().filter(|key| key.starts_with("--"));
            let value = change.to.written.as_ref().or(change.to.effective.as_ref());
            match (change.field.map(|field| catalogue.field(field)), raw) {
                (Some(field), _) if raw.is_some() || !field.flags.is_empty() || !field.off_flags.is_empty() => {
                    flag(field, raw, value, &mut flags);
                }
                (None, Some(raw)) => spell(raw, value, &mut flags),
                _ => without.push(change.name.clone()),
            }
        }
    }
    flags.add.dedup();
    if without.is_empty() { Ok(flags) } else { Err(without) }
}

/// A setting of the catalogue.
fn flag(field: &Field, raw: Option<&str>, value: Option<&Value>, flags: &mut Flags) {
    let on = field.flags.first().map(String::as_str);
    let off = field.off_flags.first().map(String::as_str);
    match value {
        Some(Value::Bool(true)) if on.is_some() => flags.add.extend(on.map(str::to_owned)),
        Some(Value::Bool(false)) if off.is_some() => flags.add.extend(off.map(str::to_owned)),
        // on without the flag that turned it off
        Some(Value::Bool(true)) => flags.drop.extend(off.map(str::to_owned)),
        Some(Value::Bool(false) | Value::Null) | None => flags.drop.extend(on.or(raw).map(str::to_owned)),
        Some(value) => {
            if let Some(name) = on.or(raw) {
                flags.add.push(name.to_owned());
                words(value, &mut flags.add);
            }
        }
    }
}

/// A flag that the catalogue does not know, as the file has it.
fn spell(name: &str, value: Option<&Value>, flags: &mut Flags) {
    match value {
        Some(Value::Bool(true)) => flags.add.push(name.to_owned()),
        Some(Value::Bool(false) | Value::Null) | None => flags.drop.push(name.to_owned()),
        Some(value) => {
            flags.add.push(name.to_owned());
            words(value, &mut flags.add);
        }
    }
}

fn words(value: &Value, all: &mut Vec<String>) {
    match value {
        Value::List(items) if !items.iter().any(|item| matches!(item, Value::List(_))) => {
            all.extend(items.iter().map(ToString::to_string));
        }
        other => all.push(other.to_string()),
    }
}
