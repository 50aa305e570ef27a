//! Training logs → steps with canonical metrics → verdicts on runs.
//!
//! ```text
//! bytes ──line──▶ text + rank ──format──▶ what it says ──read──▶ one log ──merge──▶ the run ──steady, outcome──▶ summaries
//! summaries of many runs ──change_point──▶ where they changed · of a candidate ──sequential──▶ good or bad
//! ```
//!
//! What frameworks print is data: `lints/log-formats/`, one file a framework, and `lints/log-signs.yaml` for crashes. The
//! engine knows canonical metrics only. Everything behind [`read`] is pure.

pub mod change_point;
pub mod distribution;
pub mod format;
pub mod line;
pub mod merge;
pub mod metric;
pub mod outcome;
pub mod read;
pub mod sequential;
pub mod stats;
pub mod steady;
pub mod table;

pub use format::{Formats, formats};
pub use merge::RunLog;
pub use metric::{Metric, Values};
pub use outcome::Outcome;
pub use read::{LogReader, RankLog, Step, read_log};
pub use steady::{Summary, steady, summary};
