//! A quick way through the YAML that most configs are: block mappings of scalars and of lists on one line each.
//!
//! Everything else (other lists, anchors, tags, several lines, flow style, characters outside ASCII, anything that might be a
//! mistake) is left to the full parser. What this reads, it reads exactly as that parser would; a test holds the two
//! against each other on every config at hand.

/// One line that holds a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'s> {
    /// Spaces in front.
    pub indent: usize,
    /// Where the key begins.
    pub key: (usize, usize),
    /// Where the value begins and ends, quotes included; equal: none.
    pub value: (usize, usize),
    /// What is between the quotes, or the plain text.
    pub text: &'s str,
    /// Whether the value is quoted.
    pub quoted: bool,
    /// Whether it is a list in brackets of scalars without quotes; [`items`] has them.
    pub list: bool,
}

/// The lines that hold keys; `None` if any line is of another kind.
#[must_use]
pub fn lines(source: &str) -> Option<Vec<Line<'_>>> {
    let mut found = Vec::with_capacity(source.len() / 24);
    let mut start = 0;
    for line in source.split_inclusive('\n') {
        let bare = line.strip_suffix('\n').unwrap_or(line);
        if !bare.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return None;
        }
        let indent = bare.len() - bare.trim_start_matches(' ').len();
        let rest = bare.get(indent..)?;
        if !rest.is_empty() && !rest.starts_with('#') {
            found.push(one(rest, start + indent, indent)?);
        }
        start += line.len();
    }
    (!found.is_empty()).then_some(found)
}

/// `key: value  # comment` at byte `at`.
fn one(rest: &str, at: usize, indent: usize) -> Option<Line<'_>> {
    let colon = rest.find(':')?;
    let key = rest.get(..colon)?;
    let name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
    let mut bytes = key.bytes();
    let dashes = key.bytes().take_while(|byte| *byte == b'-').count();
    if !bytes.all(name) || !key.bytes().any(|byte| byte.is_ascii_alphanumeric()) || key.starts_with('.') || dashes > 2 {
        return None;
    }
    let after = rest.get(colon + 1..)?;
    let gap = after.len() - after.trim_start_matches(' ').len();
    let value = after.get(gap..)?;
    let begin = at + colon + 1 + gap;
    let line = |length: usize, text, quoted| Line {
        indent,
        key: (at, at + colon),
        value: (begin, begin + length),
        text,
        quoted,
        list: false,
    };
    if value.is_empty() || (value.starts_with('#') && gap > 0) {
        return Some(Line { value: (at + colon, at + colon), ..line(0, "", false) });
    }
    if gap == 0 {
        return None;
    }
    if let Some(quote) = value.chars().next().filter(|c| *c == '"' || *c == '\'') {
        let inner = value.get(1..)?;
        let end = inner.find(quote)?;
        let (text, tail) = (inner.get(..end)?, inner.get(end + 1..)?);
        let over = tail.trim_start_matches(' ');
        let ends = over.is_empty() || (over.starts_with('#') && over.len() < tail.len());
        return (ends && !text.contains('\\')).then(|| line(end + 2, text, true));
    }
    let text = value.split(" #").next()?.trim_end_matches(' ');
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let good = inner.trim_matches(' ').is_empty() || inner.split(',').all(|item| plain(item.trim_matches(' ')));
        return good.then(|| Line { list: true, ..line(text.len(), inner, false) });
    }
    plain(text).then(|| line(text.len(), text, false))
}

/// The items of a list with their places.
pub fn items<'s>(line: &Line<'s>) -> impl Iterator<Item = (usize, &'s str)> {
    let mut at = line.value.0 + 1;
    let all = if line.text.trim_matches(' ').is_empty() { "" } else { line.text };
    all.split(',').filter(|item| !item.is_empty()).map(move |item| {
        let start = at + item.len() - item.trim_start_matches(' ').len();
        at += item.len() + 1;
        (start, item.trim_matches(' '))
    })
}

/// Whether the text is a plain scalar beyond doubt.
fn plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./+-,()*=@%^~$ ;<>".contains(byte);
    let first = |byte: u8| byte.is_ascii_alphanumeric() || b"_./+-(~$^".contains(&byte);
    let Some(head) = bytes.first() else { return false };
    first(*head) && bytes.iter().all(inside) && text != "-" && !text.starts_with("- ")
}
