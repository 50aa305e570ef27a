//! Configs over time: which commits changed what a run would do.

pub mod filter;
pub mod git;
pub mod reader;
pub mod rename;
pub mod timeline;
