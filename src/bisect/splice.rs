//! One place of one text made to say what it says in another text, by a change of a few bytes.

use crate::document::edit::{Edit, Pair, apply};
use crate::document::parse;
use crate::document::scalar::{Scalar, Schema, resolve};
use crate::document::tree::{Document, Entry, Kind, NodeId, Span, Style};

use super::paths::{Path, entries_at, mapping_at, own_entries};

/// Columns of a section below its key, where a new one is opened.
const STEP: usize = 2;

/// The text with what stands at `path` replaced by what stands there in `model`; `None`: it can't be written.
#[must_use]
pub fn splice(document: &Document<'_>, path: &Path, model: &Document<'_>) -> Option<String> {
    let text = document.source;
    let wanted = entries_at(model, path);
    let parent = path.parent()?;
    let own = mapping_at(document, &parent).map(|node| own_entries(document, node, path.last())).unwrap_or_default();
    if let ([old], [new]) = (own.as_slice(), wanted.as_slice()) {
        let edit = replace(document, &parent, *old, model, *new)?;
        return apply(text, &[edit]);
    }
    let mut text = text.to_owned();
    for _ in &own {
        text = remove(&text, path, model)?;
    }
    for entry in &wanted {
        text = insert(&text, path, model, *entry)?;
    }
    Some(text)
}

/// The edits for all places where a plain value only takes another; what is left over needs [`splice`].
#[must_use]
pub fn simple<'p>(text: &str, paths: &[&'p Path], model: &Document<'_>) -> (String, Vec<&'p Path>) {
    let document = parse(text);
    let (mut edits, mut rest) = (Vec::new(), Vec::new());
    for path in paths {
        let own = path.parent().and_then(|parent| mapping_at(&document, &parent));
        let own = own.map(|node| own_entries(&document, node, path.last())).unwrap_or_default();
        let edit = match (own.as_slice(), entries_at(model, path).as_slice()) {
            ([old], [new]) => one_line(&document, *old, model, *new),
            _ => None,
        };
        match edit {
            Some(edit) => edits.push(edit),
            None => rest.push(*path),
        }
    }
    edits.sort();
    edits.dedup();
    match apply(text, &edits) {
        Some(done) => (done, rest),
        None => (text.to_owned(), paths.to_vec()),
    }
}

/// A scalar on one line in place of another one.
fn one_line(document: &Document<'_>, old: Entry, model: &Document<'_>, new: Entry) -> Option<Edit> {
    let scalar = |document: &Document<'_>, node: NodeId| {
        let node = document.node(node);
        let plain = matches!(node.kind, Kind::Scalar(_, Style::Plain | Style::Quoted));
        let bare = node.tag.is_none() && node.anchor.is_none() && !node.span.slice(document.source).contains('\n');
        (plain && bare && !node.span.is_empty()).then(|| node.span.slice(document.source).to_owned())
    };
    scalar(document, old.value)?;
    let text = scalar(model, new.value)?;
    if is_json(document) != is_json(model) || in_braces(document, old.key) != in_braces(model, new.key) {
        return None;
    }
    Pair { entry: old, flow: false, before: None, after: None }.set(document, &text)
}

fn is_json(document: &Document<'_>) -> bool {
    document.source.trim_start().starts_with(['{', '['])
}

/// Whether a node stands in a mapping or list in braces or brackets.
fn in_braces(document: &Document<'_>, node: NodeId) -> bool {
    let own = document.node(node).span;
    document.nodes.iter().any(|around| {
        let holds = around.span.start < own.start && own.end <= around.span.end;
        let collection = matches!(around.kind, Kind::Mapping(..) | Kind::Sequence(..));
        holds && collection && around.span.slice(document.source).starts_with(['{', '['])
    })
}

/// Another value for a key that is there.
fn replace(document: &Document<'_>, parent: &Path, old: Entry, model: &Document<'_>, new: Entry) -> Option<Edit> {
    if let Some(edit) = one_line(document, old, model, new) {
        return Some(edit);
    }
    let (start, end) = (document.node(old.key).span.end as usize, value_end(document, old)?);
    let column = column(document.source, document.node(old.key).span.start as usize);
    let flow = mapping_at(document, parent).is_some_and(|node| is_flow(document, node)) || in_braces(document, old.key);
    let text = behind_key(model, new, flow, is_json(document), column)?;
    Some(Edit { span: Span::new(start, end), text })
}

