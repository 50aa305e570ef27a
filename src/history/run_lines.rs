//! Recorded runs as JSON Lines, one a line, or as CSV with a header: text → runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value as Json};

use crate::source::read::read_text;

use super::runs::{Ending, Run, RunConfig, Runs, seconds};

/// What a line looks like, for errors.
const LINE: &str = r#"a line is {"run": "r1", "time": "2026-03-04T10:00:00Z", "commit": "1f3c", "config": "r1.yaml", "metrics": {"step_time": 9.02}, "outcome": "finished"}, with at least one number or an outcome"#;
/// What a CSV looks like.
const CSV: &str = "a CSV has a header such as time,commit,step_ms and one run a line";

/// A line that is none.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {what}; {example}")]
pub struct LineError {
    /// The file.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub example: &'static str,
}

/// Reads JSON Lines; paths of configs are relative to `folder`. Broken lines are errors: a run that is silently missing
/// moves every change point.
///
/// # Errors
/// The first broken line.
pub fn json_lines(file: &str, text: &str, folder: &Path) -> Result<Runs, LineError> {
    let mut runs = Runs::default();
    let mut seen = BTreeSet::new();
    let mut doubled = 0_usize;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let fail = |what: String| LineError { file: file.to_owned(), line: number + 1, what, example: LINE };
        let object = object(line).map_err(fail)?;
        let named = object.contains_key("run") || object.contains_key("time");
        // the same record twice is one run; the same measurement of a commit twice may be two
        if named && !seen.insert(line.trim()) {
            doubled += 1;
            continue;
        }
        runs.runs.push(run(object, number + 1, folder).map_err(fail)?);
    }
    if doubled > 0 {
        runs.notes.push(format!("{doubled} lines repeat an earlier one word for word and count once"));
    }
    Ok(runs)
}

fn object(line: &str) -> Result<Map<String, Json>, String> {
    let read = |text: &str| serde_json::from_str::<Json>(text);
    // Python writes NaN and Infinity as JSON has none
    let value = read(line).or_else(|error| read(&without_nan(line)).map_err(|_| error));
    match value {
        Ok(Json::Object(object)) => Ok(object),
        Ok(_) => Err("no JSON object".to_owned()),
        Err(error) => Err(format!("no JSON: {error}")),
    }
}

