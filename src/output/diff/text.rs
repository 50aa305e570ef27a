//! The text difference: unified, three lines of context, secrets masked before anything is compared.

use similar::{ChangeTag, TextDiff};

use crate::document::ansi::without_codes;
use crate::output::clean::{mask, printable};

use super::Pair;

/// Lines of both sides together up to which they are compared: beyond, it is a log and nobody reads it.
const MAX_LINES: usize = 20_000;

/// A line of the difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `' '`, `'-'`, `'+'`, or `'@'` for the head of a hunk.
    pub sign: char,
    /// Pieces, with whether the words of the piece are what changed.
    pub pieces: Vec<(bool, String)>,
}

/// The difference of a pair's texts; `None`: too long to be worth it. Empty: none.
#[must_use]
pub fn lines(pair: &Pair) -> Option<Vec<Line>> {
    let (old, new) = (fit(&pair.texts.0), fit(&pair.texts.1));
    if old.lines().count() + new.lines().count() > MAX_LINES {
        return None;
    }
    let diff = TextDiff::from_lines(&old, &new);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(3) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let range = |start: usize, end: usize| format!("{},{}", start + 1, end - start);
        let head = format!(
            "@@ -{} +{} @@",
            range(first.old_range().start, last.old_range().end),
            range(first.new_range().start, last.new_range().end)
        );
        lines.push(Line { sign: '@', pieces: vec![(false, head)] });
        for change in group.iter().flat_map(|op| diff.iter_inline_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            let pieces =
                change.iter_strings_lossy().map(|(strong, text)| (strong, text.trim_end_matches('\n').to_owned()));
            lines.push(Line { sign, pieces: pieces.filter(|piece| !piece.1.is_empty()).collect() });
        }
    }
    Some(lines)
}

/// As a unified diff with the two names on top.
#[must_use]
pub fn unified(pair: &Pair, lines: &[Line]) -> String {
    let mut out = String::new();
    if lines.is_empty() {
        return out;
    }
    out.push_str(&format!("--- {}\n+++ {}\n", pair.old, pair.new));
    for line in lines {
        if line.sign != '@' {
            out.push(line.sign);
        }
        line.pieces.iter().for_each(|piece| out.push_str(&piece.1));
        out.push('\n');
    }
    out
}

/// A text fit to be shown.
fn fit(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in without_codes(text).lines() {
        out.push_str(&printable(&mask(line)));
        out.push('\n');
    }
    out
}
