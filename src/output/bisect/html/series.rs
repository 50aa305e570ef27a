//! A metric of recorded runs as a picture: values, levels, where the level moved, where another config began.

use crate::bisect::report::{Report, Series, Shift};
use crate::output::markup::html as escape;

use super::super::words::{self, percent, short};
use super::bins::{self, across, middle};

/// Pixels from the top: the values, and the marks of config changes.
const PLOT: (f64, f64) = (24.0, 184.0);
const MARKS: f64 = 212.0;
const AXIS: u32 = 240;
const HEIGHT: u32 = 248;

/// The section of all series; empty where there are none.
pub fn section(report: &Report) -> String {
    report.series.iter().filter(|series| !series.values.is_empty()).map(one).collect()
}

fn one(series: &Series) -> String {
    let unit = if series.unit.is_empty() { String::new() } else { format!(", {}", series.unit) };
    format!(
        "<section>\n<h2>{}</h2>\n<figure>\n{}{}</figure>\n{}{}</section>\n",
        escape(&format!("{}{unit}", series.name)),
        picture(series),
        legend(series),
        shifts(series),
        markers(series)
    )
}

/// The values' range on the picture: the lowest, the highest.
#[derive(Clone, Copy)]
struct Scale(f64, f64);

impl Scale {
    fn of(series: &Series) -> Self {
        let levels = series.shifts.iter().flat_map(|shift| [shift.before, shift.after]);
        let all = series.values.iter().flatten().copied().chain(levels).filter(|value| value.is_finite());
        let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            return Self(0.0, 1.0);
        }
        // values that are all the same run through the middle
        let room = if high > low { 0.05 * (high - low) } else { low.abs().max(1.0) * 0.1 };
        Self(low - room, high + room)
    }

    fn y(self, value: f64) -> f64 {
        let (top, bottom) = PLOT;
        bottom - (bottom - top) * ((value - self.0) / (self.1 - self.0)).clamp(0.0, 1.0)
    }
}

fn picture(series: &Series) -> String {
    let scale = Scale::of(series);
    let count = series.values.len();
    let mut out = format!(
        "<svg class=\"series\" role=\"img\" aria-label=\"{}\" width=\"100%\" height=\"{HEIGHT}\">\n",
        escape(&spoken(series))
    );
    let (top, bottom) = PLOT;
    for (y, text, value) in [(top, top - 5.0, scale.1), (bottom, bottom + 14.0, scale.0)] {
        out.push_str(&format!("<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\"/>\n"));
        out.push_str(&format!("<text class=\"caption\" x=\"0\" y=\"{}\">{}</text>\n", text, words::number(value)));
    }
    for shift in &series.shifts {
        out.push_str(&moved(shift, count));
    }
    out.push_str(&levels(series, scale));
    out.push_str(&values(series, scale));
    for marker in series.markers.iter().filter(|marker| marker.index < count) {
        let x = across(marker.index, count);
        out.push_str(&format!(
            "<svg x=\"{x}\" y=\"{MARKS}\" overflow=\"visible\"><path class=\"marker\" d=\"M0-7 6 4-6 4Z\"><title>{}</title></path></svg>\n",
            escape(&format!("{}: {}", label(series, marker.index), marker.text))
        ));
    }
    let (first, last) = (label(series, 0), label(series, count - 1));
    out.push_str(&format!("<text class=\"axis\" x=\"0\" y=\"{AXIS}\">{}</text>\n", escape(first)));
    if count > 1 {
        out.push_str(&format!(
            "<text class=\"axis\" x=\"100%\" y=\"{AXIS}\" text-anchor=\"end\">{}</text>\n",
            escape(last)
        ));
    }
    out.push_str("</svg>\n");
    out
}

fn label(series: &Series, index: usize) -> &str {
    series.labels.get(index).map_or("", |label| short(label))
}

/// The picture for somebody who can't see it.
fn spoken(series: &Series) -> String {
    let moved: Vec<String> = series
        .shifts
        .iter()
        .map(|shift| {
            format!(
                "from {} to {} at {}",
                words::number(shift.before),
                words::number(shift.after),
                label(series, shift.index)
            )
        })
        .collect();
    let moved =
        if moved.is_empty() { "the level stays".to_owned() } else { format!("the level moves {}", moved.join(", ")) };
    format!("{} of {}: {moved}", series.name, words::count(series.values.len(), "run"))
}

