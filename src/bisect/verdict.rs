//! What a probe says.

use serde::{Deserialize, Serialize};

/// One probe's outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The symptom did not show.
    Good,
    /// It did.
    Bad,
    /// Nobody can tell, and why: a lost node, another failure than the one looked for.
    Unresolved(String),
}
