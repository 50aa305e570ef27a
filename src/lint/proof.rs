//! Planned changes are made on a copy, the copy is read and checked again, and a plan is kept only when its finding is
//! gone, no error is new, and every other setting reads as before.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::dialect::{Dialect, recognise};
use crate::document::edit::{Edit, apply, overlap};
use crate::document::parse;
use crate::facts::field::FieldId;
use crate::facts::store::Facts;
use crate::facts::value::Value;
use crate::rule::model::{Rule, Severity};

use super::FileReport;
use super::engine::Linter;
use super::finding::Finding;
use super::fix::{Change, Plan};

/// A plan with the finding and the role that it is for.
pub type Placed = (usize, usize, Plan);

/// What a file says, for telling whether a change touched anything else.
type Says = Vec<(BTreeMap<FieldId, Result<Value, String>>, usize, Vec<(String, Option<String>)>)>;

fn says(roles: &[Facts]) -> Says {
    roles
        .iter()
        .map(|facts| {
            let own = facts.entries().filter(|(_, entry)| !entry.derived);
            let values = own.map(|(field, entry)| (field, entry.value.clone())).collect();
            let env = facts.env.iter().map(|(name, entry)| (name.clone(), entry.value.clone())).collect();
            (values, facts.unknown_keys.len(), env)
        })
        .collect()
}

/// Error-level findings by rule and role.
fn errors(findings: &[Finding]) -> BTreeSet<(String, String)> {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| (finding.rule.to_string(), finding.role.clone())).collect()
}

impl Linter<'_> {
    /// Keeps the plans that are proven, each at its finding.
    pub(super) fn prove(
        &self,
        path: &Path,
        text: &str,
        found: (Dialect, &[Facts]),
        plans: Vec<Placed>,
        report: &mut FileReport,
    ) {
        if plans.is_empty() {
            return;
        }
        let before = says(found.1);
        let known = errors(&report.findings);
        let (quick, slow) = self.prove_together(text, found, &before, plans, report, &known);
        for (index, plan) in quick {
            if let Some(finding) = report.findings.get_mut(index) {
                finding.fixes.push(plan.fix);
            }
        }
        for (index, role, plan) in slow {
            let Some(finding) = report.findings.get(index) else { continue };
            let alike = |other: &&Finding| other.rule == finding.rule && other.role == finding.role;
            let count = report.findings.iter().filter(alike).count();
            let about = (finding.rule.to_string(), finding.role.clone(), count);
            if self.proven(path, text, found, &before, role, &plan, &known, &about)
                && let Some(finding) = report.findings.get_mut(index)
            {
                finding.fixes.push(plan.fix);
            }
        }
    }

    /// Proves at once all plans that set or delete settings of their own: the file is read again with all of them made,
    /// and each is then judged on its own by the rules. Gives the proven ones, and those that have to be tried one by one.
    fn prove_together(
        &self,
        text: &str,
        (dialect, found): (Dialect, &[Facts]),
        before: &Says,
        plans: Vec<Placed>,
        report: &FileReport,
        known: &BTreeSet<(String, String)>,
    ) -> (Vec<(usize, Plan)>, Vec<Placed>) {
        let (mut quick, mut slow): (Vec<Placed>, Vec<Placed>) = (Vec::new(), Vec::new());
        for (index, role, plan) in plans {
            let apart = |other: &Placed| {
                let edits = other.2.fix.edits.iter();
                let crosses = |edit: &Edit| plan.fix.edits.iter().any(|own| overlap(own.span, edit.span));
                other.1 != role && !edits.clone().any(crosses)
                    || !edits.clone().any(crosses)
                        && plan.changes.keys().all(|field| !other.2.changes.contains_key(field))
            };
            // a key more or less may change what kind of file this is
            let stays = |(field, change): (&FieldId, &Change)| {
                matches!(change, Change::To(_)) && found.get(role).is_some_and(|facts| facts.entry(*field).is_some())
            };
            let plain = !plan.changes.is_empty() && plan.changes.iter().all(stays);
            if plain && quick.iter().all(apart) {
                quick.push((index, role, plan));
            } else {
                slow.push((index, role, plan));
            }
        }
        let Some(after) = self.read_again(text, dialect, found, before, &quick) else {
            slow.extend(quick);
            slow.sort_by_key(|plan| plan.0);
            return (Vec::new(), slow);
        };
        let mut proven = Vec::new();
        for (index, role, plan) in quick {
            let (Some(old), Some(new), Some(finding)) = (found.get(role), after.get(role), report.findings.get(index))
            else {
                continue;
            };
            if self.mends(old, new, &plan, &finding.rule, known) {
                proven.push((index, plan));
            }
        }
        (proven, slow)
    }

    /// The file's roles with all plans made; `None` when anything else reads differently, or something that is computed
    /// from settings does.
    fn read_again(
        &self,
        text: &str,
        dialect: Dialect,
        found: &[Facts],
        before: &Says,
        plans: &[Placed],
    ) -> Option<Vec<Facts>> {
        let edits: Vec<Edit> = plans.iter().flat_map(|plan| plan.2.fix.edits.iter().cloned()).collect();
        if edits.is_empty() {
            return None;
        }
        let text = apply(text, &edits)?;
        let document = parse(&text);
        if !document.errors.is_empty() {
            return None;
        }
        let (still, after) = recognise(&document, self.catalogue)?;
        let mut changes: Vec<BTreeMap<FieldId, Change>> = vec![BTreeMap::new(); found.len()];
        for (_, role, plan) in plans {
            changes.get_mut(*role)?.extend(plan.changes.iter().map(|(field, change)| (*field, change.clone())));
        }
        let same = still == dialect && same_everywhere(before, &says(&after), &changes);
        let computed =
            found.iter().zip(&after).all(|(old, new)| derived(old) == derived(new) && old.partial == new.partial);
        (same && computed).then_some(after)
    }

    /// Whether the plan alone makes its rule's finding go away and brings no error.
    fn mends(&self, old: &Facts, new: &Facts, plan: &Plan, own: &str, known: &BTreeSet<(String, String)>) -> bool {
        let mut facts = old.clone();
        for (field, change) in &plan.changes {
            match (change, new.entry(*field)) {
                (Change::To(_), Some(entry)) => facts.set(*field, entry.clone()),
                _ => return false,
            }
        }
        let fields: Vec<FieldId> = plan.changes.keys().copied().collect();
        self.rules.iter().filter(|rule| !rule.cases.is_empty()).all(|rule| {
            let reads = rule.cases.iter().any(|case| case.reads.iter().any(|id| fields.contains(id)));
            if !reads && rule.id != own {
                return true;
            }
            if rule.id == own {
                return self.verdict(rule, &facts).is_none();
            }
            rule.severity != Severity::Error
                || self.verdict(rule, &facts) != Some(Severity::Error)
                || known.contains(&(rule.id.clone(), old.role.clone()))
        })
    }

    /// Only the rules that look at what a plan changes, where that can't concern the others: no key comes or goes, and
    /// nothing that is computed from settings changes with it.
    fn narrowed(&self, plan: &Plan, before: Option<&Facts>, after: Option<&Facts>, own: &str) -> Option<Self> {
        let (before, after) = (before?, after?);
        let values = plan
            .changes
            .iter()
            .all(|(field, change)| matches!(change, Change::To(_)) && before.entry(*field).is_some());
        if !values || derived(before) != derived(after) || before.partial != after.partial {
            return None;
        }
        let reads = |rule: &&Rule| {
            rule.id == own || rule.cases.iter().any(|case| case.reads.iter().any(|id| plan.changes.contains_key(id)))
        };
        let rules = self.rules.iter().copied().filter(|rule| rule.cases.is_empty() || reads(rule)).collect();
        Some(Self { rules, outside: self.outside.clone(), target: self.target.clone(), ..*self })
    }

    #[expect(clippy::too_many_arguments, reason = "before, after and what may differ")]
    fn proven(
        &self,
        path: &Path,
        text: &str,
        (dialect, found): (Dialect, &[Facts]),
        before: &Says,
        role: usize,
        plan: &Plan,
        known: &BTreeSet<(String, String)>,
        about: &(String, String, usize),
    ) -> bool {
        let Some(after) = apply(text, &plan.fix.edits) else { return false };
        let document = parse(&after);
        if !document.errors.is_empty() {
            return false;
        }
        let Some((still, roles)) = recognise(&document, self.catalogue) else { return false };
        if still != dialect || !same_but(before, &says(&roles), role, &plan.changes) {
            return false;
        }
        let narrow = self.narrowed(plan, found.get(role), roles.get(role), &about.0);
        let again = narrow.as_ref().unwrap_or(self).checked(path, &after, &document, still, &roles);
        let still = again.findings.iter().filter(|finding| finding.rule == about.0 && finding.role == about.1).count();
        still < about.2 && errors(&again.findings).is_subset(known)
    }
}

