//! Steps by which a framework rewrites what was asked for, as data.

use serde::{Deserialize, Serialize};

use crate::facts::field::FieldId;
use crate::facts::release::ReleaseSet;
use crate::facts::shape::{Frontend, Stage};
use crate::facts::value::Value;
use crate::rule::expr::Expr;
use crate::rule::model::Template;

/// One change that a step makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// Gives the setting the expression's value.
    Set(FieldId, Expr),
    /// Appends an item to a list, unless it is there.
    Add(FieldId, Value),
    /// Takes an item out of a list.
    Drop(FieldId, Value),
}

impl Change {
    /// The setting it changes.
    #[must_use]
    pub const fn field(&self) -> FieldId {
        match self {
            Self::Set(field, _) | Self::Add(field, _) | Self::Drop(field, _) => *field,
        }
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its name.
    pub id: String,
    /// Whose releases it names.
    pub package: String,
    /// Readers that take it; empty: all.
    pub frontends: Vec<Frontend>,
    /// Only for such files.
    pub stage: Option<Stage>,
    /// In these releases.
    pub releases: ReleaseSet,
    /// If this holds.
    pub when: Expr,
    /// What it does.
    pub changes: Vec<Change>,
    /// In words.
    pub text: Template,
    /// Where that stands.
    pub source: String,
}

/// A setting that `show` always lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// The setting.
    pub field: FieldId,
    /// If this holds after all steps.
    pub when: Option<Expr>,
}

/// All steps in the order in which the framework takes them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Effects {
    /// Always listed, in this order.
    pub shown: Vec<Shown>,
    /// In order.
    pub steps: Vec<Step>,
}
