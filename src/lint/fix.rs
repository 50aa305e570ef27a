//! Changes that would make a finding go away, as a rule's `fix` plans them; [`super::proof`] tells whether they do.

use std::collections::BTreeMap;

use crate::document::Span;
use crate::document::edit::{Edit, Pair, pair_at};
use crate::document::tree::Document;
use crate::facts::catalogue::{Catalogue, Spelling};
use crate::facts::field::{Field, FieldId};
use crate::facts::shape::Frontend;
use crate::facts::store::{Entry, Facts};
use crate::facts::value::Value;
use crate::rule::builtin::Mend;
use crate::rule::eval::{Term, eval};
use crate::rule::model::RuleFix;
use crate::rule::view::View;

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
