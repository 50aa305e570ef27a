//! The `moelint` program: parse arguments, run, map to an exit status.

use std::process::ExitCode;

fn main() -> ExitCode {
    moelint::cli::run(std::env::args_os()).into()
}
