//! The command line of `moelint bisect`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::bisect::rates;
use crate::delta::relevance::Symptom;

use super::args::{Color, FactArgs, RuleArgs};

/// `moelint bisect`
#[derive(Args, Clone, Debug)]
pub struct BisectArgs {
    /// Over what.
    #[command(subcommand)]
    pub mode: BisectMode,
}

/// The ways to search.
#[derive(Clone, Debug, Subcommand)]
pub enum BisectMode {
    /// Commits between a good and a bad one: ranked without a command, probed with one
    #[command(after_help = COMMITS_EXAMPLES)]
    Commits(Box<CommitsArgs>),
    /// The smallest set of settings that makes a good config fail
    #[command(after_help = KEYS_EXAMPLES)]
    Keys(Box<KeysArgs>),
    /// Recorded runs: where a metric or the crash rate changed, and the setting behind it; nothing is run
    #[command(after_help = super::runs_args::EXAMPLES)]
    Runs(Box<super::runs_args::RunsArgs>),
    /// Go on after a crash, a reboot or Ctrl-C; no finished probe is run again
    Resume(StateArgs),
    /// What was probed so far, as JSON Lines that --runs takes
    Log(StateArgs),
    /// Where the search stands
    Status(StateArgs),
}

const COMMITS_EXAMPLES: &str = "Examples:
  moelint bisect commits --good v1.4 --bad main configs/ --symptom hang
  moelint bisect commits --good 1f3c --bad HEAD run_config.yaml -- ./probe.sh
  moelint bisect commits --good v1.4 --bad main configs/ --executor slurm --sbatch-arg=-N16 -- ./probe.sh

The command runs with the candidate in place and sees MOELINT_COMMIT, MOELINT_CONFIG (the config file), MOELINT_PROBE
(1, 2, …) and MOELINT_OUT (a folder; a file verdict.json in it wins over the exit status).
It exits 0 for good, 125 for can't tell, 1 to 124, 126 or 127 for bad; 128 and more end the search.

Exit status: 0 culprit found or ranking printed, 1 inconclusive, 2 usage, 3 internal error";

const KEYS_EXAMPLES: &str = "Examples:
  moelint bisect keys good.yaml bad.yaml -- ./probe.sh
  moelint bisect keys v1.4:configs/train.yaml configs/train.yaml --symptom hang -- ./probe.sh
  moelint bisect keys good.yaml bad.yaml --emit overrides

The command finds the candidate in MOELINT_CONFIG, written in the good config's own shape. Verdicts are taken as they
are; if probes may lie, --flake-rate says how often.

Exit status: 0 found, 1 inconclusive, 2 usage, 3 internal error";

