//! What stands beside the configs and says where they will run: `moelint.toml`, a facts file, lock files.
//!
//! Each yields a [`Layer`]; later layers win over earlier ones, and the command line over all of them.

pub mod facts_file;
pub mod layer;
pub mod lock;
pub mod requirement;
pub mod settings;

pub use layer::{Layer, Packaged, merge};
