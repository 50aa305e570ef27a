//! A bisection's report for people: the answer first, what speaks for it, what to type next, how it was found.

use std::io::{self, Write};

use crate::bisect::report::{Changed, Culprit, Report, Status};
use crate::output::clean::clean;

use super::words::{self, percent, short};

/// Lines of the ranking that are shown.
const RANKING: usize = 8;
/// Changed settings that are shown of the leading commit, and of the others.
const CHANGES: (usize, usize) = (8, 2);
/// Longest value that is shown.
const MAX_VALUE: usize = 60;
/// Where texts begin.
const INDENT: usize = 9;

/// How to say it.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// ANSI colours.
    pub color: bool,
    /// Columns.
    pub width: usize,
}

impl Default for Look {
    fn default() -> Self {
        Self { color: false, width: 100 }
    }
}

/// Writes the report.
///
/// # Errors
/// What the stream says.
pub fn human(out: &mut dyn Write, report: &Report, look: Look) -> io::Result<()> {
    let mut page = Page { out, look };
    page.verdict(report)?;
    if report.mode == "runs" {
        return super::runs::write(&mut page, report);
    }
    let settled = words::is_settled(report.status);
    for (at, culprit) in words::suspects(report).enumerate() {
        writeln!(page.out)?;
        page.commit(culprit, if at == 0 { CHANGES.0 } else { CHANGES.1 }, settled)?;
    }
    if !settled {
        page.rest(report)?;
    }
    page.next(report)?;
    page.searched(report)
}

/// A report as it is written.
pub(super) struct Page<'a> {
    out: &'a mut dyn Write,
    look: Look,
}