/// `: value`, as it is to stand behind a key at `column`.
fn behind_key(model: &Document<'_>, entry: Entry, flow: bool, json: bool, column: usize) -> Option<String> {
    let key = model.node(entry.key).span;
    let raw = model.source.get(key.end as usize..value_end(model, entry)?)?;
    let from = self::column(model.source, key.start as usize);
    let whole = raw.trim_start().starts_with(':') && is_self_contained(model, entry.value);
    if whole
        && !flow
        && !in_braces(model, entry.key)
        && !json
        && let Some(text) = indented(raw, from, column)
    {
        return Some(text);
    }
    let absent = matches!(model.node(entry.value).kind, Kind::Scalar(_, Style::Absent));
    Some(if absent && !json { ":".to_owned() } else { format!(": {}", inline(model, entry.value, json, 0)?) })
}

/// Whether the raw text means the same elsewhere: no anchor that others use, no alias, no merge.
fn is_self_contained(document: &Document<'_>, value: NodeId) -> bool {
    let span = document.node(value).span;
    let inside = document.nodes.iter().filter(|node| span.start <= node.span.start && node.span.end <= span.end);
    inside.clone().all(|node| node.anchor.is_none() && !matches!(node.kind, Kind::Alias(_)))
}

/// Lines behind the first moved from one column to another.
fn indented(raw: &str, from: usize, to: usize) -> Option<String> {
    let mut lines = raw.split('\n');
    let mut text = lines.next()?.to_owned();
    for line in lines {
        text.push('\n');
        let blanks = line.len() - line.trim_start_matches(' ').len();
        if line.trim().is_empty() {
            continue;
        }
        let wanted = (blanks + to).checked_sub(from)?;
        text.push_str(&" ".repeat(wanted));
        text.push_str(line.trim_start_matches(' '));
    }
    Some(text)
}

