//! The catalogue of settings: names, types, and what each release makes of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::release::{CORE, ReleaseError, ReleaseSet, Releases};
use super::value::Value;

/// A setting's place in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FieldId(pub u16);

/// Where a setting lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Owner {
    /// A `TransformerConfig` (or `ModelParallelConfig`) attribute.
    TransformerConfig,
    /// An attribute of its multi-latent-attention subclass.
    MLATransformerConfig,
    /// A Megatron-LM command-line argument that is no config attribute.
    #[serde(rename = "args")]
    Args,
    /// No setting at all: a fact about the machine.
    #[serde(rename = "environment")]
    Environment,
}

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "a union of types is a set of flags")]
pub struct Type {
    /// `null` is allowed.
    pub null: bool,
    /// Booleans.
    pub boolean: bool,
    /// Integers.
    pub integer: bool,
    /// Floats; integers are taken as floats too.
    pub float: bool,
    /// Text, enumerations, dtypes.
    pub text: bool,
    /// Lists.
    pub list: bool,
    /// Nothing is known, anything goes.
    pub any: bool,
}

/// A run of releases with one default, both ends included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The releases.
    pub releases: ReleaseSet,
    /// The dataclass default.
    pub default: Value,
    /// The command line's default, where it is another one.
    pub cli_default: Option<Value>,
}

/// Another setting that took over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deprecated {
    /// The series in which it was deprecated.
    pub since: String,
    /// What to use.
    #[serde(rename = "use", default)]
    pub instead: Option<String>,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Megatron-Core's attribute name.
    pub name: String,
    /// Where it lives.
    pub owner: Owner,
    /// What values it takes.
    pub kind: Type,
    /// The type as the catalogue writes it.
    pub type_text: String,
    /// Legal values of an enumeration with the releases that have them; empty: no enumeration.
    pub choices: Vec<(String, ReleaseSet)>,
    /// The same for the items of a list.
    pub item_choices: Vec<(String, ReleaseSet)>,
    /// Releases and defaults; a release in no run lacks the setting.
    pub runs: Vec<Run>,
    /// Command-line spellings.
    pub flags: Vec<String>,
    /// Command-line spellings that turn it off.
    pub off_flags: Vec<String>,
    /// Other names with the same meaning.
    pub aliases: Vec<String>,
    /// Other names with the opposite meaning.
    pub inverted: Vec<String>,
    /// The releases whose command line has the flags, where they aren't those that have the setting.
    pub flag_releases: Option<ReleaseSet>,
    /// What replaced it.
    pub deprecated: Option<Deprecated>,
    /// One line about it.
    pub doc: String,
}

impl Field {
    /// The releases that have it.
    #[must_use]
    pub fn releases(&self) -> ReleaseSet {
        self.runs.iter().fold(ReleaseSet::NONE, |set, run| set.or(run.releases))
    }

    /// The releases that have it, as a setting or as a flag.
    #[must_use]
    pub fn releases_or_flags(&self) -> ReleaseSet {
        self.releases().or(self.flag_releases.unwrap_or(ReleaseSet::NONE))
    }

    /// The run that covers the release at `index`.
    #[must_use]
    pub fn run(&self, index: usize) -> Option<&Run> {
        self.runs.iter().find(|run| run.releases.has(index))
    }
}

/// `lints/fields/*.yaml` as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldFile {
    /// The settings.
    pub fields: Vec<RawField>,
    /// Short names: an expression each.
    #[serde(default)]
    pub short_names: BTreeMap<String, String>,
}

/// One entry of [`FieldFile`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawField {
    name: String,
    owner: Owner,
    #[serde(rename = "type")]
    type_text: String,
    #[serde(default)]
    choices: Vec<String>,
    #[serde(default)]
    item_choices: Vec<String>,
    #[serde(default)]
    choices_since: BTreeMap<String, String>,
    #[serde(default)]
    choices_until: BTreeMap<String, String>,
    #[serde(default)]
    runs: Vec<RawRun>,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    off_flags: Vec<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    inverted: Vec<String>,
    #[serde(default)]
    deprecated: Option<Deprecated>,
    #[serde(default)]
    flag_runs: Vec<RawRun>,
    #[serde(default)]
    doc: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRun {
    since: String,
    #[serde(default)]
    until: Option<String>,
    #[serde(default)]
    default: serde_yaml::Value,
    #[serde(default)]
    cli_default: Option<serde_yaml::Value>,
}

impl RawField {
    /// The checked form.
    ///
    /// # Errors
    /// A release that isn't known.
    pub fn check(self, releases: &Releases) -> Result<Field, ReleaseError> {
        let range = |since: &str, until: Option<&str>| -> Result<ReleaseSet, ReleaseError> {
            let range = until.map_or_else(|| format!(">={since}"), |until| format!(">={since} <={until}"));
            releases.range(CORE, &range)
        };
        let all = releases.package(CORE)?.all();
        let choices = |names: &[String]| -> Result<Vec<(String, ReleaseSet)>, ReleaseError> {
            names
                .iter()
                .map(|name| {
                    let mut set = all;
                    if let Some(since) = self.choices_since.get(name) {
                        set = set.and(range(since, None)?);
                    }
                    if let Some(until) = self.choices_until.get(name) {
                        set = set.and(releases.range(CORE, &format!("<={until}"))?);
                    }
                    Ok((name.clone(), set))
                })
                .collect()
        };
        let runs = self.runs.iter().map(|run| {
            Ok(Run {
                releases: range(&run.since, run.until.as_deref())?,
                default: from_yaml(&run.default),
                cli_default: run.cli_default.as_ref().map(from_yaml),
            })
        });
        let mut flag_releases = None;
        for run in &self.flag_runs {
            let releases = range(&run.since, run.until.as_deref())?;
            flag_releases = Some(flag_releases.unwrap_or(ReleaseSet::NONE).or(releases));
        }
        Ok(Field {
            flag_releases,
            kind: parse_type(&self.type_text),
            choices: choices(&self.choices)?,
            item_choices: choices(&self.item_choices)?,
            runs: runs.collect::<Result<_, _>>()?,
            name: self.name,
            owner: self.owner,
            type_text: self.type_text,
            flags: self.flags,
            off_flags: self.off_flags,
            aliases: self.aliases,
            inverted: self.inverted,
            deprecated: self.deprecated,
            doc: self.doc,
        })
    }
}

/// `int?`, `str|list[str]`, `bool`, … as flags.
fn parse_type(text: &str) -> Type {
    let mut kind = Type {
        null: text.ends_with('?'),
        boolean: false,
        integer: false,
        float: false,
        text: false,
        list: false,
        any: false,
    };
    for part in text.trim_end_matches('?').split('|') {
        match part.split('[').next().unwrap_or(part) {
            "bool" => kind.boolean = true,
            "int" => kind.integer = true,
            "float" => kind.float = true,
            "str" | "dtype" => kind.text = true,
            "list" => kind.list = true,
            _ => kind.any = true,
        }
    }
    kind
}

/// A default as the catalogue writes it.
#[must_use]
pub fn from_yaml(value: &serde_yaml::Value) -> Value {
    match value {
        serde_yaml::Value::Bool(flag) => Value::Bool(*flag),
        serde_yaml::Value::Number(number) => {
            number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::NAN)), Value::Int)
        }
        serde_yaml::Value::String(text) => Value::Str(text.clone()),
        serde_yaml::Value::Sequence(items) => Value::List(items.iter().map(from_yaml).collect()),
        _ => Value::Null,
    }
}
