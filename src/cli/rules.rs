//! `moelint rules`: the catalogue.

use serde_json::json;

use crate::facts::catalogue;
use crate::rule::model::Rule;

use super::args::{RulesAction, RulesArgs};
use super::{CliError, Exit, options, with_stdout};

/// Runs the command.
///
/// # Errors
/// [`CliError`].
pub fn run(args: &RulesArgs) -> Result<Exit, CliError> {
    if let Some(RulesAction::Test(test)) = &args.action {
        return super::examples::run(test);
    }
    let catalogue = catalogue();
    let own = options::user_rules(&args.rules, catalogue)?;
    let chosen = |rule: &&Rule| args.group.as_ref().is_none_or(|group| rule.group == *group);
    let all: Vec<&Rule> = options::all_rules(&own).into_iter().filter(chosen).collect();
    if all.is_empty() {
        let group = args.group.as_deref().unwrap_or("");
        return Err(CliError::Usage(format!("no rules in group `{group}` (moelint rules lists them all)")));
    }
    with_stdout(|out| {
        if args.markdown {
            crate::output::rules_doc::markdown(out, &all, catalogue)?;
        } else if args.json {
            let list: Vec<_> = all.iter().map(|rule| describe(rule)).collect();
            serde_json::to_writer_pretty(&mut *out, &list).map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            for rule in &all {
                let (code, id, severity) = (&rule.code, &rule.id, rule.severity.name());
                writeln!(
                    out,
                    "{code}  {severity:7}  {group:14}  {id:44}  {summary}",
                    group = rule.group,
                    summary = rule.summary
                )?;
            }
            writeln!(out, "\n{} rules; moelint explain RULE tells more about one", all.len())?;
        }
        Ok(Exit::Clean)
    })
}

fn describe(rule: &Rule) -> serde_json::Value {
    let releases: Vec<_> = rule
        .cases
        .iter()
        .map(|case| {
            let package = catalogue().releases.packages.get(&rule.package);
            package.map_or_else(Vec::new, |package| package.names(case.releases))
        })
        .collect();
    json!({
        "id": rule.id,
        "code": rule.code,
        "group": rule.group,
        "severity": rule.severity.name(),
        "confidence": rule.confidence.name(),
        "phase": rule.phase.name(),
        "package": rule.package,
        "summary": rule.summary,
        "releases": releases,
        "sources": *rule.sources,
    })
}
