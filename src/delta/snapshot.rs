//! One config as a flat map of effective settings: comments, order, spelling and what a release would have used anyway
//! are gone, so that two configs that mean the same are the same.

use std::collections::BTreeMap;

use crate::dialect::{Dialect, recognise};
use crate::document::tree::Span;
use crate::document::{LineIndex, parse};
use crate::effective::effects;
use crate::effective::run::{At, replay};
use crate::facts::catalogue::Catalogue;
use crate::facts::field::{Field, FieldId};
use crate::facts::layout;
use crate::facts::shape::Frontend;
use crate::facts::store::{Entry, Fact, Facts};
use crate::facts::value::Value;
use crate::lint::engine::Linter;
use crate::rule::view::View;

use super::raw;

/// Where a setting stands in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The path of keys to it, as written: `model.moe_router_topk`.
    pub key: String,
    /// From 1.
    pub line: u32,
    /// The key's bytes.
    pub key_span: Span,
    /// The value's bytes; empty where nothing is written.
    pub span: Span,
    /// The parent that it comes from, where it is not written in the file itself.
    pub via: Option<String>,
}

/// One setting of a config.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The catalogue's setting, where it is one.
    pub field: Option<FieldId>,
    /// As written; `None`: not in the file, the framework sets it because of something else.
    pub written: Option<Value>,
    /// What the framework goes on with, as far as is known.
    pub effective: Value,
    /// Whether that is what the release uses for an absent setting too.
    pub default: bool,
    /// Where it stands; `None`: it does not.
    pub place: Option<Place>,
    /// Why the framework changed it, in words.
    pub by: Option<String>,
}

/// Settings by name: Megatron-Core's attribute name, `env NAME` for a variable, the path of keys for anything else.
pub type Settings = BTreeMap<String, Setting>;

/// One model of a config (`model`, `MODEL_ARGS_2`); `""` holds what belongs to no model: other sections, variables.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Who reads the file.
    pub frontend: Frontend,
    /// What it says.
    pub settings: Settings,
}

/// One config.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// What kind of file; `None`: none that is known, its keys are compared as they stand.
    pub dialect: Option<Dialect>,
    /// Its roles in the file's order, the one called `""` last.
    pub roles: Vec<Role>,
    /// Why it can't be read, where it can't.
    pub problem: Option<String>,
}

/// The releases whose defaults and rewriting count, the same for all configs that are compared.
#[derive(Clone, Copy, Debug)]
pub struct Releases {
    /// Megatron-Core's.
    pub core: usize,
    /// Megatron-Bridge's.
    pub bridge: Option<usize>,
}

/// The releases for comparing configs: what the user said, else the newest that has the settings of `text`.
#[must_use]
pub fn releases_for(text: &str, linter: &Linter<'_>) -> Releases {
    let catalogue = linter.catalogue;
    let document = parse(text);
    let roles = recognise(&document, catalogue).map(|found| found.1).unwrap_or_default();
    let candidates = roles.first().map(|facts| linter.target.core(catalogue, facts));
    let Some(candidates) = candidates else {
        let facts = Facts::new(
            catalogue,
            "",
            Frontend::Generic,
            crate::facts::shape::Completeness::Authored,
            crate::facts::shape::Stage::Requested,
        );
        let core = linter.target.core(catalogue, &facts);
        return Releases {
            core: core.target.newest().unwrap_or(0),
            bridge: linter.target.bridge(catalogue, core).target.newest(),
        };
    };
    Releases {
        core: candidates.target.newest().unwrap_or(0),
        bridge: linter.target.bridge(catalogue, candidates).target.newest(),
    }
}

impl Snapshot {
    /// Reads a config's text. A file that can't be parsed is an empty snapshot with the reason in it.
    #[must_use]
    pub fn read(text: &str, linter: &Linter<'_>, releases: Releases) -> Self {
        let catalogue = linter.catalogue;
        let document = parse(text);
        let lines = LineIndex::new(text);
        let mut snapshot = Self::default();
        let mut claimed: Vec<Span> = Vec::new();
        let mut rest = Settings::new();
        if let Some((dialect, roles)) = recognise(&document, catalogue) {
            snapshot.dialect = Some(dialect);
            for facts in &roles {
                claimed.extend(facts.entries().map(|(_, entry)| entry.key_span));
                claimed.extend(facts.env.values().map(|entry| entry.key_span));
                let reader = Reader { linter, text, lines: &lines, facts, releases };
                snapshot.roles.push(Role {
                    name: facts.role.clone(),
                    frontend: facts.frontend,
                    settings: reader.settings(),
                });
                reader.environment(&mut rest);
            }
        }
        if snapshot.dialect.is_none() {
            snapshot.problem = document.errors.first().map(|error| {
                let line = lines.position(text, error.span.start).line;
                format!("line {line}: {}", error.message)
            });
        }
        claimed.sort();
        raw::leaves(&document, &lines, &claimed, &mut rest);
        snapshot.roles.push(Role { name: String::new(), frontend: Frontend::Generic, settings: rest });
        snapshot
    }

