//! Which change caused it: hypotheses, what probes say about them, and which probe to run next.

pub mod ancestry;
pub mod choose;
pub mod evidence;
pub mod posterior;
pub mod rates;
pub mod reduce;
pub mod reduction;
pub mod search;
pub mod suspicion;
pub mod verdict;
