//! A comment for a review: the verdict first, a table a group, everything long folded away.

use std::io::{self, Write};

use crate::delta::compare::Comparison;
use crate::delta::judge::Judged;
use crate::delta::relevance::Group;
use crate::lint::finding::Finding;
use crate::output::markup::{code, escape};
use crate::rule::model::Severity;

use super::text;
use super::{
    Kind, Pair, Report, Style, Told, counted, groups, headline, known, mark, note, place, read_for, remark, role, told,
    unread, worth,
};

/// A bot finds its earlier comment by this.
const MARK: &str = "<!-- moelint diff -->";
/// Characters of text difference that a comment has room for.
const MAX_TEXT: usize = 20_000;
/// Characters of all pairs together: a comment on GitHub ends at 65,536.
const MAX_COMMENT: usize = 50_000;
/// Rows of a folded table.
const MAX_ROWS: usize = 100;

/// Writes the report.
///
/// # Errors
/// What the stream says.
pub fn write(out: &mut dyn Write, report: &Report, style: Style) -> io::Result<()> {
    writeln!(out, "{MARK}")?;
    if let Some(summary) = report.summary() {
        writeln!(out, "### moelint: {}\n", escape(&summary))?;
    }
    let mut length = 0;
    for pair in report.shown() {
        let mut text = Vec::new();
        one(&mut text, pair, report.base.is_some(), style)?;
        length += text.len();
        // what is too much for a comment is at least named
        if length > MAX_COMMENT && report.base.is_some() {
            text.clear();
            writeln!(
                text,
                "- {}: {}",
                code(if pair.new.is_empty() { &pair.old } else { &pair.new }),
                escape(&headline(pair))
            )?;
        }
        out.write_all(&text)?;
    }
    Ok(())
}

fn one(out: &mut dyn Write, pair: &Pair, nested: bool, style: Style) -> io::Result<()> {
    let sign = if pair.comparison.is_risky() { "⚠️ " } else { "" };
    let name = match pair.kind {
        Kind::Added => format!("{} (new)", code(&pair.new)),
        Kind::Removed => format!("{} (removed)", code(&pair.old)),
        _ if pair.old == pair.new => code(&pair.new),
        _ => format!("{} → {}", code(&pair.old), code(&pair.new)),
    };
    if nested {
        writeln!(out, "#### {sign}{name}\n\n{}\n", bold(&headline(pair)))?;
    } else {
        writeln!(out, "### {sign}moelint: {}\n\n{name}", escape(&headline(pair)))?;
    }
    if pair.kind == Kind::Removed {
        return writeln!(out);
    }
    let mut read = Vec::from_iter(known(&pair.comparison).then(|| format!("read for {}", read_for(&pair.comparison))));
    read.extend(Some(remark(&pair.comparison).to_owned()).filter(|remark| !remark.is_empty()));
    writeln!(out, "<sub>{}</sub>\n", escape(&read.join("; ")))?;
    rules(out, pair)?;
    settings(out, pair, style)?;
    if style.quiet || matches!(pair.kind, Kind::Added) { Ok(()) } else { difference(out, pair) }
}

/// `risky: why` with the first word in bold.
fn bold(headline: &str) -> String {
    match headline.split_once(':') {
        Some((verdict, why)) => format!("**{verdict}**:{}", escape(why)),
        None => format!("**{headline}**"),
    }
}

fn rules(out: &mut dyn Write, pair: &Pair) -> io::Result<()> {
    let started: Vec<&Finding> = worth(&pair.comparison.started).collect();
    let stopped: Vec<&Finding> = worth(&pair.comparison.stopped).filter(|_| pair.kind != Kind::Added).collect();
    if started.is_empty() && stopped.is_empty() {
        return Ok(());
    }
    writeln!(out, "| rule | | where | what |\n| --- | --- | --- | --- |")?;
    for finding in &started {
        let sign = if finding.severity == Severity::Error { "❌ error" } else { "⚠️ warning" };
        let help =
            if finding.help.is_empty() { String::new() } else { format!("<br>**help**: {}", escape(&finding.help)) };
        let (rule, at) = (finding.rule.as_ref(), code(&place(&pair.new, finding)));
        writeln!(out, "| `{}` {} | {sign} | {at} | {}{help} |", finding.code, escape(rule), escape(&finding.message))?;
    }
    for finding in &stopped {
        let (rule, at) = (finding.rule.as_ref(), code(&place(&pair.old, finding)));
        writeln!(out, "| `{}` {} | ✅ gone | {at} | {} |", finding.code, escape(rule), escape(&finding.message))?;
    }
    writeln!(out)
}

