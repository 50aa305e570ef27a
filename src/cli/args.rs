//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::output::Format;
use crate::rule::model::Severity;

/// Checks configs of Mixture-of-Experts training runs before the job starts.
#[derive(Debug, Parser)]
#[command(name = "moelint", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lint files and folders; `-` is standard input
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Requested → effective settings: what the framework will silently make of a config
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowArgs),
    /// What changed between two configs, and whether it matters
    #[command(after_help = super::diff_args::EXAMPLES)]
    Diff(super::diff_args::DiffArgs),
    /// What a rule, a field or a release means, since when, why, and how to fix it
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
    /// The catalogue of rules
    Rules(RulesArgs),
    /// Which change broke it: commits, with as few probes as possible
    Bisect(super::bisect_args::BisectArgs),
    /// JSON Schema of a file that people or programs write, for editors
    Schema(SchemaArgs),
}

const CHECK_EXAMPLES: &str = "Examples:
  moelint check run_config.yaml
  moelint check configs/ --target megatron-core=0.18 --gpu gb200 --num-gpus 256
  moelint check model_config.yaml --backend deepep=missing --show-undecided
  moelint check configs/ --format sarif --output-file moelint.sarif

Exit status: 0 nothing at or above --fail-on, 1 findings, 2 usage or unreadable path, 3 internal error";

const SHOW_EXAMPLES: &str = "Examples:
  moelint show run_config.yaml --target megatron-core=0.19
  moelint show run_config.yaml --format json";

const EXPLAIN_EXAMPLES: &str = "Examples:
  moelint explain shared-overlap-dispatcher
  moelint explain MOE0301
  moelint explain moe_flex_dispatcher_num_sms
  moelint explain 0.18";

/// Facts that no config holds.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Facts from outside the file")]
pub struct FactArgs {
    /// Release that will run it: PACKAGE=RELEASE or just a Megatron-Core release (0.18, 0.18.2, `core_v0.18.2`, main);
    /// also transformer-engine=, torch=, deep-ep= with a version or `none`
    #[arg(long, value_name = "[PACKAGE=]RELEASE")]
    pub target: Vec<String>,
    /// GPU model: h100, b200, gb200, …
    #[arg(long)]
    pub gpu: Option<String>,
    /// GPUs of the job
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub num_gpus: Option<u32>,
    /// GPUs that share one `NVLink` domain (follows from --gpu)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub nvlink_domain: Option<u32>,
    /// An environment variable of the job
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// What the container has: deepep|hybridep|ncclep=available|missing|broken
    #[arg(long, value_name = "NAME=STATE")]
    pub backend: Vec<String>,
    /// What somebody found on the machine and in the container (JSON or YAML); flags win over it
    #[arg(long, value_name = "FILE")]
    pub facts: Vec<PathBuf>,
    /// Settings instead of the nearest moelint.toml or [tool.moelint]
    #[arg(long, value_name = "FILE", conflicts_with = "isolated")]
    pub config: Option<PathBuf>,
    /// Look at no moelint.toml, pyproject.toml or lock file
    #[arg(long)]
    pub isolated: bool,
}

/// Which rules.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Rules")]
pub struct RuleArgs {
    /// A folder of your own rule files, in the same form as the built-in ones
    #[arg(long, value_name = "DIR")]
    pub rules: Vec<PathBuf>,
    /// Only these: ids, codes, prefixes of codes (MOE03) or groups
    #[arg(long, value_delimiter = ',', value_name = "RULE")]
    pub select: Vec<String>,
    /// Not these
    #[arg(long, value_delimiter = ',', value_name = "RULE")]
    pub ignore: Vec<String>,
}

/// How to say it.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Write there instead of to standard output
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Colours: auto is on for a terminal unless `NO_COLOR` is set
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// Say less
    #[arg(short, long)]
    pub quiet: bool,
    /// Say more: files that were passed over
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// `--color`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// As the terminal allows.
    Auto,
    /// On.
    Always,
    /// Off.
    Never,
}

/// `--fail-on` and `--min-severity`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// Only errors.
    Error,
    /// Warnings too.
    Warning,
    /// Everything.
    Info,
    /// Nothing.
    Never,
}

impl Level {
    /// Whether a finding of this severity is at or above the level.
    #[must_use]
    pub fn includes(self, severity: Severity) -> bool {
        match self {
            Self::Error => severity >= Severity::Error,
            Self::Warning => severity >= Severity::Warning,
            Self::Info => true,
            Self::Never => false,
        }
    }
}

