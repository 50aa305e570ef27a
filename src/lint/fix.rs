//! Changes that would make a finding go away, offered only when they are proven to do that and nothing else.
//!
//! A planned change is made on a copy, the copy is read and checked again, and the change is dropped when any other
//! setting reads differently, when the finding stays, or when an error appears that was not there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::dialect::{Dialect, recognise};
use crate::document::edit::{Edit, Pair, apply, pair_at};
use crate::document::tree::Document;
use crate::document::{Span, parse};
use crate::facts::catalogue::{Catalogue, Spelling};
use crate::facts::field::{Field, FieldId};
use crate::facts::shape::Frontend;
use crate::facts::store::{Entry, Facts};
use crate::facts::value::Value;
use crate::rule::builtin::Mend;
use crate::rule::eval::{Term, eval};
use crate::rule::model::{Rule, RuleFix, Severity};
use crate::rule::view::View;

use super::FileReport;
use super::engine::Linter;
use super::finding::Finding;

/// A change to the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Whether the meaning is provably the same.
    pub safe: bool,
    /// What it does.
    pub title: String,
    /// Byte ranges of the file and what stands there afterwards.
    pub edits: Vec<Edit>,
}

/// A fix that has not been proven.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The change.
    pub fix: Fix,
    /// Settings that read differently afterwards.
    pub changes: BTreeMap<FieldId, Change>,
}

/// How a setting reads after a fix.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It has this value.
    To(Value),
    /// It is no longer there.
    Gone,
    /// It may have any value: the fix is about what it reads as.
    Any,
}

/// Plans what a rule's `fix` says for one role. `primary` is where the finding stands.
#[must_use]
pub fn plan(fix: &RuleFix, view: &View<'_>, document: &Document<'_>, primary: Option<Span>) -> Option<Plan> {
    let mut planner =
        Planner { view, document, primary, edits: Vec::new(), titles: Vec::new(), changes: BTreeMap::new() };
    for (field, expr) in &fix.set {
        match eval(expr, view) {
            Term::Unknown => return None,
            term => planner.set(*field, term.to_value())?,
        }
    }
    for field in &fix.remove {
        planner.remove(*field)?;
    }
    for (old, new) in &fix.rename {
        planner.rename(*old, *new)?;
    }
    if planner.edits.is_empty() {
        return None;
    }
    let title = planner.titles.join(", ");
    Some(Plan { fix: Fix { safe: fix.safe, title, edits: planner.edits }, changes: planner.changes })
}

/// Plans what a built-in rule says.
#[must_use]
pub fn plan_mend(mend: &Mend, catalogue: &Catalogue, facts: &Facts, document: &Document<'_>) -> Option<Plan> {
    let (Mend::Remove(key, _) | Mend::Rename(key, _) | Mend::Rewrite(key, _)) = mend;
    let pair = pair_at(document, *key)?;
    let written = key.slice(document.source);
    let mut changes = BTreeMap::new();
    let own = facts.entries().find(|(_, entry)| entry.key_span == *key && !entry.derived).map(|found| found.0);
    let (edit, title, safe) = match mend {
        Mend::Remove(_, safe) => {
            changes.extend(own.map(|field| (field, Change::Gone)));
            (pair.remove(document)?, format!("remove {written}"), *safe)
        }
        Mend::Rename(_, name) => {
            let new = catalogue.find(name).map(|found| found.0)?;
            if facts.entry(new).is_some() {
                return None;
            }
            changes.extend(own.map(|field| (field, Change::Gone)));
            changes.insert(new, Change::Any);
            (pair.rename(document, name)?, format!("rename {written} to {name}"), false)
        }
        Mend::Rewrite(_, text) => {
            changes.insert(own?, Change::Any);
            (pair.set(document, text)?, format!("write {written}: {text}"), false)
        }
    };
    Some(Plan { fix: Fix { safe, title, edits: vec![edit] }, changes })
}

struct Planner<'a, 'd> {
    view: &'a View<'a>,
    document: &'a Document<'d>,
    primary: Option<Span>,
    edits: Vec<Edit>,
    titles: Vec<String>,
    changes: BTreeMap<FieldId, Change>,
}

impl Planner<'_, '_> {
    fn entry(&self, field: FieldId) -> Option<&Entry> {
        self.view.facts.entry(field).filter(|entry| !entry.derived)
    }

    fn pair(&self, key: Span) -> Option<Pair> {
        pair_at(self.document, key)
    }

    fn command_line(&self) -> bool {
        self.view.facts.frontend == Frontend::MegatronLm
    }

    fn set(&mut self, id: FieldId, value: Value) -> Option<()> {
        let field = self.view.catalogue.field(id);
        if self.entry(id).is_some_and(|entry| entry.value.as_ref() == Ok(&value)) {
            return Some(());
        }
        let edit = match self.entry(id) {
            Some(entry) => {
                let pair = self.pair(entry.key_span)?;
                let key = entry.key_span.slice(self.document.source);
                let spelling = self.view.catalogue.find(key.trim_matches(['"', '\''])).map(|found| found.1)?;
                // a flag that says the opposite, or is not to be given at all, has no value to write
                if self.command_line() && (spelling != Spelling::Plain || !value.truthy()) {
                    if value.number().is_some() && !matches!(value, Value::Bool(_)) {
                        pair.set(self.document, &value.to_string())?
                    } else {
                        self.changes.insert(id, Change::Gone);
                        self.titles.push(format!("remove {key}"));
                        self.edits.push(pair.remove(self.document)?);
                        return Some(());
                    }
                } else {
                    let old = self.document.node(pair.entry.value).span.slice(self.document.source);
                    pair.set(self.document, &self.written(&value, old)?)?
                }
            }
            None => self.inserted(field, &value)?,
        };
        self.edits.push(edit);
        self.titles.push(format!("set {} to {value}", field.name));
        self.changes.insert(id, Change::To(value));
        Some(())
    }

