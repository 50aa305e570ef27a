//! Settings that have to be written for a condition to hold: most rules are about few files, and this tells which.

use crate::facts::catalogue::Catalogue;
use crate::facts::field::{FieldId, Owner};
use crate::facts::release::ReleaseSet;
use crate::facts::value::Value;

use super::eval::{Context, eval};
use super::expr::{Expr, Node, Op};
use super::load::core_release;

static NULL: Value = Value::Null;

/// A file in which nothing is written.
struct Nothing<'a> {
    catalogue: &'a Catalogue,
    core: usize,
    release: usize,
    /// Whether the command line's own defaults hold.
    command_line: bool,
}

impl Context for Nothing<'_> {
    fn value(&self, field: FieldId) -> Option<&Value> {
        let field = self.catalogue.field(field);
        let run = field.run(self.core);
        let own = run.and_then(|run| run.cli_default.as_ref()).filter(|_| self.command_line);
        own.or_else(|| run.map(|run| &run.default)).or(Some(&NULL))
    }

    fn explicit(&self, _: FieldId) -> Option<bool> {
        Some(false)
    }

    fn env(&self, _: &str) -> Option<Option<&str>> {
        None
    }

    fn backend(&self, _: &str) -> Option<&str> {
        None
    }

    fn version_before(&self, _: &str, _: &str) -> Option<bool> {
        None
    }

    fn release_in(&self, set: ReleaseSet) -> bool {
        set.has(self.release)
    }
}

/// Settings each of which alone makes the condition false where it is not written.
#[must_use]
pub fn guards(condition: &Expr, releases: ReleaseSet, catalogue: &Catalogue, package: &str) -> Vec<FieldId> {
    let mut guards = Vec::new();
    for part in conjuncts(condition) {
        let [field] = part.reads()[..] else { continue };
        if catalogue.field(field).owner == Owner::Environment || guards.contains(&field) {
            continue;
        }
        let needed = releases.iter().all(|release| {
            [false, true].into_iter().all(|command_line| {
                let core = core_release(catalogue, package, release);
                let nothing = Nothing { catalogue, core, release, command_line };
                eval(part, &nothing).truth() == Some(false)
            })
        });
        if needed {
            guards.push(field);
        }
    }
    guards
}

/// The parts that `&&` joins.
#[must_use]
pub fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    match &expr.node {
        Node::Binary(Op::And, left, right) => {
            let mut all = conjuncts(left);
            all.extend(conjuncts(right));
            all
        }
        _ => vec![expr],
    }
}
