//! Changes to a file's text: byte ranges and what stands there afterwards.

use super::tree::{Document, Entry, Kind, Span};

/// Replaces the bytes of `span`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    /// What goes.
    pub span: Span,
    /// What comes.
    pub text: String,
}

/// The text with all edits made; `None` if two overlap or one does not lie on characters.
#[must_use]
pub fn apply(source: &str, edits: &[Edit]) -> Option<String> {
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort();
    let mut done = String::with_capacity(source.len());
    let mut at = 0;
    for edit in sorted {
        let (start, end) = (edit.span.start as usize, edit.span.end as usize);
        done.push_str(source.get(at..start)?);
        source.get(start..end)?;
        done.push_str(&edit.text);
        at = end;
    }
    done.push_str(source.get(at..)?);
    Some(done)
}

/// Whether one of the two covers a byte of the other, or both insert at one place.
#[must_use]
pub const fn overlap(one: Span, two: Span) -> bool {
    if one.start == one.end && two.start == two.end {
        return one.start == two.start;
    }
    one.start < two.end && two.start < one.end
}

/// A key with its value, and the mapping they stand in.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// The key and its value.
    pub entry: Entry,
    /// Whether the mapping is written in braces.
    pub flow: bool,
    /// The one before in the mapping.
    pub before: Option<Entry>,
    /// The one after.
    pub after: Option<Entry>,
}

/// The pair whose key stands at `key`; `None` where it is part of something that has an anchor: changing it would
/// change other places too.
#[must_use]
pub fn pair_at(document: &Document<'_>, key: Span) -> Option<Pair> {
    let anchored = document
        .nodes
        .iter()
        .any(|node| node.anchor.is_some() && node.span.start <= key.start && key.end <= node.span.end);
    if anchored {
        return None;
    }
    for node in &document.nodes {
        let Kind::Mapping(start, end) = node.kind else { continue };
        let entries = document.entries.get(start as usize..end as usize)?;
        let found = entries.iter().position(|entry| document.node(entry.key).span == key);
        if let Some(at) = found {
            let flow = document.source.get(node.span.start as usize..)?.starts_with('{');
            return Some(Pair {
                entry: *entries.get(at)?,
                flow,
                before: at.checked_sub(1).and_then(|at| entries.get(at)).copied(),
                after: entries.get(at + 1).copied(),
            });
        }
    }
    None
}

impl Pair {
    /// Writes another value, keeping what stands around it; a comment behind it stays in its column where it can.
    #[must_use]
    pub fn set(&self, document: &Document<'_>, value: &str) -> Option<Edit> {
        let node = document.node(self.entry.value);
        let aliased = matches!(node.kind, Kind::Alias(_));
        if aliased || node.anchor.is_some() || node.tag.is_some() {
            return None;
        }
        if node.span.is_empty() {
            let end = document.node(self.entry.key).span.end;
            let colon = document.source.get(end as usize..)?.find(':')?;
            let at = end + u32::try_from(colon).ok()? + 1;
            return Some(Edit { span: Span { start: at, end: at }, text: format!(" {value}") });
        }
        let old = node.span.slice(document.source);
        if old.contains('\n') {
            return None;
        }
        let (gap, text) = keep_column(document.source, node.span.end, old, value);
        Some(Edit { span: Span { start: node.span.start, end: node.span.end + gap }, text })
    }

    /// Writes another key; an aligned value stays in its column where it can.
    #[must_use]
    pub fn rename(&self, document: &Document<'_>, name: &str) -> Option<Edit> {
        let span = document.node(self.entry.key).span;
        let old = span.slice(document.source);
        let quote = old.chars().next().filter(|c| *c == '"' || *c == '\'');
        let text = quote.map_or_else(|| name.to_owned(), |quote| format!("{quote}{name}{quote}"));
        let rest = document.source.get(span.end as usize..)?;
        let after = rest.strip_prefix(':')?;
        let blanks = after.len() - after.trim_start_matches(' ').len();
        if blanks < 2 {
            return Some(Edit { span, text });
        }
        let width = (old.chars().count() + blanks).saturating_sub(text.chars().count()).max(1);
        let end = span.end + 1 + u32::try_from(blanks).ok()?;
        Some(Edit { span: Span { start: span.start, end }, text: format!("{text}:{}", " ".repeat(width)) })
    }

