//! For programs: version 1 of the contract.

use std::io::{self, Write};

use serde_json::{Value as Json, json};

use crate::delta::change::Side;
use crate::delta::compare::About;
use crate::delta::judge::{Judged, Risk};
use crate::delta::relevance::{Group, relevance};
use crate::facts::value::Value;
use crate::lint::finding::Finding;
use crate::output::clean::mask_value;
use crate::output::json::{TOOL, finding};
use crate::output::show::to_json;

use super::{Pair, Report, headline, text};

/// Writes the report.
///
/// # Errors
/// What the stream says.
pub fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let pairs: Vec<Json> = report.pairs.iter().map(pair).collect::<io::Result<_>>()?;
    let same = report.pairs.iter().all(|pair| pair.comparison.is_same());
    let status = match (report.is_risky(), same) {
        (true, _) => "risky",
        (false, true) => "same",
        (false, false) => "changed",
    };
    let whole = json!({ "version": 1, "tool": TOOL, "status": status, "base": report.base, "pairs": pairs });
    serde_json::to_writer_pretty(&mut *out, &whole).map_err(io::Error::from)?;
    writeln!(out)
}

fn pair(pair: &Pair) -> io::Result<Json> {
    let found = &pair.comparison;
    let difference = text::lines(pair).map(|lines| text::unified(pair, &lines));
    Ok(json!({
        "kind": pair.kind.name(),
        "risky": found.is_risky(),
        "headline": headline(pair),
        "old": side(&pair.old, &found.sides.0),
        "new": side(&pair.new, &found.sides.1),
        "releases": {
            "megatron-core": found.releases.core,
            "megatron-bridge": found.releases.bridge,
            "source": found.releases.source.name(),
        },
        "changes": found.changes.iter().map(change).collect::<Vec<_>>(),
        "started": findings(&pair.new, &found.started)?,
        "stopped": findings(&pair.old, &found.stopped)?,
        "still": found.still,
        "text": difference,
    }))
}

fn side(name: &str, about: &About) -> Json {
    let dialect = about.dialect.map(crate::dialect::Dialect::name);
    json!({ "path": name, "dialect": dialect, "problem": about.problem })
}

fn findings(path: &str, findings: &[Finding]) -> io::Result<Vec<Json>> {
    let one = |found: &Finding| {
        let mut bytes = Vec::new();
        finding(&mut bytes, path, found)?;
        serde_json::from_slice(&bytes).map_err(io::Error::from)
    };
    findings.iter().map(one).collect()
}

fn change(judged: &Judged) -> Json {
    let change = &judged.change;
    let table = relevance();
    let points_at: Vec<Json> = judged
        .symptoms
        .iter()
        .map(|(symptom, weight)| {
            let pointer = table.pointer(*symptom, &change.name);
            json!({ "symptom": symptom.name(), "weight": weight, "why": pointer.map(|pointer| pointer.why.as_str()) })
        })
        .collect();
    json!({
        "field": change.name,
        "key": change.key(),
        "role": change.role,
        "group": judged.group.name(),
        "weight": judged.weight,
        "from": value(&change.name, change.from.effective.as_ref()),
        "to": value(&change.name, change.to.effective.as_ref()),
        "old": written(&change.name, &change.from),
        "new": written(&change.name, &change.to),
        "risk": judged.risk.map(risk),
        "no_effect": judged.unread,
        "points_at": points_at,
        "rules": judged.rules,
    })
}

fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Dispatch => "dispatch",
        Risk::Group(Group::Topology) => "topology",
        Risk::Group(Group::Precision) => "precision",
        Risk::Group(_) => "dispatcher",
    }
}

fn written(name: &str, side: &Side) -> Json {
    let place = side.place.as_ref();
    json!({
        "written": side.written.is_some(),
        "requested": value(name, side.written.as_ref()),
        "known": side.effective.is_some(),
        "by": side.by,
        "key": place.map(|place| place.key.as_str()),
        "line": place.map(|place| place.line),
    })
}

/// A value, as text where a part of it has to be masked.
fn value(name: &str, value: Option<&Value>) -> Json {
    let Some(value) = value else { return Json::Null };
    let text = value.to_string();
    let masked = mask_value(name, &text);
    if masked == text { to_json(value) } else { json!(masked) }
}
