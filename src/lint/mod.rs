//! Facts → findings: one file at a time, nothing shared but the rules.

pub mod engine;
pub mod finding;
pub mod fix;
pub mod order;
pub mod proof;
pub mod suppress;
pub mod target;

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::dialect::{Dialect, is_moe, recognise};
use crate::document::parse;
use crate::document::tree::Document;
use crate::document::{LineIndex, Span};
use crate::facts::release::{CORE, ReleaseSet};
use crate::facts::store::Facts;
use crate::rule::builtin::{self, Draft};
use crate::rule::model::{Phase, Rule};

use engine::{Linter, Source, sort};
use finding::{Certainty, Finding, Status, Undecided, Verdicts, fingerprint};
use fix::{Plan, plan, plan_mend};
use suppress::Suppressions;

/// The rules that the build script embedded, by code.
#[must_use]
pub fn rules() -> &'static [Rule] {
    static RULES: std::sync::OnceLock<Vec<Rule>> = std::sync::OnceLock::new();
    RULES.get_or_init(|| {
        let blob = include_bytes!(concat!(env!("OUT_DIR"), "/rules.bin"));
        postcard::from_bytes(blob).unwrap_or_default()
    })
}

/// Most fixes that are looked into for one file.
const MAX_PLANS: usize = 32;

/// All that came out of one file.
#[derive(Clone, Debug)]
pub struct FileReport {
    /// As the user named it.
    pub path: PathBuf,
    /// Its text, for showing lines of it; empty where nothing is to be shown.
    pub text: Arc<str>,
    /// What became of it.
    pub status: Status,
    /// Why it could not be read.
    pub problem: Option<String>,
    /// What kind of file.
    pub dialect: Option<Dialect>,
    /// Of the first role.
    pub shape: Option<(crate::facts::shape::Completeness, crate::facts::shape::Stage)>,
    /// The roles in it.
    pub roles: Vec<String>,
    /// The Megatron-Core releases it was checked against.
    pub targets: ReleaseSet,
    /// What stops the run first comes first.
    pub findings: Vec<Finding>,
    /// By rule.
    pub undecided: Vec<Undecided>,
    /// How many findings comments in the file have silenced.
    pub suppressed: usize,
}

impl FileReport {
    /// A file that could not be read.
    #[must_use]
    pub fn unreadable(path: &Path, problem: String) -> Self {
        Self { problem: Some(problem), ..Self::empty(path, Status::Unreadable) }
    }

    /// A file of another kind.
    #[must_use]
    pub fn unrecognised(path: &Path) -> Self {
        Self::empty(path, Status::Unrecognised)
    }

    /// A file that was read and recognised, without findings.
    #[must_use]
    pub fn for_text(path: &Path, text: &str, dialect: Option<Dialect>) -> Self {
        Self { text: Arc::from(text), dialect, ..Self::empty(path, Status::Linted) }
    }

    fn empty(path: &Path, status: Status) -> Self {
        Self {
            path: path.to_path_buf(),
            text: Arc::from(""),
            status,
            problem: None,
            dialect: None,
            shape: None,
            roles: Vec::new(),
            targets: ReleaseSet::NONE,
            findings: Vec::new(),
            undecided: Vec::new(),
            suppressed: 0,
        }
    }
}

