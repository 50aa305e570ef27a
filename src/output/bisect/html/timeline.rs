//! The commits as a picture: how probable each is as the cause, where configs change, what was probed.

use crate::bisect::report::{Point, Report, Status};
use crate::output::diff::counted;
use crate::output::markup::html as escape;

use super::super::words::{self, percent, short};
use super::bins::{self, Bin, across, bins, float, middle};

/// Pixels from the top: bars of the posterior, bands of the configs, the first lane of the probes; height of a lane.
const BARS: (f64, f64) = (42.0, 132.0);
const BANDS: (u32, u32) = (162, 180);
const LANES: u32 = 218;
const LANE: u32 = 24;
/// From the last lane to the ends' names, and from there to the bottom.
const AXIS: (u32, u32) = (32, 20);

/// What a probe said: the name, and the mark, as paths around the point of origin.
const MARKS: [(&str, &str); 3] = [
    ("good", "<circle class=\"good\" r=\"5.5\"/>"),
    ("bad", "<path class=\"bad\" d=\"M-5-5 5 5M-5 5 5-5\"/>"),
    ("can't tell", "<path class=\"unclear\" d=\"M0-6 6 0 0 6-6 0Z\"/>"),
];

/// The section; empty where there are no commits.
pub fn section(report: &Report) -> String {
    let points = &report.timeline;
    if points.is_empty() {
        return String::new();
    }
    format!(
        "<section>\n<h2>Timeline</h2>\n<figure>\n{}{}</figure>\n</section>\n",
        picture(report, points),
        legend(report, points)
    )
}

/// The pixel rows of good, bad and unresolved probes; a lane that nothing is in takes no room.
fn lanes(bins: &[Bin]) -> [u32; 3] {
    let mut next = LANES;
    std::array::from_fn(|lane| {
        let here = next;
        next += if bins.iter().any(|bin| bin.probes[lane] > 0) { LANE } else { 0 };
        here
    })
}

/// The last of them that something is in.
fn floor(bins: &[Bin]) -> u32 {
    let used = |lane: &usize| bins.iter().any(|bin| bin.probes[*lane] > 0);
    lanes(bins).into_iter().enumerate().filter(|(lane, _)| used(lane)).map(|(_, y)| y).max().unwrap_or(LANES - LANE)
}

fn picture(report: &Report, points: &[Point]) -> String {
    let bins = bins(points);
    let bottom = floor(&bins);
    let height = bottom + AXIS.0 + AXIS.1;
    let mut out = format!(
        "<svg class=\"timeline\" role=\"img\" aria-label=\"{}\" width=\"100%\" height=\"{height}\">\n<defs>",
        escape(&spoken(report, points))
    );
    for (name, mark) in MARKS {
        out.push_str(&format!("<g id=\"{}\">{mark}</g>", id(name)));
    }
    out.push_str("</defs>\n");
    let lead = lead(report);
    out.push_str(&posterior(&bins, points.len(), lead));
    out.push_str(&configs(report, points, &bins));
    if let Some(lead) = lead {
        out.push_str(&flag(report, points, lead, bottom));
    }
    out.push_str(&probes(report, &bins, points.len()));
    out.push_str(&axis(report, points, bottom + AXIS.0));
    for bin in &bins {
        out.push_str(&hover(points, bin, bottom));
    }
    out.push_str("</svg>\n");
    out
}

fn id(name: &str) -> &'static str {
    match name {
        "good" => "mark-good",
        "bad" => "mark-bad",
        _ => "mark-unclear",
    }
}

/// The picture for somebody who can't see it.
fn spoken(report: &Report, points: &[Point]) -> String {
    let marked = lead(report).and_then(|lead| points.get(lead)).map_or_else(String::new, |point| {
        format!("; {} {} with {}", marked(report), short(&point.commit), percent(point.posterior))
    });
    let probes = words::probes(report).map_or_else(String::new, |probes| format!("; {probes}"));
    format!("{}{marked}{probes}", words::range(report))
}

/// The commit that is marked.
fn lead(report: &Report) -> Option<usize> {
    let culprit = report.culprits.first().filter(|_| report.status != Status::None)?;
    report.timeline.iter().position(|point| point.commit == culprit.commit)
}

