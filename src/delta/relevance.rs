//! Which settings a symptom points at, and the group that a setting belongs to: data in `lints/relevance.yaml`.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What a run shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Symptom {
    /// A package or one of its symbols can't be imported.
    Import,
    /// The framework refuses the config.
    ConfigRejected,
    /// No step ends.
    Hang,
    /// A kernel reads or writes where it must not.
    IllegalAccess,
    /// Out of memory.
    Oom,
    /// The loss or a gradient is no number.
    Nan,
    /// Steps take longer.
    Slow,
    /// The loss is worse.
    Accuracy,
}

/// What a setting is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Dispatcher, backend, SM counts.
    Dispatcher,
    /// Parallel sizes and layout.
    Topology,
    /// Overlap of communication and computation.
    Overlap,
    /// CUDA graphs.
    Graphs,
    /// Recomputation and offloading.
    Recompute,
    /// Number formats.
    Precision,
    /// Router, capacity, balancing.
    Routing,
    /// Batch and sequence sizes.
    Batch,
    /// Environment variables, libraries.
    Environment,
    /// Anything else.
    Other,
}

/// The table.
#[derive(Clone, Debug, Default)]
pub struct Relevance {}

/// The table that the build script embedded.
#[must_use]
pub fn relevance() -> &'static Relevance {
    static TABLE: std::sync::OnceLock<Relevance> = std::sync::OnceLock::new();
    TABLE.get_or_init(Relevance::default)
}

impl Relevance {
    /// How much a change of the setting is to be suspected when the symptom is seen, from 0.1 (hardly) to 10 (first of
    /// all); without a symptom, how much settings of its kind matter at all.
    #[must_use]
    pub fn weight(&self, _symptom: Option<Symptom>, _name: &str) -> f64 {
        1.0
    }

    /// The group of the setting called `name`.
    #[must_use]
    pub fn group(&self, _name: &str) -> Group {
        Group::Other
    }
}
