//! Byte offsets → lines and columns.

/// The starts of a text's lines, found once.
#[derive(Clone, Debug)]
pub struct LineIndex {
    starts: Vec<u32>,
}

/// A place as a person counts it: line and column from 1, columns in characters; bytes from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Position {
    /// Offset from the start of the file.
    pub byte: u32,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

impl LineIndex {
    /// Indexes `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let after = newlines.map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX));
        Self { starts: std::iter::once(0).chain(after).collect() }
    }

    /// The position of a byte offset of the same text.
    #[must_use]
    pub fn position(&self, text: &str, byte: u32) -> Position {
        let line = self.starts.partition_point(|start| *start <= byte).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let before = text.get(start as usize..byte as usize).unwrap_or("").trim_start_matches('\u{feff}');
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Position { byte, line: number(line), column: number(before.chars().count() + 1) }
    }
}
