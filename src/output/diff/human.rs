//! For people: the verdict, the settings by group, the rules, the text.

use std::io::{self, Write};

use crate::delta::compare::Comparison;
use crate::delta::judge::Judged;
use crate::lint::finding::Finding;
use crate::output::clean::clean;
use crate::rule::model::Severity;

use super::text::{self, Line};
use super::{
    Kind, Pair, Report, Style, groups, headline, known, mark, note, place, read_for, remark, role, told, unread, worth,
};

/// Changes of the last group that are shown; the rest is for programs.
const MAX_OTHER: usize = 40;

/// Writes the report.
///
/// # Errors
/// What the stream says.
pub fn write(out: &mut dyn Write, report: &Report, style: Style) -> io::Result<()> {
    let paint = Paint(style.color);
    for pair in report.shown() {
        one(out, pair, style, paint)?;
    }
    report.summary().map_or(Ok(()), |summary| writeln!(out, "{}", clean(&summary)))
}

#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn on(self, text: &str, code: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

fn one(out: &mut dyn Write, pair: &Pair, style: Style, paint: Paint) -> io::Result<()> {
    let name = match pair.kind {
        Kind::Added => format!("{} (new)", pair.new),
        Kind::Removed => format!("{} (removed)", pair.old),
        _ if pair.old == pair.new => pair.new.clone(),
        _ => format!("{} → {}", pair.old, pair.new),
    };
    writeln!(out, "{}", paint.on(&clean(&name), "1"))?;
    if known(&pair.comparison) {
        writeln!(out, "read for {}", read_for(&pair.comparison))?;
    }
    let remark = remark(&pair.comparison);
    if !remark.is_empty() {
        writeln!(out, "{remark}")?;
    }
    let color = if pair.comparison.is_risky() { "1;31" } else { "1;32" };
    writeln!(out, "{}\n", paint.on(&clean(&headline(pair)), color))?;
    if pair.kind == Kind::Removed {
        return Ok(());
    }
    settings(out, pair, style, paint)?;
    findings(out, "rules that start to fire", &pair.new, &pair.comparison.started, paint)?;
    if !matches!(pair.kind, Kind::Added) {
        findings(out, "rules that stop firing", &pair.old, &pair.comparison.stopped, paint)?;
        if !style.quiet {
            difference(out, pair, paint)?;
        }
    }
    Ok(())
}

fn settings(out: &mut dyn Write, pair: &Pair, style: Style, paint: Paint) -> io::Result<()> {
    for (group, changes) in groups(&pair.comparison) {
        writeln!(out, "{}", paint.on(group.name(), "1;36"))?;
        let width =
            changes.iter().map(|change| label(&pair.comparison, change).chars().count()).max().unwrap_or(0).min(52);
        let shown = if group == crate::delta::relevance::Group::Other { MAX_OTHER } else { usize::MAX };
        for change in changes.iter().take(shown) {
            line(out, &pair.comparison, change, width, paint)?;
        }
        if changes.len() > shown {
            writeln!(out, "    and {} more (--format json lists them)", changes.len() - shown)?;
        }
        writeln!(out)?;
    }
    let unread = unread(&pair.comparison);
    if unread.is_empty() || style.quiet {
        return Ok(());
    }
    writeln!(out, "{}", paint.on("changed, without an effect of its own", "1;36"))?;
    for (change, why) in unread.iter().take(MAX_OTHER) {
        let (from, to) = told(change);
        writeln!(out, "    {}  {} → {}  ({why})", label(&pair.comparison, change), from.value, to.value)?;
    }
    if unread.len() > MAX_OTHER {
        writeln!(out, "    and {} more (--format json lists them)", unread.len() - MAX_OTHER)?;
    }
    writeln!(out)
}

fn label(comparison: &Comparison, judged: &Judged) -> String {
    let name = clean(&judged.change.name);
    role(comparison, judged).map_or_else(|| name.to_string(), |role| format!("{}: {name}", clean(role)))
}

fn line(out: &mut dyn Write, comparison: &Comparison, judged: &Judged, width: usize, paint: Paint) -> io::Result<()> {
    let (from, to) = told(judged);
    let (from_text, to_text) = (paint.on(&from.value, "31"), paint.on(&to.value, "32"));
    let sign = if mark(judged) { paint.on("!", "1;31") } else { " ".to_owned() };
    let where_to = match (from.line, to.line) {
        (Some(old), Some(new)) if old == new => format!("line {old}"),
        (Some(old), Some(new)) => format!("line {old} → {new}"),
        (Some(old), None) if to.origin.is_empty() => format!("line {old}, gone"),
        (None, Some(new)) if from.origin.is_empty() => format!("line {new}, new"),
        (Some(old), None) => format!("line {old} → {}", to.origin),
        (None, Some(new)) => format!("{} → line {new}", from.origin),
        (None, None) => to.origin.to_owned(),
    };
    let name = label(comparison, judged);
    let note = note(judged);
    let note = if note.is_empty() { note } else { format!("  {note}") };
    let about = paint.on(&format!("({where_to}){note}"), "2");
    writeln!(out, "  {sign} {name:width$}  {from_text} → {to_text}  {about}")?;
    for (side, turned) in [("before", &from.turned), ("after", &to.turned)] {
        if let Some((effective, by)) = turned {
            writeln!(out, "      {side}: effectively {effective}; {}", clean(by))?;
        }
    }
    Ok(())
}

fn findings(out: &mut dyn Write, title: &str, name: &str, findings: &[Finding], paint: Paint) -> io::Result<()> {
    let findings: Vec<&Finding> = worth(findings).collect();
    if findings.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", paint.on(title, "1;36"))?;
    for finding in findings {
        let code = if finding.severity == Severity::Error { "1;31" } else { "1;33" };
        let head = paint.on(&format!("{}[{}]", finding.severity.name(), finding.code), code);
        writeln!(out, "    {head} {}", clean(&finding.message))?;
        writeln!(out, "      {}; moelint explain {}", clean(&place(name, finding)), finding.rule)?;
        if !finding.help.is_empty() && title.contains("start") {
            writeln!(out, "      help: {}", clean(&finding.help))?;
        }
    }
    writeln!(out)
}

fn difference(out: &mut dyn Write, pair: &Pair, paint: Paint) -> io::Result<()> {
    let Some(lines) = text::lines(pair) else {
        return writeln!(out, "the texts are too long for a text difference\n");
    };
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", paint.on("text", "1;36"))?;
    if !paint.0 {
        return writeln!(out, "{}", text::unified(pair, &lines));
    }
    writeln!(out, "{}\n{}", paint.on(&format!("--- {}", pair.old), "1"), paint.on(&format!("+++ {}", pair.new), "1"))?;
    for line in &lines {
        writeln!(out, "{}", colored(line, paint))?;
    }
    writeln!(out)
}

/// A line in the colour of its side; the words that changed in reverse.
fn colored(line: &Line, paint: Paint) -> String {
    let (plain, strong) = match line.sign {
        '-' => ("31", "31;7"),
        '+' => ("32", "32;7"),
        '@' => ("36", "36"),
        _ => ("0", "0"),
    };
    let sign = if line.sign == '@' { String::new() } else { paint.on(&line.sign.to_string(), plain) };
    let pieces = line.pieces.iter().map(|(changed, text)| paint.on(text, if *changed { strong } else { plain }));
    sign + &pieces.collect::<String>()
}
