//! Which change caused it: hypotheses, what probes say about them, and which probe to run next.

pub mod ancestry;
pub mod case;
pub mod choose;
pub mod posterior;
pub mod rates;
pub mod report;
pub mod search;
pub mod summary;
pub mod suspicion;
