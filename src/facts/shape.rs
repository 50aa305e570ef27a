//! What kind of file a set of facts came from.

use serde::{Deserialize, Serialize};

/// Whether presence of a key says anything about its author's intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Completeness {
    /// Written by a program: every field is there, defaults included.
    Dump,
    /// Written by a person: what is there was meant.
    Authored,
}

/// Whether the framework has already rewritten the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Before the framework looked at it.
    Requested,
    /// After the framework finalised it.
    Resolved,
}

/// Which program reads the settings, and so which checks they meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Frontend {
    /// Megatron-LM's command line, in whatever file its flags are kept.
    MegatronLm,
    /// Megatron-Bridge's config container.
    MegatronBridge,
    /// `TransformerConfig(**settings)`, nothing else in the file.
    Python,
    /// An in-house file; what its launcher does with it is not known.
    Generic,
}

impl Frontend {
    /// The name used in rule files and in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MegatronLm => "megatron-lm",
            Self::MegatronBridge => "megatron-bridge",
            Self::Python => "python",
            Self::Generic => "generic",
        }
    }
}
