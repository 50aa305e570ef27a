//! Places in a config by the keys that lead to them, so that the same place can be found in another text.

use std::collections::BTreeMap;
use std::fmt;

use crate::document::scalar::{Scalar, Schema, resolve};
use crate::document::tree::{Document, Entry, Kind, NodeId, Span, Style};

/// Deepest mapping that is looked into.
const MAX_DEPTH: usize = 32;
/// Most keys of one file: aliases of aliases multiply.
const MAX_KEYS: usize = 50_000;

/// Document and keys from the root on.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// Which document of the file.
    pub document: usize,
    /// Keys as text.
    pub keys: Vec<String>,
}

impl Path {
    /// One key deeper.
    #[must_use]
    pub fn child(&self, key: &str) -> Self {
        let mut keys = self.keys.clone();
        keys.push(key.to_owned());
        Self { document: self.document, keys }
    }

    /// One key less; `None`: the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, keys) = self.keys.split_last()?;
        Some(Self { document: self.document, keys: keys.to_vec() })
    }

    /// The last key.
    #[must_use]
    pub fn last(&self) -> &str {
        self.keys.last().map_or("", String::as_str)
    }

    /// Whether `other` is this place or lies below it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.document == other.document && other.keys.starts_with(&self.keys)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.document > 0 {
            write!(out, "{}:", self.document + 1)?;
        }
        out.write_str(&self.keys.join("."))
    }
}

/// All that stands at the end of each path, in a form that does not depend on how it is written; a key written twice has
/// both. Mappings that hold nothing say nothing.
pub type Leaves = BTreeMap<Path, Vec<String>>;

/// The leaves of a text, and where the keys of all paths stand.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// What the text says.
    pub leaves: Leaves,
    /// Which paths a key is a part of: several where it is merged or aliased into other places.
    pub keys: BTreeMap<Span, Vec<Path>>,
}

impl Index {
    /// Reads the whole document.
    #[must_use]
    pub fn new(document: &Document<'_>) -> Self {
        let mut index = Self::default();
        let mut left = MAX_KEYS;
        for (at, root) in document.roots.iter().enumerate() {
            let path = Path { document: at, keys: Vec::new() };
            index.mapping(document, *root, &path, 0, &mut left);
        }
        index
    }

    fn mapping(&mut self, document: &Document<'_>, node: NodeId, path: &Path, depth: usize, left: &mut usize) {
        for entry in document.effective_entries(node) {
            let Some(key) = document.text(entry.key) else { continue };
            if *left == 0 || depth > MAX_DEPTH {
                return;
            }
            *left -= 1;
            let path = path.child(key);
            self.keys.entry(document.node(entry.key).span).or_default().push(path.clone());
            if document.is_mapping(entry.value) {
                self.mapping(document, entry.value, &path, depth + 1, left);
            } else {
                self.leaves.entry(path).or_default().push(meaning(document, entry.value, 0));
            }
        }
    }

    /// The leaves at or below a path.
    pub fn below<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = (&'a Path, &'a Vec<String>)> {
        self.leaves.range(path.clone()..).take_while(|(leaf, _)| path.covers(leaf))
    }
}

/// A value in a form that two spellings of the same text share: quotes count only where the text would be something
/// else without them.
fn meaning(document: &Document<'_>, node: NodeId, depth: usize) -> String {
    let id = document.resolve(node);
    let about = document.node(id);
    let tag = about.tag.as_deref().unwrap_or("");
    let inner = |node: NodeId| meaning(document, node, depth + 1);
    match &about.kind {
        Kind::Scalar(_, Style::Absent) => "nothing".to_owned(),
        Kind::Scalar(text, style) => {
            let plain = |schema| matches!(resolve(text, *style, None, schema), Scalar::Text(_));
            let is_text = [Schema::PyYaml, Schema::OmegaConf, Schema::Core].into_iter().all(plain);
            format!("{tag}{}{text:?}", if is_text { "text " } else { "" })
        }
        _ if depth > MAX_DEPTH => "deep".to_owned(),
        Kind::Sequence(..) => {
            let items: Vec<String> = document.items(id).iter().map(|item| inner(*item)).collect();
            format!("{tag}[{}]", items.join(", "))
        }
        Kind::Mapping(..) => {
            let entries = document.effective_entries(id);
            let pairs: Vec<String> = entries.iter().map(|e| format!("{}: {}", inner(e.key), inner(e.value))).collect();
            format!("{tag}{{{}}}", pairs.join(", "))
        }
        Kind::Alias(_) => "alias".to_owned(),
    }
}

/// The mapping at a path.
#[must_use]
pub fn mapping_at(document: &Document<'_>, path: &Path) -> Option<NodeId> {
    let mut node = document.resolve(*document.roots.get(path.document)?);
    for key in &path.keys {
        node = document.resolve(document.get(node, key)?.value);
    }
    document.is_mapping(node).then_some(node)
}

/// The entries at a path: those that the mapping has itself, or else the one that it takes from another.
#[must_use]
pub fn entries_at(document: &Document<'_>, path: &Path) -> Vec<Entry> {
    let Some(mapping) = path.parent().and_then(|parent| mapping_at(document, &parent)) else { return Vec::new() };
    let own = own_entries(document, mapping, path.last());
    if own.is_empty() { document.get(mapping, path.last()).into_iter().collect() } else { own }
}

/// What a place that is no section says, as in [`Index::leaves`].
#[must_use]
pub fn leaf_at(document: &Document<'_>, path: &Path) -> Option<Vec<String>> {
    let entries = entries_at(document, path);
    let leaves = entries.iter().filter(|entry| !document.is_mapping(entry.value));
    let leaves: Vec<String> = leaves.map(|entry| meaning(document, entry.value, 0)).collect();
    (!leaves.is_empty()).then_some(leaves)
}

/// The entries of that key which the mapping has itself.
#[must_use]
pub fn own_entries(document: &Document<'_>, mapping: NodeId, key: &str) -> Vec<Entry> {
    let entries = document.entries(mapping).iter();
    entries.filter(|entry| document.text(entry.key) == Some(key)).copied().collect()
}