    /// Whether it holds no setting at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roles.iter().all(|role| role.settings.is_empty())
    }
}

struct Reader<'a> {
    linter: &'a Linter<'a>,
    text: &'a str,
    lines: &'a LineIndex,
    facts: &'a Facts,
    releases: Releases,
}

impl Reader<'_> {
    /// Every setting that is written, or that the framework rewrites.
    fn settings(&self) -> Settings {
        let catalogue = self.linter.catalogue;
        let core = self.releases.core;
        let view = View { facts: self.facts, catalogue, outside: &self.linter.outside, core, release: core };
        let replayed = replay(effects(), view, At { core, bridge: self.releases.bridge });
        let changed: BTreeMap<FieldId, _> =
            replayed.into_iter().filter(|s| !s.by.is_empty()).map(|s| (s.field, s)).collect();
        let mut settings = Settings::new();
        for (field, entry) in self.facts.entries() {
            let about = catalogue.field(field);
            if about.name == "pipeline_layout" {
                continue; // what rules read in place of the layout as written
            }
            let written = self.written(entry, about);
            let rewritten = changed.get(&field).filter(|setting| setting.by.iter().all(|step| step.certain));
            let effective = rewritten.and_then(|setting| setting.effective.clone()).unwrap_or_else(|| written.clone());
            let setting = Setting {
                field: Some(field),
                default: self.default(field).is_some_and(|default| default.same(&effective)),
                effective: normal(effective, about),
                written: (!entry.path.is_empty()).then_some(written),
                place: (!entry.path.is_empty()).then(|| self.place(entry)),
                by: rewritten.and_then(|setting| setting.by.last()).map(|step| step.text.clone()),
            };
            settings.insert(about.name.clone(), setting);
        }
        for (field, setting) in changed {
            let name = &catalogue.field(field).name;
            let certain = setting.by.iter().all(|step| step.certain);
            let Some(effective) = setting.effective.filter(|_| certain && !settings.contains_key(name)) else {
                continue;
            };
            let default = self.default(field).is_some_and(|default| default.same(&effective));
            let by = setting.by.last().map(|step| step.text.clone());
            let setting = Setting { field: Some(field), written: None, effective, default, place: None, by };
            settings.insert(name.clone(), setting);
        }
        settings
    }

    fn default(&self, field: FieldId) -> Option<&Value> {
        default_of(self.linter.catalogue, field, self.facts.frontend, self.releases.core)
    }

    /// The value; where it can't be known, the text that stands for it.
    fn written(&self, entry: &Entry, field: &Field) -> Value {
        match &entry.value {
            Ok(value) => number(value.clone(), field),
            Err(_) => Value::Str(entry.span.slice(self.text).trim().to_owned()),
        }
    }

    fn place(&self, entry: &Entry) -> Place {
        Place {
            key: entry.path.clone(),
            line: self.lines.position(self.text, entry.key_span.start).line,
            key_span: entry.key_span,
            span: entry.span,
            via: None,
        }
    }

    /// Variables that the file sets for the job; roles share them.
    fn environment(&self, rest: &mut Settings) {
        for (name, entry) in &self.facts.env {
            let text = entry.value.clone().unwrap_or_else(|| entry.span.slice(self.text).to_owned());
            let value = Value::Str(text);
            let place = Place {
                key: format!("env {name}"),
                line: self.lines.position(self.text, entry.key_span.start).line,
                key_span: entry.key_span,
                span: entry.span,
                via: None,
            };
            rest.insert(
                format!("env {name}"),
                Setting {
                    field: None,
                    written: Some(value.clone()),
                    effective: value,
                    default: false,
                    place: Some(place),
                    by: None,
                },
            );
        }
    }
}

/// What a release uses where the setting is absent; `None`: the release has no such setting.
#[must_use]
pub fn default_of(catalogue: &Catalogue, field: FieldId, frontend: Frontend, core: usize) -> Option<&Value> {
    let run = catalogue.field(field).run(core)?;
    Some(match (&run.cli_default, frontend) {
        (Some(default), Frontend::MegatronLm) => default,
        _ => &run.default,
    })
}

/// The value in the one form that stands for all its spellings.
fn normal(value: Value, field: &Field) -> Value {
    if field.name == "pipeline_model_parallel_layout"
        && let Some(unrolled) = layout::unrolled(&value)
    {
        return Value::Str(unrolled);
    }
    number(value, field)
}

/// What a reader that makes numbers of text would hold: `1e-3` is text to `PyYAML`, and means 0.001 all the same.
fn number(value: Value, field: &Field) -> Value {
    match value {
        Value::Str(text) if (field.kind.float || field.kind.integer) && !field.kind.text => {
            raw::as_number(&text).unwrap_or(Value::Str(text))
        }
        other => other,
    }
}

/// Whether the release knows the setting at all.
#[must_use]
pub fn is_read(catalogue: &Catalogue, facts: &Facts, field: FieldId, core: usize) -> bool {
    facts.fact(catalogue, field, core) != Fact::NotInRelease
}
