//! Where bytes come from.

pub mod git;
pub mod read;
pub mod run_dir;
pub mod walk;
