//! What a report says, in words that all its forms share.

use serde_json::Value;

use crate::bisect::report::{Changed, Culprit, Report, Status};
use crate::output::clean::{mask_value, printable};
use crate::output::diff::counted;

/// A suspect below this is told in one line.
const EARNEST: f64 = 0.01;

/// A report's answer in one word or two.
#[must_use]
pub const fn answer(status: Status) -> &'static str {
    match status {
        Status::Ranked => "ranked",
        Status::Found => "found",
        Status::None => "no culprit",
        Status::Code => "found in code",
        Status::Inconclusive => "inconclusive",
        Status::NotSeparable => "not separable",
    }
}

/// Whether there is one culprit.
#[must_use]
pub const fn is_settled(status: Status) -> bool {
    matches!(status, Status::Found | Status::Code)
}

/// Commits whose settings are worth telling: the culprit alone where there is one, else those that are left in earnest.
pub fn suspects(report: &Report) -> impl Iterator<Item = &Culprit> {
    let room = match report.status {
        // of settings, another culprit is a second cause
        Status::Found | Status::Code if !of_keys(report) => 1,
        Status::None => 0,
        _ => usize::MAX,
    };
    let worth = |(at, culprit): &(usize, &Culprit)| *at == 0 || culprit.posterior >= EARNEST;
    report.culprits.iter().take(room).enumerate().filter(worth).map(|(_, culprit)| culprit)
}

/// Whether settings of two configs were searched, no commits.
#[must_use]
pub fn of_keys(report: &Report) -> bool {
    report.mode == "keys"
}

/// What a culprit is called: the commit, or the settings where there is none.
#[must_use]
pub fn name(culprit: &Culprit) -> &str {
    if culprit.commit.is_empty() { &culprit.subject } else { short(&culprit.commit) }
}

/// What a culprit is called beside its name; may be empty.
#[must_use]
pub fn subject(culprit: &Culprit) -> &str {
    if culprit.commit.is_empty() { "" } else { &culprit.subject }
}

/// The answer in a sentence: which commit, and how sure.
#[must_use]
pub fn sentence(report: &Report) -> String {
    if report.mode == "runs" {
        return super::runs::sentence(report);
    }
    let failure = failure(report.symptom.as_deref());
    let lead = report.culprits.first();
    match (report.status, lead) {
        (Status::Found, Some(culprit)) if of_keys(report) => {
            let verb = if culprit.changes.len() == 1 { "causes" } else { "together cause" };
            format!("{} {verb} {failure}, {} sure", name(culprit), percent(culprit.posterior))
        }
        (Status::Found, Some(culprit)) => {
            format!("commit {} causes {failure}, {} sure", short(&culprit.commit), percent(culprit.posterior))
        }
        (Status::Code, Some(culprit)) => format!(
            "commit {} causes {failure}, {} sure; it changes no effective config",
            short(&culprit.commit),
            percent(culprit.posterior)
        ),
        (Status::Found, None) => format!("a config change causes {failure}"),
        (Status::Code, None) => format!("code causes {failure}, not config"),
        (Status::None, _) if of_keys(report) && report.probes.total == 0 => "the two configs mean the same".to_owned(),
        (Status::None, _) => format!(
            "{} causes {failure}, {} sure: {}",
            if of_keys(report) { "no setting that differs" } else { "no commit in this range" },
            percent(report.hypotheses.none),
            match (report.probes.good, report.probes.bad) {
                (1.., 0) => "the bad end passes too",
                (0, 1..) => "the good end fails too",
                _ => "one of the two ends was what it was by chance",
            }
        ),
        (Status::NotSeparable, _) => {
            "the two ends can't be told apart: the noise is larger than the difference".to_owned()
        }
        (Status::Inconclusive, _) => format!("not settled after {}: {}", probed(report), shares(report)),
        (Status::Ranked, Some(culprit)) => format!(
            "nothing was run; the likeliest of {} is {} with {}",
            if of_keys(report) {
                counted(report.config_classes, "difference", "differences")
            } else {
                count(report.config_classes.saturating_sub(1), "config change")
            },
            name(culprit),
            percent(culprit.posterior)
        ),
        (Status::Ranked, None) => "nothing was run, and there is no config change to suspect".to_owned(),
    }
}

