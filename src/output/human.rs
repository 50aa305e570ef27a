//! For people: what is wrong, where, what happens if nobody acts, what to type next.

use std::io::{self, Write};

use miette::GraphicalReportHandler;

use crate::lint::FileReport;
use crate::lint::finding::{Certainty, Finding, Status};
use crate::rule::model::{Phase, Severity};

use super::clean::clean;
use super::{Reporter, Style, Summary, frame, missing};

/// Findings of one file that are drawn with their lines; a file with more of them is better read as a list.
const MAX_FRAMES: usize = 100;

/// The `human` format.
pub struct Human {
    style: Style,
    handler: GraphicalReportHandler,
}

impl Human {
    /// With this style.
    #[must_use]
    pub fn new(style: Style) -> Self {
        let handler = frame::handler(&style);
        Self { style, handler }
    }

    fn paint(&self, text: &str, code: &str) -> String {
        if self.style.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn header(&self, finding: &Finding) -> String {
        let (name, code) = match finding.severity {
            Severity::Error => ("error", "1;31"),
            Severity::Warning => ("warning", "1;33"),
            Severity::Info => ("info", "1;36"),
        };
        let head = self.paint(&format!("{name}[{}]", finding.code), code);
        format!("{head} {}", self.paint(&finding.message, "1"))
    }

    fn finding(&self, out: &mut dyn Write, report: &FileReport, finding: &Finding, stops: usize) -> io::Result<()> {
        writeln!(out, "{}", self.header(finding))?;
        write!(out, "{}", frame::draw(&self.handler, report, finding, self.style.width))?;
        writeln!(out, "  {}", consequence(finding, stops))?;
        if report.roles.len() > 1 && !finding.role.is_empty() {
            self.line(out, "role", &finding.role)?;
        }
        let target = Self::target(finding);
        if !target.is_empty() && finding.phase != Phase::File {
            self.line(out, "target", &target)?;
        }
        if !finding.help.is_empty() {
            self.line(out, "help", &finding.help)?;
        }
        for fix in &finding.fixes {
            let flags = if fix.safe { "--fix" } else { "--fix --unsafe-fixes" };
            self.line(out, "fix", &format!("{} ({flags})", fix.title))?;
        }
        self.line(out, "more", &format!("moelint explain {}", finding.rule))?;
        writeln!(out)
    }

    /// `  help    words …`, wrapped under themselves.
    fn line(&self, out: &mut dyn Write, name: &str, text: &str) -> io::Result<()> {
        let room = self.style.width.saturating_sub(10).max(40);
        let mut words = String::new();
        let mut column = 0;
        for word in text.split_whitespace() {
            let length = word.chars().count();
            if column > 0 && column + 1 + length > room {
                words.push_str("\n          ");
                column = 0;
            } else if column > 0 {
                words.push(' ');
                column += 1;
            }
            words.push_str(word);
            column += length;
        }
        let padding = " ".repeat(8_usize.saturating_sub(name.len()));
        writeln!(out, "  {}{padding}{words}", self.paint(name, "1"))
    }

    /// Which releases this is about: the one that the user named, and where the border lies.
    fn target(finding: &Finding) -> String {
        let verdicts = &finding.releases;
        let package = &verdicts.package;
        match (&verdicts.target, verdicts.summary.as_str()) {
            (None, "") => String::new(),
            (None, summary) => format!("{package} {summary}"),
            (Some(target), "") => format!("{package} {target} ({})", verdicts.said_by),
            (Some(target), summary) => format!("{package} {target} ({}); {summary}", verdicts.said_by),
        }
    }

    fn undecided(out: &mut dyn Write, report: &FileReport) -> io::Result<()> {
        if report.undecided.is_empty() {
            return Ok(());
        }
        writeln!(out, "{}: {} rules could not be decided", report.path.display(), report.undecided.len())?;
        for (fact, rules) in missing::by_fact(&report.undecided) {
            let how = missing::flag(fact).map_or_else(String::new, |flag| format!(" ({flag})"));
            writeln!(out, "  {fact}{how} would decide {}", rules.join(", "))?;
        }
        writeln!(out)
    }
}

/// What happens if nobody acts, and whether it is the first thing that would.
fn consequence(finding: &Finding, stops: usize) -> String {
    let some_releases = finding.certainty == Certainty::DependsOnRelease;
    let fatal = finding.severity == Severity::Error || (some_releases && !finding.raises.is_empty());
    let mut text = finding.phase.consequence(fatal);
    if !finding.raises.is_empty() {
        text = format!("{text} ({})", finding.raises);
    }
    if some_releases {
        text.push_str(", in some of the releases that have these settings");
    }
    if finding.blocking && stops > 1 {
        text = format!("{text}, the first of {stops} that would");
    }
    text
}

/// Once a run: which releases were meant, when nobody said which one will run the files.
fn releases(out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    let Some(target) = summary.targets.iter().find(|target| target.source == "inferred") else { return Ok(()) };
    let (Some(first), Some(last)) = (target.releases.first(), target.releases.last()) else { return Ok(()) };
    let found = summary.errors + summary.warnings + summary.infos > 0;
    if !found || first == last {
        return Ok(());
    }
    let hint = "--target names the one that will run it";
    writeln!(out, "checked for every {} from {first} to {last} that has these settings; {hint}", target.package)
}

impl Reporter for Human {
    fn file(&mut self, out: &mut dyn Write, report: &FileReport) -> io::Result<()> {
        let path = report.path.to_string_lossy();
        let path = clean(&path);
        match (&report.problem, report.status) {
            (Some(problem), _) => writeln!(out, "{} {path}: {problem}\n", self.paint("error", "1;31"))?,
            (None, Status::Unrecognised) if !self.style.quiet => {
                writeln!(out, "{path}: not a config of a framework that moelint reads\n")?;
            }
            (None, Status::NotMoe) if !self.style.quiet => writeln!(out, "{path}: a dense model, nothing to check\n")?,
            _ => {}
        }
        let stops = |role: &str| {
            let stops = |finding: &&Finding| {
                finding.severity == Severity::Error && finding.phase <= Phase::FirstIteration && finding.role == role
            };
            report.findings.iter().filter(stops).count()
        };
        let (framed, listed) = report.findings.split_at(report.findings.len().min(MAX_FRAMES));
        for finding in framed {
            self.finding(out, report, finding, stops(&finding.role))?;
        }
        for finding in listed {
            let (line, column) = finding.primary().map_or((1, 1), |label| (label.start.line, label.start.column));
            writeln!(out, "{path}:{line}:{column}: {}", self.header(finding))?;
        }
        if self.style.show_undecided {
            Self::undecided(out, report)?;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
        if self.style.quiet {
            return Ok(());
        }
        let mut counts = Vec::new();
        for (count, one, many) in [
            (summary.errors, "error", "errors"),
            (summary.warnings, "warning", "warnings"),
            (summary.infos, "info", "infos"),
        ] {
            if count > 0 {
                counts.push(format!("{count} {}", if count == 1 { one } else { many }));
            }
        }
        let found = if counts.is_empty() { "no findings".to_owned() } else { counts.join(", ") };
        let files = if summary.files == 1 { "file" } else { "files" };
        write!(out, "{found} in {} {files} ({} checked)", summary.files, summary.linted)?;
        if summary.unreadable > 0 {
            write!(out, ", {} could not be read", summary.unreadable)?;
        }
        if summary.suppressed > 0 {
            write!(out, ", {} suppressed", summary.suppressed)?;
        }
        if summary.hidden > 0 {
            write!(out, ", {} not shown (--max-diagnostics)", summary.hidden)?;
        }
        if summary.fixed > 0 {
            write!(out, ", {} fixed", summary.fixed)?;
        }
        match summary.fixable {
            (0, 0) => {}
            (0, all) => write!(out, "; {all} fixable with --fix --unsafe-fixes")?,
            (safe, 0) => write!(out, "; {safe} fixable with --fix")?,
            (safe, more) => write!(out, "; {safe} fixable with --fix, {more} more with --unsafe-fixes")?,
        }
        if summary.undecided > 0 && !self.style.show_undecided {
            let flags = missing::flags(summary.missing.iter().map(String::as_str)).join(", ");
            let lack = if flags.is_empty() { String::new() } else { format!(" for lack of {flags}") };
            write!(out, "; {} undecided{lack} (--show-undecided lists them)", summary.undecided)?;
        }
        writeln!(out)?;
        releases(out, summary)
    }
}
