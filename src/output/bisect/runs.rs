//! What a report on recorded runs has that others don't: the series as one line of blocks, and words for its answer.

use std::io;

use crate::bisect::report::{Culprit, Report, Series, Status};

use super::human::Page;
use super::words::{count, number, percent};

/// Cells of a series; more runs share cells.
const CELLS: usize = 72;
/// Least and greatest.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Changes that are told.
const SHOWN: usize = 6;
/// Settings that are told of each.
const SETTINGS: usize = 8;
/// Share of the values at each end that does not stretch the scale: spikes.
const SPIKES: f64 = 0.02;

/// The answer in a sentence.
#[must_use]
pub fn sentence(report: &Report) -> String {
    let more = match report.culprits.len() {
        0 | 1 => String::new(),
        more => format!("; {}", count(more - 1, "more change")),
    };
    match (report.status, report.culprits.first()) {
        (Status::Found | Status::Code, Some(culprit)) => {
            format!("{} from {} on{}{more}", head(culprit), culprit.commit, cause(report.status, culprit))
        }
        (Status::NotSeparable, _) => "the noise would hide a shift of the size that matters".to_owned(),
        (Status::Inconclusive, _) => "the runs don't tell".to_owned(),
        _ => format!("nothing changed over {}", count(report.commits, "run")),
    }
}

/// `step_time 9.02 s → 9.95 s`.
fn head(culprit: &Culprit) -> &str {
    culprit.subject.split(" (").next().unwrap_or(&culprit.subject)
}

fn cause(status: Status, culprit: &Culprit) -> String {
    match culprit.changes.split_first() {
        Some((first, [])) => format!(", which changes {}", first.field),
        Some((first, rest)) => format!(", which changes {} and {}", first.field, count(rest.len(), "more setting")),
        None if status == Status::Code => ", where no config changes".to_owned(),
        None => String::new(),
    }
}

/// What was searched.
#[must_use]
pub fn range(report: &Report) -> String {
    let changes = report.config_classes.saturating_sub(1);
    format!("{}; the effective config changes {}", count(report.commits, "run"), count(changes, "time"))
}

/// The report below its first line.
pub(super) fn write(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    for series in &report.series {
        page.blank()?;
        for (label, line) in chart(series) {
            page.plain(&label, &line)?;
        }
    }
    for culprit in report.culprits.iter().take(SHOWN) {
        page.blank()?;
        page.commit(culprit, SETTINGS, true)?;
        let others = report.ranking.iter().filter(|one| one.subject == culprit.subject && one.commit != culprit.commit);
        let others: Vec<String> =
            others.take(SHOWN).map(|one| format!("{} ({})", one.commit, percent(one.posterior))).collect();
        if !others.is_empty() {
            page.line(
                "",
                &format!("{} sure it is this run; also possible: {}", percent(culprit.posterior), others.join(", ")),
            )?;
        }
    }
    let more = report.culprits.len().saturating_sub(SHOWN);
    if more > 0 {
        page.line("", &format!("and {} (--format json lists them)", count(more, "more change")))?;
    }
    page.next(report)?;
    page.searched(report)
}

/// The series, its range and its marks: labels and lines.
fn chart(series: &Series) -> Vec<(String, String)> {
    let length = series.values.len();
    if length == 0 || series.values.iter().all(Option::is_none) {
        return Vec::new();
    }
    let size = length.div_ceil(CELLS);
    let (low, high) = limits(series);
    let shifts: Vec<usize> = series.shifts.iter().map(|shift| shift.index).collect();
    let (mut cells, mut marks) = (String::new(), String::new());
    for (at, values) in series.values.chunks(size).enumerate() {
        let here = |index: &usize| *index / size == at;
        if shifts.iter().any(here) {
            cells.push('│');
            marks.push('▲');
        }
        cells.push(block(values, low, high));
        marks.push(if series.markers.iter().any(|marker| here(&marker.index)) { '·' } else { ' ' });
    }
    let unit = if series.unit.is_empty() { String::new() } else { format!(" {}", series.unit) };
    let share = if size > 1 { format!(", {size} runs a cell") } else { String::new() };
    let range = if series.name == "crashed" {
        "crashed or not".to_owned()
    } else {
        format!("{} to {}{unit}", number(low), number(high))
    };
    let mut lines = vec![(series.name.clone(), format!("{cells}  {range}{share}"))];
    let told =
        [(!shifts.is_empty()).then_some("▲ another level"), (!series.markers.is_empty()).then_some("· another config")];
    let told: Vec<&str> = told.into_iter().flatten().collect();
    if !told.is_empty() {
        lines.push((String::new(), format!("{marks}  {}", told.join("  "))));
    }
    lines
}

/// The range of a series without its spikes.
fn limits(series: &Series) -> (f64, f64) {
    let values: Vec<f64> = series.values.iter().flatten().copied().collect();
    let ranked = crate::run_log::stats::sorted(&values);
    let at = |q: f64| crate::run_log::stats::quantile(&ranked, q).unwrap_or(0.0);
    if series.name == "crashed" { (0.0, 1.0) } else { (at(SPIKES), at(1.0 - SPIKES)) }
}

/// The median of a cell's values as a block.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 7")]
fn block(values: &[Option<f64>], low: f64, high: f64) -> char {
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    let Some(value) = crate::run_log::stats::median(&known) else { return ' ' };
    let share = if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 };
    BLOCKS[((share * 7.0).round() as usize).min(7)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bisect::report::{Marker, Shift};

    #[test]
    fn a_series_is_a_line_with_its_marks() {
        let shift = Shift { index: 3, between: (3, 3), before: 1.0, after: 2.0, probability: 1.0, size: None };
        let series = Series {
            name: "step_time".to_owned(),
            unit: "s".to_owned(),
            labels: Vec::new(),
            values: [Some(1.0), Some(1.0), None, Some(2.0), Some(2.0), Some(2.0)].to_vec(),
            shifts: vec![shift],
            markers: [1, 3].map(|index| Marker { index, text: String::new() }).to_vec(),
        };
        let lines = chart(&series);
        assert_eq!(lines[0].1, "▁▁ │███  1.000 to 2.000 s");
        assert_eq!(lines[1].1, " · ▲·    ▲ another level  · another config");
        let long = Series { values: vec![Some(1.0); 10_000], shifts: Vec::new(), markers: Vec::new(), ..series };
        assert!(chart(&long)[0].1.chars().count() < 110);
    }
}
