//! `moelint bisect keys`: the settings that make a good config fail.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use crate::bisect::dependency::Validity;
use crate::bisect::drive::Ended;
use crate::bisect::evidence::Set;
use crate::bisect::executor::interrupt;
use crate::bisect::keys::{Answer, Beside, Keys, KeysError, Stage, Watch};
use crate::bisect::materialise::{MaterialiseError, Pair};
use crate::bisect::rates::Known;
use crate::bisect::reduce::Reducer;
use crate::bisect::reduction::{Options, Reduction};
use crate::bisect::report::{Changed, Counts, Culprit, Others, ProbeLine, Report, Status};
use crate::bisect::session::{Probe, Session, Store};
use crate::bisect::spell;
use crate::bisect::verdict::{Expectation, Verdict};
use crate::delta::relevance::{Symptom, relevance};
use crate::facts::catalogue;
use crate::lint::engine::Linter;
use crate::output::bisect::progress;

use super::bisect::print;
use super::bisect_args::{Emit, KeysArgs};
use super::search::{executor, limits};
use super::sides::side;
use super::surroundings::{Linters, Surroundings};
use super::{CliError, Exit, options, with_stdout};

impl From<KeysError> for CliError {
    fn from(error: KeysError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<MaterialiseError> for CliError {
    fn from(error: MaterialiseError) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Runs the command, or goes on with a session.
///
/// # Errors
/// [`CliError`].
pub fn run(args: &KeysArgs, arguments: Vec<String>, session: Option<Session>) -> Result<Exit, CliError> {
    let (good, bad) = (side(&args.good)?, side(&args.bad)?);
    let surroundings = Surroundings::open(&args.facts, Some(&bad.path))?;
    let folders: Vec<PathBuf> = surroundings.settings.rules.iter().chain(&args.rules.rules).cloned().collect();
    let own = options::user_rules(&folders, catalogue())?;
    let all = options::all_rules(&own);
    let linters = Linters::new(&surroundings, &args.rules, &all, false)?;
    let linter = linters.of(&bad.path);
    let pair = Pair::new(&good.text, &bad.text, &linter)?;
    let names = (good.name.as_str(), bad.name.as_str());
    if pair.units.is_empty() {
        let mut report = report(&pair, names, args.search.symptom, Status::None);
        report.notes.push("the two configs mean the same: look outside the config".to_owned());
        print(&args.report, &report)?;
        return Ok(Exit::Clean);
    }
    if args.command.is_empty() {
        return plain(args, &pair, &linter, names);
    }
    search(args, arguments, session, &pair, &linter, names)
}

/// What differs, the most suspected first; nothing is run.
fn plain(args: &KeysArgs, pair: &Pair<'_>, linter: &Linter<'_>, names: (&str, &str)) -> Result<Exit, CliError> {
    if let Some(emit) = args.emit {
        let text = spelled(pair, &pair.all(), emit, linter)?;
        return with_stdout(|out| Ok(writeln!(out, "{text}").map(|()| Exit::Clean)?));
    }
    let mut report = report(pair, names, args.search.symptom, Status::Ranked);
    let mut order: Vec<usize> = (0..pair.units.len()).collect();
    let weight = |at: &usize| pair.units.get(*at).map_or(0.0, |unit| unit.weight(relevance(), args.search.symptom));
    order.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then(a.cmp(b)));
    let sum: f64 = order.iter().map(weight).sum();
    for at in order {
        report.culprits.push(culprit(pair, &Set::from([at]), weight(&at) / sum, names.1));
    }
    report.next = vec![format!(
        "moelint bisect keys {} {} -- ./probe.sh   (it finds the config in MOELINT_CONFIG)",
        names.0, names.1
    )];
    print(&args.report, &report)?;
    Ok(Exit::Clean)
}

fn search(
    args: &KeysArgs,
    arguments: Vec<String>,
    session: Option<Session>,
    pair: &Pair<'_>,
    linter: &Linter<'_>,
    names: (&str, &str),
) -> Result<Exit, CliError> {
    let symptom = args.search.symptom;
    let validity = Validity::new(pair, linter, symptom != Some(Symptom::ConfigRejected));
    let weights: Vec<f64> = pair.units.iter().map(|unit| unit.weight(relevance(), symptom)).collect();
    let rates = args.search.flake_rate.map_or(Known::Deterministic, |(a, b)| Known::Told(a, b));
    let options = Options { rates, confidence: args.search.confidence, ..Options::default() };
    let reducer = Reducer::new(&weights, &validity.needs(), options);
    let store = store(args)?;
    let session = if let Some(session) = session {
        session
    } else {
        store.begin(args.search.restart)?;
        let folder = std::env::current_dir()?;
        let (good, bad) = (names.0.to_owned(), names.1.to_owned());
        let session = Session { version: 1, arguments, folder, good, bad, probes: Vec::new(), finished: false };
        store.save(&session)?;
        session
    };
    interrupt::install()?;
    let mut keys = Keys {
        pair,
        reducer,
        preflight: !args.search.no_preflight,
        executor: executor(&args.search)?,
        stage: stage(args)?,
        store,
        session,
        limits: limits(&args.search),
        command: args.command.clone(),
        expect: Expectation { symptom: symptom.map(|symptom| symptom.name().to_owned()), ..Expectation::default() },
    };
    let mut watch = Lines { out: progress::Progress::new(args.report.quiet, std::io::stderr().is_terminal()) };
    // a refused candidate is what is looked for where being refused is the symptom
    let valid = |set: &Set| symptom == Some(Symptom::ConfigRejected) || validity.allows(set);
    let answer = keys.run(&valid, &mut watch)?;
    let report = answered(&keys, &answer, args, linter, names)?;
    let stopped = matches!(answer, Answer::Ended(Ended::Stopped(_)));
    keys.session.finished = !stopped;
    keys.store.save(&keys.session)?;
    print(&args.report, &report)?;
    Ok(if report.status == Status::Inconclusive { Exit::Findings } else { Exit::Clean })
}

/// Where the state is: in the repository, or beside the user where there is none.
fn store(args: &KeysArgs) -> Result<Store, CliError> {
    let repo = crate::history::git::open(Path::new("."));
    if let (Ok(repo), None) = (&repo, &args.search.state) {
        return Ok(super::search::store(repo, None));
    }
    let folder = args.search.state.clone().unwrap_or_else(|| PathBuf::from(".moelint/bisect"));
    Ok(Store { folder: std::path::absolute(folder)? })
}

fn stage(args: &KeysArgs) -> Result<Box<dyn Stage>, CliError> {
    let name = args.bad.to_string_lossy();
    let name = name.rsplit(['/', ':']).next().filter(|name| name.contains('.')).unwrap_or("config.yaml");
    Ok(Box::new(Beside { folder: std::env::current_dir()?, name: name.to_owned() }))
}

/// Progress as plain lines.
struct Lines {
    out: progress::Progress,
}

impl Watch for Lines {
    fn started(&mut self, probe: &Probe) {
        self.out.say(&format!("probe {}  {}", probe.number, probe.why));
    }

    fn ended(&mut self, probe: &Probe) {
        let Some(outcome) = &probe.outcome else { return };
        self.out.say(&format!("probe {}  {}  ({})", probe.number, verdict(outcome.verdict), outcome.note));
    }
}

const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "good",
        Verdict::Bad => "bad",
        Verdict::Unresolved => "unresolved",
    }
}

