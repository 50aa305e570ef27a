//! `lints/log-formats/*.yaml` and `lints/log-signs.yaml` → the checked tables; also compiled into the build script, so that
//! a pattern that can't be compiled fails the build with its file.

use std::collections::BTreeMap;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::metric::{Metric, Unit};
use crate::delta::table::Symptom;

/// All that is known of logs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tables {
    /// One a framework, by file name.
    pub formats: Vec<Format>,
    /// Signs of how a run ended, the nearest to the root first.
    pub signs: Vec<Sign>,
}

/// How a framework prints its steps.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Format {
    /// Used in output.
    pub name: String,
    /// Where the patterns are known from.
    pub source: String,
    /// A format whose lines occur in this one's logs as well.
    pub inherits: Option<String>,
    /// Whether a NaN loss shows by its absence.
    #[serde(default)]
    pub omits_nan_loss: bool,
    /// Whether the time between lines is the step time, as the lines have none.
    #[serde(default)]
    pub step_time_from_timestamps: bool,
    /// Its lines.
    pub lines: Vec<LineKind>,
}

/// A kind of line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineKind {
    /// What the line is to the steps.
    pub place: Place,
    /// Stands in each such line; lines without any literal are never looked at.
    pub literal: String,
    /// With the groups `iteration` and `total` (or `last`, counted from 0) and those of `groups`.
    pub regex: String,
    /// Groups that are metrics.
    #[serde(default)]
    pub groups: BTreeMap<String, Quantity>,
    /// How the rest of the line is split into keys and values.
    pub pairs: Option<Pairs>,
    /// Keys that are metrics; `*` at the start stands for anything.
    #[serde(default)]
    pub keys: BTreeMap<String, Quantity>,
}

/// What a line is to the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// One step.
    Step,
    /// Belongs to the step whose line comes next, perhaps in another rank's file.
    Next,
    /// Starts a step whose lines follow.
    Open,
    /// Belongs to the step that was started.
    Block,
    /// Belongs to the iteration it names.
    Side,
    /// A checkpoint is written.
    Save,
    /// An evaluation ran.
    Eval,
    /// The program got as far as this.
    Phase,
    /// The program says that it is done.
    Finished,
}

/// A metric and the unit it is printed in.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantity {
    /// Which.
    pub metric: Metric,
    /// In what.
    pub unit: Unit,
}

/// How a line is split.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pairs {
    /// Between pairs.
    pub separator: String,
    /// Between key and value.
    pub assign: String,
}

/// Literals that say how a run ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// What they are a sign of; nothing: of a crash without a known kind.
    pub symptom: Option<Symptom>,
    /// Any of these.
    pub literals: Vec<String>,
    /// Whether they only count before the first step.
    #[serde(default)]
    pub before_steps: bool,
    /// Who prints them.
    pub source: String,
}

/// Reads a format; `name` is the file's, for errors.
///
/// # Errors
///
/// If the file is no format, a regex can't be compiled or lacks a group, or a unit isn't one of the metric's.
pub fn load_format(name: &str, text: &str) -> Result<Format, String> {
    let format: Format = read(name, text)?;
    for line in &format.lines {
        check(line).map_err(|error| format!("{name}: the line with {:?} {error}", line.literal))?;
    }
    Ok(format)
}

/// Reads the signs.
///
/// # Errors
///
/// If the file is no list of signs or one has no literal.
pub fn load_signs(name: &str, text: &str) -> Result<Vec<Sign>, String> {
    let signs: Vec<Sign> = read(name, text)?;
    match signs.iter().find(|sign| sign.literals.is_empty() || sign.literals.iter().any(String::is_empty)) {
        Some(sign) => Err(format!("{name}: the sign from {:?} needs literals that are not empty", sign.source)),
        None => Ok(signs),
    }
}

/// Checks what formats say of each other.
///
/// # Errors
///
/// If a format inherits one that does not exist.
pub fn check_formats(formats: &[Format]) -> Result<(), String> {
    let known = |name: &String| formats.iter().any(|format| format.name == *name);
    match formats.iter().find(|format| format.inherits.as_ref().is_some_and(|name| !known(name))) {
        Some(format) => Err(format!("format `{}` inherits a format that has no file", format.name)),
        None => Ok(()),
    }
}

fn read<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> Result<T, String> {
    serde_yaml::from_str(text).map_err(|error| match error.location() {
        Some(place) => format!("{name}:{}:{}: {error}", place.line(), place.column()),
        None => format!("{name}: {error}"),
    })
}

fn check(line: &LineKind) -> Result<(), String> {
    if line.literal.is_empty() {
        return Err("needs a literal that is not empty".to_owned());
    }
    let regex = Regex::new(&line.regex).map_err(|error| format!("has a bad regex: {error}"))?;
    let groups: Vec<&str> = regex.capture_names().flatten().collect();
    let needed = matches!(line.place, Place::Step | Place::Open | Place::Side).then_some("iteration");
    let needed = needed.into_iter().chain((line.place == Place::Phase).then_some("phase"));
    let used = line.groups.keys().map(String::as_str);
    if let Some(group) = needed.chain(used).find(|group| !groups.contains(group)) {
        return Err(format!("needs a regex with a group called `{group}`"));
    }
    if line.pairs.is_none() != line.keys.is_empty() {
        return Err("needs `pairs` and `keys` together".to_owned());
    }
    let quantities = line.groups.values().chain(line.keys.values());
    match quantities.into_iter().find(|quantity| quantity.unit.scale(quantity.metric).is_none()) {
        Some(quantity) => Err(format!("measures {} in {:?}", quantity.metric.name(), quantity.unit)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(lines: &str) -> String {
        load_format("x.yaml", &format!("name: x\nsource: s\nlines:\n{lines}")).unwrap_err()
    }

    #[test]
    fn a_mistake_in_a_format_says_what_is_missing() {
        assert!(error("  - { place: step, literal: a, regex: 'a' }").contains("group called `iteration`"));
        assert!(error("  - { place: phase, literal: a, regex: '(' }").contains("bad regex"));
        assert!(error("  - { place: save, literal: '', regex: 'a' }").contains("not empty"));
        let pair = "  - { place: save, literal: a, regex: 'a', keys: { k: { metric: loss, unit: '1' } } }";
        assert!(error(pair).contains("`pairs` and `keys`"));
        let unit = "  - { place: save, literal: a, regex: '(?P<l>a)', groups: { l: { metric: loss, unit: ms } } }";
        assert!(error(unit).contains("measures loss in Milliseconds"));
        assert!(error("  - { place: nowhere }").starts_with("x.yaml:4:"));
    }
}
