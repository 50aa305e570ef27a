//! `moelint show`: requested → effective settings.

use crate::dialect::recognise;
use crate::document::parse;
use crate::effective::effects;
use crate::effective::run::{At, replay, untouched};
use crate::facts::catalogue;
use crate::facts::catalogue::Catalogue;
use crate::facts::field::FieldId;
use crate::facts::release::CORE;
use crate::facts::store::Facts;
use crate::lint::FileReport;
use crate::lint::target::Target;
use crate::output::show::{self, Role};
use crate::rule::view::{Outside, View};
use crate::source::read::read_text;
use crate::source::walk::Input;

use super::args::{ShowArgs, ShowFormat};
use super::surroundings::Surroundings;
use super::{CliError, Exit, with_stdout};

/// Runs the command.
///
/// # Errors
/// A file that can't be read or is no config.
pub fn run(args: &ShowArgs) -> Result<Exit, CliError> {
    let catalogue = catalogue();
    let (target, outside) = Surroundings::open(&args.facts, Some(&args.path))?.for_file(&args.path)?;
    let path = args.path.display();
    let log = Input { path: args.path.clone(), named: true }.is_log();
    let text = read_text(&args.path, log).map_err(|error| CliError::Usage(format!("{path}: {error}")))?;
    let document = parse(&text);
    let Some((dialect, roles)) = recognise(&document, catalogue) else {
        let problem = document.errors.first().map_or_else(
            || "not a config of a framework that moelint reads".to_owned(),
            |error| format!("cannot be parsed: {} (moelint check {path} shows where)", error.message),
        );
        return Err(CliError::Usage(format!("{path}: {problem}")));
    };
    let shown: Vec<Role> = roles.iter().map(|facts| role(facts, catalogue, &target, &outside, args.all)).collect();
    let report = FileReport::for_text(&args.path, &text, Some(dialect));
    with_stdout(|out| {
        match args.format {
            ShowFormat::Human => show::human(out, &report, &shown, catalogue)?,
            ShowFormat::Json => show::json(out, &report, &shown, catalogue)?,
        }
        Ok(Exit::Clean)
    })
}

/// Replays one role in the newest release that may run it.
fn role(facts: &Facts, catalogue: &Catalogue, target: &Target, outside: &Outside, all: bool) -> Role {
    let core = target.core(catalogue, facts);
    let release = core.target.newest().unwrap_or(0);
    let bridge = target.bridge(catalogue, core).target.newest();
    let view = View { facts, catalogue, outside, core: release, release };
    let mut settings = replay(effects(), view, At { core: release, bridge });
    if all {
        let listed: Vec<FieldId> = settings.iter().map(|setting| setting.field).collect();
        // what rules read in place of a setting is no setting
        let unrolled = catalogue.by_name("pipeline_layout");
        let others = facts.entries().filter(|(field, _)| !listed.contains(field) && Some(*field) != unrolled);
        for (field, _) in others {
            settings.push(untouched(field, &view));
        }
    }
    let package = catalogue.releases.packages.get(CORE);
    Role {
        facts: facts.clone(),
        settings,
        release: package.map_or_else(String::new, |package| package.series(release).to_owned()),
        assumed: core.target.len() > 1,
        candidates: package.map_or_else(Vec::new, |p| p.names(core.target).into_iter().map(str::to_owned).collect()),
    }
}