fn report(pair: &Pair<'_>, names: (&str, &str), symptom: Option<Symptom>, status: Status) -> Report {
    let mut report = Report::empty("keys", status, names);
    report.symptom = symptom.map(|symptom| symptom.name().to_owned());
    report.config_classes = pair.units.len();
    report
}

/// Settings as a culprit: in place of a commit, the names of the settings.
fn culprit(pair: &Pair<'_>, set: &Set, posterior: f64, path: &str) -> Culprit {
    let units = || set.iter().filter_map(|at| pair.units.get(*at));
    let changes = units().flat_map(|unit| &unit.changes);
    Culprit {
        commit: String::new(),
        subject: units().map(crate::bisect::difference::Unit::name).collect::<Vec<_>>().join(" and "),
        posterior,
        path: path.to_owned(),
        changes: changes.map(|change| Changed::new(change, path, relevance().group(&change.name), "")).collect(),
        introduced: Vec::new(),
        fixed: Vec::new(),
        why: String::new(),
    }
}

fn answered(
    keys: &Keys<'_>,
    answer: &Answer,
    args: &KeysArgs,
    linter: &Linter<'_>,
    names: (&str, &str),
) -> Result<Report, CliError> {
    let mut report = report(keys.pair, names, args.search.symptom, Status::Inconclusive);
    match answer {
        Answer::Ended(Ended::Open(why) | Ended::Stopped(why) | Ended::NotSeparable(why)) => {
            report.notes.push(why.clone());
        }
        Answer::Ended(Ended::Found(_)) => {}
        Answer::Reduced(reduction) => {
            reduced(&mut report, keys, reduction, names.1);
            if let Some(emit) = args.emit.filter(|_| !reduction.must.is_empty()) {
                report.next.push(spelled(keys.pair, &reduction.must, emit, linter)?);
            }
        }
    }
    for probe in &keys.session.probes {
        let Some(outcome) = &probe.outcome else { continue };
        let counts: &mut Counts = &mut report.probes;
        counts.total += 1;
        counts.preflight += u32::from(probe.preflight);
        match outcome.verdict {
            Verdict::Good => counts.good += 1,
            Verdict::Bad => counts.bad += 1,
            Verdict::Unresolved => counts.unresolved += 1,
        }
        report.log.push(ProbeLine {
            number: probe.number,
            commit: probe.config.clone(),
            code: None,
            verdict: verdict(outcome.verdict).to_owned(),
            why: probe.why.clone(),
            note: outcome.note.clone(),
            seconds: outcome.seconds,
        });
    }
    Ok(report)
}

