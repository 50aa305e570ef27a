//! YAML (and JSON, its subset) → span tree.

use std::borrow::Cow;

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle, Tag};

use super::plain;
use super::tree::{Document, Entry, Kind, Node, NodeId, Span, Style, SyntaxError};

/// Nested collections; no config comes near it, and walking the tree recurses this deep.
const MAX_NESTING: usize = 128;

/// Parses all documents of `source`. What can't be read is an entry in [`Document::errors`]; the documents before it
/// are kept.
#[must_use]
pub fn parse_yaml(source: &str) -> Document<'_> {
    let mut builder = Builder::new(source);
    if !builder.read_plain(source) {
        builder = Builder::new(source);
        builder.read(source, 0);
    }
    builder.document
}

/// As [`parse_yaml`], always by the full parser.
#[must_use]
pub fn parse_fully(source: &str) -> Document<'_> {
    let mut builder = Builder::new(source);
    builder.read(source, 0);
    builder.document
}

/// Parses JSON Lines: one document a line, a broken line being an error of its own.
#[must_use]
pub fn parse_json_lines(source: &str) -> Document<'_> {
    let mut builder = Builder::new(source);
    let mut offset = 0;
    for line in source.split_inclusive('\n') {
        if !line.trim().is_empty() {
            builder.read(line, offset);
        }
        offset += line.len();
    }
    builder.document
}

/// The header and footer between which Megatron-Bridge up to 0.3 printed its whole config to the log.
const PRINTED: (&str, &str) = ("------- Task Configuration -------", "----------------------------------");

/// The part of a log that is a printed config, if it holds one.
#[must_use]
pub fn printed_config(source: &str) -> Option<std::ops::Range<usize>> {
    let header = source.find(PRINTED.0)?;
    let start = header + source[header..].find('\n')? + 1;
    let end = source[start..].find(&format!("\n{}", PRINTED.1)).map_or(source.len(), |at| start + at + 1);
    Some(start..end)
}

/// Parses only a part of `source`; places are those in the whole.
#[must_use]
pub fn parse_part(source: &str, part: std::ops::Range<usize>) -> Document<'_> {
    let mut builder = Builder::new(source);
    if let Some(text) = source.get(part.clone()) {
        builder.read(text, part.start);
    }
    builder.document
}

/// Whether the text has an object on each of its lines: more than one document in the JSON Lines form.
#[must_use]
pub fn looks_like_json_lines(source: &str) -> bool {
    let mut lines = source.lines().map(str::trim).filter(|line| !line.is_empty());
    let object = |line: &str| line.starts_with('{') && line.len() > 2;
    lines.next().is_some_and(object) && lines.next().is_some_and(object) && lines.all(object)
}

/// A collection that is still open.
struct Frame {
    id: NodeId,
    mapping: bool,
    flow: bool,
    /// Where its children begin in [`Builder::pending`].
    children: usize,
}

struct Builder<'s> {
    document: Document<'s>,
    frames: Vec<Frame>,
    pending: Vec<NodeId>,
    /// Anchor id → node, for the document being read.
    anchors: Vec<(usize, NodeId)>,
    /// What to add to the parser's offsets.
    shift: usize,
}

impl<'s> Builder<'s> {
    fn new(source: &'s str) -> Self {
        let nodes = Vec::with_capacity(source.len() / 16);
        let document = Document { source, nodes, ..Document::default() };
        Self { document, frames: Vec::new(), pending: Vec::new(), anchors: Vec::new(), shift: 0 }
    }

    fn read(&mut self, text: &'s str, shift: usize) {
        self.shift = shift;
        let options = granit_parser::options! {
            emit_anchor_events: true,
            flow_nesting_limit: MAX_NESTING,
            block_nesting_limit: MAX_NESTING,
            block_scalar_eof_without_line_feed: true,
        };
        for next in Parser::new_from_str_with_options(text, options) {
            match next {
                Ok((event, span)) => {
                    let range = span.byte_range().unwrap_or(0..0);
                    self.event(event, Span::new(range.start + shift, range.end + shift));
                }
                Err(error) => {
                    self.abandon();
                    let at = error.marker().byte_offset().unwrap_or(0).min(text.len()) + shift;
                    let message = plain_message(&error.kind().to_string());
                    self.document.errors.push(SyntaxError { span: Span::new(at, at), message });
                    return;
                }
            }
        }
    }