fn marked(report: &Report) -> &'static str {
    if words::is_settled(report.status) { "culprit" } else { "leading" }
}

fn caption(y: f64, text: &str) -> String {
    format!("<text class=\"caption\" x=\"0\" y=\"{y}\">{}</text>\n", escape(text))
}

fn posterior(bins: &[Bin], count: usize, lead: Option<usize>) -> String {
    let highest = bins.iter().map(|bin| bin.posterior).fold(0.0, f64::max);
    let top = [0.01, 0.02, 0.05, 0.1, 0.25, 0.5].into_iter().find(|top| highest <= *top).unwrap_or(1.0);
    let (high, low) = BARS;
    let mut out = caption(high - 8.0, &format!("probability, up to {:.0}%", 100.0 * top));
    out.push_str(&format!("<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{high}\" y2=\"{high}\"/>\n"));
    for bin in bins.iter().filter(|bin| bin.posterior > 0.0) {
        let height = ((low - high) * bin.posterior / top).clamp(0.75, low - high);
        let holds = lead.is_some_and(|lead| (bin.from..bin.to).contains(&lead));
        out.push_str(&format!(
            "<rect class=\"{}\" x=\"{}\" width=\"{}\" y=\"{:.2}\" height=\"{height:.2}\"/>\n",
            if holds { "bar lead" } else { "bar" },
            across(bin.from, count),
            across(bin.to - bin.from, count),
            low - height
        ));
    }
    out.push_str(&format!("<line class=\"base\" x1=\"0\" x2=\"100%\" y1=\"{low}\" y2=\"{low}\"/>\n"));
    out
}

fn configs(report: &Report, points: &[Point], bins: &[Bin]) -> String {
    let (top, bottom) = BANDS;
    let count = points.len();
    let size = bins::size(count);
    let classes = counted(report.config_classes, "stretch", "stretches");
    if size == 1 {
        let mut out = caption(f64::from(top) - 8.0, &format!("configs: {classes} of equal meaning"));
        for (at, (from, to)) in bins::bands(points).into_iter().enumerate() {
            out.push_str(&format!(
                "<rect class=\"band b{}\" x=\"{}\" width=\"{}\" y=\"{top}\" height=\"{}\"/>\n",
                at % 2,
                across(from, count),
                across(to - from, count),
                bottom - top
            ));
        }
        return out;
    }
    let most = bins.iter().map(|bin| bin.changes).max().unwrap_or(0).max(1);
    let mut out = caption(f64::from(top) - 8.0, &format!("config changes in each {size} commits (at most {most})"));
    for bin in bins.iter().filter(|bin| bin.changes > 0) {
        let height = f64::from(bottom - top) * float(bin.changes) / float(most);
        out.push_str(&format!(
            "<rect class=\"band b1\" x=\"{}\" width=\"{}\" y=\"{:.2}\" height=\"{height:.2}\"/>\n",
            across(bin.from, count),
            across(bin.to - bin.from, count),
            f64::from(bottom) - height
        ));
    }
    out.push_str(&format!("<line class=\"base\" x1=\"0\" x2=\"100%\" y1=\"{bottom}\" y2=\"{bottom}\"/>\n"));
    out
}

/// A line through all rows at the culprit.
fn flag(report: &Report, points: &[Point], lead: usize, bottom: u32) -> String {
    // where the column is, not the commit in it: the line belongs to the bar
    let size = bins::size(points.len());
    let from = lead - lead % size;
    let x = middle(from, points.len().min(from + size), points.len());
    let anchor = match x {
        x if x < 35.0 => "start",
        x if x > 65.0 => "end",
        _ => "middle",
    };
    let (commit, sure) = points
        .get(lead)
        .map_or_else(Default::default, |point| (short(&point.commit).to_owned(), percent(point.posterior)));
    format!(
        "<line class=\"flag\" x1=\"{x:.3}%\" x2=\"{x:.3}%\" y1=\"18\" y2=\"{}\"/>\n\
         <text class=\"flag\" x=\"{x:.3}%\" y=\"13\" text-anchor=\"{anchor}\">{} {}, {}</text>\n",
        bottom + 10,
        marked(report),
        escape(&commit),
        escape(&sure)
    )
}