/// What every way to search takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Search")]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct SearchArgs {
    /// What the bad end shows: it decides which settings are suspected first
    #[arg(long, value_enum)]
    pub symptom: Option<Symptom>,
    /// How often a probe lies: a good candidate fails, a bad one passes (0.05,0.2)
    #[arg(long, value_name = "FALSE_BAD,FALSE_GOOD", conflicts_with = "deterministic", value_parser = rates::parse)]
    pub flake_rate: Option<(f64, f64)>,
    /// The same candidate always gives the same verdict
    #[arg(long)]
    pub deterministic: bool,
    /// Take it for given that a config change is the cause, or leave code and chance open
    #[arg(long, value_enum, default_value_t = Assume::Any)]
    pub assume: Assume,
    /// Don't probe the two ends first: you vouch for both
    #[arg(long)]
    pub no_preflight: bool,
    /// What a run is judged by instead of its exit status: a metric of its log (`step_time`, `tflops_per_gpu`, `peak_memory`, …) or
    /// of verdict.json; the two ends are run three times each to know the noise
    #[arg(long, value_name = "NAME")]
    pub metric: Option<String>,
    /// How much worse the bad end is: 5%
    #[arg(long, value_name = "P%", requires = "metric", value_parser = rates::parse_share)]
    pub worse_by: Option<f64>,
    /// Keep the code at the bad end and swap only the config
    #[arg(long)]
    pub config_only: bool,
    /// How sure to be
    #[arg(long, value_name = "P", default_value_t = 0.95, value_parser = rates::parse_confidence)]
    pub confidence: f64,
    /// Stop after N probes with what is known then
    #[arg(long, value_name = "N")]
    pub max_probes: Option<u32>,
    /// Stop when probes have taken this long together, in hours of the command
    #[arg(long, value_name = "HOURS")]
    pub max_cost: Option<f64>,
    /// Longest time of one probe, in seconds; one that takes longer hangs
    #[arg(long, value_name = "SECONDS")]
    pub time_limit: Option<u64>,
    /// Probes at once
    #[arg(short, long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub jobs: u8,
    /// Recorded runs or an earlier log as free evidence: JSON Lines with `commit` and `verdict`
    #[arg(long, value_name = "FILE")]
    pub runs: Vec<PathBuf>,
    /// Where probes run
    #[arg(long, value_enum, default_value_t = ExecutorKind::Local)]
    pub executor: ExecutorKind,
    /// An argument for sbatch; write --sbatch-arg=-N16
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub sbatch_arg: Vec<String>,
    /// Where to keep the state [default: in the repository's .git folder]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Forget an unfinished search and start a new one
    #[arg(long)]
    pub restart: bool,
}

/// `--assume`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assume {
    /// A change of an effective config.
    Config,
    /// Also code, or nothing at all.
    Any,
}

/// `--executor`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExecutorKind {
    /// On this machine.
    Local,
    /// As batch jobs.
    Slurm,
}

/// How to say it.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct ReportArgs {
    /// Form of the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Human)]
    pub format: ReportFormat,
    /// Write there instead of to standard output
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Colours: auto is on for a terminal unless `NO_COLOR` is set
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// No progress on standard error
    #[arg(short, long)]
    pub quiet: bool,
}

/// `--format` of a bisection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people.
    Human,
    /// One JSON object.
    Json,
    /// For an issue or a pull request.
    Markdown,
    /// One page without anything from outside.
    Html,
}

/// `moelint bisect commits`
#[derive(Args, Clone, Debug)]
pub struct CommitsArgs {
    /// A commit that works
    #[arg(long, value_name = "REV")]
    pub good: String,
    /// A commit that does not
    #[arg(long, value_name = "REV")]
    pub bad: String,
    /// Configs: files, folders or globs [default: every config of the repository]
    pub paths: Vec<String>,
    /// Only commits of the first-parent line: merges are blamed as a whole
    #[arg(long)]
    pub first_parent: bool,
    /// Never probe this commit
    #[arg(long, value_name = "REV")]
    pub skip: Vec<String>,
    /// The command that tells good from bad
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened; documented at its type")]
    pub search: SearchArgs,
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

/// `moelint bisect keys`
#[derive(Args, Clone, Debug)]
pub struct KeysArgs {
    /// A config that works: a file, a run's folder, or REV:path
    pub good: PathBuf,
    /// One that does not
    pub bad: PathBuf,
    /// Also print the answer as a config, as Hydra overrides or as Megatron-LM flags; without a command, all that differs
    #[arg(long, value_enum)]
    pub emit: Option<Emit>,
    /// The command that tells good from bad
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened; documented at its type")]
    pub search: SearchArgs,
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

/// `--emit`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Emit {
    /// The config itself.
    File,
    /// `key=value`, for Hydra and Megatron-Bridge.
    Overrides,
    /// `--key value`, for Megatron-LM.
    Flags,
}

/// `moelint bisect resume|log|status`
#[derive(Args, Clone, Debug)]
pub struct StateArgs {
    /// Where the state is [default: in the repository's .git folder]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened; documented at its type")]
    pub report: ReportArgs,
}
