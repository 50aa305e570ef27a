//! Which change caused it: hypotheses, what probes say about them, and which probe to run next.

pub mod ancestry;
pub mod case;
pub mod choose;
pub mod classes;
pub mod drive;
pub mod executor;
pub mod place;
pub mod plan;
pub mod posterior;
pub mod rates;
pub mod recorded;
pub mod report;
pub mod search;
pub mod session;
pub mod summary;
pub mod suspicion;
pub mod verdict;
pub mod worktree;
