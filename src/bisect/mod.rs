//! Which change caused it: hypotheses, what probes say about them, and which probe to run next.

pub mod ancestry;
pub mod choose;
pub mod executor;
pub mod posterior;
pub mod rates;
pub mod search;
pub mod suspicion;
pub mod verdict;
