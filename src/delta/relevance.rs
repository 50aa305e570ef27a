//! Which settings a symptom points at, and the group that a setting belongs to: data in `lints/relevance.yaml`.

use std::collections::HashMap;
use std::sync::OnceLock;

use clap::ValueEnum;
use clap::builder::PossibleValue;

pub use super::table::{Group, Pointer, Symptom};

use super::table::{Table, Unread, fits};
use crate::facts;
use crate::facts::value::Value;

/// From this weight on, a change of the setting is said to be a suspect for the symptom.
pub const SUSPECT: f64 = 5.0;

impl ValueEnum for Symptom {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(match self {
            Self::Import => "a package or one of its symbols can't be imported",
            Self::ConfigRejected => "the framework refuses the config",
            Self::Hang => "no step ends",
            Self::IllegalAccess => "a kernel reads or writes where it must not",
            Self::Oom => "out of memory",
            Self::Nan => "the loss or a gradient is no number",
            Self::Slow => "steps take longer",
            Self::Accuracy => "the loss is worse",
        }))
    }
}

/// What the table has about one setting.
#[derive(Clone, Copy, Debug)]
struct Known {
    group: Group,
    /// Without a symptom.
    weight: f64,
    /// By symptom: the entry that covers it, and the weight.
    by: [(Option<u16>, f64); Symptom::ALL.len()],
}

/// The table.
#[derive(Clone, Debug, Default)]
pub struct Relevance {
    table: Table,
    /// Each setting of the catalogue, worked out once.
    known: HashMap<String, Known>,
}

/// The table that the build script embedded.
#[must_use]
pub fn relevance() -> &'static Relevance {
    static TABLE: OnceLock<Relevance> = OnceLock::new();
    TABLE.get_or_init(|| {
        let blob = include_bytes!(concat!(env!("OUT_DIR"), "/relevance.bin"));
        let mut relevance = Relevance { table: postcard::from_bytes(blob).unwrap_or_default(), known: HashMap::new() };
        let names = facts::catalogue().fields.iter().map(|field| field.name.clone());
        relevance.known = names.map(|name| (name.clone(), relevance.work_out(&name))).collect();
        relevance
    })
}

impl Relevance {
    /// How much a change of the setting is to be suspected when the symptom is seen, from 0.1 (hardly) to 10 (first of
    /// all); without a symptom, how much settings of its kind matter at all.
    #[must_use]
    pub fn weight(&self, symptom: Option<Symptom>, name: &str) -> f64 {
        let known = self.known(name);
        symptom.map_or(known.weight, |symptom| known.of(symptom).1)
    }

    /// The group of the setting called `name`: Megatron-Core's name, `env NAME` or a path of keys.
    #[must_use]
    pub fn group(&self, name: &str) -> Group {
        self.known(name).group
    }

    /// Why the symptom points at the setting; `None`: it does not especially.
    #[must_use]
    pub fn pointer(&self, symptom: Symptom, name: &str) -> Option<&Pointer> {
        let entry = self.known(name).of(symptom).0?;
        self.table.symptoms.iter().find(|pointers| pointers.symptom == symptom)?.entries.get(usize::from(entry))
    }

    /// The symptoms for which a change of the setting is a suspect, the weightiest first.
    #[must_use]
    pub fn symptoms(&self, name: &str) -> Vec<(Symptom, f64)> {
        let known = self.known(name);
        let mut all: Vec<(Symptom, f64)> =
            Symptom::ALL.iter().map(|symptom| (*symptom, known.of(*symptom).1)).collect();
        all.retain(|(_, weight)| *weight >= SUSPECT);
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all
    }

    /// Why nobody reads the setting, given the values of others (`None`: nobody knows); `None`: somebody may.
    #[must_use]
    pub fn unread(&self, name: &str, value: impl Fn(&str) -> Option<Value>) -> Option<&str> {
        let about = |entry: &&Unread| entry.setting != name && entry.names.iter().any(|pattern| fits(pattern, name));
        let off =
            |entry: &&Unread| value(&entry.setting).is_some_and(|value| entry.off.iter().any(|off| off.same(&value)));
        self.table.unread.iter().filter(about).find(off).map(|entry| entry.why.as_str())
    }

    fn known(&self, name: &str) -> Known {
        self.known.get(name).copied().unwrap_or_else(|| self.work_out(name))
    }

    fn work_out(&self, name: &str) -> Known {
        let last = last_key(name);
        let covers = |pattern: &String| covers(pattern, name, last);
        let found = self.table.groups.iter().find(|(_, names)| names.iter().any(covers));
        let group = found.map_or(Group::Other, |(group, _)| *group);
        let bookkeeping = self.table.bookkeeping.names.iter().any(covers).then_some(self.table.bookkeeping.weight);
        let weight = bookkeeping.unwrap_or_else(|| self.table.weights.get(&group).copied().unwrap_or(0.5));
        let mut by = [(None, bookkeeping.unwrap_or(0.2)); Symptom::ALL.len()];
        for (slot, pointers) in by.iter_mut().zip(&self.table.symptoms) {
            let fits = |entry: &Pointer| entry.names.iter().any(covers) || entry.groups.contains(&group);
            let place = pointers.entries.iter().position(fits);
            *slot = match place.and_then(|place| pointers.entries.get(place)) {
                Some(entry) => (place.and_then(|place| u16::try_from(place).ok()), entry.weight),
                None => (None, bookkeeping.unwrap_or(pointers.otherwise)),
            };
        }
        Known { group, weight, by }
    }
}

