//! Verdicts that somebody already has, as JSON Lines: free evidence. An earlier search's log has the same form.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::source::read::read_text;

use super::case::Case;
use super::posterior::Point;
use super::session::Session;
use super::verdict::Verdict;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// The commit whose config ran; a prefix of its id is enough.
    pub commit: String,
    /// The commit whose code ran, where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What it said.
    pub verdict: Verdict,
    /// More.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// Reads a file of them; lines about commits outside the range are left out, and counted.
///
/// # Errors
/// A file that can't be read; the first line that is none.
pub fn read(path: &Path, case: &Case) -> Result<(Vec<(Point, bool)>, usize), String> {
    let name = path.display();
    let text = read_text(path, true).map_err(|error| format!("--runs {name}: {error}"))?;
    let mut found = Vec::new();
    let mut outside = 0;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let recorded: Recorded = serde_json::from_str(line).map_err(|error| {
            format!("--runs {name}:{}: {error}; a line is {{\"commit\": \"…\", \"verdict\": \"good|bad\"}}", number + 1)
        })?;
        let failed = match recorded.verdict {
            Verdict::Good => false,
            Verdict::Bad => true,
            Verdict::Unresolved => continue,
        };
        let config = index(case, &recorded.commit);
        let code = recorded.code.as_deref().map_or(config, |code| index(case, code));
        match (code, config) {
            (Some(code), Some(config)) => found.push((Point { code, config }, failed)),
            _ => outside += 1,
        }
    }
    Ok((found, outside))
}

/// The commit whose id begins so.
fn index(case: &Case, id: &str) -> Option<usize> {
    let long = id.len() >= 4;
    case.timeline.range.commits.iter().position(|commit| long && commit.id.to_string().starts_with(id))
}

/// A session's verdicts in that form.
#[must_use]
pub fn log(session: &Session) -> Vec<Recorded> {
    let ended = session.probes.iter().filter_map(|probe| Some((probe, probe.outcome.as_ref()?)));
    ended
        .map(|(probe, outcome)| Recorded {
            commit: probe.config.clone(),
            code: (probe.code != probe.config).then(|| probe.code.clone()),
            verdict: outcome.verdict,
            note: outcome.note.clone(),
        })
        .collect()
}
