//! Requested → effective: what each release silently makes of a request, replayed in the framework's own order.
//!
//! The steps are data (`lints/effects/`); [`model`] and [`load`] are also compiled into the build script.

pub mod load;
pub mod model;
pub mod run;

use std::sync::OnceLock;

use model::Effects;

/// The steps that the build script embedded.
#[must_use]
pub fn effects() -> &'static Effects {
    static EFFECTS: OnceLock<Effects> = OnceLock::new();
    EFFECTS.get_or_init(|| {
        let blob = include_bytes!(concat!(env!("OUT_DIR"), "/effects.bin"));
        postcard::from_bytes(blob).unwrap_or_default()
    })
}