/// What is computed from settings.
fn derived(facts: &Facts) -> Vec<(FieldId, Result<Value, String>)> {
    let computed = facts.entries().filter(|(_, entry)| entry.derived);
    computed.map(|(field, entry)| (field, entry.value.clone())).collect()
}

/// Whether every role says the same but for what was to change in one of them.
fn same_but(before: &Says, after: &Says, role: usize, changes: &BTreeMap<FieldId, Change>) -> bool {
    let mut all = vec![BTreeMap::new(); before.len()];
    if let Some(slot) = all.get_mut(role) {
        slot.clone_from(changes);
    }
    same_everywhere(before, after, &all)
}

/// Whether every role says the same but for what was to change in it.
fn same_everywhere(before: &Says, after: &Says, changes: &[BTreeMap<FieldId, Change>]) -> bool {
    if before.len() != after.len() {
        return false;
    }
    before.iter().zip(after).zip(changes).all(|((old, new), changes)| {
        if old.2 != new.2 || new.1 > old.1 {
            return false;
        }
        let untouched = |values: &'_ BTreeMap<FieldId, Result<Value, String>>| {
            values.keys().filter(|field| !changes.contains_key(field)).count()
        };
        let right = changes.iter().all(|(field, wanted)| match (wanted, new.0.get(field)) {
            (Change::Any, _) | (Change::Gone, None) => true,
            (Change::To(wanted), Some(Ok(value))) => value.same(wanted),
            _ => false,
        });
        let kept = |(field, value): (&FieldId, &Result<Value, String>)| {
            changes.contains_key(field) || new.0.get(field) == Some(value)
        };
        right && untouched(&old.0) == untouched(&new.0) && old.0.iter().all(kept)
    })
}
