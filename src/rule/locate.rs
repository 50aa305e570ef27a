//! Where in a rule file an expression's text stands: the YAML reader for our own files gives values without places.

/// The byte offset in `source` of byte `at` of `text`, a value that stands somewhere after a `key:` of the file.
///
/// The value may be plain, quoted, or folded over lines: white space and quotes are skipped on both sides.
#[must_use]
pub fn locate(source: &str, keys: &[&str], text: &str, at: usize) -> Option<usize> {
    let wanted: Vec<(usize, char)> = text.char_indices().filter(|(_, c)| !c.is_whitespace()).collect();
    keys.iter().find_map(|key| {
        let pattern = format!("{key}:");
        source.match_indices(&pattern).find_map(|(start, _)| matched(source, start + pattern.len(), &wanted, at))
    })
}

/// Follows `wanted` from `from` and gives the offset at which the character of byte `at` was met.
fn matched(source: &str, from: usize, wanted: &[(usize, char)], at: usize) -> Option<usize> {
    let mut found = None;
    let mut next = 0;
    for (offset, character) in source.get(from..)?.char_indices() {
        let Some((index, expected)) = wanted.get(next) else { break };
        if character == *expected {
            if *index <= at {
                found = Some(from + offset);
            }
            next += 1;
        } else if !(character.is_whitespace() || "'\"\\>|-".contains(character)) {
            return None;
        }
    }
    if next == wanted.len() {
        if wanted.last().is_none_or(|last| at > last.0) {
            return found.map(|offset| offset + 1);
        }
        return found;
    }
    None
}

/// Line and column of a byte offset, both from 1, columns in characters.
#[must_use]
pub fn line_column(source: &str, offset: usize) -> (usize, usize) {
    let before = source.get(..offset).unwrap_or(source);
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
}
