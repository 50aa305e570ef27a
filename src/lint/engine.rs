//! Rules × roles × releases → findings.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::document::{LineIndex, Span};
use crate::facts::catalogue::Catalogue;
use crate::facts::field::FieldId;
use crate::facts::release::{BRIDGE, ReleaseSet};
use crate::facts::shape::{Completeness, Frontend};
use crate::facts::store::Facts;
use crate::rule::eval::eval;
use crate::rule::expr::Node;
use crate::rule::load::core_release;
use crate::rule::model::{Anchor, Case, Phase, Rule, RuleLabel, Severity};
use crate::rule::render::render;

use super::finding::{Certainty, Finding, Label, Undecided, Verdicts, fingerprint};
use super::order::file_rank;
use super::target::{Candidates, Target, TargetSource, in_words};
use crate::rule::view::{Outside, View};

/// Everything that stays the same over all files of a run.
#[derive(Clone, Debug)]
pub struct Linter<'r> {
    /// Settings and releases.
    pub catalogue: &'r Catalogue,
    /// The rules in use.
    pub rules: Vec<&'r Rule>,
    /// Which releases.
    pub target: Target,
    /// Facts from outside the files.
    pub outside: Outside,
    /// Whether to look for changes that would mend what is found.
    pub fixes: bool,
}

/// One role's results.
#[derive(Clone, Debug, Default)]
pub struct RoleReport {
    /// What was found.
    pub findings: Vec<Finding>,
    /// What could not be decided.
    pub undecided: Vec<Undecided>,
}

/// A file's text with its lines, for turning bytes into places.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The text.
    pub text: &'a str,
    /// Its lines.
    pub lines: &'a LineIndex,
}

impl Source<'_> {
    /// A label without a setting.
    #[must_use]
    pub fn label(&self, span: Span, text: String) -> Label {
        Label {
            field: None,
            path: String::new(),
            primary: false,
            text,
            span,
            start: self.lines.position(self.text, span.start),
            end: self.lines.position(self.text, span.end),
        }
    }
}

