//! A bisection's report as one page: nothing is loaded, no script is needed, and it prints.

mod bins;
mod series;
mod table;
mod timeline;

use std::io::{self, Write};

use crate::bisect::report::{Culprit, Report, Status};
use crate::output::markup::{html as escape, html_whole};

use super::words::{self, percent};

const STYLE: &str = include_str!("style.css");

/// Nothing from outside and nothing that runs, whatever a commit's subject tries.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// Writes the report.
///
/// # Errors
/// What the stream says.
pub fn html(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let title = format!("{}: {}", words::answer(report.status), title(report));
    let kind = match report.status {
        Status::Found | Status::Code => "settled",
        Status::Ranked => "ranked",
        Status::None | Status::Inconclusive | Status::NotSeparable => "open",
    };
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{} (moelint bisect)</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main class=\"{kind}\">\n",
        escape(&title)
    )?;
    let parts = [
        verdict(report),
        table::culprits(report),
        timeline::section(report),
        series::section(report),
        table::ranking(report),
        table::probes(report),
        table::cleared(report),
        notes(report),
    ];
    for part in parts {
        out.write_all(part.as_bytes())?;
    }
    writeln!(
        out,
        "</main>\n<footer>{}. Written by moelint {}.</footer>\n</body>\n</html>",
        escape(&words::range(report)),
        env!("CARGO_PKG_VERSION")
    )
}

/// What the report is about, as text.
fn title(report: &Report) -> String {
    match (report.status, report.culprits.first()) {
        (Status::Found | Status::Code, Some(culprit)) => words::headline(culprit),
        (Status::Found, None) => "a config change".to_owned(),
        (Status::Code, None) => "code, not config".to_owned(),
        _ if report.mode == "runs" => words::sentence(report),
        (Status::None, _) => {
            if words::of_keys(report) { "no setting is to blame" } else { "no commit here is to blame" }.to_owned()
        }
        (Status::NotSeparable, _) => "the two ends can't be told apart".to_owned(),
        (Status::Inconclusive, Some(culprit)) => {
            format!("{} leads with {}", words::name(culprit), percent(culprit.posterior))
        }
        (Status::Inconclusive, None) => "no suspect leads".to_owned(),
        (Status::Ranked, None) => "no config change to suspect".to_owned(),
        (Status::Ranked, Some(culprit)) => format!("{} is the likeliest suspect", words::name(culprit)),
    }
}

fn verdict(report: &Report) -> String {
    let mut out = format!("<header class=\"verdict\">\n<p class=\"answer\">{}</p>\n", words::answer(report.status));
    out.push_str(&heading(report));
    out.push_str(&format!("<p class=\"sure\">{}.</p>\n", escape(&capital(&words::sentence(report)))));
    if let Some(culprit) = report.culprits.first().filter(|_| report.status != Status::None) {
        out.push_str(&about(report, culprit));
    }
    out.push_str(&shares(report));
    out.push_str(&next(report));
    out.push_str("</header>\n");
    out
}

