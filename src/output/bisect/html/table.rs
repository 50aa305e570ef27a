//! The report's tables. On a phone a row becomes a card whose cells name themselves.

use crate::bisect::report::{Changed, Culprit, ProbeLine, Report};
use crate::output::markup::html as escape;

use super::super::words::{self, duration, percent, short};

/// A table: columns with a class each, rows of cells in HTML.
fn table(class: &str, columns: &[&str], rows: &[Vec<String>]) -> String {
    let head: String = columns.iter().map(|name| format!("<th scope=\"col\">{name}</th>")).collect();
    let mut out = format!("<table class=\"{class}\">\n<thead><tr>{head}</tr></thead>\n<tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for (name, cell) in columns.iter().zip(row) {
            let empty = if cell.is_empty() { " class=\"empty\"" } else { "" };
            out.push_str(&format!("<td data-label=\"{name}\"{empty}><div>{cell}</div></td>"));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n");
    out
}

/// Code that breaks behind an underscore or a slash rather than anywhere.
pub fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text).replace('_', "_<wbr>").replace('/', "/<wbr>"))
}

/// A subject of whatever script: its direction must not turn its neighbours around.
fn subject(text: &str) -> String {
    format!("<bdi>{}</bdi>", escape(text))
}

/// What the culprit changed; without a verdict, what the leading commits did.
pub fn culprits(report: &Report) -> String {
    let settled = words::is_settled(report.status);
    let mut out = String::new();
    for culprit in words::suspects(report) {
        if !settled {
            out.push_str(&format!(
                "<h3><b>{}</b> {} {}</h3>\n",
                escape(&percent(culprit.posterior)),
                code(words::name(culprit)),
                subject(words::subject(culprit))
            ));
        }
        out.push_str(&changes(culprit));
        out.push_str(&rules(culprit));
    }
    if out.is_empty() {
        return out;
    }
    let title = match (settled, words::of_keys(report)) {
        (true, true) => "What differs",
        (true, false) => "What it changed",
        (false, _) => "Leading suspects",
    };
    format!("<section>\n<h2>{title}</h2>\n{out}</section>\n")
}

fn changes(culprit: &Culprit) -> String {
    if culprit.changes.is_empty() {
        return "<p>No effective config: look at its code.</p>\n".to_owned();
    }
    let rows: Vec<Vec<String>> = culprit.changes.iter().map(change).collect();
    table("changes", &["setting", "before", "after", "evidence"], &rows)
}

fn change(change: &Changed) -> Vec<String> {
    let (name, from, to) = words::setting(change);
    let role = match change.role.as_str() {
        "" | "config" => String::new(),
        role => format!(" <span class=\"quiet\">{}</span>", escape(role)),
    };
    let about =
        format!("<span class=\"quiet\">{}, <code>{}</code></span>", change.group.name(), escape(&words::place(change)));
    vec![format!("<b>{}</b>{role}<br>{about}", code(name)), code(&from), code(&to), escape(&change.note)]
}

fn rules(culprit: &Culprit) -> String {
    let mut out = String::new();
    for rule in &culprit.introduced {
        out.push_str(&format!(
            "<li>brings {} <span class=\"quiet\">moelint explain {}</span></li>\n",
            code(rule),
            escape(rule)
        ));
    }
    for rule in &culprit.fixed {
        out.push_str(&format!("<li>mends {}</li>\n", code(rule)));
    }
    if out.is_empty() { out } else { format!("<ul class=\"rules\">\n{out}</ul>\n") }
}

/// What is less probable than this is not worth a line.
const LEAST: f64 = 0.001;

/// The commits that are still possible, the likeliest first.
pub fn ranking(report: &Report) -> String {
    let worth = report.ranking.iter().filter(|one| one.posterior >= LEAST).count();
    if worth == 0 {
        return String::new();
    }
    let more = match report.commits.saturating_sub(worth) {
        0 => String::new(),
        more => {
            format!("<p class=\"below\">And {}, less probable than these.</p>\n", words::count(more, "more commit"))
        }
    };
    let rows: Vec<Vec<String>> = report
        .ranking
        .iter()
        .take(worth)
        .map(|one| {
            let share = (100.0 * one.posterior).clamp(0.0, 100.0);
            vec![
                format!(
                    "<span class=\"meter\" aria-hidden=\"true\"><i style=\"width:{share:.2}%\"></i></span> {}",
                    escape(&percent(one.posterior))
                ),
                code(short(&one.commit)),
                subject(&one.subject),
                if one.config { "config" } else { "code" }.to_owned(),
            ]
        })
        .collect();
    format!(
        "<section>\n<h2>Ranking</h2>\n{}{more}</section>\n",
        table("ranking", &["probability", "commit", "subject", "changes"], &rows)
    )
}

/// Every probe in order, and why it was chosen.
pub fn probes(report: &Report) -> String {
    let Some(summary) = words::probes(report) else { return String::new() };
    let rows: Vec<Vec<String>> = report.log.iter().map(|line| probe(report, line)).collect();
    let seconds: f64 = report.log.iter().map(|line| line.seconds).filter(|seconds| seconds.is_finite()).sum();
    let table = if rows.is_empty() {
        String::new()
    } else {
        table("probes", &["#", "verdict", "commit", "why it was chosen", "what it said", "took"], &rows)
    };
    format!(
        "<section>\n<h2>Probes</h2>\n<p>{}. Together they took {}.</p>\n{table}</section>\n",
        escape(&summary),
        duration(seconds)
    )
}

fn probe(report: &Report, line: &ProbeLine) -> Vec<String> {
    let (class, sign) = match line.verdict.as_str() {
        "good" => ("good", "●"),
        "bad" => ("bad", "✕"),
        _ => ("unclear", "◇"),
    };
    let named = report.timeline.iter().find(|point| point.commit == line.commit);
    let about =
        named.map_or_else(String::new, |point| format!(" <span class=\"quiet\">{}</span>", subject(&point.subject)));
    let on = line.code.as_ref().map_or_else(String::new, |other| format!("<br>on the code of {}", code(short(other))));
    vec![
        line.number.to_string(),
        format!("<span class=\"{class}\"><span aria-hidden=\"true\">{sign}</span> {}</span>", escape(&line.verdict)),
        format!("{}{about}{on}", code(short(&line.commit))),
        escape(&line.why),
        escape(&line.note),
        duration(line.seconds),
    ]
}

/// What was out before anything ran.
pub fn cleared(report: &Report) -> String {
    let rows: Vec<Vec<String>> = words::set_aside(report)
        .into_iter()
        .map(|(count, what, why)| vec![count.to_string(), what.to_owned(), why.to_owned()])
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "<section>\n<h2>Cleared before the first probe</h2>\n<p>As configs; their code stays a suspect unless \
         <code>--assume config</code> was given.</p>\n{}</section>\n",
        table("cleared", &["commits", "what they do", "why that clears them"], &rows)
    )
}
