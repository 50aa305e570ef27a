//! Comments that speak to this program, found in the text: the parser passes over comments, which costs nothing.

use super::tree::{Document, Kind, Span};

/// The comments that begin with `word`: their place, `#` included, and the text behind `word`.
#[must_use]
pub fn marked<'s>(document: &Document<'s>, word: &str) -> Vec<(Span, &'s str)> {
    let source = document.source;
    let found = source.match_indices(word).filter_map(|(at, _)| {
        let before = source.get(..at)?;
        let start = before.trim_end_matches([' ', '\t']).strip_suffix('#')?.len();
        let open = source.get(..start)?.chars().next_back().is_none_or(char::is_whitespace);
        let end = source.get(at..)?.find(['\n', '\r']).map_or(source.len(), |length| at + length);
        let span = Span::new(start, end);
        (open && !in_a_value(document, span)).then(|| (span, source.get(at + word.len()..end).unwrap_or("")))
    });
    found.collect()
}

/// Whether it is part of a quoted or block scalar.
fn in_a_value(document: &Document<'_>, span: Span) -> bool {
    let holds = |outer: Span| outer.start <= span.start && span.start < outer.end;
    document.nodes.iter().any(|node| matches!(node.kind, Kind::Scalar(..)) && holds(node.span))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse;

    #[test]
    fn only_comments_count() {
        let text = "a: 1  # moelint: ignore[x] why\n# moelint: ignore-file[y]\nb: '# moelint: ignore[z]'\n\
                    c: |\n  # moelint: ignore[w]\nd: e#moelint: f\n";
        let found: Vec<_> = marked(&parse(text), "moelint:").into_iter().map(|found| found.1).collect();
        assert_eq!(found, [" ignore[x] why", " ignore-file[y]"]);
    }
}
