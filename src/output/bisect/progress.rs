//! A search while it runs: a few lines that are drawn over on a terminal, plain lines in a log.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::bisect::case::Case;
use crate::bisect::drive::Observer;
use crate::bisect::plan::Plan;
use crate::bisect::posterior::Cause;
use crate::bisect::session::Probe;
use crate::bisect::verdict::Verdict;

use super::words::{percent, short};

/// How often the lines are drawn again.
const REDRAW: Duration = Duration::from_millis(250);
/// Leading hypotheses that are shown.
const LEADERS: usize = 3;

/// Writes to standard error.
pub struct Progress {
    quiet: bool,
    terminal: bool,
    drawn: usize,
    last: Option<Instant>,
}

impl Progress {
    /// `terminal`: whether lines can be drawn over.
    #[must_use]
    pub const fn new(quiet: bool, terminal: bool) -> Self {
        Self { quiet, terminal, drawn: 0, last: None }
    }

    /// A plain line.
    pub fn say(&mut self, text: &str) {
        self.line(text);
    }

    fn line(&mut self, text: &str) {
        if !self.quiet {
            self.erase();
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Takes the moving lines away.
    fn erase(&mut self) {
        if self.drawn > 0 {
            let _ = write!(io::stderr(), "\x1b[{}A\x1b[J", self.drawn);
            self.drawn = 0;
        }
    }
}

impl Observer for Progress {
    fn started(&mut self, probe: &Probe) {
        let mixed = if probe.code == probe.config { String::new() } else { format!(" on {}", short(&probe.code)) };
        self.line(&format!("probe {}  {}{mixed}  {}", probe.number, short(&probe.config), probe.why));
    }

    fn ended(&mut self, probe: &Probe, plan: &Plan, case: &Case) {
        let Some(outcome) = &probe.outcome else { return };
        let verdict = match outcome.verdict {
            Verdict::Good => "good",
            Verdict::Bad => "bad",
            Verdict::Unresolved => "unresolved",
        };
        let note = if outcome.note.is_empty() { String::new() } else { format!(" ({})", outcome.note) };
        let text =
            format!("probe {}  {}  {verdict}{note}; {}", probe.number, short(&probe.config), leaders(plan, case, 1));
        self.line(&text);
    }

    fn note(&mut self, text: &str) {
        self.line(text);
    }

    fn tick(&mut self, running: &[(&Probe, Duration)], plan: &Plan, case: &Case) {
        let soon = self.last.is_some_and(|last| last.elapsed() < REDRAW);
        if self.quiet || !self.terminal || soon {
            return;
        }
        self.last = Some(Instant::now());
        let mut lines: Vec<String> = running
            .iter()
            .map(|(probe, time)| {
                format!("  runs   {}  probe {}, {} s", short(&probe.config), probe.number, time.as_secs())
            })
            .collect();
        lines.push(format!("  leads  {}", leaders(plan, case, LEADERS)));
        self.erase();
        let mut out = io::stderr().lock();
        for line in &lines {
            let _ = writeln!(out, "\x1b[2K{line}");
        }
        self.drawn = lines.len();
    }
}

/// The likeliest hypotheses with their probabilities.
fn leaders(plan: &Plan, case: &Case, count: usize) -> String {
    let belief = plan.search.posterior.belief();
    let mut order: Vec<(f64, Cause)> =
        belief.iter().copied().zip(plan.search.posterior.causes.iter().copied()).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let id = |commit: usize| case.id(commit).map_or_else(String::new, |id| short(&id.to_string()).to_owned());
    let parts: Vec<String> = order
        .iter()
        .take(count)
        .map(|(belief, cause)| {
            let name = match cause {
                Cause::Config(commit) => id(*commit),
                Cause::Code(commit) => format!("{} (code)", id(*commit)),
                Cause::NeverBad => "no culprit: the bad end fails by chance".to_owned(),
                Cause::AlwaysBad => "no culprit: the good end passes by chance".to_owned(),
            };
            format!("{name} {}", percent(*belief))
        })
        .collect();
    parts.join(", ")
}