/// The line with bare `NaN`, `Infinity` and `-Infinity` as null.
fn without_nan(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let (mut rest, mut quoted) = (line, false);
    while let Some(next) = rest.chars().next() {
        let bare = if quoted { None } else { ["-Infinity", "Infinity", "NaN"].iter().find(|w| rest.starts_with(**w)) };
        if let Some(word) = bare {
            out.push_str("null");
            rest = &rest[word.len()..];
            continue;
        }
        let escaped = quoted && next == '\\';
        quoted ^= next == '"';
        let length = next.len_utf8() + if escaped { rest[1..].chars().next().map_or(0, char::len_utf8) } else { 0 };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

fn run(object: Map<String, Json>, line: usize, folder: &Path) -> Result<Run, String> {
    let mut run = Run::default();
    let mut name = None;
    let mut outcome = false;
    for (key, value) in object {
        match (key.as_str(), value) {
            (_, Json::Null) => {}
            ("run" | "name" | "id", value) => name = Some(word(&key, &value)?),
            ("commit", value) => run.commit = Some(word(&key, &value)?),
            ("time" | "timestamp" | "date", value) => {
                let text = word(&key, &value)?;
                let read = seconds(&text);
                run.time = Some(read.ok_or_else(|| format!("`{key}` is no time: {text}; write 2026-03-04T10:00:00Z"))?);
            }
            ("config", value) => run.config = Some(config(value, line, folder)?),
            ("changed", value) => run.changed = Some(keys(value)?),
            ("outcome" | "status", value) => {
                let text = word(&key, &value)?;
                run.ending = Ending::from_word(&text).ok_or_else(|| {
                    format!("`{key}` is {text}, which is none of finished, crashed, cut-off, hang, oom, nan, illegal-access, import, config-rejected")
                })?;
                outcome = true;
            }
            ("metrics", Json::Object(metrics)) => {
                for (name, value) in metrics {
                    let value = number(&value).ok_or_else(|| format!("the metric `{name}` is no number"))?;
                    run.metrics.insert(name, value);
                }
            }
            ("metrics", _) => return Err("`metrics` is no object".to_owned()),
            (_, Json::Number(value)) => {
                run.metrics.insert(key, value.as_f64().unwrap_or(f64::NAN));
            }
            _ => {}
        }
    }
    if run.metrics.is_empty() && !outcome {
        return Err("neither a number nor an outcome".to_owned());
    }
    run.name = name.or_else(|| run.commit.clone()).unwrap_or_else(|| format!("line {line}"));
    Ok(run)
}

fn word(key: &str, value: &Json) -> Result<String, String> {
    match value {
        Json::String(text) => Ok(text.clone()),
        Json::Number(number) => Ok(number.to_string()),
        _ => Err(format!("`{key}` is neither text nor a number")),
    }
}

/// A metric; what is no finite number counts as missing.
fn number(value: &Json) -> Option<f64> {
    match value {
        Json::Null => Some(f64::NAN),
        Json::Number(number) => number.as_f64(),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn keys(value: Json) -> Result<Vec<String>, String> {
    match value {
        Json::Array(all) => all.iter().map(|key| word("changed", key)).collect(),
        Json::String(key) => Ok(vec![key]),
        Json::Bool(true) => Ok(vec![String::new()]),
        Json::Bool(false) => Ok(Vec::new()),
        _ => Err("`changed` is no list of keys".to_owned()),
    }
}

fn config(value: Json, line: usize, folder: &Path) -> Result<RunConfig, String> {
    match value {
        Json::String(name) => {
            let path = folder.join(&name);
            let text = read_text(&path, false).map_err(|error| format!("the config {}: {error}", path.display()))?;
            Ok(RunConfig { path: path.display().to_string(), text, file: true })
        }
        Json::Object(_) => {
            let text = serde_json::to_string_pretty(&value).map_err(|error| error.to_string())?;
            Ok(RunConfig { path: format!("line-{line}.json"), text, file: false })
        }
        _ => Err("`config` is neither an object nor a path".to_owned()),
    }
}

/// Reads a CSV: columns called run, time, commit, config, changed or outcome mean what they mean in JSON Lines, any other
/// column of numbers is a metric. `changes`: lines of runs, from 0, at which the config changed, from a file beside it.
///
/// # Errors
/// The first broken line.
pub fn csv(file: &str, text: &str, changes: Option<&[usize]>) -> Result<Runs, LineError> {
    let fail = |line: usize, what: String| LineError { file: file.to_owned(), line, what, example: CSV };
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let header: Vec<String> = match lines.next() {
        Some((_, header)) => fields(header),
        None => return Err(fail(1, "empty".to_owned())),
    };
    let mut runs = Runs::default();
    for (number, line) in lines {
        let fields = fields(line);
        if fields.len() != header.len() {
            return Err(fail(number + 1, format!("{} fields, the header has {}", fields.len(), header.len())));
        }
        let mut object = Map::new();
        let mut metrics = Map::new();
        for (name, field) in header.iter().zip(fields) {
            let known = matches!(
                name.as_str(),
                "run" | "name" | "id" | "time" | "timestamp" | "date" | "commit" | "outcome" | "status"
            );
            match (known, field.as_str()) {
                (_, "") => {}
                (true, _) => {
                    object.insert(name.clone(), Json::String(field));
                }
                (false, text) if text.parse::<f64>().is_ok() => {
                    metrics.insert(name.clone(), Json::String(field));
                }
                _ => {}
            }
        }
        object.insert("metrics".to_owned(), Json::Object(metrics));
        let index = runs.runs.len();
        let mut run = run(object, number + 1, Path::new("")).map_err(|what| fail(number + 1, what))?;
        run.changed = changes.map(|changes| if changes.contains(&index) { vec![String::new()] } else { Vec::new() });
        runs.runs.push(run);
    }
    Ok(runs)
}

/// The fields of a line; quotes keep commas, doubled quotes stand for one.
fn fields(line: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.trim_end_matches('\r').chars().peekable();
    while let Some(next) = chars.next() {
        let doubled = quoted && next == '"' && chars.next_if_eq(&'"').is_some();
        match (next, quoted) {
            ('"', _) if !doubled => quoted = !quoted,
            (',', false) => all.push(String::new()),
            _ => all.last_mut().into_iter().for_each(|field| field.push(next)),
        }
    }
    all.iter().map(|field| field.trim().to_owned()).collect()
}

/// The config changes that a JSON file beside a CSV names: `{"config_changes": [3, 17]}`.
///
/// # Errors
/// What is wrong with it.
pub fn config_changes(text: &str) -> Result<Option<Vec<usize>>, String> {
    let all: BTreeMap<String, Json> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let Some(changes) = all.get("config_changes") else { return Ok(None) };
    let number = |value: &Json| value.as_u64().and_then(|index| usize::try_from(index).ok());
    let all = changes.as_array().and_then(|list| list.iter().map(number).collect::<Option<Vec<usize>>>());
    all.map(Some).ok_or_else(|| "`config_changes` is no list of line numbers from 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Result<Run, String> {
        json_lines("x.jsonl", line, Path::new("")).map(|runs| runs.runs[0].clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn lines_as_people_record_them() {
        let run = one(r#"{"commit": "1f3c", "step_ms": 912.5, "note": "x"}"#).unwrap();
        assert_eq!((run.name.as_str(), run.metrics["step_ms"]), ("1f3c", 912.5));
        let run =
            one(r#"{"run": "a \"NaN\" b", "metrics": {"loss": NaN, "x": -Infinity, "y": "nan"}, "changed": ["k"]}"#);
        let run = run.unwrap();
        assert!(run.name == "a \"NaN\" b" && run.metrics.values().all(|value| value.is_nan()));
        assert_eq!(run.changed, Some(vec!["k".to_owned()]));
        let run = one(r#"{"outcome": "oom", "config": {"a": 1}}"#).unwrap();
        assert!(run.config.is_some_and(|config| config.text.contains("\"a\": 1")));
    }

    #[test]
    fn a_broken_line_says_where_and_what_it_should_be() {
        for (line, what) in [
            ("{", "x.jsonl:1: no JSON"),
            ("[1]", "no JSON object"),
            (r#"{"run": "a"}"#, "neither a number nor an outcome"),
            (r#"{"run": "a", "x": 1, "time": "soon"}"#, "`time` is no time: soon"),
            (r#"{"run": "a", "outcome": "great"}"#, "`outcome` is great"),
            (r#"{"metrics": {"x": []}}"#, "the metric `x` is no number"),
            (r#"{"x": 1, "config": "/no/such/file.yaml"}"#, "the config /no/such/file.yaml"),
        ] {
            let error = one(line).unwrap_err();
            assert!(error.contains(what) && error.contains("a line is {\"run\""), "{error}");
        }
    }

    #[test]
    fn tables() {
        let runs = csv("x.csv", "time,commit,step_ms\n1700000000,c0,\"1,000\"\n1700003600,c1,7\n", Some(&[1]));
        assert!(runs.is_err(), "a number with a comma is no number");
        let runs = csv("x.csv", "time,commit,step_ms\r\n1,\"c,\"\"0\",5\r\n2,c1,7\r\n", Some(&[1])).unwrap().runs;
        assert_eq!((runs[0].name.as_str(), runs[1].metrics["step_ms"]), ("c,\"0", 7.0));
        assert_eq!((runs[0].changed.as_deref(), runs[1].changed.as_ref().map(Vec::len)), (Some(&[][..]), Some(1)));
        let error = csv("x.csv", "a,b\n1\n", None).unwrap_err().to_string();
        assert!(error.starts_with("x.csv:2: 1 fields, the header has 2"), "{error}");
        assert_eq!(config_changes(r#"{"truth": [], "config_changes": [3]}"#).unwrap(), Some(vec![3]));
        assert!(config_changes(r#"{"config_changes": "x"}"#).is_err());
    }
}
