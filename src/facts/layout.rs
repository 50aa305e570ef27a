//! Megatron-Core's pipeline layouts, unrolled to one letter a layer and `|` between stages.
//!
//! Source: NVIDIA/Megatron-LM@core_v0.19.0:megatron/core/transformer/pipeline_parallel_layer_layout.py
//! (`PipelineParallelLayerLayout.parse_str_to_list`).

use super::value::Value;

/// Longest layout that is unrolled: repetitions multiply, and no model has as many layers.
const MAX_LENGTH: usize = 65_536;

/// The layout as text; `None` when it can't be one.
///
/// `Ettt|(tt|)*2,m|L` becomes `Ettt|tt|tt|m|L`; a list of lists of layer names becomes the same.
#[must_use]
pub fn unrolled(layout: &Value) -> Option<String> {
    match layout {
        Value::Str(text) => from_text(text),
        Value::List(stages) => {
            let stages: Option<Vec<String>> = stages.iter().map(stage).collect();
            stages.map(|stages| stages.join("|"))
        }
        _ => None,
    }
}

fn from_text(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| *c != ',').collect();
    let text = repeat_items(&repeat_groups(&text)?)?;
    text.chars().all(|c| "EtmL|".contains(c)).then_some(text)
}

/// `(tt|)*2` → `tt|tt|`
fn repeat_groups(text: &str) -> Option<String> {
    let mut done = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('(') {
        let (before, inside) = rest.split_at(open);
        let close = inside.find(')')?;
        let group = inside.get(1..close)?;
        let after = inside.get(close + 1..)?.strip_prefix('*')?;
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        done.push_str(before);
        push(&mut done, group, after.get(..digits)?)?;
        rest = after.get(digits..)?;
    }
    done.push_str(rest);
    Some(done)
}

/// `t*3` → `ttt`
fn repeat_items(text: &str) -> Option<String> {
    let mut done = String::new();
    let mut rest = text;
    while let Some(star) = rest.find('*') {
        let (before, after) = rest.split_at(star);
        let item = before.chars().next_back()?;
        let after = after.get(1..)?;
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        done.push_str(before.get(..before.len() - item.len_utf8())?);
        push(&mut done, &item.to_string(), after.get(..digits)?)?;
        rest = after.get(digits..)?;
    }
    done.push_str(rest);
    Some(done)
}

fn push(done: &mut String, what: &str, times: &str) -> Option<()> {
    let times: usize = times.parse().ok()?;
    if done.len().checked_add(what.len().checked_mul(times)?)? > MAX_LENGTH {
        return None;
    }
    done.push_str(&what.repeat(times));
    Some(())
}

fn stage(names: &Value) -> Option<String> {
    let Value::List(names) = names else { return None };
    names
        .iter()
        .map(|name| match name {
            Value::Str(name) => match name.trim().to_lowercase().as_str() {
                "embedding" => Some('E'),
                "decoder" => Some('t'),
                "mtp" => Some('m'),
                "loss" => Some('L'),
                // a layer's name, which no layout may hold
                "encoder" => Some('e'),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_unrolled_as_the_framework_does() {
        let cases = [
            ("Ettt|(tt|)*2,m|L", Some("Ettt|tt|tt|m|L")),
            ("Et*3|(t*2|)*2tmL", Some("Ettt|tt|tt|tmL")),
            ("Et||tL", Some("Et||tL")),
            ("(|tt)*2", Some("|tt|tt")),
            ("Ex|L", None),
            ("E(tt", None),
            ("(t)*99999999999", None),
            ("t*99999", None),
            ("*3", None),
        ];
        for (text, expected) in cases {
            assert_eq!(unrolled(&Value::Str(text.to_owned())).as_deref(), expected, "{text}");
        }
        let names = |names: &[&str]| Value::List(names.iter().map(|name| Value::Str((*name).to_owned())).collect());
        let list = Value::List(vec![names(&["Embedding", " decoder"]), names(&[]), names(&["decoder", "mtp", "loss"])]);
        assert_eq!(unrolled(&list).as_deref(), Some("Et||tmL"));
        assert_eq!(unrolled(&Value::List(vec![names(&["encoder", "loss"])])).as_deref(), Some("eL"));
        assert_eq!(unrolled(&Value::List(vec![names(&["attention"])])), None);
    }
}
