//! moelint reads configs of Mixture-of-Experts training runs and says, before the job starts, what the framework would
//! refuse, silently change or run badly, for the release that will run them.
//!
//! Data moves one way, one folder an arrow:
//!
//! ```text
//! bytes ──document──▶ span tree ──dialect──▶ facts ──rule, lint──▶ findings ──output──▶ text
//! ```
//!
//! [`source`] and [`output`] do all input and output; what is between them is pure.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
// a program that reads other people's files at 3 a.m. has no business panicking; tests may
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

pub mod bisect;
pub mod cli;
pub mod delta;
pub mod dialect;
pub mod document;
pub mod effective;
pub mod facts;
pub mod history;
pub mod lint;
pub mod output;
pub mod project;
pub mod rule;
pub mod run_log;
pub mod source;
