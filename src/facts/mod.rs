//! Canonical settings: what a file says, what a release would use, and what nobody knows.
//!
//! [`mod@catalogue`], [`field`], [`release`], [`shape`] and [`value`] are also compiled into the build script.

pub mod catalogue;
pub mod environment;
pub mod field;
pub mod layout;
pub mod release;
pub mod shape;
pub mod store;
pub mod value;

use std::sync::OnceLock;

use catalogue::Catalogue;

/// The catalogue that the build script embedded.
#[must_use]
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        let blob = include_bytes!(concat!(env!("OUT_DIR"), "/catalogue.bin"));
        postcard::from_bytes(blob).unwrap_or_default()
    })
}
