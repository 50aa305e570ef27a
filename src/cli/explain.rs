//! `moelint explain`: what a rule, a setting or a release means.

use std::io::Write;

use crate::facts::catalogue;
use crate::facts::catalogue::Catalogue;
use crate::facts::field::{Field, Owner};
use crate::facts::release::{CORE, ReleaseSet};
use crate::lint::target::in_words;
use crate::rule::model::{Part, Rule, Severity, Template};
use crate::rule::nearest::nearest;

use super::args::ExplainArgs;
use super::{CliError, Exit, options, with_stdout};

/// Runs the command.
///
/// # Errors
/// A name that means nothing, with the nearest one that does.
pub fn run(args: &ExplainArgs) -> Result<Exit, CliError> {
    let catalogue = catalogue();
    let own = options::user_rules(&args.rules, catalogue)?;
    let all = options::all_rules(&own);
    let name = args.name.trim();
    if let Some(rule) = all.iter().find(|rule| rule.id == name || rule.code.eq_ignore_ascii_case(name)) {
        return with_stdout(|out| explain_rule(out, rule, catalogue).map(|()| Exit::Clean));
    }
    if let Some((id, _)) = catalogue.find(name) {
        return with_stdout(|out| explain_field(out, catalogue.field(id), catalogue, &all).map(|()| Exit::Clean));
    }
    if let Ok(index) = catalogue.releases.find(CORE, name) {
        return with_stdout(|out| explain_release(out, index, catalogue, &all).map(|()| Exit::Clean));
    }
    let names = all.iter().flat_map(|rule| [rule.id.as_str(), rule.code.as_str()]);
    let fields = catalogue.fields.iter().map(|field| field.name.as_str());
    let hint =
        nearest(name, names.chain(fields)).map_or_else(String::new, |right| format!(", did you mean `{right}`?"));
    Err(CliError::Usage(format!("`{name}` is no rule, setting or release{hint}")))
}

fn explain_rule(out: &mut dyn Write, rule: &Rule, catalogue: &Catalogue) -> Result<(), CliError> {
    writeln!(out, "{} ({})\n{}\n", rule.id, rule.code, rule.summary)?;
    writeln!(out, "  severity    {}", rule.severity.name())?;
    writeln!(out, "  confidence  {}", rule.confidence.name())?;
    writeln!(out, "  what        {}", rule.phase.consequence(rule.severity == Severity::Error))?;
    writeln!(out, "  group       {}", rule.group)?;
    if !rule.frontends.is_empty() {
        let names: Vec<&str> = rule.frontends.iter().map(|frontend| frontend.name()).collect();
        writeln!(out, "  read by     {}", names.join(", "))?;
    }
    if let Some(package) = catalogue.releases.packages.get(&rule.package) {
        for case in &rule.cases {
            let names = package.names(case.releases);
            writeln!(out, "\n{} {}:", rule.package, names.join(", "))?;
            writeln!(out, "  {}", template(&case.message))?;
            let reads = case.reads.iter().map(|id| catalogue.field(*id).name.as_str());
            let reads: Vec<&str> = reads.filter(|name| *name != "partial_config").collect();
            writeln!(out, "  depends on {}", reads.join(", "))?;
        }
    }
    if !rule.why.trim().is_empty() {
        writeln!(out, "\n{}", rule.why.trim())?;
    }
    if !rule.help.is_empty() {
        writeln!(out, "\nfix: {}", template(&rule.help))?;
    }
    if !rule.prints.is_empty() {
        writeln!(out, "\nthe framework prints:")?;
        for text in rule.prints.iter() {
            writeln!(out, "  {text}")?;
        }
    }
    writeln!(out, "\nsources:")?;
    for source in rule.sources.iter() {
        writeln!(out, "  {source}")?;
    }
    writeln!(out, "\nsilence it with `# moelint: ignore[{}] reason` on the line, or --ignore {}", rule.id, rule.id)?;
    Ok(())
}

/// A template with its expressions left open: `<ep>`, or `…` for a longer one.
fn template(template: &Template) -> String {
    let piece = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Expr(_, text) if text.len() <= 40 => format!("<{text}>"),
        Part::Expr(..) => "…".to_owned(),
    };
    template.iter().map(piece).collect()
}

