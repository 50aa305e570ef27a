//! The span tree: every node of a YAML or JSON file with its place, nothing resolved, nothing thrown away.

use std::borrow::Cow;
use std::collections::HashSet;

/// Bytes `start..end` of the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span from `usize` offsets; files of 4 GiB and more are refused before they get here.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        let clip = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: clip(start), end: clip(end) }
    }

    /// The part of `source` it covers.
    #[must_use]
    pub fn slice(self, source: &str) -> &str {
        source.get(self.start as usize..self.end as usize).unwrap_or("")
    }

    /// Whether it covers nothing.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// A node's place in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In single or double quotes.
    Quoted,
    /// `|` or `>`.
    Block,
    /// Not written at all: `key:` with nothing behind it.
    Absent,
}

/// A key and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: NodeId,
    /// The value.
    pub value: NodeId,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind<'s> {
    /// Text after unescaping; [`Node::span`] gives the raw text.
    Scalar(Cow<'s, str>, Style),
    /// A range of the document's entries, duplicates and order kept.
    Mapping(u32, u32),
    /// A range of the document's items.
    Sequence(u32, u32),
    /// `*name`, with the node that carries the anchor.
    Alias(NodeId),
}

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub struct Node<'s> {
    /// Where it stands, quotes included, anchor and tag not.
    pub span: Span,
    /// What it is.
    pub kind: Kind<'s>,
    /// `!!float` and the like, as written.
    pub tag: Option<Box<str>>,
    /// `&name`, where it carries one.
    pub anchor: Option<Span>,
}

/// Why (a part of) a file can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where the parser stopped.
    pub span: Span,
    /// What it said.
    pub message: String,
}

/// All documents of one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document<'s> {
    /// The file's text.
    pub source: &'s str,
    /// All nodes.
    pub nodes: Vec<Node<'s>>,
    /// All mappings' entries.
    pub entries: Vec<Entry>,
    /// All sequences' items.
    pub items: Vec<NodeId>,
    /// One root a document.
    pub roots: Vec<NodeId>,
    /// What could not be read.
    pub errors: Vec<SyntaxError>,
}

impl<'s> Document<'s> {
    /// The node with this id.
    ///
    /// # Panics
    /// Never for an id of this document.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node<'s> {
        &self.nodes[id.0 as usize]
    }

    /// The node, or the one an alias stands for.
    #[must_use]
    pub fn resolve(&self, id: NodeId) -> NodeId {
        match self.node(id).kind {
            Kind::Alias(target) => target,
            _ => id,
        }
    }

    /// The text of a scalar, through an alias.
    #[must_use]
    pub fn text(&self, id: NodeId) -> Option<&str> {
        match &self.node(self.resolve(id)).kind {
            Kind::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// The entries of a mapping as written; empty for anything else.
    #[must_use]
    pub fn entries(&self, id: NodeId) -> &[Entry] {
        match self.node(self.resolve(id)).kind {
            Kind::Mapping(start, end) => self.entries.get(start as usize..end as usize).unwrap_or(&[]),
            _ => &[],
        }
    }

    /// The items of a sequence; empty for anything else.
    #[must_use]
    pub fn items(&self, id: NodeId) -> &[NodeId] {
        match self.node(self.resolve(id)).kind {
            Kind::Sequence(start, end) => self.items.get(start as usize..end as usize).unwrap_or(&[]),
            _ => &[],
        }
    }

    /// Whether the node is a mapping, through an alias.
    #[must_use]
    pub fn is_mapping(&self, id: NodeId) -> bool {
        matches!(self.node(self.resolve(id)).kind, Kind::Mapping(..))
    }

    /// The value of `key`: the last one where it is written twice (as every YAML loader takes it), then merged ones.
    #[must_use]
    pub fn get(&self, mapping: NodeId, key: &str) -> Option<Entry> {
        let own = self.entries(mapping).iter().rev().find(|entry| self.text(entry.key) == Some(key)).copied();
        own.or_else(|| self.merged(mapping).into_iter().find(|entry| self.text(entry.key) == Some(key)))
    }

    /// A mapping's entries with those that `<<` brings in (its own win, earlier ones of a merge list win),
    /// each key once.
    #[must_use]
    pub fn effective_entries(&self, mapping: NodeId) -> Vec<Entry> {
        let own = self.entries(mapping);
        if !own.iter().any(|entry| self.is_merge(*entry)) {
            return own.to_vec();
        }
        let mut all: Vec<Entry> = own.iter().filter(|entry| !self.is_merge(**entry)).copied().collect();
        let mut known: HashSet<&str> = all.iter().filter_map(|entry| self.text(entry.key)).collect();
        for entry in self.merged(mapping) {
            if self.text(entry.key).is_none_or(|key| known.insert(key)) {
                all.push(entry);
            }
        }
        all
    }

    /// Whether an entry is a merge key.
    #[must_use]
    pub fn is_merge(&self, entry: Entry) -> bool {
        matches!(&self.node(entry.key).kind, Kind::Scalar(text, Style::Plain) if text == "<<")
    }

    fn merged(&self, mapping: NodeId) -> Vec<Entry> {
        let mut found = Vec::new();
        let mut seen = HashSet::from([self.resolve(mapping)]);
        let mut open: Vec<NodeId> = self.merge_sources(mapping);
        while let Some(source) = open.pop() {
            let source = self.resolve(source);
            if !seen.insert(source) {
                continue;
            }
            found.extend(self.entries(source).iter().filter(|entry| !self.is_merge(**entry)).copied());
            open.extend(self.merge_sources(source));
        }
        found
    }

    /// What `<<` names, last first so that popping gives the first.
    fn merge_sources(&self, mapping: NodeId) -> Vec<NodeId> {
        let mut sources = Vec::new();
        for entry in self.entries(mapping).iter().rev().filter(|entry| self.is_merge(**entry)) {
            let items = self.items(entry.value);
            if items.is_empty() {
                sources.push(entry.value);
            } else {
                sources.extend(items.iter().rev());
            }
        }
        sources
    }
}
