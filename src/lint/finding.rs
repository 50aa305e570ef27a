//! What the linter has to say, ready to be rendered: places, releases and words, no references into the file.

use std::borrow::Cow;

use super::fix::Fix;
use crate::document::{Position, Span};
use crate::rule::builtin::Mend;
use crate::rule::model::{Confidence, Phase, Severity};

/// A place with something to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The setting, where it is about one.
    pub field: Option<String>,
    /// The path of keys to it.
    pub path: String,
    /// Whether the finding stands here.
    pub primary: bool,
    /// What to say; may be empty.
    pub text: String,
    /// Bytes of the file.
    pub span: Span,
    /// First character.
    pub start: Position,
    /// One past the last character.
    pub end: Position,
}

/// Whether a finding holds in every release that may run the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// In all of them.
    Certain,
    /// In some.
    DependsOnRelease,
}

impl Certainty {
    /// The name used in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::DependsOnRelease => "depends-on-release",
        }
    }
}

/// Releases, by their patch names, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// The package they belong to.
    pub package: String,
    /// Where the rule fires.
    pub fails: Vec<String>,
    /// Where it is known not to.
    pub passes: Vec<String>,
    /// Both in words: `fails before 0.18`.
    pub summary: String,
    /// The one release that the user named.
    pub target: Option<String>,
    /// Where they named it.
    pub said_by: &'static str,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `shared-overlap-dispatcher`
    pub rule: Cow<'static, str>,
    /// `MOE0301`
    pub code: Cow<'static, str>,
    /// After what the releases and the user's flags made of the rule's own.
    pub severity: Severity,
    /// The rule's.
    pub confidence: Confidence,
    /// The rule's.
    pub phase: Phase,
    /// Over the target releases.
    pub certainty: Certainty,
    /// Whether it is the first check that would stop the run.
    pub blocking: bool,
    /// One line.
    pub message: String,
    /// What to type next; may be empty.
    pub help: String,
    /// The role of the file.
    pub role: String,
    /// The first is primary.
    pub labels: Vec<Label>,
    /// In which releases.
    pub releases: Verdicts,
    /// Where the knowledge comes from.
    pub sources: Vec<String>,
    /// What would make it go away, proven to change nothing else.
    pub fixes: Vec<Fix>,
    /// How a built-in rule would mend it, not yet proven.
    pub(crate) mend: Option<Mend>,
    /// The newest release in which it holds, by index.
    pub(crate) newest: usize,
    /// The exception that the framework raises, where it is known.
    pub raises: String,
    /// Rule, role, key paths and values in one number; no line numbers.
    pub fingerprint: String,
    /// Rank among the findings of a file: what the framework meets first comes first.
    pub(crate) order: (u8, u8, Vec<u32>),
}

impl Finding {
    /// The primary label; every finding has one.
    #[must_use]
    pub fn primary(&self) -> Option<&Label> {
        self.labels.iter().find(|label| label.primary)
    }
}

/// A rule that could not be decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Undecided {
    /// The rule's id.
    pub rule: Cow<'static, str>,
    /// The role of the file.
    pub role: String,
    /// What would decide it: names of settings, or `env CUDA_DEVICE_MAX_CONNECTIONS`.
    pub missing: Vec<String>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Read and checked.
    Linted,
    /// A dense model's config.
    NotMoe,
    /// Another kind of file.
    Unrecognised,
    /// It could not be read or parsed.
    Unreadable,
}

impl Status {
    /// The name used in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linted => "linted",
            Self::NotMoe => "not-moe",
            Self::Unrecognised => "unrecognised",
            Self::Unreadable => "unreadable",
        }
    }
}

/// FNV-1a, 64 bits: a fingerprint has to be the same on every machine and in every release of this program.
#[must_use]
pub fn fingerprint(parts: &[&str]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in part.bytes().chain(std::iter::once(0xff)) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}