fn explain_field(out: &mut dyn Write, field: &Field, catalogue: &Catalogue, all: &[&Rule]) -> Result<(), CliError> {
    writeln!(out, "{}\n{}\n", field.name, field.doc)?;
    let owner = match field.owner {
        Owner::TransformerConfig => "TransformerConfig attribute",
        Owner::MLATransformerConfig => "MLATransformerConfig attribute",
        Owner::Args => "Megatron-LM command-line argument",
        Owner::Environment => "fact about the machine, given on moelint's command line",
    };
    writeln!(out, "  what        {owner}")?;
    writeln!(out, "  type        {}", field.type_text)?;
    if !field.choices.is_empty() {
        writeln!(out, "  choices     {}", choices(field, catalogue).join(", "))?;
    }
    for (title, names) in [
        ("flags", &field.flags),
        ("turned off", &field.off_flags),
        ("also", &field.aliases),
        ("opposite", &field.inverted),
    ] {
        if !names.is_empty() {
            writeln!(out, "  {title:10}  {}", names.join(", "))?;
        }
    }
    if let Some(deprecated) = &field.deprecated {
        let instead = deprecated.instead.as_deref().unwrap_or("nothing");
        writeln!(out, "  deprecated  since {}, use {instead}", deprecated.since)?;
    }
    defaults(out, field, catalogue)?;
    let about = |rule: &&&Rule| {
        rule.cases.iter().any(|case| case.reads.iter().any(|id| catalogue.field(*id).name == field.name))
    };
    let mut related: Vec<&&Rule> = all.iter().filter(about).collect();
    related.sort_by_key(|rule| std::cmp::Reverse(rule.severity));
    if !related.is_empty() {
        writeln!(out, "\nrules that read it:")?;
    }
    for rule in related {
        writeln!(out, "  {}  {:7}  {}", rule.code, rule.severity.name(), rule.id)?;
    }
    Ok(())
}

/// The default in each release.
fn defaults(out: &mut dyn Write, field: &Field, catalogue: &Catalogue) -> Result<(), CliError> {
    if let Some(package) = catalogue.releases.packages.get(CORE) {
        if !field.runs.is_empty() {
            writeln!(out, "\ndefault by release:")?;
        }
        for run in &field.runs {
            writeln!(out, "  {:30}  {}", package.names(run.releases).join(", "), run.default)?;
        }
        let missing = package.all().without(field.releases());
        if !missing.is_empty() && !field.runs.is_empty() {
            writeln!(out, "  {:30}  not there", package.names(missing).join(", "))?;
        }
    }
    Ok(())
}

/// The legal values, with the releases that have them where not all do.
fn choices(field: &Field, catalogue: &Catalogue) -> Vec<String> {
    let Some(package) = catalogue.releases.packages.get(CORE) else { return Vec::new() };
    let series = |index: Option<usize>| index.map_or("?", |index| package.series(index));
    let one = |(name, releases): &(String, ReleaseSet)| {
        let (first, last) = (releases.oldest(), releases.newest());
        match (first == package.all().oldest(), last == package.all().newest()) {
            (true, true) => name.clone(),
            (false, true) => format!("{name} (from {})", series(first)),
            (true, false) => format!("{name} (up to {})", series(last)),
            (false, false) => format!("{name} ({} to {})", series(first), series(last)),
        }
    };
    field.choices.iter().map(one).collect()
}

fn explain_release(out: &mut dyn Write, index: usize, catalogue: &Catalogue, all: &[&Rule]) -> Result<(), CliError> {
    let Some(package) = catalogue.releases.packages.get(CORE) else { return Ok(()) };
    let Some(release) = package.releases.get(index) else { return Ok(()) };
    writeln!(out, "{CORE} {} ({})\n", release.series, release.date)?;
    let read_from = release.tag.as_deref().or(release.commit.as_deref()).unwrap_or("?");
    writeln!(out, "  read from   {} ({read_from})", release.patch)?;
    let here = ReleaseSet::one(index);
    let before = index.checked_sub(1).map_or(ReleaseSet::NONE, ReleaseSet::one);
    let names = |wanted: &dyn Fn(&Field) -> bool| -> Vec<&str> {
        let config = |field: &&Field| matches!(field.owner, Owner::TransformerConfig | Owner::MLATransformerConfig);
        catalogue.fields.iter().filter(config).filter(|field| wanted(field)).map(|field| field.name.as_str()).collect()
    };
    if !before.is_empty() {
        let new = names(&|field| !field.releases().and(here).is_empty() && field.releases().and(before).is_empty());
        let gone = names(&|field| field.releases().and(here).is_empty() && !field.releases().and(before).is_empty());
        writeln!(out, "\nnew settings: {}", list(&new))?;
        writeln!(out, "removed settings: {}", list(&gone))?;
    }
    let borders = all.iter().filter(|rule| rule.package == CORE).filter(|rule| {
        let covered = rule.cases.iter().fold(ReleaseSet::NONE, |set, case| set.or(case.releases));
        covered.and(here).is_empty() != covered.and(before).is_empty() && !before.is_empty()
    });
    writeln!(out, "\nrules that begin or end here:")?;
    for rule in borders {
        let covered = rule.cases.iter().fold(ReleaseSet::NONE, |set, case| set.or(case.releases));
        writeln!(
            out,
            "  {}  {}: {}",
            rule.code,
            rule.id,
            in_words(package, covered, package.all(), false, rule.severity == Severity::Error)
        )?;
    }
    Ok(())
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
