//! `duplicate-key`: a key written twice in one mapping; every YAML loader silently takes the last.

use crate::document::tree::{Document, Entry, Kind};

use super::{Draft, Mend};

/// One finding for each key that is written again.
#[must_use]
pub fn check(document: &Document<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let mut keys: Vec<(&str, usize)> = Vec::new();
    for node in &document.nodes {
        let Kind::Mapping(start, end) = node.kind else { continue };
        let entries = document.entries.get(start as usize..end as usize).unwrap_or(&[]);
        keys.clear();
        keys.extend(entries.iter().enumerate().filter_map(|(at, entry)| Some((document.text(entry.key)?, at))));
        keys.sort_unstable();
        for pair in keys.windows(2) {
            if let [(first, one), (second, two)] = pair
                && first == second
                && *first != "<<"
                && let (Some(one), Some(two)) = (entries.get(*one), entries.get(*two))
            {
                drafts.push(draft(document, second, *one, *two));
            }
        }
    }
    drafts.sort_by_key(|draft| draft.labels.first().map(|label| label.0));
    drafts
}

fn draft(document: &Document<'_>, key: &str, first: Entry, second: Entry) -> Draft {
    let value = |entry: Entry| document.node(entry.value).span.slice(document.source);
    let (old, new) = (value(first), value(second));
    let message = if old == new {
        format!("`{key}` is written twice with the same value")
    } else {
        format!("`{key}` is written twice; the last one wins")
    };
    let place = |entry: Entry| document.node(entry.key).span;
    Draft {
        rule: "duplicate-key",
        message,
        help: format!("delete one of the two `{key}` lines"),
        labels: vec![
            (place(second), "this one is used".to_owned()),
            (place(first), "this one is silently dropped".to_owned()),
        ],
        field: None,
        path: key.to_owned(),
        severity: None,
        phase: None,
        mend: Some(Mend::Remove(place(first), old == new)),
    }
}
