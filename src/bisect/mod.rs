//! Which change caused it: hypotheses, what probes say about them, and which probe to run next.

pub mod ancestry;
pub mod case;
pub mod choose;
pub mod dependency;
pub mod difference;
pub mod evidence;
pub mod materialise;
pub mod paths;
pub mod posterior;
pub mod rates;
pub mod reduce;
pub mod reduction;
pub mod report;
pub mod search;
pub mod spell;
pub mod splice;
pub mod summary;
pub mod suspicion;
pub mod verdict;