impl Linter<'_> {
    /// Checks one file's text.
    #[must_use]
    pub fn file(&self, path: &Path, text: &str) -> FileReport {
        let document = parse(text);
        match recognise(&document, self.catalogue) {
            Some((dialect, roles)) => {
                let mut report = self.checked(path, text, &document, dialect, &roles);
                if self.fixes && dialect != Dialect::Arguments {
                    let plans = self.plans(&document, &roles, &report);
                    self.prove(path, text, (dialect, &roles), plans, &mut report);
                }
                report
            }
            None => self.unknown(path, text, &document),
        }
    }

    /// A file that is none of ours, or is too broken to tell.
    fn unknown(&self, path: &Path, text: &str, document: &Document<'_>) -> FileReport {
        let mut report = FileReport::empty(path, Status::Unrecognised);
        let lines = LineIndex::new(text);
        let broken = self.broken(document, Source { text, lines: &lines }, false);
        if !broken.is_empty() {
            report.status = Status::Unreadable;
            report.findings = broken;
        }
        self.finish(document, text, &lines, report)
    }

    /// Checks a file whose roles are known.
    fn checked(
        &self,
        path: &Path,
        text: &str,
        document: &Document<'_>,
        dialect: Dialect,
        roles: &[Facts],
    ) -> FileReport {
        let mut report = FileReport::empty(path, Status::Unrecognised);
        let lines = LineIndex::new(text);
        let source = Source { text, lines: &lines };
        report.dialect = Some(dialect);
        self.roles(document, source, roles, &mut report);
        report.findings.extend(self.broken(document, source, true));
        self.finish(document, text, &lines, report)
    }

    fn finish(&self, document: &Document<'_>, text: &str, lines: &LineIndex, mut report: FileReport) -> FileReport {
        self.silence(document, lines, &mut report);
        sort(&mut report.findings);
        if !report.findings.is_empty() {
            report.text = Arc::from(text);
        }
        report
    }

    /// What the rules of the findings say would mend them, not yet proven: the finding, the role, the plan. Each costs as
    /// much as checking the file, so there is an end to them.
    fn plans(&self, document: &Document<'_>, roles: &[Facts], report: &FileReport) -> Vec<(usize, usize, Plan)> {
        let mut plans = Vec::new();
        for (index, finding) in report.findings.iter().enumerate() {
            if plans.len() == MAX_PLANS {
                break;
            }
            let about = self.rules.iter().find(|rule| rule.id == finding.rule);
            let of = roles.iter().position(|facts| facts.role == finding.role);
            let of = of.or(finding.role.is_empty().then_some(0));
            let (Some(rule), Some(of)) = (about, of) else { continue };
            if let (Some(mend), Some(facts)) = (&finding.mend, roles.get(of)) {
                plans.extend(plan_mend(mend, self.catalogue, facts, document).map(|plan| (index, of, plan)));
                continue;
            }
            let (Some(fix), Some(facts)) = (&rule.fix, roles.get(of)) else { continue };
            let primary = finding.primary().and_then(|label| self.catalogue.by_name(label.field.as_deref()?));
            let key = primary.and_then(|field| facts.entry(field)).map(|entry| entry.key_span);
            let view = self.view(rule, facts, finding.newest);
            plans.extend(plan(fix, &view, document, key).map(|plan| (index, of, plan)));
        }
        plans
    }

    fn roles(&self, document: &Document<'_>, source: Source<'_>, roles: &[Facts], report: &mut FileReport) {
        let mut seen = HashSet::new();
        report.status = Status::NotMoe;
        report.shape = roles.first().map(|facts| (facts.completeness, facts.stage));
        for facts in roles {
            report.roles.push(facts.role.clone());
            if !is_moe(facts, self.catalogue) {
                continue;
            }
            let first = report.status == Status::NotMoe;
            report.status = Status::Linted;
            let target = self.target.core(self.catalogue, facts).target;
            report.targets = report.targets.or(target);
            let role = self.role(facts, source);
            report.findings.extend(role.findings);
            report.undecided.extend(role.undecided);
            let mut drafts = builtin::wrong_type::check(facts, self.catalogue);
            drafts.extend(builtin::unknown_key::check(facts, self.catalogue, target, source.text));
            if first {
                drafts.extend(builtin::duplicate_key::check(document));
            }
            let found = drafts.into_iter().filter_map(|draft| self.built_in(draft, &facts.role, source));
            // keys that several roles share are reported once
            report.findings.extend(found.filter(|finding| seen.insert(place(finding))));
        }
        report.undecided.sort();
    }

    /// Syntax errors; a file that nobody named and that shows no sign of being ours is passed over by the caller.
    fn broken(&self, document: &Document<'_>, source: Source<'_>, known: bool) -> Vec<Finding> {
        let concerns = known || mentions_us(document.source);
        if !concerns {
            return Vec::new();
        }
        let drafts = builtin::syntax::check(document).into_iter();
        drafts.filter_map(|draft| self.built_in(draft, "", source)).collect()
    }

    /// A built-in rule's draft with its rule's words.
    fn built_in(&self, draft: Draft, role: &str, source: Source<'_>) -> Option<Finding> {
        let about = self.rules.iter().find(|rule| rule.id == draft.rule)?;
        let phase = draft.phase.unwrap_or(about.phase);
        let labels = draft.labels.into_iter().enumerate().map(|(index, (span, text))| {
            let mut label = source.label(span, text);
            label.primary = index == 0;
            label.field.clone_from(&draft.field);
            label.path.clone_from(&draft.path);
            label
        });
        Some(Finding {
            rule: Cow::Owned(about.id.clone()),
            code: Cow::Owned(about.code.clone()),
            severity: draft.severity.unwrap_or(about.severity),
            confidence: about.confidence,
            phase,
            certainty: Certainty::Certain,
            blocking: false,
            fingerprint: fingerprint(&[about.id.as_str(), role, draft.path.as_str(), draft.message.as_str()]),
            message: draft.message,
            help: draft.help,
            role: role.to_owned(),
            labels: labels.collect(),
            releases: Verdicts {
                package: CORE.to_owned(),
                target: self.target.name(self.catalogue, CORE).map(str::to_owned),
                said_by: self.target.source(CORE).in_words(),
                ..Verdicts::default()
            },
            sources: about.sources.to_vec(),
            fixes: Vec::new(),
            mend: draft.mend,
            newest: 0,
            raises: String::new(),
            // a wrong keyword or flag is refused before any check of the same phase runs
            order: (
                if phase == Phase::File { 0 } else { phase.rank(crate::facts::shape::Frontend::Generic) },
                0,
                Vec::new(),
            ),
        })
    }

    fn silence(&self, document: &Document<'_>, lines: &LineIndex, report: &mut FileReport) {
        let suppressions = Suppressions::read(document, lines);
        let rule = |finding: &Finding| self.rules.iter().find(|rule| rule.id == finding.rule);
        let before = report.findings.len();
        report.findings.retain(|finding| !rule(finding).is_some_and(|rule| suppressions.cover(finding, rule)));
        report.suppressed = before - report.findings.len();
    }
}

/// Rule and place of a built-in rule's finding.
fn place(finding: &Finding) -> (String, Option<Span>) {
    (finding.rule.to_string(), finding.primary().map(|label| label.span))
}

/// Whether a file that can't be parsed looks like one of ours: a name that only our configs use stands in it.
fn mentions_us(text: &str) -> bool {
    ["moe_", "--moe-", "num_moe_experts", "expert_model_parallel", "expert-model-parallel", "ConfigContainer"]
        .iter()
        .any(|name| text.contains(name))
}