/// What came out of one rule over the releases.
struct Outcome<'r> {
    fails: ReleaseSet,
    unknown: ReleaseSet,
    /// The case that fails in the newest release, with that release.
    newest: Option<(&'r Case, usize)>,
    /// The case that could not be decided in the newest release, with that release.
    open: Option<(&'r Case, usize)>,
}

impl<'r> Linter<'r> {
    /// Checks one role with every rule.
    #[must_use]
    pub fn role(&self, facts: &Facts, source: Source<'_>) -> RoleReport {
        let core = self.target.core(self.catalogue, facts);
        let bridge = self.target.bridge(self.catalogue, core);
        let mut report = RoleReport::default();
        for rule in &self.rules {
            if !applies(rule, facts) {
                continue;
            }
            let candidates = if rule.package == BRIDGE { bridge } else { core };
            let outcome = self.evaluate(rule, facts, candidates.target);
            if let Some((case, release)) = outcome.newest {
                report.findings.push(self.finding(rule, case, release, facts, source, candidates, outcome.fails));
            } else if let Some((case, release)) = outcome.open {
                let view = self.view(rule, facts, release);
                let missing = view.missing(&case.condition);
                report.undecided.push(Undecided {
                    rule: Cow::Owned(rule.id.clone()),
                    role: facts.role.clone(),
                    missing,
                });
            }
        }
        report
    }

    /// How bad the rule's finding is for these facts; `None`: there is none.
    pub(super) fn verdict(&self, rule: &'r Rule, facts: &Facts) -> Option<Severity> {
        if !applies(rule, facts) {
            return None;
        }
        let core = self.target.core(self.catalogue, facts);
        let target = if rule.package == BRIDGE { self.target.bridge(self.catalogue, core).target } else { core.target };
        let outcome = self.evaluate(rule, facts, target);
        outcome.newest.map(|_| if outcome.fails == target { rule.severity } else { lowered(rule.severity) })
    }

    pub(super) fn view<'a>(&'a self, rule: &Rule, facts: &'a Facts, release: usize) -> View<'a> {
        let core = core_release(self.catalogue, &rule.package, release);
        View { facts, catalogue: self.catalogue, outside: &self.outside, core, release }
    }

    /// One evaluation for each set of releases in which the rule's defaults are the same.
    fn evaluate(&self, rule: &'r Rule, facts: &Facts, releases: ReleaseSet) -> Outcome<'r> {
        let mut outcome = Outcome { fails: ReleaseSet::NONE, unknown: ReleaseSet::NONE, newest: None, open: None };
        for case in &rule.cases {
            let unwritten = |guard: &FieldId| facts.entry(*guard).is_none();
            if case.releases.and(releases).is_empty() || (!facts.truncated && case.guards.iter().any(unwritten)) {
                continue;
            }
            for segment in &case.segments {
                let set = segment.and(releases);
                let Some(release) = set.newest() else { continue };
                let view = self.view(rule, facts, release);
                match eval(&case.condition, &view).truth() {
                    Some(true) => {
                        outcome.fails = outcome.fails.or(set);
                        outcome.newest = newer(outcome.newest, case, release);
                    }
                    Some(false) => {}
                    None => {
                        outcome.unknown = outcome.unknown.or(set);
                        outcome.open = newer(outcome.open, case, release);
                    }
                }
            }
        }
        outcome
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one finding, gathered in one place")]
    fn finding(
        &self,
        rule: &'r Rule,
        case: &Case,
        release: usize,
        facts: &Facts,
        source: Source<'_>,
        candidates: Candidates,
        fails: ReleaseSet,
    ) -> Finding {
        let view = self.view(rule, facts, release);
        let certainty = if fails == candidates.target { Certainty::Certain } else { Certainty::DependsOnRelease };
        let labels = self.labels(rule, case, &view, source);
        let identity: Vec<String> = case.reads.iter().map(|field| identity(facts, self.catalogue, *field)).collect();
        let mut parts = vec![rule.id.as_str(), facts.role.as_str()];
        parts.extend(identity.iter().map(String::as_str));
        Finding {
            rule: Cow::Owned(rule.id.clone()),
            code: Cow::Owned(rule.code.clone()),
            severity: if certainty == Certainty::Certain { rule.severity } else { lowered(rule.severity) },
            confidence: rule.confidence,
            phase: rule.phase,
            certainty,
            blocking: false,
            message: render(&case.message, &view),
            help: render(&rule.help, &view),
            role: facts.role.clone(),
            labels,
            releases: self.verdicts(rule, facts, candidates),
            sources: rule.sources.to_vec(),
            fixes: Vec::new(),
            mend: None,
            newest: release,
            raises: rule.raises.clone(),
            fingerprint: fingerprint(&parts),
            order: (rule.phase.rank(facts.frontend), file_rank(&rule.file), line(rule, release)),
        }
    }

    /// What the rule says in every release that could read the file, not only in the ones that will.
    fn verdicts(&self, rule: &'r Rule, facts: &Facts, candidates: Candidates) -> Verdicts {
        let relevant = candidates.possible.or(candidates.target);
        let Outcome { fails, unknown, .. } = self.evaluate(rule, facts, relevant);
        let known = relevant.without(unknown);
        let Some(package) = self.catalogue.releases.packages.get(&rule.package) else { return Verdicts::default() };
        let names = |set| package.names(set).into_iter().map(str::to_owned).collect();
        let targeted = self.target.source(&rule.package) != TargetSource::Inferred;
        Verdicts {
            package: rule.package.clone(),
            fails: names(fails),
            passes: names(known.without(fails)),
            summary: in_words(package, fails, known, targeted, rule.severity == Severity::Error),
            target: self.target.name(self.catalogue, &rule.package).map(str::to_owned),
            said_by: self.target.source(&rule.package).in_words(),
        }
    }

    /// The rule's own labels, or the settings its condition reads, and the environment variables it reads; those that
    /// stand nowhere in the file are left out, and if none does, the role's beginning is pointed at.
    fn labels(&self, rule: &Rule, case: &Case, view: &View<'_>, source: Source<'_>) -> Vec<Label> {
        let mut wanted: Vec<(Anchor, String)> = if rule.labels.is_empty() {
            case.reads.iter().map(|field| (Anchor::Field(*field), String::new())).collect()
        } else {
            let shown =
                |label: &&RuleLabel| label.when.as_ref().is_none_or(|when| eval(when, view).truth() == Some(true));
            rule.labels.iter().filter(shown).map(|label| (label.at.clone(), render(&label.text, view))).collect()
        };
        case.condition.walk(&mut |expr| {
            if let Node::Env(name) | Node::EnvInt(name, _) = &expr.node {
                wanted.push((Anchor::Env(name.clone()), String::new()));
            }
        });
        let mut labels: Vec<Label> = Vec::new();
        for (at, text) in wanted {
            let Some((span, field, path)) = self.place(&at, view, source) else { continue };
            if !labels.iter().any(|label| label.span == span) {
                labels.push(Label { field, path, ..source.label(span, text) });
            }
        }
        if labels.is_empty() {
            labels.push(source.label(view.facts.anchor, String::new()));
        }
        if let Some(first) = labels.first_mut() {
            first.primary = true;
        }
        labels
    }

    /// Where a setting or variable stands in the file: at its value, or at its key where the value is empty or runs
    /// over several lines; with the setting's name and the path of keys.
    fn place(&self, at: &Anchor, view: &View<'_>, source: Source<'_>) -> Option<(Span, Option<String>, String)> {
        let shown = |span: Span, key: Span| {
            if span.is_empty() || span.slice(source.text).contains('\n') { key } else { span }
        };
        match at {
            Anchor::Field(field) => {
                let entry = view.facts.entry(*field).filter(|entry| !entry.path.is_empty())?;
                let name = self.catalogue.field(*field).name.clone();
                Some((shown(entry.span, entry.key_span), Some(name), entry.path.clone()))
            }
            Anchor::Env(name) => {
                let entry = view.facts.env.get(name)?;
                Some((shown(entry.span, entry.key_span), None, name.clone()))
            }
        }
    }
}

/// Marks the first check that would stop the run and puts findings in reading order: what stops the run first, then
/// the rest by severity and place.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let place = |finding: &Finding| finding.primary().map(|label| label.start.byte);
        let met = |finding: &Finding| (finding.severity == Severity::Error).then(|| finding.order.clone());
        (b.severity, met(a), place(a), &a.code, &a.role).cmp(&(a.severity, met(b), place(b), &b.code, &b.role))
    });
    let mut roles: HashSet<String> = HashSet::new();
    for finding in findings {
        let stops = finding.severity == Severity::Error && finding.phase <= Phase::FirstIteration;
        finding.blocking = stops && roles.insert(finding.role.clone());
    }
}

