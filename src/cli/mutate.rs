//! `moelint rules test --mutate`: whether the examples would notice a wrong rule.
//!
//! A mutant is a rule without one of the conditions joined by `&&`, or with a last release more or less. Examples
//! that say the same of a mutant as of the rule don't show what that part is there for.

use crate::facts::catalogue;
use crate::facts::release::ReleaseSet;
use crate::facts::value::Value;
use crate::rule::expr::{Expr, Node};
use crate::rule::guard::conjuncts;
use crate::rule::model::{Case, Rule};

use super::CliError;
use super::examples::{Example, about_rule};

/// What no example notices, in words.
///
/// # Errors
/// As for the examples themselves.
pub fn survivors(rule: &Rule, examples: &[&Example]) -> Result<Vec<String>, CliError> {
    let mut survivors = Vec::new();
    for (what, mutant) in mutants(rule) {
        let mut noticed = false;
        for example in examples {
            noticed = noticed || !about_rule(example, &mutant)?.is_empty();
        }
        if !noticed {
            survivors.push(format!("{}: no example notices {what}", rule.id));
        }
    }
    Ok(survivors)
}

fn mutants(rule: &Rule) -> Vec<(String, Rule)> {
    let mut mutants = Vec::new();
    for (index, case) in rule.cases.iter().enumerate() {
        let conjuncts = conjuncts(&case.condition);
        for (left_out, conjunct) in conjuncts.iter().enumerate() {
            let rest = conjuncts.iter().enumerate().filter(|(other, _)| *other != left_out).map(|(_, expr)| *expr);
            let condition = rest.cloned().reduce(Expr::and).unwrap_or_else(|| constant(conjunct));
            let what = format!("case {} without condition {}, {}", index + 1, left_out + 1, words(conjunct));
            mutants.push((what, with_case(rule, index, Case { condition, guards: Vec::new(), ..case.clone() })));
        }
        mutants.extend(borders(rule, index, case));
    }
    mutants
}

/// The case with one release more or less at the end, where no other case goes on.
fn borders(rule: &Rule, index: usize, case: &Case) -> Vec<(String, Rule)> {
    let Some(package) = catalogue().releases.packages.get(&rule.package) else { return Vec::new() };
    let Some(newest) = case.releases.newest() else { return Vec::new() };
    let next = newest + 1;
    let covered = rule.cases.iter().any(|other| other.releases.has(next));
    if next >= package.releases.len() || covered {
        return Vec::new();
    }
    let last = ReleaseSet::one(newest);
    let longer = Case {
        releases: case.releases.or(ReleaseSet::one(next)),
        guards: Vec::new(),
        segments: case.segments.iter().copied().chain([ReleaseSet::one(next)]).collect(),
        ..case.clone()
    };
    let shorter = Case {
        releases: case.releases.without(last),
        segments: case.segments.iter().map(|segment| segment.without(last)).collect(),
        ..case.clone()
    };
    let core = |release| crate::rule::load::core_release(catalogue(), &rule.package, release);
    let gone = case.reads.iter().any(|id| {
        let field = catalogue().field(*id);
        field.releases().has(core(newest)) && !field.releases().has(core(next))
    });
    if gone {
        return Vec::new();
    }
    let case = index + 1;
    vec![
        (format!("case {case} with {} too", package.series(next)), with_case(rule, index, longer)),
        (format!("case {case} without {}", package.series(newest)), with_case(rule, index, shorter)),
    ]
}

fn with_case(rule: &Rule, index: usize, case: Case) -> Rule {
    let mut mutant = rule.clone();
    if let Some(slot) = mutant.cases.get_mut(index) {
        *slot = case;
    }
    mutant
}

fn constant(expr: &Expr) -> Expr {
    Expr { span: expr.span, node: Node::Const(Value::Bool(true)) }
}

/// The settings that a condition reads, to find it by in the rule's file.
fn words(expr: &Expr) -> String {
    let names: Vec<&str> = expr.reads().iter().map(|field| catalogue().field(*field).name.as_str()).collect();
    if names.is_empty() { "which reads no setting".to_owned() } else { format!("about {}", names.join(", ")) }
}