    /// Takes the pair out: its lines, or its place between commas. A comment behind it stays, on a line of its own.
    #[must_use]
    pub fn remove(&self, document: &Document<'_>) -> Option<Edit> {
        let (key, value) = (document.node(self.entry.key).span, document.node(self.entry.value));
        if value.anchor.is_some() {
            return None;
        }
        let end = if value.span.is_empty() { self.after_colon(document)? } else { value.span.end };
        if self.flow {
            let span = match (self.before, self.after) {
                (_, Some(after)) => Span { start: key.start, end: document.node(after.key).span.start },
                (Some(before), None) => Span { start: document.node(before.value).span.end, end },
                (None, None) => return None,
            };
            return Some(Edit { span, text: String::new() });
        }
        let source = document.source;
        let line = source.get(..key.start as usize)?.rfind('\n').map_or(0, |at| at + 1);
        // an item of a list begins on this line too
        if !source.get(line..key.start as usize)?.trim_start_matches('\u{feff}').trim().is_empty() {
            return None;
        }
        let rest = source.get(end as usize..)?;
        let tail = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let comment = rest.get(..tail)?.trim_start();
        let start = u32::try_from(line).ok()?;
        if comment.starts_with('#') {
            let gap = rest.len() - rest.trim_start().len();
            return Some(Edit {
                span: Span { start: key.start, end: end + u32::try_from(gap).ok()? },
                text: String::new(),
            });
        }
        if !comment.trim().is_empty() {
            return None;
        }
        Some(Edit { span: Span { start, end: end + u32::try_from(tail).ok()? }, text: String::new() })
    }

    /// Puts another pair behind this one, indented like it.
    #[must_use]
    pub fn insert_after(&self, document: &Document<'_>, key: &str, value: &str) -> Option<Edit> {
        let source = document.source;
        let own = document.node(self.entry.key).span;
        let line = source.get(..own.start as usize)?.rfind('\n').map_or(0, |at| at + 1);
        let indent = source.get(line..own.start as usize)?;
        let node = document.node(self.entry.value);
        let end = if node.span.is_empty() { self.after_colon(document)? } else { node.span.end };
        let quoted = own.slice(source).starts_with('"');
        let key = if quoted { format!("\"{key}\"") } else { key.to_owned() };
        if self.flow {
            let gap = if indent.trim().is_empty() { format!("{}{indent}", line_end(source)) } else { " ".to_owned() };
            return Some(Edit { span: Span { start: end, end }, text: format!(",{gap}{key}: {value}") });
        }
        if !indent.trim_start_matches('\u{feff}').trim().is_empty() {
            return None;
        }
        let rest = source.get(end as usize..)?;
        let (at, before) = match rest.find('\n') {
            Some(at) => (end as usize + at + 1, ""),
            None => (source.len(), line_end(source)),
        };
        let after = if before.is_empty() { line_end(source) } else { "" };
        let at = u32::try_from(at).ok()?;
        let indent = indent.trim_start_matches('\u{feff}');
        Some(Edit { span: Span { start: at, end: at }, text: format!("{before}{indent}{key}: {value}{after}") })
    }

    fn after_colon(&self, document: &Document<'_>) -> Option<u32> {
        let end = document.node(self.entry.key).span.end;
        let colon = document.source.get(end as usize..)?.find(':')?;
        Some(end + u32::try_from(colon).ok()? + 1)
    }
}

/// The line end that the file uses.
fn line_end(source: &str) -> &'static str {
    if source.contains("\r\n") { "\r\n" } else { "\n" }
}

/// How many blanks behind the value are to be replaced with it, and the value with those that keep a comment's column.
fn keep_column(source: &str, end: u32, old: &str, value: &str) -> (u32, String) {
    let rest = source.get(end as usize..).unwrap_or("");
    let blanks = rest.len() - rest.trim_start_matches(' ').len();
    if blanks < 2 || !rest.trim_start_matches(' ').starts_with('#') {
        return (0, value.to_owned());
    }
    let width = (old.chars().count() + blanks).saturating_sub(value.chars().count()).max(2);
    (u32::try_from(blanks).unwrap_or(0), format!("{value}{}", " ".repeat(width)))
}
