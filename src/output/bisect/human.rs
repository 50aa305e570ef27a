//! A bisection's report for people.

use std::io::{self, Write};

use crate::bisect::report::{Changed, Culprit, Report, Status};

/// Lines of the ranking that are shown.
const RANKING: usize = 8;
/// Changed settings that are shown of the leading commit, and of the others.
const CHANGES: (usize, usize) = (8, 2);

/// Writes the report.
///
/// # Errors
/// What the stream says.
pub fn human(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    headline(out, report)?;
    for note in &report.notes {
        writeln!(out, "note     {note}")?;
    }
    let settled = matches!(report.status, Status::Found | Status::Code);
    for (at, culprit) in report.culprits.iter().enumerate() {
        if settled && at > 0 {
            break;
        }
        writeln!(out)?;
        one(out, culprit, if at == 0 { CHANGES.0 } else { CHANGES.1 }, settled)?;
    }
    let probed = report.probes.total > 0;
    let rest = report.ranking.iter().filter(|ranked| !told(report, &ranked.commit) && (probed || ranked.config));
    if !settled && rest.clone().next().is_some() {
        writeln!(out, "\nalso possible")?;
        for ranked in rest.take(RANKING) {
            let kind = if ranked.config { "" } else { "  (code)" };
            writeln!(out, "  {:>5}  {}  {}{kind}", percent(ranked.posterior), short(&ranked.commit), ranked.subject)?;
        }
    }
    if !report.next.is_empty() {
        writeln!(out)?;
    }
    for next in &report.next {
        writeln!(out, "next     {next}")?;
    }
    Ok(())
}

fn told(report: &Report, commit: &str) -> bool {
    report.culprits.iter().any(|culprit| culprit.commit == commit)
}

fn headline(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let exonerated = report.exonerated;
    let changed = report.config_classes.saturating_sub(1);
    writeln!(
        out,
        "{} between {} (good) and {} (bad); {} an effective config",
        count(report.commits, "commit"),
        short(&report.good),
        short(&report.bad),
        if changed == 1 { "1 changes".to_owned() } else { format!("{changed} change") },
    )?;
    if exonerated.untouched + exonerated.cosmetic + exonerated.by_values > 0 {
        writeln!(
            out,
            "exonerated as configs: {} touch none, {} change only comments, order or spelling, {} only set values that \
             had run well before or were taken back in vain",
            exonerated.untouched, exonerated.cosmetic, exonerated.by_values
        )?;
    }
    if report.probes.total > 0 {
        let probes = report.probes;
        writeln!(
            out,
            "{}: {} good, {} bad, {} unresolved; {} of them at the ends first",
            count(probes.total as usize, "probe"),
            probes.good,
            probes.bad,
            probes.unresolved,
            probes.preflight
        )?;
    }
    let verdict = match report.status {
        Status::Ranked => return Ok(()),
        Status::Found => "found: the config change that causes it".to_owned(),
        Status::Code => "found: the cause is code, not config".to_owned(),
        Status::None => "none: one of the ends was what it was by chance".to_owned(),
        Status::NotSeparable => "not separable: the noise is larger than the difference".to_owned(),
        Status::Inconclusive => format!(
            "inconclusive: code {}, no culprit at all {}",
            percent(report.hypotheses.code),
            percent(report.hypotheses.none)
        ),
    };
    writeln!(out, "{verdict}")
}

fn one(out: &mut dyn Write, culprit: &Culprit, changes: usize, settled: bool) -> io::Result<()> {
    let head = if settled { "culprit".to_owned() } else { format!("{:>7}", percent(culprit.posterior)) };
    writeln!(out, "{head}  {}  {}", short(&culprit.commit), culprit.subject)?;
    if settled {
        writeln!(out, "         {} sure", percent(culprit.posterior))?;
    }
    for change in culprit.changes.iter().take(changes) {
        setting(out, change)?;
    }
    let more = culprit.changes.len().saturating_sub(changes);
    if more > 0 {
        writeln!(out, "         and {more} more")?;
    }
    for rule in &culprit.introduced {
        writeln!(out, "         brings  {rule} (moelint explain {rule})")?;
    }
    for rule in &culprit.fixed {
        writeln!(out, "         mends   {rule}")?;
    }
    Ok(())
}

fn setting(out: &mut dyn Write, change: &Changed) -> io::Result<()> {
    let place = if change.line > 0 { format!("{}:{}", change.path, change.line) } else { change.path.clone() };
    writeln!(out, "         {}  {} → {}  ({place})", change.field, text(&change.from), text(&change.to))?;
    if !change.note.is_empty() {
        writeln!(out, "           {}", change.note)?;
    }
    Ok(())
}

/// A value as a person reads it.
#[must_use]
pub fn text(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "not set".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A probability in per cent; one that is not certain is never shown as 100 or 0.
#[must_use]
pub fn percent(probability: f64) -> String {
    let percent = 100.0 * probability;
    match percent {
        percent if percent <= 0.0 => "0%".to_owned(),
        percent if percent < 0.1 => "<0.1%".to_owned(),
        percent if percent > 99.9 => ">99.9%".to_owned(),
        percent if (1.0..99.0).contains(&percent) => format!("{percent:.0}%"),
        percent => format!("{percent:.1}%"),
    }
}

/// An id as people write it.
#[must_use]
pub fn short(id: &str) -> &str {
    let hash = id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hash { id.get(..10).unwrap_or(id) } else { id }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