fn probes(report: &Report, bins: &[Bin], count: usize) -> String {
    let any = |lane: usize| bins.iter().any(|bin| bin.probes[lane] > 0);
    let title = if report.probes.total == 0 { "probes: none was run" } else { "probes" };
    let mut out = caption(f64::from(LANES) - 18.0, title);
    for (lane, ((name, _), y)) in MARKS.iter().zip(lanes(bins)).enumerate() {
        if any(lane) {
            out.push_str(&format!("<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\"/>\n"));
        }
        for bin in bins.iter().filter(|bin| bin.probes[lane] > 0) {
            let x = middle(bin.from, bin.to, count);
            out.push_str(&format!("<use href=\"#{}\" x=\"{x:.3}%\" y=\"{y}\"/>\n", id(name)));
            if bin.probes[lane] > 1 {
                out.push_str(&format!(
                    "<text class=\"times\" x=\"{x:.3}%\" y=\"{}\" text-anchor=\"middle\">×{}</text>\n",
                    y - 8,
                    bin.probes[lane]
                ));
            }
        }
    }
    out
}

fn axis(report: &Report, points: &[Point], y: u32) -> String {
    let end = |point: Option<&Point>| point.map_or_else(String::new, |point| words::day(point.time));
    let label = |x: &str, anchor: &str, y: u32, text: &str| {
        format!("<text class=\"axis\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>\n", escape(text))
    };
    let (good, bad) = (format!("good {}", short(&report.good)), format!("bad {}", short(&report.bad)));
    let mut out = label("0", "start", y, &good) + &label("0", "start", y + 16, &end(points.first()));
    if points.len() > 1 {
        out += &(label("100%", "end", y, &bad) + &label("100%", "end", y + 16, &end(points.last())));
    }
    out
}

/// What a column holds, shown where the pointer rests.
fn hover(points: &[Point], bin: &Bin, bottom: u32) -> String {
    let Some(chunk) = points.get(bin.from..bin.to) else { return String::new() };
    let mut lines = Vec::new();
    match chunk {
        [one] => {
            lines.push(format!("{} {}", short(&one.commit), one.subject));
            lines.push(format!("{} probable", percent(one.posterior)));
            if !one.changed.is_empty() {
                lines.push(format!("changes {}", one.changed.join(", ")));
            }
        }
        [first, .., last] => {
            lines.push(format!("{} to {}: {} commits", short(&first.commit), short(&last.commit), chunk.len()));
            lines.push(format!("{} probable together, {} with a config change", percent(bin.posterior), bin.changes));
        }
        [] => {}
    }
    for ((name, _), count) in MARKS.iter().zip(bin.probes) {
        if count > 0 {
            lines.push(format!("{count} × {name}"));
        }
    }
    let lines: Vec<String> = lines.iter().map(|line| escape(line)).collect();
    format!(
        "<rect class=\"hover\" x=\"{}\" width=\"{}\" y=\"20\" height=\"{}\"><title>{}</title></rect>\n",
        across(bin.from, points.len()),
        across(bin.to - bin.from, points.len()),
        bottom - 8,
        lines.join("\n")
    )
}

fn legend(report: &Report, points: &[Point]) -> String {
    let mut keys: Vec<String> = Vec::new();
    for ((name, mark), count) in MARKS
        .iter()
        .zip([report.probes.good, report.probes.bad, report.probes.unresolved])
        .filter(|(_, count)| *count > 0)
    {
        let mark = format!("<svg aria-hidden=\"true\" width=\"14\" height=\"14\" viewBox=\"-7 -7 14 14\">{mark}</svg>");
        keys.push(format!("<li>{mark} {name} ({count})</li>"));
    }
    let column = match bins::size(points.len()) {
        1 => "a column is a commit".to_owned(),
        size => format!("a column is {size} commits"),
    };
    keys.push(format!("<li>{column}, oldest first</li>"));
    format!("<figcaption><ul class=\"keys\">{}</ul></figcaption>\n", keys.concat())
}
