//! `# moelint: ignore[id, CODE] reason` on the line or the line above, and `# moelint: ignore-file[…]`.

use crate::document::comment::marked;
use crate::document::{Document, LineIndex};
use crate::rule::model::Rule;

use super::finding::Finding;

/// One suppression comment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Suppression {
    /// Ids, codes, code prefixes or groups.
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
        let all = marked(document, "moelint:").into_iter().filter_map(|(span, text)| {
            let text = text.trim();
            let (whole, rest) = match text.strip_prefix("ignore-file") {
                Some(rest) => (true, rest),
                None => (false, text.strip_prefix("ignore")?),
            };
            let line = lines.position(document.source, span.start).line;
            // a comment on a line of its own is about the next line, one behind a setting about that line
            let start = document.source[..span.start as usize].rfind('\n').map_or(0, |newline| newline + 1);
            let alone = document.source[start..span.start as usize].trim().is_empty();
            let lines = (!whole).then_some((line, line + u32::from(alone)));
            Some(Suppression { rules: rules(rest)?, lines })
        });
        Self { all: all.collect() }
    }

    /// Whether a comment covers the finding: on the line of any of its labels, or the line above it.
    #[must_use]
    pub fn cover(&self, finding: &Finding, rule: &Rule) -> bool {
        self.all.iter().any(|suppression| {
            let placed = suppression.lines.is_none_or(|(first, last)| {
                finding.labels.iter().any(|label| (first..=last).contains(&label.start.line))
            });
            placed && suppression.rules.iter().any(|name| rule.is_called(name))
        })
    }
}

/// `[a, b] reason` → the names; anything else is no suppression: a blanket one would hide what nobody has seen yet.
fn rules(rest: &str) -> Option<Vec<String>> {
    let (inner, _) = rest.strip_prefix('[')?.split_once(']')?;
    let names: Vec<String> =
        inner.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
    (!names.is_empty()).then_some(names)
}
