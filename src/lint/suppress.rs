//! `# moelint: ignore[id, CODE] reason` on the line or the line above, and `# moelint: ignore-file[…]`.

use crate::document::{Document, LineIndex};

use super::finding::Finding;

/// One suppression comment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Suppression {
    /// Ids, codes, code prefixes or groups; empty: every rule.
    rules: Vec<String>,
    /// The lines it covers; `None`: the whole file.
    lines: Option<(u32, u32)>,
}

/// All suppressions of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suppressions {
    all: Vec<Suppression>,
}

impl Suppressions {
    /// Reads the comments of a file.
    #[must_use]
    pub fn read(document: &Document<'_>, lines: &LineIndex) -> Self {
        let all = document.comments.iter().filter_map(|comment| {
            let text = comment.text.trim().strip_prefix("moelint:")?.trim_start();
            let (whole, rest) = match text.strip_prefix("ignore-file") {
                Some(rest) => (true, rest),
                None => (false, text.strip_prefix("ignore")?),
            };
            let line = lines.position(document.source, comment.span.start).line;
            Some(Suppression { rules: rules(rest)?, lines: (!whole).then_some((line, line + 1)) })
        });
        Self { all: all.collect() }
    }

    /// Whether a comment covers the finding: on the line of any of its labels, or the line above it.
    #[must_use]
    pub fn cover(&self, finding: &Finding, group: &str) -> bool {
        self.all.iter().any(|suppression| {
            let placed = suppression.lines.is_none_or(|(first, last)| {
                finding.labels.iter().any(|label| (first..=last).contains(&label.start.line))
            });
            placed && (suppression.rules.is_empty() || suppression.rules.iter().any(|name| names(name, finding, group)))
        })
    }
}

/// Whether `name` (an id, a code, a prefix of a code, or a group) means the finding's rule.
#[must_use]
pub fn names(name: &str, finding: &Finding, group: &str) -> bool {
    name == finding.rule || name == group || (name.starts_with("MOE") && finding.code.starts_with(name))
}

/// `[a, b] reason` → the names; no brackets: every rule; an open bracket: nothing, it is a typing mistake.
fn rules(rest: &str) -> Option<Vec<String>> {
    if rest.starts_with(|c: char| !c.is_whitespace() && c != '[') {
        return None;
    }
    let rest = rest.trim_start();
    let Some(inner) = rest.strip_prefix('[') else { return Some(Vec::new()) };
    let (inner, _) = inner.split_once(']')?;
    Some(inner.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect())
}
