//! The flags of `moelint diff`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args::{Color, FactArgs, RuleArgs};

/// Shown below the flags.
pub const EXAMPLES: &str = "\
A change is risky, and the exit status 1, when
  - a rule of error level starts to fire, or
  - a setting that the framework reads takes another effective value, and it decides about the dispatcher
    or its backend, or belongs to the group dispatcher, topology or precision.
Comments, order, spelling (1e-3 and 0.001), values that are the default anyway and old names of the same
setting are no changes. Both sides are read for the same releases: --target, or else the newest that has the
settings.

Examples:
  moelint diff old.yaml new.yaml
  moelint diff runs/1200/ runs/1201/ --target megatron-core=0.18
  moelint diff HEAD~1:configs/train.yaml configs/train.yaml
  moelint diff v1.0:train.yaml main:train.yaml --format json
  moelint diff --base origin/main configs/ --format markdown --output-file comment.md

Exit status: 0 nothing risky, 1 a risky change, 2 usage or unreadable path, 3 internal error";

/// `moelint diff`
#[derive(Args, Clone, Debug)]
pub struct DiffArgs {
    /// OLD and NEW: a file, a run's folder, `-`, or REV:PATH; with --base the files and folders to look at
    #[arg(value_name = "OLD NEW | PATH")]
    pub paths: Vec<PathBuf>,
    /// What the work tree changes since it left this branch or commit (all config files, or those below PATH)
    #[arg(long, value_name = "REV")]
    pub base: Option<String>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = DiffFormat::Human)]
    pub format: DiffFormat,
    /// Write there instead of to standard output
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Colours: auto is on for a terminal unless `NO_COLOR` is set
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// Leave out the text difference and the changes that mean nothing
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened; documented at its type")]
    pub facts: FactArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened; documented at its type")]
    pub rules: RuleArgs,
}

/// Forms of `diff`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// For people.
    Human,
    /// A comment for a review.
    Markdown,
    /// For programs.
    Json,
}
