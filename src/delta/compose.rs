//! Configs that take what they don't say from other files: `defaults:` (NeMo-RL, Hydra), `extends:`, `_base_:`.

use crate::document::tree::{Document, NodeId};

use super::snapshot::Snapshot;

/// Keys that name parents.
const KEYS: [&str; 3] = ["defaults", "extends", "_base_"];
/// Longest chain of parents that is followed.
pub const MAX_DEPTH: usize = 8;

/// The files that a config at `path` names as its parents, relative to the top, the strongest last.
#[must_use]
pub fn parents(document: &Document<'_>, path: &str) -> Vec<String> {
    let Some(root) = document.roots.first() else { return Vec::new() };
    let folder = path.rfind('/').and_then(|at| path.get(..at)).unwrap_or("");
    let mut found = Vec::new();
    for key in KEYS {
        let Some(entry) = document.get(*root, key) else { continue };
        names(document, entry.value, &mut found);
    }
    found.iter().map(|name| normal(folder, name)).collect()
}

fn names(document: &Document<'_>, node: NodeId, found: &mut Vec<String>) {
    if let Some(text) = document.text(node) {
        if text != "_self_" && !text.is_empty() {
            found.push(text.to_owned());
        }
        return;
    }
    for item in document.items(node) {
        if document.text(*item).is_some() {
            names(document, *item, found);
        }
        // Hydra: `- model: qwen3` is model/qwen3.yaml
        for pair in document.entries(*item) {
            if let (Some(group), Some(option)) = (document.text(pair.key), document.text(pair.value)) {
                let group = group.trim_start_matches("override ").trim_start_matches('/');
                found.push(format!("{}/{option}", group.split('@').next().unwrap_or(group)));
            }
        }
    }
}

/// A relative name without `.` and `..`, with its ending.
fn normal(folder: &str, name: &str) -> String {
    let mut parts: Vec<&str> = if name.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.retain(|part| !part.is_empty());
    let joined = parts.join("/");
    let known = [".yaml", ".yml", ".json"].iter().any(|ending| joined.ends_with(ending));
    if known { joined } else { format!("{joined}.yaml") }
}

/// The child over its parent: what the child says wins, the rest comes from `path`.
#[must_use]
pub fn over(child: &Snapshot, parent: &Snapshot, path: &str) -> Snapshot {
    let mut whole = child.clone();
    for theirs in &parent.roles {
        let ours = if let Some(ours) = whole.roles.iter_mut().find(|role| role.name == theirs.name) {
            ours
        } else {
            whole
                .roles
                .insert(0, super::snapshot::Role { settings: super::snapshot::Settings::new(), ..theirs.clone() });
            let Some(first) = whole.roles.first_mut() else { continue };
            first
        };
        for (name, setting) in &theirs.settings {
            if ours.settings.contains_key(name) {
                continue;
            }
            let mut setting = setting.clone();
            if let Some(place) = setting.place.as_mut().filter(|place| place.via.is_none()) {
                place.via = Some(path.to_owned());
            }
            ours.settings.insert(name.clone(), setting);
        }
    }
    whole.dialect = child.dialect.or(parent.dialect);
    whole
}
