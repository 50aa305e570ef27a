//! `moelint show`'s two forms.

use std::io::{self, Write};

use serde_json::{Value as Json, json};

use crate::document::LineIndex;
use crate::effective::run::Setting;
use crate::facts::catalogue::Catalogue;
use crate::facts::store::{Entry, Facts};
use crate::facts::value::Value;
use crate::lint::FileReport;

/// One role of the file with its settings.
pub struct Role {
    /// The role.
    pub facts: Facts,
    /// In order.
    pub settings: Vec<Setting>,
    /// The Megatron-Core release that was replayed.
    pub release: String,
    /// Whether the release is only the newest one that fits.
    pub assumed: bool,
    /// All that fit.
    pub candidates: Vec<String>,
}

/// For people.
///
/// # Errors
/// What the stream says.
pub fn human(out: &mut dyn Write, report: &FileReport, roles: &[Role], catalogue: &Catalogue) -> io::Result<()> {
    let lines = LineIndex::new(&report.text);
    for role in roles {
        let dialect = report.dialect.map_or("", crate::dialect::Dialect::name);
        writeln!(out, "{} ({dialect}, role {})", report.path.display(), role.facts.role)?;
        let note =
            if role.assumed { ", the newest release that has these settings (--target says otherwise)" } else { "" };
        writeln!(out, "megatron-core {}{note}\n", role.release)?;
        let names = role.settings.iter().map(|setting| catalogue.field(setting.field).name.len());
        let width = names.max().unwrap_or(0);
        for setting in &role.settings {
            let name = &catalogue.field(setting.field).name;
            let place = match role.facts.entry(setting.field).filter(|entry| !entry.path.is_empty()) {
                Some(entry) => format!("line {}", lines.position(&report.text, entry.key_span.start).line),
                None => "default".to_owned(),
            };
            let (old, new) = (text(setting.requested.as_ref()), text(setting.effective.as_ref()));
            if old == new {
                writeln!(out, "  {name:width$}  {new}  ({place})")?;
            } else {
                writeln!(out, "  {name:width$}  {old} → {new}  ({place})")?;
            }
            for step in &setting.by {
                let missing = step.missing.join(", ");
                let maybe = if step.certain { String::new() } else { format!("; depends on {missing}") };
                writeln!(out, "  {:width$}    {}{maybe}", "", step.text)?;
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

/// For programs: version 1 of the contract.
///
/// # Errors
/// What the stream says.
pub fn json(out: &mut dyn Write, report: &FileReport, roles: &[Role], catalogue: &Catalogue) -> io::Result<()> {
    let lines = LineIndex::new(&report.text);
    let mut settings = Vec::new();
    for role in roles {
        for setting in &role.settings {
            settings.push(one(report, &lines, role, setting, catalogue));
        }
    }
    let whole = json!({
        "version": 1,
        "path": report.path.to_string_lossy(),
        "dialect": report.dialect.map(crate::dialect::Dialect::name),
        "roles": roles.iter().map(|role| json!({
            "role": role.facts.role,
            "frontend": role.facts.frontend,
            "completeness": role.facts.completeness,
            "stage": role.facts.stage,
            "release": role.release,
            "candidates": role.candidates,
        })).collect::<Vec<_>>(),
        "settings": settings,
    });
    serde_json::to_writer_pretty(&mut *out, &whole).map_err(io::Error::from)?;
    writeln!(out)
}

fn one(report: &FileReport, lines: &LineIndex, role: &Role, setting: &Setting, catalogue: &Catalogue) -> Json {
    let entry = role.facts.entry(setting.field).filter(|entry| !entry.path.is_empty());
    let labels: Vec<Json> = entry
        .map(|entry| {
            json!({
                "path": report.path.to_string_lossy(),
                "key": entry.path,
                "start": lines.position(&report.text, entry.span.start),
                "end": lines.position(&report.text, entry.span.end),
            })
        })
        .into_iter()
        .collect();
    let by: Vec<Json> = setting
        .by
        .iter()
        .map(|step| {
            json!({ "step": step.step, "text": step.text, "certain": step.certain, "missing": step.missing, "source": step.source })
        })
        .collect();
    json!({
        "field": catalogue.field(setting.field).name,
        "role": role.facts.role,
        "requested": value(setting.requested.as_ref()),
        "effective": value(setting.effective.as_ref()),
        "known": setting.effective.is_some(),
        "origin": origin(entry),
        "changed": setting.requested != setting.effective,
        "by": by,
        "labels": labels,
    })
}

/// `explicit`, `derived` or `default`.
fn origin(entry: Option<&Entry>) -> &'static str {
    match entry {
        Some(entry) if entry.derived => "derived",
        Some(_) => "explicit",
        None => "default",
    }
}

fn text(value: Option<&Value>) -> String {
    value.map_or_else(|| "?".to_owned(), Value::to_string)
}

fn value(value: Option<&Value>) -> Json {
    value.map_or(Json::Null, to_json)
}

/// A setting's value as JSON.
#[must_use]
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Int(number) => json!(number),
        Value::Float(number) => json!(number),
        Value::Str(text) => json!(text),
        Value::List(items) => items.iter().map(to_json).collect(),
    }
}