/// What the bad end shows.
#[must_use]
pub fn failure(symptom: Option<&str>) -> &'static str {
    match symptom {
        Some("import") => "the failing import",
        Some("config-rejected") => "the refusal of the config",
        Some("hang") => "the hang",
        Some("illegal-access") => "the illegal access",
        Some("oom") => "running out of memory",
        Some("nan") => "the NaN",
        Some("slow") => "the slowdown",
        Some("accuracy") => "the worse loss",
        _ => "the failure",
    }
}

fn probed(report: &Report) -> String {
    if report.probes.total == 0 { "no probe at all".to_owned() } else { count(report.probes.total as usize, "probe") }
}

fn shares(report: &Report) -> String {
    let others = format!(
        "{} for code, {} for no culprit at all",
        percent(report.hypotheses.code),
        percent(report.hypotheses.none)
    );
    match report.culprits.first() {
        Some(culprit) if of_keys(report) => format!("{} for {}", percent(culprit.posterior), name(culprit)),
        Some(culprit) => format!("{} for {}, {others}", percent(culprit.posterior), name(culprit)),
        None if of_keys(report) => "no set of settings stands out".to_owned(),
        None => others,
    }
}

/// What was searched.
#[must_use]
pub fn range(report: &Report) -> String {
    if report.mode == "runs" {
        return super::runs::range(report);
    }
    let ends = format!("between {} (good) and {} (bad)", short(&report.good), short(&report.bad));
    if of_keys(report) {
        return format!("{} {ends}", counted(report.config_classes, "difference", "differences"));
    }
    if report.commits == 0 && report.timeline.is_empty() {
        return ends;
    }
    let changing = report.config_classes.saturating_sub(1);
    let verb = if changing == 1 { "changes" } else { "change" };
    format!("{} {ends}; {changing} {verb} an effective config", count(report.commits, "commit"))
}

/// What was run; `None`: nothing.
#[must_use]
pub fn probes(report: &Report) -> Option<String> {
    let probes = report.probes;
    if probes.total == 0 {
        return None;
    }
    let mut text = format!("{}: {} good, {} bad", probed(report), probes.good, probes.bad);
    if probes.unresolved > 0 {
        text.push_str(&format!(", {} could not tell", probes.unresolved));
    }
    if probes.preflight > 0 {
        text.push_str(&format!("; {} of them at the two ends first", probes.preflight));
    }
    Some(text)
}

/// Commits that are no suspects as configs: how many, what they do, and why that clears them.
#[must_use]
pub fn set_aside(report: &Report) -> Vec<(usize, &'static str, &'static str)> {
    let out = report.exonerated;
    let all = [
        (out.untouched, "touch no config", "what the framework reads is the same before and after"),
        (
            out.cosmetic,
            "change only comments, order or spelling",
            "both versions mean the same to the framework, defaults and rewrites included",
        ),
        (
            out.by_values,
            "only set values that had run well before, or that were taken back in vain",
            "the run was good with them, or stayed bad without them; only an interplay with other settings is left",
        ),
    ];
    all.into_iter().filter(|(count, ..)| *count > 0).collect()
}

/// `field  old → new` without layout: name, before, after.
#[must_use]
pub fn setting(change: &Changed) -> (&str, String, String) {
    if change.from.is_null() && change.to.is_null() {
        // a record that names the setting and no value
        return (&change.field, "?".to_owned(), "?".to_owned());
    }
    (&change.field, value(&change.field, &change.from), value(&change.field, &change.to))
}

/// `path:line`.
#[must_use]
pub fn place(change: &Changed) -> String {
    if change.line > 0 { format!("{}:{}", change.path, change.line) } else { change.path.clone() }
}

/// What a culprit changed, as short as it goes.
#[must_use]
pub fn headline(culprit: &Culprit) -> String {
    match culprit.changes.split_first() {
        Some((first, rest)) => {
            let (name, from, to) = setting(first);
            let more = if rest.is_empty() { String::new() } else { format!(" (and {} more)", rest.len()) };
            format!("{name} {from} → {to}{more}")
        }
        None => culprit.subject.clone(),
    }
}

