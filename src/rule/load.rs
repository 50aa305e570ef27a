//! A rule file's text → a checked [`Rule`], or an error with its place.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::facts::catalogue::Catalogue;
use crate::facts::field::{FieldId, Owner};
use crate::facts::release::{BRIDGE, CORE, ReleaseError, ReleaseSet};
use crate::facts::shape::{Completeness, Frontend, Stage};

use super::check::check;
use super::expr::{Expr, Node};
use super::guard::guards;
use super::locate::{line_column, locate};
use super::model::{Anchor, Case, Confidence, Part, Phase, Rule, RuleFix, RuleLabel, Severity, Template};
use super::nearest::nearest;
use super::packed::Packed;
use super::parse::{Scope, parse};
use super::token::ExprError;

/// Why a rule file can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct LoadError {
    /// The rule file.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    id: String,
    code: String,
    group: String,
    summary: String,
    severity: Severity,
    confidence: Confidence,
    #[serde(default = "core")]
    package: String,
    #[serde(default)]
    frontends: Vec<Frontend>,
    phase: Phase,
    #[serde(default)]
    completeness: Option<Completeness>,
    #[serde(default)]
    stage: Option<Stage>,
    #[serde(default)]
    given: Option<String>,
    cases: Vec<RawCase>,
    #[serde(default)]
    labels: Vec<RawLabel>,
    #[serde(default)]
    help: String,
    #[serde(default)]
    fix: Option<RawFix>,
    #[serde(default)]
    why: String,
    #[serde(default)]
    raises: String,
    #[serde(default)]
    prints: Vec<String>,
    #[serde(default)]
    position: RawPosition,
    #[serde(default)]
    sources: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCase {
    releases: String,
    when: String,
    message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLabel {
    at: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    when: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFix {
    safety: Safety,
    #[serde(default)]
    set: BTreeMap<String, String>,
    #[serde(default)]
    remove: Vec<String>,
    #[serde(default)]
    rename: BTreeMap<String, String>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Safety {
    Safe,
    Unsafe,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPosition {
    #[serde(default)]
    file: String,
    #[serde(default)]
    lines: BTreeMap<String, RawLine>,
}

/// `1788`, or `[1789, 1565]` for a check in a function that is called from line 1789.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawLine {
    One(u32),
    Called(Vec<u32>),
}

fn core() -> String {
    CORE.to_owned()
}

/// Reads one rule file.
///
/// # Errors
/// The first thing wrong in it, with file, line and column.
pub fn load_rule(file: &str, source: &str, catalogue: &Catalogue) -> Result<Rule, LoadError> {
    let loader = Loader { file, source, catalogue };
    loader.rule(loader.read()?)
}

/// Reads parts of one data file, with places in every error.
#[derive(Clone, Copy)]
pub struct Loader<'a> {
    /// The file's name.
    pub file: &'a str,
    /// Its text.
    pub source: &'a str,
    /// What names mean.
    pub catalogue: &'a Catalogue,
}

impl Loader<'_> {
    /// The file as YAML of a known shape.
    ///
    /// # Errors
    /// What the YAML reader says, with its place.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, LoadError> {
        serde_yaml::from_str(self.source).map_err(|error| {
            let (line, column) = error.location().map_or((1, 1), |place| (place.line(), place.column()));
            LoadError { file: self.file.to_owned(), line, column, message: error.to_string() }
        })
    }

    fn rule(&self, raw: RawRule) -> Result<Rule, LoadError> {
        if raw.confidence == Confidence::Derived && raw.severity == Severity::Error {
            return Err(self.error_at("severity", "a derived rule can't be an error until it is reproduced"));
        }
        if raw.sources.is_empty() {
            return Err(self.error_at("id", "a rule needs at least one entry under `sources`"));
        }
        let package = raw.package.clone();
        let given = raw.given.as_deref().map(|text| self.condition(&["given"], text, &package)).transpose()?;
        let mut cases = Vec::with_capacity(raw.cases.len());
        let mut covered = ReleaseSet::NONE;
        for case in raw.cases {
            let case = self.case(&case, given.as_ref(), &package)?;
            if !covered.and(case.releases).is_empty() {
                return Err(self.error_at("cases", "two cases of this rule cover the same release"));
            }
            covered = covered.or(case.releases);
            cases.push(case);
        }
        let labels: Vec<RuleLabel> =
            raw.labels.iter().map(|label| self.label(label, &package)).collect::<Result<_, _>>()?;
        Ok(Rule {
            lines: Packed::new(&self.lines(&raw.position, &package)?),
            labels: Packed::new(&labels),
            help: self.template("help", &raw.help, &package)?,
            fix: raw.fix.as_ref().map(|fix| self.fix(fix, &package)).transpose()?,
            id: raw.id,
            code: raw.code,
            group: raw.group,
            summary: raw.summary,
            severity: raw.severity,
            confidence: raw.confidence,
            package,
            frontends: raw.frontends,
            phase: raw.phase,
            completeness: raw.completeness,
            stage: raw.stage,
            cases,
            why: raw.why,
            raises: raw.raises,
            prints: Packed::new(&raw.prints),
            file: raw.position.file,
            sources: Packed::new(&raw.sources),
        })
    }

    fn case(&self, raw: &RawCase, given: Option<&Expr>, package: &str) -> Result<Case, LoadError> {
        let releases = self.releases(package, &raw.releases)?;
        let when = self.condition(&["when"], &raw.when, package)?;
        let condition = match given {
            Some(given) => given.clone().and(when),
            None => when,
        };
        let reads = condition.reads();
        self.exist(&reads, releases, package, &raw.when)?;
        let message = self.template("message", &raw.message, package)?;
        let segments = self.segments(&condition, &reads, releases, package);
        let guards = guards(&condition, releases, self.catalogue, package);
        Ok(Case { releases, condition, message, reads, guards, segments })
    }

    /// A setting that no release of the range has can't be what the author meant.
    fn exist(&self, reads: &[FieldId], releases: ReleaseSet, package: &str, when: &str) -> Result<(), LoadError> {
        for id in reads {
            let field = self.catalogue.field(*id);
            let anywhere = releases.iter().any(|release| field.releases().has(self.core_release(package, release)));
            if !anywhere && !field.runs.is_empty() && field.owner != Owner::Environment {
                let at = when.find(&field.name).unwrap_or(0);
                let message = format!("no release of this range has the field `{}`", field.name);
                return Err(self.expr_error(&["when", "given"], when, at, message));
            }
        }
        Ok(())
    }

    /// Groups `releases` so that within a group nothing that the condition reads differs.
    fn segments(&self, condition: &Expr, reads: &[FieldId], releases: ReleaseSet, package: &str) -> Vec<ReleaseSet> {
        let mut since = Vec::new();
        condition.walk(&mut |expr| {
            if let Node::Since(set) = expr.node {
                since.push(set);
            }
        });
        let signature = |release: usize| {
            let core = self.core_release(package, release);
            let runs: Vec<_> = reads
                .iter()
                .map(|id| self.catalogue.field(*id).runs.iter().position(|run| run.releases.has(core)))
                .collect();
            (runs, since.iter().map(|set| set.has(release)).collect::<Vec<_>>())
        };
        let mut segments: Vec<(_, ReleaseSet)> = Vec::new();
        for release in releases.iter() {
            let key = signature(release);
            match segments.iter_mut().find(|segment| segment.0 == key) {
                Some(segment) => segment.1 = segment.1.or(ReleaseSet::one(release)),
                None => segments.push((key, ReleaseSet::one(release))),
            }
        }
        segments.into_iter().map(|segment| segment.1).collect()
    }

    /// The Megatron-Core release that a release of `package` is built on.
    fn core_release(&self, package: &str, release: usize) -> usize {
        core_release(self.catalogue, package, release)
    }

    /// An expression that stands under one of `keys`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn condition(&self, keys: &[&str], text: &str, package: &str) -> Result<Expr, LoadError> {
        let scope = Scope { catalogue: self.catalogue, package };
        let checked = parse(text, scope).and_then(|expr| check(&expr, scope).map(|_| expr));
        checked.map_err(|error| self.in_expr(keys, text, 0, &error))
    }

    /// Text with expressions in braces, under `key`.
    ///
    /// # Errors
    /// What is wrong with an expression, or an open brace.
    pub fn template(&self, key: &str, text: &str, package: &str) -> Result<Template, LoadError> {
        let scope = Scope { catalogue: self.catalogue, package };
        let mut parts = Vec::new();
        let mut rest = 0;
        while let Some(open) = text[rest..].find('{').map(|at| rest + at) {
            let Some(close) = text[open..].find('}').map(|at| open + at) else {
                return Err(self.expr_error(&[key], text, open, "this `{` is never closed".to_owned()));
            };
            if open > rest {
                parts.push(Part::Text(text[rest..open].to_owned()));
            }
            let inner = &text[open + 1..close];
            let expr = parse(inner, scope).map_err(|error| self.in_expr(&[key], text, open + 1, &error))?;
            parts.push(Part::Expr(expr, inner.to_owned()));
            rest = close + 1;
        }
        if rest < text.len() {
            parts.push(Part::Text(text[rest..].to_owned()));
        }
        Ok(Packed::new(&parts))
    }

    fn label(&self, raw: &RawLabel, package: &str) -> Result<RuleLabel, LoadError> {
        let when = raw.when.as_deref().map(|text| self.condition(&["when"], text, package)).transpose()?;
        let at = match raw.at.strip_prefix("env ") {
            Some(name) => Anchor::Env(name.trim().to_owned()),
            None => Anchor::Field(self.field("at", &raw.at)?),
        };
        Ok(RuleLabel { at, text: self.template("text", &raw.text, package)?, when })
    }

    fn fix(&self, raw: &RawFix, package: &str) -> Result<RuleFix, LoadError> {
        let mut fix = RuleFix { safe: raw.safety == Safety::Safe, ..RuleFix::default() };
        for (name, value) in &raw.set {
            fix.set.push((self.field(name, name)?, self.condition(&[name], value, package)?));
        }
        for name in &raw.remove {
            fix.remove.push(self.field("remove", name)?);
        }
        for (old, new) in &raw.rename {
            fix.rename.push((self.field("rename", old)?, self.field("rename", new)?));
        }
        Ok(fix)
    }

    fn lines(&self, raw: &RawPosition, package: &str) -> Result<BTreeMap<u8, Vec<u32>>, LoadError> {
        let releases = &self.catalogue.releases;
        raw.lines
            .iter()
            .map(|(release, line)| {
                let index = releases.find(package, release).map_err(|error| self.release_error(release, &error))?;
                let line = match line {
                    RawLine::One(line) => vec![*line],
                    RawLine::Called(lines) => lines.clone(),
                };
                Ok((u8::try_from(index).unwrap_or(u8::MAX), line))
            })
            .collect()
    }

    /// The setting called `name`, under `key`.
    ///
    /// # Errors
    /// An unknown name, with the nearest right one.
    pub fn field(&self, key: &str, name: &str) -> Result<FieldId, LoadError> {
        self.catalogue.by_name(name).ok_or_else(|| {
            let names = self.catalogue.fields.iter().map(|field| field.name.as_str());
            let hint = nearest(name, names).map_or_else(String::new, |right| format!(", did you mean `{right}`?"));
            self.expr_error(&[key, "at"], name, 0, format!("unknown field `{name}`{hint}"))
        })
    }

    /// A range of releases.
    ///
    /// # Errors
    /// A release that is not known.
    pub fn releases(&self, package: &str, text: &str) -> Result<ReleaseSet, LoadError> {
        self.catalogue.releases.range(package, text).map_err(|error| self.release_error(text, &error))
    }

    fn release_error(&self, text: &str, error: &ReleaseError) -> LoadError {
        self.expr_error(&["releases", "package", "lines"], text, 0, error.to_string())
    }

    fn in_expr(&self, keys: &[&str], text: &str, shift: usize, error: &ExprError) -> LoadError {
        self.expr_error(keys, text, shift + error.span.start as usize, error.message.clone())
    }

    fn expr_error(&self, keys: &[&str], text: &str, at: usize, message: String) -> LoadError {
        let offset = locate(self.source, keys, text, at).or_else(|| self.source.find(text).map(|start| start + at));
        let (line, column) = offset.map_or((1, 1), |offset| line_column(self.source, offset));
        LoadError { file: self.file.to_owned(), line, column, message }
    }

    /// An error at the first `key:` of the file.
    #[must_use]
    pub fn error_at(&self, key: &str, message: &str) -> LoadError {
        let offset = self.source.find(&format!("{key}:")).unwrap_or(0);
        let (line, column) = line_column(self.source, offset);
        LoadError { file: self.file.to_owned(), line, column, message: message.to_owned() }
    }
}

/// The Megatron-Core release that the release at `index` of `package` is built on; Megatron-Core's own is itself.
#[must_use]
pub fn core_release(catalogue: &Catalogue, package: &str, index: usize) -> usize {
    if package != BRIDGE {
        return index;
    }
    let releases = &catalogue.releases;
    let release = releases.packages.get(package).and_then(|package| package.releases.get(index));
    let pin = release.and_then(|release| release.pins.get(CORE));
    pin.and_then(|pin| releases.find(CORE, pin).ok()).unwrap_or(index)
}
