//! Bytes → span tree. Nothing is resolved on reading: what a scalar means depends on who reads the file.

pub mod arg_dump;
pub mod lines;
pub mod scalar;
pub mod tree;
pub mod yaml;

pub use lines::{LineIndex, Position};
pub use tree::{Document, NodeId, Span};