/// A value as a person reads it.
#[must_use]
pub fn value(name: &str, value: &Value) -> String {
    match value {
        Value::Null => "not set".to_owned(),
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => mask_value(name, text),
        other => mask_value(name, &other.to_string()),
    }
}

/// A line of what to type next: the command, and what it is for; either may be empty.
#[must_use]
pub fn command(next: &str) -> (&str, &str) {
    match next.split_once("   (") {
        // a config to save has lines of its own
        Some((command, remark)) if !next.contains('\n') => {
            (command.trim_end(), remark.strip_suffix(')').unwrap_or(remark))
        }
        _ => (next, ""),
    }
}

/// What may be shown of a command; its lines stay lines, and nothing is cut.
#[must_use]
pub fn lines(command: &str) -> String {
    command.lines().map(printable).collect::<Vec<_>>().join("\n")
}

/// Seconds as people say them.
#[must_use]
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "?".to_owned();
    }
    let minutes = (seconds / 60.0).round();
    match seconds {
        _ if seconds < 0.995 => format!("{seconds:.2} s"),
        _ if seconds < 9.95 => format!("{seconds:.1} s"),
        _ if seconds < 119.5 => format!("{seconds:.0} s"),
        _ if minutes < 120.0 => format!("{minutes:.0} min"),
        _ => format!("{:.0} h {:02.0} min", (minutes / 60.0).floor(), minutes % 60.0),
    }
}

/// A measured value with four digits that matter.
#[must_use]
pub fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => "?".to_owned(),
        _ if size == 0.0 => "0".to_owned(),
        _ if !(1e-3..1e7).contains(&size) => format!("{value:.3e}"),
        _ if size >= 1e3 => format!("{value:.0}"),
        _ if size >= 1e2 => format!("{value:.1}"),
        _ if size >= 1e1 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Seconds since 1970 as a day, in UTC.
#[must_use]
pub fn day(time: i64) -> String {
    // days to a date of the Gregorian calendar, counted in eras of 400 years from a 1 March
    let days = time.div_euclid(86_400) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// A probability in per cent; one that is not certain is never shown as 100 or 0.
#[must_use]
pub fn percent(probability: f64) -> String {
    let percent = 100.0 * probability;
    match percent {
        percent if percent.is_nan() || percent <= 0.0 => "0%".to_owned(),
        percent if percent < 0.1 => "<0.1%".to_owned(),
        percent if percent > 99.9 => ">99.9%".to_owned(),
        percent if (1.0..99.0).contains(&percent) => format!("{percent:.0}%"),
        percent => format!("{percent:.1}%"),
    }
}

/// An id as people write it.
#[must_use]
pub fn short(id: &str) -> &str {
    let hash = id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hash { id.get(..10).unwrap_or(id) } else { id }
}

/// `1 probe`, `2 probes`.
#[must_use]
pub fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (time, shown) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_700_000_000, "2023-11-14"),
            (4_107_542_400, "2100-03-01"),
            (-1, "1969-12-31"),
        ] {
            assert_eq!(day(time), shown);
        }
    }

    #[test]
    fn durations_and_probabilities_keep_the_digits_that_matter() {
        let shown = [0.06, 3.21, 45.0, 600.0, 7_500.0, f64::NAN].map(duration);
        assert_eq!(shown, ["0.06 s", "3.2 s", "45 s", "10 min", "2 h 05 min", "?"]);
        let shown = [0.0, 0.0002, 0.004, 0.5, 0.995, 0.9999, f64::NAN].map(percent);
        assert_eq!(shown, ["0%", "<0.1%", "0.4%", "50%", "99.5%", ">99.9%", "0%"]);
    }

    #[test]
    fn a_remark_is_no_part_of_the_command() {
        assert_eq!(command("git show a"), ("git show a", ""));
        assert_eq!(command("moelint bisect log > r   (then --runs r)"), ("moelint bisect log > r", "then --runs r"));
    }
}