impl Page<'_> {
    fn paint(&self, text: &str, code: &str) -> String {
        if self.look.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// A label, and the text beside it, wrapped under itself.
    pub(super) fn line(&mut self, label: &str, text: &str) -> io::Result<()> {
        let wrapped = wrap(&clean(text), self.look.width.saturating_sub(INDENT));
        let label = self.paint(&format!("{label:INDENT$}"), "2");
        writeln!(self.out, "{label}{}", wrapped.join(&format!("\n{:INDENT$}", "")))
    }

    /// A label and a line that is a picture: never wrapped.
    pub(super) fn plain(&mut self, label: &str, text: &str) -> io::Result<()> {
        let label = self.paint(&format!("{:11}", clean(label)), "2");
        writeln!(self.out, "{label}{text}")
    }

    /// An empty line.
    pub(super) fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    fn verdict(&mut self, report: &Report) -> io::Result<()> {
        let color = match report.status {
            Status::Found | Status::Code => "1;31",
            Status::Ranked => "1;36",
            Status::None | Status::Inconclusive | Status::NotSeparable => "1;33",
        };
        let text = format!("{}: {}", words::answer(report.status), words::sentence(report));
        for line in wrap(&clean(&text), self.look.width) {
            writeln!(self.out, "{}", self.paint(&line, color))?;
        }
        Ok(())
    }

    pub(super) fn commit(&mut self, culprit: &Culprit, room: usize, settled: bool) -> io::Result<()> {
        let label = if settled { "culprit".to_owned() } else { format!("{:>7}", percent(culprit.posterior)) };
        let label = self.paint(&format!("{label:INDENT$}"), "1");
        let (name, subject) = (self.paint(&clean(words::name(culprit)), "33"), clean(words::subject(culprit)));
        let gap = if subject.is_empty() { "" } else { "  " };
        writeln!(self.out, "{label}{name}{gap}{subject}")?;
        for change in culprit.changes.iter().take(room) {
            self.setting(change)?;
        }
        let more = culprit.changes.len().saturating_sub(room);
        if more > 0 {
            self.line("", &format!("and {} (--format json lists them)", words::count(more, "more setting")))?;
        }
        for rule in &culprit.introduced {
            self.line("", &format!("brings {rule}   (moelint explain {rule})"))?;
        }
        for rule in &culprit.fixed {
            self.line("", &format!("mends {rule}"))?;
        }
        // beside a setting its own note tells the same
        let told = culprit.changes.iter().any(|change| !change.note.is_empty());
        if !told && !culprit.why.is_empty() {
            self.line("", &culprit.why)?;
        }
        Ok(())
    }

    fn setting(&mut self, change: &Changed) -> io::Result<()> {
        let (name, from, to) = words::setting(change);
        let (name, place) = (self.paint(&clean(name), "1"), self.paint(&clean(&words::place(change)), "2"));
        let place = if change.path.is_empty() { String::new() } else { format!("  {place}") };
        writeln!(self.out, "{:INDENT$}{name}  {} → {}{place}", "", brief(&from), brief(&to))?;
        if change.note.is_empty() { Ok(()) } else { self.line("", &format!("  {}", change.note)) }
    }

    /// The rest of the ranking. Without probes, a commit that changed no config is no news.
    fn rest(&mut self, report: &Report) -> io::Result<()> {
        let told = |commit: &str| words::suspects(report).any(|culprit| culprit.commit == commit);
        let probed = report.probes.total > 0;
        let rest: Vec<_> =
            report.ranking.iter().filter(|one| !told(&one.commit) && (probed || one.config)).take(RANKING).collect();
        if rest.is_empty() {
            return Ok(());
        }
        let title =
            if report.status == Status::None { "least unlikely, if it is a commit after all" } else { "less likely" };
        writeln!(self.out, "\n{title}")?;
        for ranked in rest {
            let id = self.paint(short(&ranked.commit), "33");
            let kind = if ranked.config { "" } else { "  (code)" };
            writeln!(self.out, "{:>7}  {id}  {}{kind}", percent(ranked.posterior), clean(&ranked.subject))?;
        }
        Ok(())
    }

    /// Commands are never wrapped: they are there to be copied.
    pub(super) fn next(&mut self, report: &Report) -> io::Result<()> {
        if !report.next.is_empty() {
            writeln!(self.out)?;
        }
        for next in &report.next {
            let (command, remark) = words::command(next);
            let label = self.paint(&format!("{:INDENT$}", "next"), "1");
            let length = INDENT + command.chars().count() + remark.chars().count();
            writeln!(
                self.out,
                "{label}{}{}",
                self.paint(&words::lines(command).replace('\n', &format!("\n{:INDENT$}", "")), "36"),
                match remark {
                    "" => String::new(),
                    remark if length + 5 <= self.look.width => format!("   # {}", clean(remark)),
                    remark => format!("\n{:INDENT$}# {}", "", clean(remark)),
                }
            )?;
        }
        Ok(())
    }

    pub(super) fn searched(&mut self, report: &Report) -> io::Result<()> {
        writeln!(self.out)?;
        self.line("searched", &words::range(report))?;
        let aside: Vec<String> =
            words::set_aside(report).iter().map(|(count, what, _)| format!("{count} {what}")).collect();
        if !aside.is_empty() {
            self.line("cleared", &aside.join("; "))?;
        }
        if let Some(probes) = words::probes(report) {
            self.line("probed", &probes)?;
        }
        for note in &report.notes {
            self.line("note", note)?;
        }
        Ok(())
    }
}

/// A value that is not longer than a line has room for.
fn brief(text: &str) -> String {
    let shown = clean(text);
    if shown.chars().count() <= MAX_VALUE {
        return shown.into_owned();
    }
    shown.chars().take(MAX_VALUE).chain(Some('…')).collect()
}

/// Lines of at most `room` characters, but for words that are longer; spaces in front of the first word stay.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let lead = &text[..text.len() - text.trim_start().len()];
    let mut lines = Vec::new();
    let mut line = lead.to_owned();
    for word in text.split_whitespace() {
        let empty = line.len() == lead.len();
        if !empty && line.chars().count() + 1 + word.chars().count() > room {
            lines.push(std::mem::replace(&mut line, format!("{lead}{word}")));
        } else {
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.push(line);
    lines
}