/// Whether the rule is about this kind of file at all.
fn applies(rule: &Rule, facts: &Facts) -> bool {
    let reads = rule.frontends.is_empty() || rule.frontends.contains(&facts.frontend);
    let command_line = matches!(rule.phase, Phase::Argparse | Phase::Args);
    // a printed listing of arguments has passed these checks, otherwise it would not have been printed
    let validated = facts.completeness == Completeness::Dump;
    let reached = !command_line || (facts.frontend == Frontend::MegatronLm && !validated);
    let package = rule.package != BRIDGE || facts.frontend == Frontend::MegatronBridge;
    reads
        && reached
        && package
        && rule.completeness.is_none_or(|wanted| wanted == facts.completeness)
        && rule.stage.is_none_or(|wanted| wanted == facts.stage)
}

fn newer<'r>(known: Option<(&'r Case, usize)>, case: &'r Case, release: usize) -> Option<(&'r Case, usize)> {
    match known {
        Some((_, best)) if best >= release => known,
        _ => Some((case, release)),
    }
}

/// A refusal by only some of the releases that may run the file is a warning: nobody knows yet that it will happen.
const fn lowered(severity: Severity) -> Severity {
    match severity {
        Severity::Error => Severity::Warning,
        other => other,
    }
}

/// Where the check stands in the release, or in the nearest older one that is known.
fn line(rule: &Rule, release: usize) -> Vec<u32> {
    let release = u8::try_from(release).unwrap_or(u8::MAX);
    let known = rule.lines.get(&release).or_else(|| rule.lines.range(..=release).next_back().map(|found| found.1));
    known.or_else(|| rule.lines.values().next()).cloned().unwrap_or_else(|| vec![u32::MAX])
}

/// Key path and value of a setting, for the fingerprint.
fn identity(facts: &Facts, catalogue: &Catalogue, field: FieldId) -> String {
    let name = &catalogue.field(field).name;
    match facts.entry(field) {
        Some(entry) => match &entry.value {
            Ok(value) => format!("{}={value}", entry.path),
            Err(why) => format!("{}={why}", entry.path),
        },
        None => format!("{name} absent"),
    }
}