impl Known {
    fn of(&self, symptom: Symptom) -> (Option<u16>, f64) {
        let place = Symptom::ALL.iter().position(|known| *known == symptom).unwrap_or(0);
        self.by.get(place).copied().unwrap_or((None, 0.2))
    }
}

/// A path of keys means what its last key means, where the path itself means nothing: `optimizer.lr` is `lr`.
fn last_key(name: &str) -> Option<&str> {
    if name.starts_with("env ") {
        return None;
    }
    let path = name.rsplit(':').next().unwrap_or(name);
    // what a dump writes about the class of a value is about the value
    path.rsplit('.').find(|key| !(key.starts_with('_') && key.ends_with('_')))
}

fn covers(pattern: &str, name: &str, last: Option<&str>) -> bool {
    if let Some(key) = pattern.strip_prefix("key ") {
        return key == name;
    }
    // a path below the top level also stands under whatever it is nested in
    let nested = || pattern.contains('.') && !pattern.starts_with('*') && name.contains('.') && below(pattern, name);
    fits(pattern, name) || (!pattern.contains('.') && last.is_some_and(|last| fits(pattern, last))) || nested()
}

/// Whether the pattern of a path fits the end of a longer path: `mixed_precision.*` and `policy.mixed_precision.fp8`.
fn below(pattern: &str, name: &str) -> bool {
    name.match_indices('.').any(|(dot, _)| name.get(dot + 1..).is_some_and(|rest| fits(pattern, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hang_points_at_the_dispatch_first() {
        let table = relevance();
        let weight = |name: &str| table.weight(Some(Symptom::Hang), name);
        for (name, expected) in [
            ("moe_flex_dispatcher_num_sms", 10.0),
            ("moe_deepep_num_sms", 10.0),
            ("moe_flex_dispatcher_backend", 10.0),
            ("moe_hybridep_num_sms_preprocessing", 8.0),
            ("expert_model_parallel_size", 6.0),
            ("pipeline_model_parallel_size", 6.0),
            ("micro_batch_size", 6.0),
            ("env CUDA_DEVICE_MAX_CONNECTIONS", 5.0),
            ("moe_shared_expert_overlap", 5.0),
            ("overlap_grad_reduce", 5.0),
            ("moe_permute_fusion", 4.0),
            ("moe_shared_expert_intermediate_size", 3.0),
            ("moe_router_topk", 2.0),
            ("moe_router_fusion", 2.0),
            ("moe_router_force_load_balancing", 2.0),
            ("moe_ffn_hidden_size", 2.0),
            ("moe_aux_loss_coeff", 1.0),
            ("moe_z_loss_coeff", 1.0),
            ("moe_router_dtype", 1.0),
            ("moe_router_load_balancing_type", 1.0),
            ("lr", 0.2),
            ("optimizer.lr", 0.2),
            ("seed", 0.2),
            ("log_interval", 0.2),
            ("save_interval", 0.2),
            ("global_batch_size", 0.2),
            ("weight_decay", 0.2),
            ("hidden_size", 0.2),
            ("something.nobody.knows", 0.2),
        ] {
            assert!((weight(name) - expected).abs() < 1e-9, "{name}: {} instead of {expected}", weight(name));
        }
    }

    #[test]
    fn every_setting_has_a_group_and_paths_belong_to_what_they_end_in() {
        let table = relevance();
        for (name, group) in [
            ("moe_token_dispatcher_type", Group::Dispatcher),
            ("expert_model_parallel_size", Group::Topology),
            ("model.backend.dispatcher", Group::Dispatcher),
            ("env NCCL_DEBUG", Group::Environment),
            ("mixed_precision", Group::Precision),
            ("policy.mixed_precision.fp8_amax", Group::Precision),
            ("cuda_graph_modules", Group::Graphs),
            ("moe_router_topk", Group::Routing),
            ("train.micro_batch_size", Group::Batch),
            ("recompute_modules", Group::Recompute),
            ("moe_shared_expert_overlap", Group::Overlap),
            ("log_interval", Group::Other),
            ("", Group::Other),
        ] {
            assert_eq!(table.group(name), group, "{name}");
        }
    }

    #[test]
    fn what_only_keeps_books_matters_to_nobody_but_the_numerics() {
        let table = relevance();
        assert!(table.weight(None, "log_interval") < 0.3);
        assert!(table.weight(Some(Symptom::Slow), "lr") < 0.3);
        assert!(table.weight(Some(Symptom::Nan), "lr") > 5.0);
        let pointed = table.symptoms("moe_flex_dispatcher_backend");
        assert_eq!(pointed.first().map(|found| found.0), Some(Symptom::Import));
        assert!(table.pointer(Symptom::Hang, "moe_flex_dispatcher_backend").is_some_and(|p| p.why.contains("backend")));
        assert!(table.pointer(Symptom::Hang, "lr").is_none());
    }

    #[test]
    fn stars_stand_for_any_run() {
        for (pattern, name, fit) in [
            ("*", "", true),
            ("a*c", "abc", true),
            ("a*c", "ab", false),
            ("*b*", "abc", true),
            ("*b*c*", "acb", false),
            ("aa*aa", "aaa", false),
        ] {
            assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
        }
    }
}
