//! The catalogue of rules as a page of Markdown.

use std::io::{self, Write};

use crate::facts::catalogue::Catalogue;
use crate::facts::release::{Package, ReleaseSet};
use crate::rule::model::{Phase, Rule, Severity};

/// Groups in the order of their codes, with what they are about.
const GROUPS: [(&str, &str); 15] = [
    ("file", "The file itself"),
    ("dispatcher", "Token dispatcher and flex backends"),
    ("capacity", "Expert capacity, token dropping, paged stash"),
    ("shared-experts", "Shared experts"),
    ("environment", "Machine, libraries and environment variables"),
    ("router", "Router"),
    ("quantization", "FP8 and FP4"),
    ("experts", "Experts and grouped GEMM"),
    ("parallelism", "Parallel layout"),
    ("overlap", "Communication overlap"),
    ("cuda-graphs", "CUDA graphs"),
    ("recompute", "Recomputation and offloading"),
    ("replay", "Dumps on another release"),
    ("recipe", "Recipes"),
    ("model", "Model architecture"),
];

/// Writes the page.
///
/// # Errors
/// Those of `out`.
pub fn markdown(out: &mut dyn Write, rules: &[&Rule], catalogue: &Catalogue) -> io::Result<()> {
    writeln!(out, "# Rules\n")?;
    let count = |severity| rules.iter().filter(|rule| rule.severity == severity).count();
    let (errors, warnings, infos) = (count(Severity::Error), count(Severity::Warning), count(Severity::Info));
    writeln!(
        out,
        "{} rules: {errors} errors, {warnings} warnings, {infos} of advice (shown with `--pedantic`). \
         `moelint explain RULE` tells the condition, what happens at run time, the fix and the sources.\n",
        rules.len()
    )?;
    writeln!(out, "This page is made by `moelint rules --markdown`.")?;
    let known = GROUPS.iter().map(|group| group.0);
    let others = rules.iter().map(|rule| rule.group.as_str()).filter(|name| known.clone().all(|group| group != *name));
    let mut more: Vec<&str> = others.collect();
    more.sort_unstable();
    more.dedup();
    let all = GROUPS.iter().copied().chain(more.iter().map(|name| (*name, *name)));
    for (name, title) in all {
        let own: Vec<&&Rule> = rules.iter().filter(|rule| rule.group == name).collect();
        if own.is_empty() {
            continue;
        }
        writeln!(out, "\n## {title} (`{name}`)\n")?;
        writeln!(out, "| code | rule | severity | when it is noticed | releases | what |\n|---|---|---|---|---|---|")?;
        for rule in own {
            row(out, rule, catalogue)?;
        }
    }
    Ok(())
}

fn row(out: &mut dyn Write, rule: &Rule, catalogue: &Catalogue) -> io::Result<()> {
    let summary = rule.summary.replace('|', "\\|");
    let releases = match catalogue.releases.packages.get(&rule.package) {
        Some(package) if !rule.cases.is_empty() => {
            let covered = rule.cases.iter().fold(ReleaseSet::NONE, |set, case| set.or(case.releases));
            let own = if rule.package == crate::facts::release::BRIDGE { "Bridge " } else { "" };
            format!("{own}{}", range(package, covered))
        }
        _ => "all".to_owned(),
    };
    let severity = rule.severity.name();
    writeln!(out, "| {} | `{}` | {severity} | {} | {releases} | {summary} |", rule.code, rule.id, when(rule.phase))
}

const fn when(phase: Phase) -> &'static str {
    match phase {
        Phase::File => "reading the file",
        Phase::Argparse => "parsing arguments",
        Phase::Args => "validating arguments",
        Phase::Groups => "forming process groups",
        Phase::Config => "building the config",
        Phase::Model => "building the model",
        Phase::FirstIteration => "first iteration",
        Phase::Runtime => "training",
        Phase::Hang => "never: it hangs",
        Phase::Silent => "never",
    }
}

/// `up to 0.17`, `0.16 to 0.18`, `from 0.19`, `all`.
fn range(package: &Package, set: ReleaseSet) -> String {
    let (Some(first), Some(last)) = (set.oldest(), set.newest()) else { return String::new() };
    let all = package.all();
    let (name, other) = (package.series(first), package.series(last));
    match (Some(first) == all.oldest(), Some(last) == all.newest()) {
        (true, true) => "all".to_owned(),
        (true, false) => format!("up to {other}"),
        (false, _) if first == last => name.to_owned(),
        (false, true) => format!("from {name}"),
        (false, false) => format!("{name} to {other}"),
    }
}
