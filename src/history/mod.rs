//! Configs over time: which commits changed what a run would do.

pub mod filter;
pub mod git;
pub mod reader;
pub mod rename;
pub mod run_configs;
pub mod run_folder;
pub mod run_lines;
pub mod runs;
pub mod timeline;
