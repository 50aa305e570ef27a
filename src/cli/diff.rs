//! `moelint diff`: what changed between two configs, and whether it matters.
