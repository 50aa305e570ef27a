//! The facts of one role as an expression sees them in one release.

use std::collections::BTreeMap;

use crate::facts::catalogue::Catalogue;
use crate::facts::environment::{Environment, version_before};
use crate::facts::field::{FieldId, Owner};
use crate::facts::release::ReleaseSet;
use crate::facts::shape::{Completeness, Frontend};
use crate::facts::store::{Fact, Facts};
use crate::facts::value::Value;
use crate::rule::eval::Context;
use crate::rule::expr::{Expr, Node};

static NULL: Value = Value::Null;
static TRUE: Value = Value::Bool(true);
static FALSE: Value = Value::Bool(false);

/// What the user said about the surroundings, as values of the catalogue's environment facts.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    values: BTreeMap<FieldId, Value>,
    partial: Option<FieldId>,
    layout: Option<FieldId>,
    expert_tp: Option<FieldId>,
    /// As given.
    pub environment: Environment,
}

impl Outside {
    /// Turns what the user said into values.
    #[must_use]
    pub fn new(environment: Environment, catalogue: &Catalogue) -> Self {
        let mut values = BTreeMap::new();
        let mut set = |name: &str, value: Option<Value>| {
            if let (Some(field), Some(value)) = (catalogue.by_name(name), value) {
                values.insert(field, value);
            }
        };
        set("gpu", environment.gpu.clone().map(Value::Str));
        set("gpu_arch", environment.gpu_arch.map(|arch| Value::Int(arch.into())));
        set("world_size", environment.num_gpus.map(|count| Value::Int(count.into())));
        set("nvlink_domain_size", environment.nvlink_domain.map(|count| Value::Int(count.into())));
        let [partial, layout, expert_tp] =
            ["partial_config", "pipeline_layout", "expert_tp_default"].map(|name| catalogue.by_name(name));
        Self { values, partial, layout, expert_tp, environment }
    }
}

/// One role in one release.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The role.
    pub facts: &'a Facts,
    /// The catalogue that its field ids belong to.
    pub catalogue: &'a Catalogue,
    /// Facts from outside the file.
    pub outside: &'a Outside,
    /// The Megatron-Core release, which decides defaults.
    pub core: usize,
    /// The release of the rule's own package.
    pub release: usize,
}

impl View<'_> {
    /// What would have to be known for the expression to be decided.
    #[must_use]
    pub fn missing(&self, expr: &Expr) -> Vec<String> {
        let mut missing = Vec::new();
        expr.walk(&mut |expr| {
            let name = match &expr.node {
                Node::Field(id) | Node::Has(id) | Node::AsList(id) | Node::Explicit(id)
                    if self.value(*id).is_none() =>
                {
                    self.catalogue.field(*id).name.clone()
                }
                Node::Env(name) | Node::EnvInt(name, _) if self.env(name).is_none() => format!("env {name}"),
                Node::Backend(name) if self.backend(name).is_none() => format!("backend {name}"),
                Node::VersionBefore(package, version) if self.version_before(package, version).is_none() => {
                    format!("version of {package}")
                }
                _ => return,
            };
            if !missing.contains(&name) {
                missing.push(name);
            }
        });
        if missing.is_empty() {
            // everything is known, but it can't be computed with: text for a number, or a division by zero
            let reads = expr.reads().into_iter().filter(|field| self.facts.entry(*field).is_some());
            missing.extend(reads.map(|field| format!("a usable value of {}", self.catalogue.field(field).name)));
        }
        missing
    }
}

impl Context for View<'_> {
    fn value(&self, field: FieldId) -> Option<&Value> {
        if self.catalogue.field(field).owner == Owner::Environment {
            if Some(field) == self.outside.partial {
                return Some(if self.facts.partial { &TRUE } else { &FALSE });
            }
            if Some(field) == self.outside.expert_tp {
                let bridge = self.facts.frontend == Frontend::MegatronBridge;
                let run = self.catalogue.field(field).run(self.core).filter(|_| bridge);
                return Some(run.map_or(&NULL, |run| &run.default));
            }
            let Some(entry) = self.facts.entry(field) else {
                // no layout in a whole file is no layout
                let unset = Some(field) == self.outside.layout && !self.facts.truncated;
                return self.outside.values.get(&field).or(unset.then_some(&NULL));
            };
            return self.outside.values.get(&field).or(entry.value.as_ref().ok());
        }
        match self.facts.fact(self.catalogue, field, self.core) {
            Fact::Explicit(entry) | Fact::Derived(entry) => entry.value.as_ref().ok(),
            Fact::Default(value) => Some(value),
            Fact::NotInRelease => Some(&NULL),
            Fact::Unknown => None,
        }
    }

    fn explicit(&self, field: FieldId) -> Option<bool> {
        let Some(entry) = self.facts.entry(field) else { return Some(false) };
        let value = entry.value.as_ref().ok()?;
        if self.facts.completeness == Completeness::Authored {
            return Some(*value != Value::Null);
        }
        let default = self.catalogue.field(field).run(self.core).map_or(&NULL, |run| &run.default);
        Some(!value.same(default))
    }

    fn env(&self, name: &str) -> Option<Option<&str>> {
        if let Some(value) = self.outside.environment.env.get(name) {
            return Some(Some(value));
        }
        match self.facts.env.get(name) {
            Some(entry) => entry.value.as_deref().map(Some),
            // a file that sets variables for the job sets those it needs; what it leaves out is unset
            None if !self.facts.env.is_empty() => Some(None),
            None => None,
        }
    }

    fn backend(&self, name: &str) -> Option<&str> {
        self.outside.environment.backends.get(name).map(String::as_str)
    }

    fn version_before(&self, package: &str, version: &str) -> Option<bool> {
        let installed = self.outside.environment.packages.get(package)?;
        Some(installed.as_deref().is_none_or(|installed| version_before(installed, version)))
    }

    fn release_in(&self, set: ReleaseSet) -> bool {
        set.has(self.release)
    }
}