fn reduced(report: &mut Report, keys: &Keys<'_>, reduction: &Reduction, path: &str) {
    report.notes.extend(reduction.notes.iter().cloned());
    if reduction.must.is_empty() {
        return;
    }
    report.status = Status::Found;
    let mut first = culprit(keys.pair, &reduction.must, reduction.confidence, path);
    first.why = why(reduction);
    report.culprits.push(first);
    for other in &reduction.others {
        let mut second = culprit(keys.pair, other, reduction.confidence, path);
        "a second cause: it makes the good config fail on its own".clone_into(&mut second.why);
        report.culprits.push(second);
    }
    report.hypotheses = Others::default();
}

/// How the answer was made sure of.
fn why(reduction: &Reduction) -> String {
    let seen = |what: Option<bool>, yes: &str, no: &str| match what {
        Some(true) => yes.to_owned(),
        Some(false) => no.to_owned(),
        None => format!("not probed whether {yes}"),
    };
    let mut parts = vec![
        seen(reduction.sufficient, "the good config fails with it", "the good config passes with it alone"),
        seen(reduction.necessary, "the bad config passes without it", "the bad config fails without it too"),
    ];
    if !reduction.minimal {
        parts.push("some of it may not be needed".to_owned());
    }
    parts.join("; ")
}

/// The settings on one line, for a launcher.
fn spelled(pair: &Pair<'_>, set: &Set, emit: Emit, linter: &Linter<'_>) -> Result<String, CliError> {
    match emit {
        Emit::File => Ok(pair.apply(set)?),
        Emit::Overrides => Ok(spell::overrides(pair, set).join(" ")),
        Emit::Flags => {
            let without =
                |names: Vec<String>| CliError::Usage(format!("--emit flags: no flag sets {}", names.join(", ")));
            let flags = spell::flags(pair, set, linter.catalogue).map_err(without)?;
            let drop = if flags.drop.is_empty() {
                String::new()
            } else {
                format!("   (and take out {})", flags.drop.join(" "))
            };
            Ok(format!("{}{drop}", flags.add.join(" ")))
        }
    }
}
