//! The code frame of a finding, drawn by miette.
//!
//! Labels of one finding can stand hundreds of lines apart, and a line of JSON can be thousands of characters long:
//! miette is given an excerpt with the labelled lines only, each cut to the width, and gets its line numbers back
//! afterwards.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode, SourceSpan};

use crate::document::ansi::without_codes;
use crate::lint::FileReport;
use crate::lint::finding::{Finding, Label};

use super::Style;
use super::clean::{clean, mask, printable};

/// Stands for the file's name while miette draws.
const NAME: &str = "@";
/// Columns that the gutter takes.
const GUTTER: usize = 8;

/// A finding as miette wants it: only places and their words, the rest is ours.
struct Frame {
    source: NamedSource<String>,
    labels: Vec<LabeledSpan>,
}

impl fmt::Debug for Frame {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Frame")
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Frame {}

impl Diagnostic for Frame {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

/// The handler that draws all frames of a run.
#[must_use]
pub fn handler(style: &Style) -> GraphicalReportHandler {
    let theme = if style.color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    GraphicalReportHandler::new_themed(theme)
        .with_width(style.width)
        .with_context_lines(1)
        .with_links(false)
        .without_cause_chain()
}

/// The frame, without the header that miette puts above it.
#[must_use]
pub fn draw(handler: &GraphicalReportHandler, report: &FileReport, finding: &Finding, width: usize) -> String {
    let (excerpt, numbers, labels) = excerpt(&report.text, &finding.labels, width.saturating_sub(GUTTER));
    let frame = Frame { source: NamedSource::new(NAME, excerpt), labels };
    let mut text = String::new();
    if handler.render_report(&mut text, &frame).is_err() {
        return String::new();
    }
    let place = finding.primary().map_or((1, 1), |label| (label.start.line, label.start.column));
    let head = format!("{}:{}:{}", clean(&report.path.to_string_lossy()), place.0, place.1);
    renumber(&text, &numbers, &head)
}

/// The labelled lines, their numbers, and the labels' places in them. A label that stands outside of the shown part of
/// a long line is left out, unless it is the one that the part was cut around.
fn excerpt(text: &str, labels: &[Label], room: usize) -> (String, Vec<u32>, Vec<LabeledSpan>) {
    let mut by_line: BTreeMap<u32, Vec<&Label>> = BTreeMap::new();
    for label in labels {
        by_line.entry(label.start.line).or_default().push(label);
    }
    let mut excerpt = String::new();
    let mut numbers = Vec::new();
    let mut spans = Vec::new();
    for (number, labels) in by_line {
        let Some(first) = labels.iter().find(|label| label.primary).or(labels.first()) else { continue };
        let (line, from) = line_around(text, first, room);
        let shown = from..=from + line.len();
        for label in labels.iter().filter(|label| shown.contains(&(label.span.start as usize))) {
            let start = (label.span.start as usize).saturating_sub(from).min(line.len());
            let end = (label.span.end as usize).saturating_sub(from).clamp(start, line.len());
            let span = SourceSpan::new((excerpt.len() + start).into(), (end - start).max(1));
            let words = (!label.text.is_empty()).then(|| label.text.clone());
            spans.push(if label.primary {
                LabeledSpan::new_primary_with_span(words, span)
            } else {
                LabeledSpan::new_with_span(words, span)
            });
        }
        excerpt.push_str(&printable(&mask(line)));
        excerpt.push('\n');
        numbers.push(number);
    }
    (excerpt, numbers, spans)
}

/// The line that a label starts on, or the part of it around the label, with the offset at which it begins.
fn line_around<'t>(text: &'t str, label: &Label, room: usize) -> (&'t str, usize) {
    let at = (label.span.start as usize).min(text.len());
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    let line = &text[start..end];
    let line = line.trim_end_matches('\r');
    let mark = if start == 0 { line.len() - line.trim_start_matches('\u{feff}').len() } else { 0 };
    let (line, start) = (&line[mark..], start + mark);
    if line.len() <= room {
        return (line, start);
    }
    let wanted = (at.max(start) - start).saturating_sub(room / 3);
    let from = (0..=wanted).rev().find(|index| line.is_char_boundary(*index)).unwrap_or(0);
    let to = (from + room).min(line.len());
    let to = (from..=to).rev().find(|index| line.is_char_boundary(*index)).unwrap_or(from);
    (&line[from..to], start + from)
}

/// Puts the real line numbers and the real place into the drawing, and leaves miette's own header out.
fn renumber(drawing: &str, numbers: &[u32], head: &str) -> String {
    let width = numbers.iter().max().map_or(1, |number| number.to_string().len());
    let padding = " ".repeat(width.saturating_sub(numbers.len().to_string().len()));
    let mark = format!("[{NAME}:");
    let mut lines = drawing.lines().skip_while(|line| !without_codes(line).contains(&mark));
    let mut text = String::new();
    if let Some(first) = lines.next().map(without_codes) {
        let open = first.find('[').unwrap_or(0);
        let close = first.rfind(']').unwrap_or(first.len());
        let _ = writeln!(text, "{padding}{}[{head}{}", &first[..open], &first[close..]);
    }
    let mut next = 0;
    for line in lines {
        let drawn = (next + 1).to_string();
        let body = without_codes(line);
        let numbered = body.trim_start().strip_prefix(&drawn).is_some_and(|rest| rest.starts_with(' '));
        match (numbers.get(next).filter(|_| numbered), line.split_once(&drawn)) {
            (Some(number), Some((before, after))) => {
                // a colour code in front of the number may hold digits of its own
                let (before, after) = if before.ends_with("\u{1b}[") || before.ends_with(';') {
                    let (more, rest) = after.split_once(&drawn).unwrap_or((after, ""));
                    (format!("{before}{drawn}{more}"), rest)
                } else {
                    (before.to_owned(), after)
                };
                let before = before.replace(' ', "");
                let _ = writeln!(text, " {before}{number:>width$}{}", after.trim_end());
                next += 1;
            }
            _ if line.trim().is_empty() => {}
            _ => drop(writeln!(text, "{padding}{}", line.trim_end())),
        }
    }
    text
}