fn settings(out: &mut dyn Write, pair: &Pair, style: Style) -> io::Result<()> {
    let groups = groups(&pair.comparison);
    for (group, changes) in groups.iter().filter(|(group, _)| *group != Group::Other) {
        writeln!(out, "**{}**\n", group.name())?;
        table(out, &pair.comparison, changes, changes.len())?;
        writeln!(out)?;
    }
    if let Some((_, changes)) = groups.iter().find(|(group, _)| *group == Group::Other) {
        let title = counted(changes.len(), "other change", "other changes");
        writeln!(out, "<details><summary>{title}</summary>\n")?;
        table(out, &pair.comparison, changes, MAX_ROWS)?;
        writeln!(out, "\n</details>\n")?;
    }
    let unread = unread(&pair.comparison);
    if unread.is_empty() || style.quiet {
        return Ok(());
    }
    let title = counted(unread.len(), "change without an effect of its own", "changes without an effect of their own");
    writeln!(
        out,
        "<details><summary>{title}</summary>\n\n| setting | before | after | why |\n| --- | --- | --- | --- |"
    )?;
    for (judged, why) in unread.iter().take(MAX_ROWS) {
        let name = &judged.change.name;
        let (from, to) = told(judged);
        writeln!(out, "| {} | {} | {} | {} |", code(name), code(&from.value), code(&to.value), escape(why))?;
    }
    more(out, unread.len(), MAX_ROWS)?;
    writeln!(out, "\n</details>\n")
}

fn table(out: &mut dyn Write, comparison: &Comparison, changes: &[&Judged], room: usize) -> io::Result<()> {
    writeln!(out, "| setting | before | after | note |\n| --- | --- | --- | --- |")?;
    for judged in changes.iter().take(room) {
        let change = &judged.change;
        let (from, to) = told(judged);
        let sign = if mark(judged) { "⚠️ " } else { "" };
        let mut notes = Vec::new();
        for (side, turned) in [("before", &from.turned), ("after", &to.turned)] {
            if let Some((effective, by)) = turned {
                notes.push(format!("{side} effectively {}: {}", code(effective), escape(by)));
            }
        }
        notes.extend(Some(note(judged)).filter(|note| !note.is_empty()).map(|note| escape(&note)));
        let role = role(comparison, judged).map_or_else(String::new, |role| format!("{} ", escape(role)));
        writeln!(
            out,
            "| {sign}{role}{} | {} | {} | {} |",
            code(&change.name),
            cell(&from),
            cell(&to),
            notes.join("<br>")
        )?;
    }
    more(out, changes.len(), room)
}

fn more(out: &mut dyn Write, count: usize, room: usize) -> io::Result<()> {
    if count > room { writeln!(out, "| and {} more | | | `--format json` lists them |", count - room) } else { Ok(()) }
}

fn cell(told: &Told) -> String {
    match told.line {
        Some(line) => format!("{} <sub>line {line}</sub>", code(&told.value)),
        None if told.origin.is_empty() => escape(&told.value),
        None => format!("{} <sub>{}</sub>", code(&told.value), told.origin),
    }
}

fn difference(out: &mut dyn Write, pair: &Pair) -> io::Result<()> {
    let Some(lines) = text::lines(pair).filter(|lines| !lines.is_empty()) else { return Ok(()) };
    let whole = text::unified(pair, &lines);
    let mut shown = String::new();
    for line in whole.lines() {
        if shown.len() + line.len() > MAX_TEXT {
            shown.push_str("… the rest is too long for a comment\n");
            break;
        }
        shown.push_str(line);
        shown.push('\n');
    }
    // a fence has to be longer than any that stands in the text
    let longest = shown.split(|c: char| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    writeln!(out, "<details><summary>text difference</summary>\n\n{fence}diff\n{shown}{fence}\n\n</details>\n")
}
