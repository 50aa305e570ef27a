//! `moelint show` (see below).

use super::args::ShowArgs;
use super::{CliError, Exit};

/// Runs the command.
///
/// # Errors
/// [`CliError`].
pub fn run(_: &ShowArgs) -> Result<Exit, CliError> {
    Ok(Exit::Clean)
}
