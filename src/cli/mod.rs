//! Commands: each wires the layers together and decides nothing.

pub mod args;
pub mod bisect;
pub mod bisect_args;
pub mod check;
pub mod diff;
pub mod diff_args;
pub mod examples;
pub mod explain;
pub mod fixing;
pub mod keys;
pub mod mutate;
pub mod options;
pub mod rules;
pub mod runs;
pub mod runs_args;
pub mod schema;
pub mod search;
pub mod show;
mod sides;
pub mod surroundings;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};

/// Exit statuses, the same for every command and format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Nothing to complain about.
    Clean,
    /// Findings.
    Findings,
    /// Usage, configuration, unknown release, unreadable path, broken rule file.
    Usage,
    /// A bug.
    Internal,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Clean => 0,
            Exit::Findings => 1,
            Exit::Usage => 2,
            Exit::Internal => 3,
        })
    }
}

/// What a command could not do.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The user has to change the call.
    #[error("{0}")]
    Usage(String),
    /// A revision, or a file in it.
    #[error("{0}")]
    Git(#[from] crate::source::git::GitError),
    /// Writing failed.
    #[error("cannot write: {0}")]
    Io(#[from] io::Error),
}

/// Runs the program and gives its exit status. Never panics; a closed pipe ends it quietly.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let words = arguments.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let asked = !error.use_stderr();
            let _ = error.print();
            return if asked { Exit::Clean } else { Exit::Usage };
        }
    };
    let result = match cli.command {
        Command::Check(args) => check::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Bisect(args) => bisect::run(&args, words),
    };
    match result {
        Ok(exit) => exit,
        Err(CliError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Clean,
        Err(error) => {
            let _ = writeln!(io::stderr(), "moelint: {error}");
            Exit::Usage
        }
    }
}

/// Runs `body` with standard output, buffered.
fn with_stdout<T>(body: impl FnOnce(&mut dyn Write) -> Result<T, CliError>) -> Result<T, CliError> {
    let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let value = body(&mut out)?;
    out.flush()?;
    Ok(value)
}