/// `moelint check`
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct CheckArgs {
    /// Files and folders; folders are walked, ignore files respected
    #[arg(default_value = ".")]
    pub paths: Vec<PathBuf>,
    /// The name to report for standard input
    #[arg(long, value_name = "NAME", default_value = "<stdin>")]
    pub stdin_filename: PathBuf,
    /// The severity from which on the exit status is 1
    #[arg(long, value_enum, help = "The severity from which on the exit status is 1 [default: error]")]
    pub fail_on: Option<Level>,
    /// The least severity to show [default: warning]
    #[arg(long, value_enum)]
    pub min_severity: Option<Level>,
    /// Show advice too (the same as --min-severity info)
    #[arg(long)]
    pub pedantic: bool,
    /// Make the changes that are proven to keep the meaning, and say what is left
    #[arg(long)]
    pub fix: bool,
    /// With --fix or --diff: also changes that mend the finding but may change the meaning
    #[arg(long)]
    pub unsafe_fixes: bool,
    /// Print the changes as a unified diff and change nothing; exit status 1 if there are any
    #[arg(long, conflicts_with = "fix")]
    pub diff: bool,
    /// Look for changes that would mend what is found, and tell them (up to 64 files this is done anyway)
    #[arg(long)]
    pub show_fixes: bool,
    /// List the rules that could not be decided, with what is missing
    #[arg(long)]
    pub show_undecided: bool,
    /// Stop showing findings after N (they still count)
    #[arg(long, value_name = "N")]
    pub max_diagnostics: Option<usize>,
    /// Files checked at once
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened; documented at its type")]
    pub facts: FactArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened; documented at its type")]
    pub rules: RuleArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened; documented at its type")]
    pub output: OutputArgs,
}

/// `moelint show`
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// The config
    pub path: PathBuf,
    /// Every setting of the file, not only the ones about dispatch
    #[arg(long)]
    pub all: bool,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = ShowFormat::Human)]
    pub format: ShowFormat,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened; documented at its type")]
    pub facts: FactArgs,
}

/// Forms of `show`, `rules` and `explain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ShowFormat {
    /// For people.
    Human,
    /// For programs.
    Json,
}

/// `moelint explain`
#[derive(Args, Clone, Debug)]
pub struct ExplainArgs {
    /// A rule's id or code, a setting in any spelling, or a release
    #[arg(value_name = "RULE|FIELD|RELEASE", allow_hyphen_values = true)]
    pub name: String,
    /// A folder of your own rule files
    #[arg(long, value_name = "DIR")]
    pub rules: Vec<PathBuf>,
}

/// `moelint rules`
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct RulesArgs {
    /// Something to do with them.
    #[command(subcommand)]
    pub action: Option<RulesAction>,
    /// One JSON array instead of a table
    #[arg(long)]
    pub json: bool,
    /// A page of Markdown instead of a table
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
    /// Only rules of this group
    #[arg(long)]
    pub group: Option<String>,
    /// A folder of your own rule files
    #[arg(long, value_name = "DIR")]
    pub rules: Vec<PathBuf>,
}

/// `moelint rules …`
#[derive(Clone, Debug, Subcommand)]
pub enum RulesAction {
    /// Run rules' examples: folders named after a rule's id with `bad*`, `good*` and `undecided*` files
    #[command(after_help = TEST_EXAMPLES)]
    Test(TestArgs),
}

const TEST_EXAMPLES: &str =
    "An example's first line may be `# args: --target 0.18 --gpu h100`; `# expect: ID` ends the line
that a finding has to stand on, `# expect-undecided: ID` stands anywhere.

Examples:
  moelint rules test testdata/rules
  moelint rules test my-rules --rules my-rules";

/// `moelint schema`
#[derive(Args, Clone, Debug)]
pub struct SchemaArgs {
    /// Of what
    #[arg(value_enum)]
    pub of: SchemaOf,
}

/// What there is a schema of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// A rule file.
    Rule,
    /// `moelint.toml`.
    Config,
    /// A facts file.
    Facts,
    /// What `check --format json` prints.
    Output,
    /// What `diff --format json` prints.
    Diff,
    /// What `bisect --format json` prints.
    Bisect,
}

/// `moelint rules test`
#[derive(Args, Clone, Debug)]
pub struct TestArgs {
    /// Folder of examples
    pub dir: PathBuf,
    /// A folder of your own rule files
    #[arg(long, value_name = "DIR")]
    pub rules: Vec<PathBuf>,
    /// Only examples of these rules: ids, codes, prefixes of codes or groups
    #[arg(long, value_delimiter = ',', value_name = "RULE")]
    pub select: Vec<String>,
    /// Also leave out each condition of a rule in turn: one of its examples has to notice
    #[arg(long)]
    pub mutate: bool,
}
