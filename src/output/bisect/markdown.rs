//! A bisection's report for an issue or a pull request: the verdict, the settings, the rest folded away.

use std::io::{self, Write};

use crate::bisect::report::{Culprit, ProbeLine, Report, Status};
use crate::output::clean::printable;
use crate::output::markup::{code, escape};

use super::words::{self, duration, percent, short};

/// Changed settings that a table has room for.
const MAX_CHANGES: usize = 50;
/// Probes that are listed; a comment has an end.
const MAX_PROBES: usize = 200;

/// Writes the report.
///
/// # Errors
/// What the stream says.
pub fn markdown(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let lead = report.culprits.first().filter(|_| report.status != Status::None);
    let sign = if words::is_settled(report.status) { "🎯" } else { "🔎" };
    write!(out, "### {sign} moelint bisect: {}", words::answer(report.status))?;
    match lead.filter(|_| words::is_settled(report.status)) {
        Some(culprit) => writeln!(out, ", {}\n", title(culprit))?,
        None => writeln!(out, "\n")?,
    }
    writeln!(out, "**{}**\n", escape(&words::sentence(report)))?;
    commits(out, report)?;
    if let Some(culprit) = lead {
        settings(out, culprit)?;
        rules(out, culprit)?;
    }
    next(out, report)?;
    for note in &report.notes {
        writeln!(out, "- {}", escape(note))?;
    }
    if !report.notes.is_empty() {
        writeln!(out)?;
    }
    log(out, report)?;
    searched(out, report)
}

/// What the culprit changed, in a heading.
fn title(culprit: &Culprit) -> String {
    match culprit.changes.split_first() {
        Some((first, rest)) => {
            let (name, from, to) = words::setting(first);
            let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            format!("{} {} → {}{more}", code(name), code(&from), code(&to))
        }
        None => code(&culprit.subject),
    }
}

/// The culprit; without one, the ranking.
fn commits(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let settled = words::is_settled(report.status);
    let mut rows: Vec<(&str, &str, f64, String)> = words::suspects(report)
        .map(|one| {
            let what = if one.changes.is_empty() { "no setting".to_owned() } else { code(&words::headline(one)) };
            (words::name(one), words::subject(one), one.posterior, what)
        })
        .collect();
    if !settled {
        let told = |commit: &str| words::suspects(report).any(|culprit| culprit.commit == commit);
        let rest = report.ranking.iter().filter(|one| !told(&one.commit));
        rows.extend(rest.take(5).map(|one| {
            let what = if one.config { "config" } else { "code" };
            (short(&one.commit), one.subject.as_str(), one.posterior, what.to_owned())
        }));
    }
    // the settings themselves follow
    if rows.is_empty() || (settled && words::of_keys(report)) {
        return Ok(());
    }
    writeln!(
        out,
        "| | {} | probability | changes |\n| --- | --- | ---: | --- |",
        if words::of_keys(report) { "settings" } else { "commit" }
    )?;
    for (at, (commit, subject, posterior, what)) in rows.into_iter().enumerate() {
        let label = if settled { "culprit".to_owned() } else { (at + 1).to_string() };
        writeln!(
            out,
            "| {label} | {} {} | {} | {what} |",
            code(commit),
            escape(subject),
            percent(posterior).replace('<', "&lt;").replace('>', "&gt;")
        )?;
    }
    writeln!(out)
}

fn settings(out: &mut dyn Write, culprit: &Culprit) -> io::Result<()> {
    if culprit.changes.is_empty() {
        return Ok(());
    }
    writeln!(out, "| setting of {} | before | after | about | where | note |", code(words::name(culprit)))?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- |")?;
    for change in culprit.changes.iter().take(MAX_CHANGES) {
        let (name, from, to) = words::setting(change);
        let place = code(&words::place(change));
        let (group, note) = (change.group.name(), escape(&change.note));
        writeln!(out, "| {} | {} | {} | {group} | {place} | {note} |", code(name), code(&from), code(&to))?;
    }
    let more = culprit.changes.len().saturating_sub(MAX_CHANGES);
    if more > 0 {
        writeln!(out, "| and {more} more | | | | | `--format json` lists them |")?;
    }
    writeln!(out)
}

fn rules(out: &mut dyn Write, culprit: &Culprit) -> io::Result<()> {
    for (what, rules) in [("brings", &culprit.introduced), ("mends", &culprit.fixed)] {
        if !rules.is_empty() {
            let rules: Vec<String> = rules.iter().map(|rule| code(rule)).collect();
            writeln!(out, "{what} {}\n", rules.join(", "))?;
        }
    }
    Ok(())
}

fn next(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    if report.next.is_empty() {
        return Ok(());
    }
    let mut block = String::new();
    for next in &report.next {
        let (command, remark) = words::command(next);
        let remark = if remark.is_empty() { String::new() } else { format!("   # {}", printable(remark)) };
        block.push_str(&format!("{}{remark}\n", words::lines(command)));
    }
    // a fence has to be longer than any that stands in the text
    let longest = block.split(|c: char| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    writeln!(out, "Next:\n\n{fence}sh\n{block}{fence}\n")
}

fn log(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let Some(summary) = words::probes(report) else { return Ok(()) };
    writeln!(out, "<details><summary>{}</summary>\n", escape(&summary))?;
    writeln!(out, "| | verdict | commit | why it was chosen | said | took |\n| ---: | --- | --- | --- | --- | ---: |")?;
    for probe in report.log.iter().take(MAX_PROBES) {
        probe_row(out, probe)?;
    }
    let more = report.log.len().saturating_sub(MAX_PROBES);
    if more > 0 {
        writeln!(out, "| | | | and {more} more | `moelint bisect log` lists them | |")?;
    }
    writeln!(out, "\n</details>\n")
}

fn probe_row(out: &mut dyn Write, probe: &ProbeLine) -> io::Result<()> {
    let sign = match probe.verdict.as_str() {
        "good" => "✅",
        "bad" => "❌",
        _ => "❔",
    };
    let on = probe.code.as_ref().map_or_else(String::new, |other| format!(" on the code of {}", code(short(other))));
    writeln!(
        out,
        "| {} | {sign} {} | {}{on} | {} | {} | {} |",
        probe.number,
        escape(&probe.verdict),
        code(short(&probe.commit)),
        escape(&probe.why),
        escape(&probe.note),
        duration(probe.seconds)
    )
}

fn searched(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let mut parts = vec![words::range(report)];
    let aside: Vec<String> =
        words::set_aside(report).iter().map(|(count, what, _)| format!("{count} {what}")).collect();
    if !aside.is_empty() {
        parts.push(format!("cleared: {}", aside.join("; ")));
    }
    writeln!(out, "<sub>{}</sub>", escape(&parts.join(". ")))
}