    /// The quick way, for files of nothing but block mappings; whether it could be gone.
    fn read_plain(&mut self, source: &'s str) -> bool {
        let Some(lines) = plain::lines(source) else { return false };
        let mut indents: Vec<usize> = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let deeper = indents.last().is_none_or(|indent| line.indent > *indent);
            if deeper {
                if indents.is_empty() && line.indent > 0 {
                    return false;
                }
                indents.push(line.indent);
                if indents.len() > MAX_NESTING {
                    return false;
                }
                self.open(true, StructureStyle::Block, Span::new(line.key.0, line.key.0), 0, None);
            } else {
                while indents.last().is_some_and(|indent| *indent > line.indent) {
                    indents.pop();
                    self.close(Span::new(line.key.0, line.key.0));
                }
                if indents.last() != Some(&line.indent) {
                    return false;
                }
            }
            let span = |(start, end): (usize, usize)| Span::new(start, end);
            let key = span(line.key);
            self.node(Kind::Scalar(Cow::Borrowed(key.slice(source)), Style::Plain), key, 0, None);
            let opens = lines.get(at + 1).is_some_and(|next| next.indent > line.indent);
            if line.value.0 == line.value.1 {
                if !opens {
                    self.node(Kind::Scalar(Cow::Borrowed("~"), Style::Absent), span(line.value), 0, None);
                }
                continue;
            }
            if opens {
                return false;
            }
            if line.list {
                self.open(false, StructureStyle::Flow, Span::new(line.value.0, line.value.0 + 1), 0, None);
                for (start, item) in plain::items(line) {
                    let place = Span::new(start, start + item.len());
                    self.node(Kind::Scalar(Cow::Borrowed(item), Style::Plain), place, 0, None);
                }
                self.close(Span::new(line.value.1 - 1, line.value.1));
                continue;
            }
            let style = if line.quoted { Style::Quoted } else { Style::Plain };
            self.node(Kind::Scalar(Cow::Borrowed(line.text), style), span(line.value), 0, None);
        }
        let end = Span::new(source.len(), source.len());
        for _ in &indents {
            self.close(end);
        }
        self.event(Event::DocumentEnd, end);
        true
    }

    /// Drops what a broken document left half-built.
    fn abandon(&mut self) {
        self.frames.clear();
        self.pending.clear();
        self.anchors.clear();
    }

    fn event(&mut self, event: Event<'s>, span: Span) {
        match event {
            Event::DocumentStart(..) => self.abandon(),
            Event::DocumentEnd => {
                if let Some(root) = self.pending.pop() {
                    self.document.roots.push(root);
                }
                self.abandon();
            }
            Event::Scalar(text, style, anchor, tag) => {
                let style = scalar_style(style, span);
                self.node(Kind::Scalar(text, style), span, anchor, tag);
            }
            Event::Alias(anchor) => match self.anchored(anchor) {
                Some(target) => drop(self.node(Kind::Alias(target), span, 0, None)),
                None => drop(self.node(Kind::Scalar(Cow::Borrowed(""), Style::Absent), span, 0, None)),
            },
            Event::Anchor(id, _) => {
                if let Some(node) = self.anchored(id) {
                    self.document.nodes[node.0 as usize].anchor = Some(span);
                }
            }
            Event::MappingStart(style, anchor, tag) => self.open(true, style, span, anchor, tag),
            Event::SequenceStart(style, anchor, tag) => self.open(false, style, span, anchor, tag),
            Event::MappingEnd | Event::SequenceEnd => self.close(span),
            _ => {}
        }
    }

    /// The node that an anchor's id stands for; ids grow in the order of their nodes.
    fn anchored(&self, id: usize) -> Option<NodeId> {
        let at = self.anchors.binary_search_by_key(&id, |known| known.0).ok()?;
        self.anchors.get(at).map(|known| known.1)
    }

    fn node(&mut self, kind: Kind<'s>, span: Span, anchor: usize, tag: Option<Cow<'s, Tag>>) -> NodeId {
        let id = NodeId(u32::try_from(self.document.nodes.len()).unwrap_or(u32::MAX));
        let tag = tag.map(|tag| tag.original().into_boxed_str());
        self.document.nodes.push(Node { span, kind, tag, anchor: None });
        if anchor > 0 {
            self.anchors.push((anchor, id));
        }
        self.pending.push(id);
        id
    }

    fn open(&mut self, mapping: bool, style: StructureStyle, span: Span, anchor: usize, tag: Option<Cow<'s, Tag>>) {
        let kind = if mapping { Kind::Mapping(0, 0) } else { Kind::Sequence(0, 0) };
        let id = self.node(kind, span, anchor, tag);
        self.frames.push(Frame { id, mapping, flow: style == StructureStyle::Flow, children: self.pending.len() });
    }

    fn close(&mut self, span: Span) {
        let Some(frame) = self.frames.pop() else { return };
        let document = &mut self.document;
        let length = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        // a block collection's end event sits at the next token: its last child is where it really ends
        let last = self.pending.get(frame.children..).and_then(<[NodeId]>::last).filter(|_| !frame.flow);
        let end = last.map_or(span.end, |child| document.nodes[child.0 as usize].span.end);
        let children = self.pending.drain(frame.children..);
        let kind = if frame.mapping {
            let start = length(document.entries.len());
            let children: Vec<NodeId> = children.collect();
            document.entries.extend(children.chunks_exact(2).map(|pair| Entry { key: pair[0], value: pair[1] }));
            Kind::Mapping(start, length(document.entries.len()))
        } else {
            let start = length(document.items.len());
            document.items.extend(children);
            Kind::Sequence(start, length(document.items.len()))
        };
        let node = &mut document.nodes[frame.id.0 as usize];
        node.kind = kind;
        node.span.end = end.max(node.span.start);
    }
}

fn scalar_style(style: ScalarStyle, span: Span) -> Style {
    match style {
        ScalarStyle::Plain if span.is_empty() => Style::Absent,
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
        _ => Style::Quoted,
    }
}

/// The parser's words without its own place in the text, which counts characters.
fn plain_message(message: &str) -> String {
    message.trim().trim_end_matches('.').to_owned()
}