/// A sentence as it begins on a page.
fn capital(text: &str) -> String {
    // a setting's name stays as it is written
    if text.split(' ').next().is_some_and(|word| word == "env" || !word.bytes().all(|byte| byte.is_ascii_alphabetic()))
    {
        return text.to_owned();
    }
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// The setting with its values where that is the answer.
fn heading(report: &Report) -> String {
    let change =
        report.culprits.first().filter(|_| report.status == Status::Found).and_then(|one| one.changes.split_first());
    let Some((first, rest)) = change else { return format!("<h1>{}</h1>\n", escape(&title(report))) };
    let (name, from, to) = words::setting(first);
    let more = match rest.len() {
        0 => String::new(),
        more => format!(" <span class=\"more\">and {}</span>", words::count(more, "more setting")),
    };
    format!(
        "<h1>{} <span class=\"change\"><code class=\"from\">{}</code> \
         <span class=\"arrow\">→</span> <code class=\"to\">{}</code></span>{more}</h1>\n",
        table::code(name),
        escape(&from),
        escape(&to)
    )
}

fn about(report: &Report, culprit: &Culprit) -> String {
    let who = if words::is_settled(report.status) { "culprit" } else { "leading" };
    let mut out = format!(
        "<dl>\n<div><dt>{who}</dt><dd><code class=\"id\">{}</code> <bdi>{}</bdi></dd></div>\n",
        escape(if culprit.commit.is_empty() { &culprit.subject } else { &culprit.commit }),
        escape(words::subject(culprit))
    );
    if let Some(change) = culprit.changes.first() {
        let place = table::code(&words::place(change));
        out.push_str(&match report.status {
            Status::Found => format!("<div><dt>in</dt><dd>{place}</dd></div>\n"),
            _ => format!("<div><dt>setting</dt><dd>{} in {place}</dd></div>\n", escape(&words::headline(culprit))),
        });
    }
    if !culprit.why.is_empty() {
        out.push_str(&format!("<div><dt>why</dt><dd>{}</dd></div>\n", escape(&culprit.why)));
    }
    for rule in &culprit.introduced {
        out.push_str(&format!(
            "<div><dt>brings</dt><dd><code>{0}</code> <span class=\"quiet\">moelint explain {0}</span></dd></div>\n",
            escape(rule)
        ));
    }
    out.push_str("</dl>\n");
    out
}

/// How the belief is spread over all that could be true, as a bar and in words.
fn shares(report: &Report) -> String {
    let others = report.hypotheses;
    let lead = report.culprits.first().map_or(0.0, |culprit| culprit.posterior);
    let code = if report.status == Status::Code { (others.code - lead).max(0.0) } else { others.code };
    let rest = (1.0 - lead - code - others.none).max(0.0);
    // a report without probabilities has nothing to spread
    if lead + code + others.none <= 0.0 {
        return String::new();
    }
    let (name, rest_name) = match (words::of_keys(report), words::is_settled(report.status)) {
        (true, true) => ("these settings", "something else"),
        (true, false) => ("the leading settings", "other settings"),
        (false, true) => ("this commit", "other config changes"),
        (false, false) if lead > 0.0 => ("the leading commit", "other config changes"),
        (false, false) => ("", "a config change"),
    };
    let code_name = if report.status == Status::Code { "other code" } else { "code" };
    let mut parts = vec![("lead", name, lead), ("rest", rest_name, rest), ("code", code_name, code)];
    if report.status == Status::None {
        parts.insert(0, ("lead", "no culprit", others.none));
    } else {
        parts.push(("none", "no culprit", others.none));
    }
    let bar: String = parts
        .iter()
        .filter(|(.., share)| *share > 0.0)
        .map(|(class, _, share)| format!("<span class=\"{class}\" style=\"flex-grow:{share:.4}\"></span>"))
        .collect();
    let keys: String = parts
        .iter()
        .filter(|(.., share)| *share > 0.0)
        .map(|(class, name, share)| {
            format!("<li><span class=\"{class}\"></span><b>{}</b> {name}</li>", escape(&percent(*share)))
        })
        .collect();
    format!("<div class=\"shares\" aria-hidden=\"true\">{bar}</div>\n<ul class=\"keys\">{keys}</ul>\n")
}

fn next(report: &Report) -> String {
    if report.next.is_empty() {
        return String::new();
    }
    let mut out = "<div class=\"next\">\n<h2>Type next</h2>\n".to_owned();
    for next in &report.next {
        let (command, remark) = words::command(next);
        out.push_str(&format!("<pre>{}</pre>\n", html_whole(&words::lines(command))));
        if !remark.is_empty() {
            out.push_str(&format!("<p>{}</p>\n", escape(remark)));
        }
    }
    out.push_str("</div>\n");
    out
}

fn notes(report: &Report) -> String {
    if report.notes.is_empty() {
        return String::new();
    }
    let items: String = report.notes.iter().map(|note| format!("<li>{}</li>\n", escape(note))).collect();
    format!("<section>\n<h2>Notes</h2>\n<ul>\n{items}</ul>\n</section>\n")
}
