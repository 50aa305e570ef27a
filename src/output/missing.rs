//! What would decide the rules that could not be decided, said once a file.

use std::collections::BTreeMap;

use crate::lint::finding::Undecided;

/// Missing facts → the rules that wait for them.
#[must_use]
pub fn by_fact(undecided: &[Undecided]) -> BTreeMap<&str, Vec<&str>> {
    let mut facts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for open in undecided {
        for fact in &open.missing {
            let rules = facts.entry(fact).or_default();
            if !rules.contains(&open.rule.as_ref()) {
                rules.push(&open.rule);
            }
        }
    }
    facts
}

/// What to type to supply a fact; `None` for a setting, which only the config can supply.
#[must_use]
pub fn flag(fact: &str) -> Option<String> {
    Some(match fact {
        "gpu" | "gpu_arch" => "--gpu".to_owned(),
        "world_size" => "--num-gpus".to_owned(),
        "nvlink_domain_size" => "--nvlink-domain".to_owned(),
        _ => match fact.split_once(' ') {
            Some(("env", name)) => format!("--env {name}=…"),
            Some(("backend", name)) => format!("--backend {name}=…"),
            Some(("version", rest)) => format!("--target {}=…", rest.trim_start_matches("of ")),
            _ => return None,
        },
    })
}

/// The kinds of flags that would supply something, each once.
#[must_use]
pub fn flags<'a>(facts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut kinds: Vec<String> =
        facts.filter_map(flag).map(|flag| flag.split(' ').next().unwrap_or_default().to_owned()).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}