    /// A new pair behind the one that the finding points at.
    fn inserted(&self, field: &Field, value: &Value) -> Option<Edit> {
        let pair = self.pair(self.primary?)?;
        let key = self.document.node(pair.entry.key).span.slice(self.document.source);
        let old = if key.starts_with('"') { "\"" } else { "" };
        if !self.command_line() {
            // as its neighbour is spelled
            let name = if key.starts_with("--") { field.flags.first()? } else { &field.name };
            return pair.insert_after(self.document, name, &self.written(value, old)?);
        }
        let default = field.run(self.view.core).and_then(|run| run.cli_default.clone().or(Some(run.default.clone())));
        if default.as_ref() == Some(value) {
            return None;
        }
        let (flags, text) = match value {
            Value::Bool(false) => (&field.off_flags, "true".to_owned()),
            Value::Null => return None,
            _ => (&field.flags, self.written(value, old)?),
        };
        pair.insert_after(self.document, flags.first()?, &text)
    }

    fn remove(&mut self, id: FieldId) -> Option<()> {
        let Some(entry) = self.entry(id).cloned() else { return Some(()) };
        let edit = self.pair(entry.key_span)?.remove(self.document)?;
        self.titles.push(format!("remove {}", entry.key_span.slice(self.document.source)));
        self.edits.push(edit);
        self.changes.insert(id, Change::Gone);
        Some(())
    }

    fn rename(&mut self, old: FieldId, new: FieldId) -> Option<()> {
        let Some(entry) = self.entry(old).cloned() else { return Some(()) };
        if self.entry(new).is_some() {
            return None;
        }
        let field = self.view.catalogue.field(new);
        let name = if self.command_line() { field.flags.first()? } else { &field.name };
        let edit = self.pair(entry.key_span)?.rename(self.document, name)?;
        self.titles.push(format!("rename {} to {name}", entry.key_span.slice(self.document.source)));
        self.edits.push(edit);
        self.changes.insert(old, Change::Gone);
        self.changes.insert(new, Change::To(entry.value.ok()?));
        Some(())
    }

    /// The value as the file would have it, in the quotes of what stands there now.
    fn written(&self, value: &Value, old: &str) -> Option<String> {
        let quote = old.chars().next().filter(|c| *c == '"' || *c == '\'');
        Some(match value {
            Value::Str(text) if text.contains(['"', '\'', '\\', '\n']) => return None,
            Value::Str(text) => quote.map_or_else(|| text.clone(), |quote| format!("{quote}{text}{quote}")),
            Value::List(items) if self.command_line() => {
                items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
            }
            Value::List(items) => {
                let items: Option<Vec<String>> = items.iter().map(|item| self.written(item, old)).collect();
                format!("[{}]", items?.join(", "))
            }
            Value::Null => "null".to_owned(),
            other => other.to_string(),
        })
    }
}

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
        plans: Vec<(usize, usize, Plan)>,
        report: &mut FileReport,
    ) {
        if plans.is_empty() {
            return;
        }
        let before = says(found.1);
        let known = errors(&report.findings);
        for (index, role, plan) in plans {
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

    /// Only the rules that look at what a plan changes, where that can't concern the others: no key comes or goes, and
    /// nothing that is computed from settings changes with it.
    fn narrowed(&self, plan: &Plan, before: Option<&Facts>, after: Option<&Facts>, own: &str) -> Option<Self> {
        let kept = |facts: &Facts| -> Vec<(FieldId, Result<Value, String>)> {
            let derived = facts.entries().filter(|(_, entry)| entry.derived);
            derived.map(|(field, entry)| (field, entry.value.clone())).collect()
        };
        let (before, after) = (before?, after?);
        let values = plan
            .changes
            .iter()
            .all(|(field, change)| matches!(change, Change::To(_)) && before.entry(*field).is_some());
        if !values || kept(before) != kept(after) || before.partial != after.partial {
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

/// Whether every role says the same but for what was to change in one of them.
fn same_but(before: &Says, after: &Says, role: usize, changes: &BTreeMap<FieldId, Change>) -> bool {
    if before.len() != after.len() {
        return false;
    }
    before.iter().zip(after).enumerate().all(|(index, (old, new))| {
        if old.2 != new.2 || new.1 > old.1 {
            return false;
        }
        if index != role {
            return old.0 == new.0;
        }
        let untouched = |values: &BTreeMap<FieldId, Result<Value, String>>| {
            values
                .iter()
                .filter(|(field, _)| !changes.contains_key(field))
                .map(|(f, v)| (*f, v.clone()))
                .collect::<Vec<_>>()
        };
        let right = changes.iter().all(|(field, wanted)| match (wanted, new.0.get(field)) {
            (Change::Any, _) | (Change::Gone, None) => true,
            (Change::To(wanted), Some(Ok(value))) => value.same(wanted),
            _ => false,
        });
        right && untouched(&old.0) == untouched(&new.0)
    })
}
