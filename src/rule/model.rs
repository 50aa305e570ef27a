//! A rule as the program uses it: checked, with every name resolved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::facts::field::FieldId;
use crate::facts::release::ReleaseSet;
use crate::facts::shape::{Completeness, Frontend, Stage};

use super::expr::Expr;
use super::packed::Packed;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Advice.
    Info,
    /// Silently ignored, or a known hazard.
    Warning,
    /// Refused, or crashes.
    Error,
}

impl Severity {
    /// As written in rule files and in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How sure we are that the rule is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// The framework's own code was run and said so.
    Reproduced,
    /// The condition stands in the framework's source.
    Read,
    /// The framework's documentation says so.
    Documented,
    /// A user or a commit reported it.
    Reported,
    /// Inferred from code paths; never an error.
    Derived,
}

impl Confidence {
    /// As written in rule files and in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reproduced => "reproduced",
            Self::Read => "read",
            Self::Documented => "documented",
            Self::Reported => "reported",
            Self::Derived => "derived",
        }
    }
}

/// When the framework would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The file itself can't be read.
    File,
    /// Megatron-LM's flag parser.
    Argparse,
    /// Megatron-LM's `validate_args`.
    Args,
    /// Process groups.
    Groups,
    /// `TransformerConfig.__post_init__`.
    Config,
    /// Module construction.
    Model,
    /// The first step.
    FirstIteration,
    /// Any later step.
    Runtime,
    /// It stops without a message.
    Hang,
    /// Never.
    Silent,
}

impl Phase {
    /// As written in rule files and in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Argparse => "argparse",
            Self::Args => "args",
            Self::Groups => "groups",
            Self::Config => "config",
            Self::Model => "model",
            Self::FirstIteration => "first-iteration",
            Self::Runtime => "runtime",
            Self::Hang => "hang",
            Self::Silent => "silent",
        }
    }

    /// When that is, in words.
    #[must_use]
    pub const fn moment(self) -> &'static str {
        match self {
            Self::File => "while the file is read",
            Self::Argparse => "while the command line is parsed",
            Self::Args => "while the arguments are validated",
            Self::Groups => "while process groups are built",
            Self::Config => "while the model config is built",
            Self::Model => "while the model is built",
            Self::FirstIteration => "in the first iteration",
            Self::Runtime => "while the run trains",
            Self::Hang => "while the run trains, without a message",
            Self::Silent => "never: nothing is printed",
        }
    }

    /// What happens then, for the line under a finding that stops the run (`stops`) or does not.
    #[must_use]
    pub fn consequence(self, stops: bool) -> String {
        match (self, stops) {
            (Self::File, _) => "the file cannot be read as it is".to_owned(),
            (Self::Silent, _) => "nothing is printed, the run goes on".to_owned(),
            (Self::Hang, _) => "the run hangs without a message".to_owned(),
            (Self::Runtime, _) => "shows up while the run trains".to_owned(),
            (_, true) => format!("stops the run {}", self.moment()),
            (_, false) => format!("noticed {}", self.moment()),
        }
    }

    /// When it is reached under `frontend`, 0 first: Megatron-LM builds process groups before the model config,
    /// Megatron-Bridge and a bare `TransformerConfig` after it.
    #[must_use]
    pub const fn rank(self, frontend: Frontend) -> u8 {
        match self {
            Self::File => 0,
            Self::Argparse => 1,
            Self::Args => 2,
            Self::Groups if matches!(frontend, Frontend::MegatronLm) => 3,
            Self::Config => 4,
            Self::Groups => 5,
            Self::Model => 6,
            Self::FirstIteration => 7,
            Self::Runtime => 8,
            Self::Hang => 9,
            Self::Silent => 10,
        }
    }
}

/// Text with expressions in braces.
pub type Template = Packed<Vec<Part>>;

/// A piece of a [`Template`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Part {
    /// As it is.
    Text(String),
    /// To be evaluated, with its text.
    Expr(Expr, String),
}

/// One range of releases and what is wrong there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// The releases of the rule's package.
    pub releases: ReleaseSet,
    /// `given` and `when` in one.
    pub condition: Expr,
    /// What to say.
    pub message: Template,
    /// The settings that the condition reads.
    pub reads: Vec<FieldId>,
    /// Settings without which the condition is false in every release of the case: a file that lacks one of them needs
    /// no evaluation.
    pub guards: Vec<FieldId>,
    /// A partition of `releases` into sets in which every default that the condition reads is the same:
    /// one evaluation a set is enough.
    pub segments: Vec<ReleaseSet>,
}

/// What a label points at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Anchor {
    /// A setting's value.
    Field(FieldId),
    /// An environment variable that the file sets.
    Env(String),
}

/// A place to point at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleLabel {
    /// The setting or variable.
    pub at: Anchor,
    /// What to say there.
    pub text: Template,
    /// Only if this holds.
    pub when: Option<Expr>,
}

/// A change that would make the finding go away.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleFix {
    /// Whether the meaning is provably the same.
    pub safe: bool,
    /// Settings and their new values.
    pub set: Vec<(FieldId, Expr)>,
    /// Settings to delete.
    pub remove: Vec<FieldId>,
    /// Settings to rename.
    pub rename: Vec<(FieldId, FieldId)>,
}

impl Rule {
    /// Whether `name` (an id, a code, a prefix of a code such as `MOE03`, or a group) means this rule.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        name == self.id || name == self.group || (name.starts_with("MOE") && self.code.starts_with(name))
    }
}

/// A rule, ready to be evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// `shared-overlap-dispatcher`
    pub id: String,
    /// `MOE0301`
    pub code: String,
    /// `shared-experts`
    pub group: String,
    /// One line.
    pub summary: String,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// Whose releases the cases name.
    pub package: String,
    /// Readers that make the check; empty: all.
    pub frontends: Vec<Frontend>,
    /// When it is noticed.
    pub phase: Phase,
    /// Only for such files.
    pub completeness: Option<Completeness>,
    /// Only for such files.
    pub stage: Option<Stage>,
    /// Release ranges, none overlapping another.
    pub cases: Vec<Case>,
    /// Where to point; empty: at what the case reads.
    pub labels: Packed<Vec<RuleLabel>>,
    /// What to type next.
    pub help: Template,
    /// How to mend it.
    pub fix: Option<RuleFix>,
    /// What happens at run time.
    pub why: String,
    /// Literal fragments of what the framework prints.
    pub prints: Packed<Vec<String>>,
    /// The exception that the framework raises.
    pub raises: String,
    /// Source file of the check.
    pub file: String,
    /// The line of the check by release index, where it is known: the order in which checks are met. A check in a
    /// function that another one calls has the line of the call in front of its own.
    pub lines: Packed<BTreeMap<u8, Vec<u32>>>,
    /// Where the knowledge comes from.
    pub sources: Packed<Vec<String>>,
}
