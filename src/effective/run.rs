//! Replays the steps over one role's facts.

use std::collections::BTreeMap;

use crate::facts::field::FieldId;
use crate::facts::release::{BRIDGE, ReleaseSet};
use crate::facts::shape::Frontend;
use crate::facts::store::Fact;
use crate::facts::value::Value;
use crate::rule::eval::{Context, Term, eval};
use crate::rule::render::render;
use crate::rule::view::View;

use super::model::{Change, Effects, Step};

/// What one step did, or may have done, to one setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// The step's id.
    pub step: String,
    /// In words.
    pub text: String,
    /// Where that stands.
    pub source: String,
    /// Whether the step is certain to be taken; otherwise a fact is missing.
    pub certain: bool,
    /// What is missing.
    pub missing: Vec<String>,
}

/// One setting, before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The setting.
    pub field: FieldId,
    /// As written, or the release's default; `None`: nobody knows.
    pub requested: Option<Value>,
    /// What the framework goes on with; `None`: nobody knows.
    pub effective: Option<Value>,
    /// The steps that changed it, in order.
    pub by: Vec<Replayed>,
}

/// The releases that the steps are replayed for.
#[derive(Clone, Copy, Debug)]
pub struct At {
    /// Megatron-Core's.
    pub core: usize,
    /// Megatron-Bridge's, where it is known.
    pub bridge: Option<usize>,
}

/// The facts with the changes made so far.
struct State<'a> {
    view: View<'a>,
    changed: BTreeMap<FieldId, Value>,
}

impl Context for State<'_> {
    fn value(&self, field: FieldId) -> Option<&Value> {
        self.changed.get(&field).or_else(|| self.view.value(field))
    }

    fn explicit(&self, field: FieldId) -> Option<bool> {
        self.view.explicit(field)
    }

    fn env(&self, name: &str) -> Option<Option<&str>> {
        self.view.env(name)
    }

    fn backend(&self, name: &str) -> Option<&str> {
        self.view.backend(name)
    }

    fn version_before(&self, package: &str, version: &str) -> Option<bool> {
        self.view.version_before(package, version)
    }

    fn release_in(&self, set: ReleaseSet) -> bool {
        self.view.release_in(set)
    }
}

/// All settings that a step changed or that are always listed: those first, in their order.
#[must_use]
pub fn replay(effects: &Effects, view: View<'_>, at: At) -> Vec<Setting> {
    let mut state = State { view, changed: BTreeMap::new() };
    let mut by: Vec<(FieldId, Replayed)> = Vec::new();
    for step in &effects.steps {
        let release = if step.package == BRIDGE { at.bridge } else { Some(at.core) };
        if let Some(release) = release.filter(|release| applies(step, &state.view, *release)) {
            state.view.release = release;
            take(step, &mut state, &mut by);
        }
    }
    state.view.release = at.core;
    let shown = effects.shown.iter().filter(|shown| {
        let known = !view.catalogue.field(shown.field).releases().and(ReleaseSet::one(at.core)).is_empty();
        known && shown.when.as_ref().is_none_or(|when| eval(when, &state).truth() != Some(false))
    });
    let mut fields: Vec<FieldId> = shown.map(|shown| shown.field).collect();
    for (field, _) in &by {
        if !fields.contains(field) {
            fields.push(*field);
        }
    }
    fields.into_iter().map(|field| setting(field, &view, &state, &by)).collect()
}

fn setting(field: FieldId, view: &View<'_>, state: &State<'_>, by: &[(FieldId, Replayed)]) -> Setting {
    let written = view.facts.entry(field).map(|entry| entry.value.clone().ok());
    let mut requested = written.unwrap_or_else(|| view.value(field).cloned());
    let mut steps: Vec<Replayed> = Vec::new();
    if let Some((_, old)) = view.facts.replaced.iter().find(|(replaced, _)| *replaced == field)
        && let Some(new) = view.facts.entry(field)
    {
        requested = old.value.clone().ok();
        steps.push(Replayed {
            step: "another-section-wins".to_owned(),
            text: format!("{} wins over {}", new.path, old.path),
            source:
                "NVIDIA-NeMo/Megatron-Bridge@v0.6.0:src/megatron/bridge/training/comm_overlap.py and mixed_precision.py"
                    .to_owned(),
            certain: true,
            missing: Vec::new(),
        });
    }
    steps.extend(by.iter().filter(|(changed, _)| *changed == field).map(|(_, replayed)| replayed.clone()));
    Setting { field, requested, effective: state.value(field).cloned(), by: steps }
}

/// A setting of the file that no step touches; a release that has none of this name makes nothing of it.
#[must_use]
pub fn untouched(field: FieldId, view: &View<'_>) -> Setting {
    let requested = view.facts.entry(field).and_then(|entry| entry.value.clone().ok());
    if view.facts.fact(view.catalogue, field, view.core) != Fact::NotInRelease {
        return Setting { field, requested, effective: view.value(field).cloned(), by: Vec::new() };
    }
    let step = Replayed {
        step: "not-in-release".to_owned(),
        text: "this release of megatron-core has no setting of this name".to_owned(),
        source: "lints/fields: read from each release".to_owned(),
        certain: true,
        missing: Vec::new(),
    };
    Setting { field, requested, effective: None, by: vec![step] }
}

fn applies(step: &Step, view: &View<'_>, release: usize) -> bool {
    let facts = view.facts;
    let reads = step.frontends.is_empty() || step.frontends.contains(&facts.frontend);
    let bridge = step.package != BRIDGE || facts.frontend == Frontend::MegatronBridge;
    reads && bridge && step.stage.is_none_or(|stage| stage == facts.stage) && step.releases.has(release)
}

/// Takes the step if its condition holds; notes it as possible if that is not known.
fn take(step: &Step, state: &mut State<'_>, by: &mut Vec<(FieldId, Replayed)>) {
    let truth = eval(&step.when, state).truth();
    if truth == Some(false) {
        return;
    }
    let replayed = Replayed {
        step: step.id.clone(),
        text: render(&step.text, state),
        source: step.source.clone(),
        certain: truth.is_some(),
        missing: if truth.is_some() { Vec::new() } else { state.view.missing(&step.when) },
    };
    let mut new: Vec<(FieldId, Value)> = Vec::new();
    for change in &step.changes {
        let field = change.field();
        let Some(value) = changed(change, state) else { continue };
        let same = state.value(field).is_some_and(|old| old.same(&value));
        if !same {
            by.push((field, replayed.clone()));
            new.push((field, value));
        }
    }
    if truth == Some(true) {
        state.changed.extend(new);
    }
}

fn changed(change: &Change, state: &State<'_>) -> Option<Value> {
    let items = |field: FieldId| match state.value(field)? {
        Value::Null => Some(Vec::new()),
        Value::List(items) => Some(items.clone()),
        scalar => Some(vec![scalar.clone()]),
    };
    match change {
        Change::Set(_, expr) => match eval(expr, state) {
            Term::Unknown => None,
            term => Some(term.to_value()),
        },
        Change::Add(field, item) => {
            let mut items = items(*field)?;
            if !items.contains(item) {
                items.push(item.clone());
            }
            Some(Value::List(items))
        }
        Change::Drop(field, item) => {
            let mut items = items(*field)?;
            items.retain(|known| known != item);
            Some(Value::List(items))
        }
    }
}
