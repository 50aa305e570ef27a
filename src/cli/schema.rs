//! `moelint schema`: JSON Schemas, as they are kept in `lints/schemas/`.

use super::args::{SchemaArgs, SchemaOf};
use super::{CliError, Exit, with_stdout};

/// Runs the command.
///
/// # Errors
/// Those of standard output.
pub fn run(args: &SchemaArgs) -> Result<Exit, CliError> {
    let text = match args.of {
        SchemaOf::Rule => include_str!("../../lints/schemas/rule.schema.json"),
        SchemaOf::Config => include_str!("../../lints/schemas/config.schema.json"),
        SchemaOf::Facts => include_str!("../../lints/schemas/facts.schema.json"),
        SchemaOf::Output => include_str!("../../lints/schemas/output.schema.json"),
        SchemaOf::Diff => include_str!("../../lints/schemas/diff.schema.json"),
        SchemaOf::Bisect => include_str!("../../lints/schemas/bisect.schema.json"),
    };
    with_stdout(|out| {
        out.write_all(text.as_bytes())?;
        Ok(Exit::Clean)
    })
}