/// Dots; where there are too many, the middle one of a column, and a line over the column's range.
fn values(series: &Series, scale: Scale) -> String {
    let count = series.values.len();
    let size = bins::size(count);
    let mut out = String::new();
    for (at, chunk) in series.values.chunks(size).enumerate() {
        let mut found: Vec<f64> = chunk.iter().flatten().copied().filter(|value| value.is_finite()).collect();
        found.sort_by(f64::total_cmp);
        let (Some(low), Some(high), Some(half)) = (found.first(), found.last(), found.get(found.len() / 2)) else {
            continue;
        };
        let x = middle(at * size, at * size + chunk.len(), count);
        if size > 1 {
            out.push_str(&format!(
                "<line class=\"range\" x1=\"{x:.3}%\" x2=\"{x:.3}%\" y1=\"{:.2}\" y2=\"{:.2}\"/>\n",
                scale.y(*low),
                scale.y(*high)
            ));
        }
        out.push_str(&format!(
            "<circle class=\"value\" cx=\"{x:.3}%\" cy=\"{:.2}\" r=\"2.5\"><title>{}</title></circle>\n",
            scale.y(*half),
            escape(&format!("{}: {}", label(series, at * size), words::number(*half)))
        ));
    }
    out
}

/// Where the level may have moved, and where it most likely did.
fn moved(shift: &Shift, count: usize) -> String {
    let (from, to) = (shift.between.0.min(count), shift.between.1.min(count));
    let (top, bottom) = PLOT;
    let x = across(shift.index.min(count), count);
    format!(
        "<rect class=\"maybe\" x=\"{}\" width=\"{}\" y=\"{top}\" height=\"{}\"/>\n\
         <line class=\"flag\" x1=\"{x}\" x2=\"{x}\" y1=\"{top}\" y2=\"{bottom}\"/>\n",
        across(from, count),
        across(to.saturating_sub(from), count),
        bottom - top
    )
}

fn levels(series: &Series, scale: Scale) -> String {
    let count = series.values.len();
    let mut out = String::new();
    let mut from = 0;
    let ends = series.shifts.iter().map(|shift| shift.index.min(count)).skip(1).chain(Some(count));
    if let Some(first) = series.shifts.first() {
        out.push_str(&level(0, first.index.min(count), count, scale.y(first.before)));
        from = first.index.min(count);
    }
    for (shift, end) in series.shifts.iter().zip(ends) {
        out.push_str(&level(from, end.max(from), count, scale.y(shift.after)));
        from = end.max(from);
    }
    out
}

fn level(from: usize, to: usize, count: usize, y: f64) -> String {
    let (x1, x2) = (across(from, count), across(to, count));
    format!("<line class=\"level\" x1=\"{x1}\" x2=\"{x2}\" y1=\"{y:.2}\" y2=\"{y:.2}\"/>\n")
}

fn legend(series: &Series) -> String {
    let mut keys = vec![match bins::size(series.values.len()) {
        1 => "<li>a dot is a run, oldest first</li>".to_owned(),
        size => format!("<li>a dot is the middle of {size} runs, a line their range, oldest first</li>"),
    }];
    if !series.shifts.is_empty() {
        keys.push("<li>dashed: where the level moved; shaded: where it may have</li>".to_owned());
    }
    if !series.markers.is_empty() {
        keys.push("<li>▲ another config from here on</li>".to_owned());
    }
    format!("<figcaption><ul class=\"keys\">{}</ul></figcaption>\n", keys.concat())
}

fn shifts(series: &Series) -> String {
    let items: String = series
        .shifts
        .iter()
        .map(|shift| {
            let relative = 100.0 * (shift.after - shift.before) / shift.before.abs();
            let relative = if relative.is_finite() { format!(" ({relative:+.1}%)") } else { String::new() };
            let (from, to) = (label(series, shift.between.0), label(series, shift.between.1));
            format!(
                "<li>from <b>{}</b> to <b>{}</b>{relative} at <code>{}</code>, {} sure that it moved; it may have been anywhere \
                 from <code>{}</code> to <code>{}</code></li>\n",
                words::number(shift.before),
                words::number(shift.after),
                escape(label(series, shift.index)),
                escape(&percent(shift.probability)),
                escape(from),
                escape(to)
            )
        })
        .collect();
    if items.is_empty() {
        return "<p>The level stays the same all along, as far as the noise lets anybody see.</p>\n".to_owned();
    }
    format!("<h3>Where the level moves</h3>\n<ul>\n{items}</ul>\n")
}

fn markers(series: &Series) -> String {
    if series.markers.is_empty() {
        return String::new();
    }
    let items: String = series
        .markers
        .iter()
        .map(|marker| {
            format!("<li><code>{}</code> {}</li>\n", escape(label(series, marker.index)), escape(&marker.text))
        })
        .collect();
    format!("<h3>Where configs change</h3>\n<ul>\n{items}</ul>\n")
}