/// A value on one line, as it may stand in braces.
#[must_use]
pub fn inline(document: &Document<'_>, node: NodeId, json: bool, depth: usize) -> Option<String> {
    let id = document.resolve(node);
    let about = document.node(id);
    if depth > 32 {
        return None;
    }
    let text = match &about.kind {
        Kind::Scalar(_, Style::Absent) => "null".to_owned(),
        Kind::Scalar(text, style) => scalar(text, *style, json),
        Kind::Sequence(..) => {
            let items: Option<Vec<String>> =
                document.items(id).iter().map(|item| inline(document, *item, json, depth + 1)).collect();
            format!("[{}]", items?.join(", "))
        }
        Kind::Mapping(..) => {
            let pair = |entry: &Entry| {
                let key = document
                    .text(entry.key)
                    .map(|key| if json { quoted(key) } else { scalar(key, Style::Plain, false) });
                Some(format!("{}: {}", key?, inline(document, entry.value, json, depth + 1)?))
            };
            let pairs: Option<Vec<String>> = document.effective_entries(id).iter().map(pair).collect();
            format!("{{{}}}", pairs?.join(", "))
        }
        Kind::Alias(_) => return None,
    };
    Some(about.tag.as_ref().map_or_else(|| text.clone(), |tag| format!("{tag} {text}")))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn scalar(text: &str, style: Style, json: bool) -> String {
    let legal = |c: char| c.is_ascii_alphanumeric() || "_./+-()*=@^~$".contains(c);
    let simple =
        text.starts_with(|c: char| c.is_ascii_alphanumeric() || "_./+-~$(^".contains(c)) && text.chars().all(legal);
    let bare = match (style, json) {
        (Style::Plain, true) => !matches!(resolve(text, style, None, Schema::Core), Scalar::Text(_)) && text != "~",
        (Style::Plain, false) => simple && text != "-" || text == "~",
        _ => false,
    };
    match (bare, style) {
        (true, _) => text.to_owned(),
        // in braces nothing but quotes keeps such text together; what PyYAML reads it as stays text
        (false, _) => quoted(text),
    }
}

/// Where a value ends; a key without one ends behind its colon, a block of text before its last line break.
fn value_end(document: &Document<'_>, entry: Entry) -> Option<usize> {
    let (key, value) = (document.node(entry.key).span.end as usize, document.node(entry.value).span);
    if value.is_empty() {
        let colon = document.source.get(key..)?.find(':')?;
        return Some(key + colon + 1);
    }
    let raw = document.source.get(..value.end as usize)?;
    let bare = raw.trim_end_matches(['\n', '\r', ' ']).len();
    Some(if raw.ends_with('\n') { bare.max(key + 1) } else { value.end as usize })
}

fn column(source: &str, at: usize) -> usize {
    let line = source.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    source.get(line..at).map_or(0, |text| text.trim_start_matches('\u{feff}').chars().count())
}

fn is_flow(document: &Document<'_>, mapping: NodeId) -> bool {
    document.node(mapping).span.slice(document.source).starts_with('{')
}

/// Takes the last entry of that key out; a section that holds nothing else goes too, unless the other text has it.
fn remove(text: &str, path: &Path, model: &Document<'_>) -> Option<String> {
    let document = parse(text);
    let parent = path.parent()?;
    let mapping = mapping_at(&document, &parent)?;
    let entries = document.entries(mapping);
    let at = entries.iter().rposition(|entry| document.text(entry.key) == Some(path.last()))?;
    if entries.len() == 1 {
        if parent.keys.is_empty() {
            return None;
        }
        if mapping_at(model, &parent).is_none() {
            return remove(text, &parent, model);
        }
        let section = entries_at(&document, &parent).last().copied()?;
        let (start, end) = (document.node(section.key).span.end as usize, value_end(&document, section)?);
        return apply(text, &[Edit { span: Span::new(start, end), text: ": {}".to_owned() }]);
    }
    let (before, after) = (at.checked_sub(1).and_then(|at| entries.get(at)), entries.get(at + 1));
    let pair = Pair {
        entry: *entries.get(at)?,
        flow: is_flow(&document, mapping),
        before: before.copied(),
        after: after.copied(),
    };
    let end = document.node(pair.entry.value).span.end as usize;
    let key = document.node(pair.entry.key).span.start as usize;
    let line = text.get(..key)?.rfind('\n').map_or(0, |newline| newline + 1);
    // a block of text has its line break already
    let block = text.get(..end)?.ends_with('\n') && text.get(line..key)?.trim().is_empty();
    let edit = if block { Edit { span: Span::new(line, end), text: String::new() } } else { pair.remove(&document)? };
    apply(text, &[edit])
}

/// Puts an entry of the other text beside the neighbours that it has there, opening sections that are missing.
fn insert(text: &str, path: &Path, model: &Document<'_>, entry: Entry) -> Option<String> {
    let document = parse(text);
    let mut depth = path.keys.len().checked_sub(1)?;
    let at = |depth: usize| Path { document: path.document, keys: path.keys.iter().take(depth).cloned().collect() };
    while depth > 0 && mapping_at(&document, &at(depth)).is_none_or(|node| document.entries(node).is_empty()) {
        depth -= 1;
    }
    let home = mapping_at(&document, &at(depth))?;
    let missing = path.keys.get(depth..)?;
    let head = missing.first()?;
    let flow = is_flow(&document, home) || document.entries(home).first().is_some_and(|e| in_braces(&document, e.key));
    let json = is_json(&document);
    let sibling = document.entries(home).first()?;
    let column = column(text, document.node(sibling.key).span.start as usize);
    let body = nested(model, entry, missing, flow, json, column)?;
    // an empty section is there already: it is replaced
    if missing.len() > 1
        && let Some(old) = own_entries(&document, home, head).last()
    {
        let (start, end) = (document.node(old.key).span.end as usize, value_end(&document, *old)?);
        return apply(text, &[Edit { span: Span::new(start, end), text: body }]);
    }
    let key = match missing.len() {
        1 => written_key(model, entry.key, json),
        _ => written_key(model, entries_at(model, &at(depth + 1)).last()?.key, json),
    };
    let edit = beside(&document, home, neighbours(model, &at(depth + 1)), flow, &format!("{key}{body}"))?;
    apply(text, &[edit])
}

fn written_key(model: &Document<'_>, key: NodeId, json: bool) -> String {
    let raw = model.node(key).span.slice(model.source);
    let text = model.text(key).unwrap_or(raw);
    match (json, is_json(model)) {
        (true, _) => quoted(text),
        (false, true) => scalar(text, Style::Plain, false),
        (false, false) => raw.to_owned(),
    }
}

/// `: value` of the first of `keys`, with the others below it.
fn nested(
    model: &Document<'_>,
    entry: Entry,
    keys: &[String],
    flow: bool,
    json: bool,
    column: usize,
) -> Option<String> {
    let Some((_, below)) = keys.split_first().filter(|(_, below)| !below.is_empty()) else {
        return behind_key(model, entry, flow, json, column);
    };
    let name = |key: &String| if json { quoted(key) } else { scalar(key, Style::Plain, false) };
    let inner = nested(model, entry, below, flow, json, column + STEP)?;
    let key = below.first().map(name)?;
    Some(if flow { format!(": {{{key}{inner}}}") } else { format!(":\n{}{key}{inner}", " ".repeat(column + STEP)) })
}

/// The keys before a place in the other text, nearest first, and those after it.
fn neighbours(model: &Document<'_>, path: &Path) -> (Vec<String>, Vec<String>) {
    let Some(mapping) = path.parent().and_then(|parent| mapping_at(model, &parent)) else { return Default::default() };
    let entries = model.effective_entries(mapping);
    let keys: Vec<&str> = entries.iter().filter_map(|entry| model.text(entry.key)).collect();
    let at = keys.iter().position(|key| *key == path.last()).unwrap_or(keys.len());
    let owned = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<String>>();
    let (mut before, after) = (owned(keys.get(..at).unwrap_or(&[])), owned(keys.get(at + 1..).unwrap_or(&[])));
    before.insert(0, path.last().to_owned());
    if let Some(before) = before.get_mut(1..) {
        before.reverse();
    }
    (before, after)
}

/// A pair behind the nearest neighbour before it, or in front of the nearest after it, or at the end.
fn beside(
    document: &Document<'_>,
    home: NodeId,
    (before, after): (Vec<String>, Vec<String>),
    flow: bool,
    pair: &str,
) -> Option<Edit> {
    let source = document.source;
    let find = |key: &String| own_entries(document, home, key).last().copied();
    let behind = before.iter().find_map(find);
    if behind.is_none()
        && let Some(next) = after.iter().find_map(find)
    {
        let start = document.node(next.key).span.start as usize;
        let line = source.get(..start)?.rfind('\n').map_or(0, |newline| newline + 1);
        let lead = source.get(line..start)?;
        let gap = if lead.trim().is_empty() { format!("{}{lead}", line_end(source)) } else { " ".to_owned() };
        if !flow && !lead.trim_start_matches('\u{feff}').trim().is_empty() {
            return None;
        }
        let comma = if flow { "," } else { "" };
        return Some(Edit { span: Span::new(start, start), text: format!("{pair}{comma}{gap}") });
    }
    let last = behind.or_else(|| document.entries(home).last().copied())?;
    let start = document.node(last.key).span.start as usize;
    let line = source.get(..start)?.rfind('\n').map_or(0, |newline| newline + 1);
    let lead = source.get(line..start)?.trim_start_matches('\u{feff}');
    let end = value_end(document, last)?;
    if flow {
        let gap = if lead.trim().is_empty() { format!("{}{lead}", line_end(source)) } else { " ".to_owned() };
        return Some(Edit { span: Span::new(end, end), text: format!(",{gap}{pair}") });
    }
    if !lead.trim().is_empty() {
        return None;
    }
    let at = source.get(end..)?.find('\n').map(|newline| end + newline + 1);
    Some(match at {
        Some(at) => Edit { span: Span::new(at, at), text: format!("{lead}{pair}{}", line_end(source)) },
        None => Edit { span: Span::new(source.len(), source.len()), text: format!("{}{lead}{pair}", line_end(source)) },
    })
}

/// The line end that the file uses.
fn line_end(source: &str) -> &'static str {
    if source.contains("\r\n") { "\r\n" } else { "\n" }
}
