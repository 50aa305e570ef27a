//! What changed between two configs, in the settings that the framework goes on with.

pub mod change;
pub mod compare;
pub mod compose;
pub mod judge;
pub mod raw;
pub mod relevance;
pub mod snapshot;
pub mod table;
