//! Rules: data with a condition in a small typed language, evaluated with three-valued logic.
//!
//! Everything here but [`builtin`], [`eval`], [`render`] and [`view`] is also compiled into the build script, which checks every
//! rule file and embeds the result; that part depends on nothing but the catalogue.

pub mod builtin;
pub mod check;
pub mod eval;
pub mod expr;
pub mod guard;
pub mod load;
pub mod locate;
pub mod model;
pub mod nearest;
pub mod packed;
pub mod parse;
pub mod render;
pub mod token;
pub mod view;
