//! The command line of `moelint bisect runs`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::delta::relevance::Symptom;

use super::args::{FactArgs, RuleArgs};
use super::bisect_args::ReportArgs;

/// Shown below the help.
pub const EXAMPLES: &str = "Examples:
  moelint bisect runs /results/nightly
  moelint bisect runs nightly.jsonl --metric tflops_per_gpu
  moelint bisect runs nightly.csv --metric step_ms
  moelint bisect runs /results/nightly --symptom hang

A folder holds a folder a run, each with its config and its logs. A record is a line of JSON:
  {\"run\": \"r1\", \"time\": \"2026-03-04T10:00:00Z\", \"commit\": \"1f3c\", \"config\": \"r1.yaml\", \"metrics\": {\"step_time\": 9.02}}
with, instead of `config`, `changed`: the keys that are others than in the run before, or neither; `outcome` is finished,
crashed or a symptom. A CSV has a header; beside x.csv, x.json may hold {\"config_changes\": [3, 17]}, lines from 0.

Exit status: 0 a change found or none, 1 inconclusive or too noisy to tell, 2 usage, 3 internal error";

const METRIC: &str = "What to search: step_time, tflops_per_gpu, peak_memory, loss, grad_norm or a name in the records \
                      [default: step_time, else the only one there is]";

/// `moelint bisect runs`
#[derive(Args, Clone, Debug)]
pub struct RunsArgs {
    /// A folder of run folders, or a file of records: .jsonl or .csv
    #[arg(value_name = "DIR|FILE")]
    pub path: PathBuf,
    /// What to search [default: `step_time`, else the only one there is]
    #[arg(long, value_name = "NAME", help = METRIC)]
    pub metric: Option<String>,
    /// More of the metric is better [default: by its name]
    #[arg(long)]
    pub higher_is_better: bool,
    /// What the bad runs show: of a crash, search for runs that end with it
    #[arg(long, value_enum)]
    pub symptom: Option<Symptom>,
    /// What puts runs in order [default: the start times in logs or records, else names or the file]
    #[arg(long, value_enum)]
    pub order: Option<OrderBy>,
    /// The least shift that matters: noise that hides it is no `none`
    #[arg(long, value_name = "P%", default_value = "5%", value_parser = percent)]
    pub worse_by: f64,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened; documented at its type")]
    pub report: ReportArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened; documented at its type")]
    pub facts: FactArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened; documented at its type")]
    pub rules: RuleArgs,
}

/// `--order`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OrderBy {
    /// By name: run-9 before run-10
    Name,
    /// By start time
    Time,
}

/// `5%` or `5` → 0.05.
fn percent(text: &str) -> Result<f64, String> {
    let number: f64 =
        text.trim_end_matches('%').trim().parse().map_err(|_| format!("{text} is no number; write 5%"))?;
    if number > 0.0 && number < 1000.0 { Ok(number / 100.0) } else { Err("write a percentage above 0".to_owned()) }
}
