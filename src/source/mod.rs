//! Where bytes come from.

pub mod read;
pub mod walk;
