//! Releases of the packages whose behaviour the rules describe, sets of them, and ranges.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The package whose releases decide a rule when it names no other.
pub const CORE: &str = "megatron-core";
/// The package on top of it that has checks of its own.
pub const BRIDGE: &str = "megatron-bridge";

/// One release series (`0.18`), represented by the patch release that was read (`0.18.2`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// `0.18` or `main`.
    pub series: String,
    /// The patch release that was read, or `main`.
    pub patch: String,
    /// The day it came out, `YYYY-MM-DD`.
    pub date: String,
    /// The git tag it was read from.
    #[serde(default)]
    pub tag: Option<String>,
    /// The commit it was read from, when it is no tag.
    #[serde(default)]
    pub commit: Option<String>,
    /// The series of other packages that it is built on.
    #[serde(default)]
    pub pins: BTreeMap<String, String>,
}

/// All releases known of one package, oldest first. At most 16.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Oldest first; the last one is `main`.
    pub releases: Vec<Release>,
}

/// `lints/releases.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Releases {
    /// By package name.
    pub packages: BTreeMap<String, Package>,
}

/// A set of one package's releases, one bit a release, oldest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReleaseSet(pub u16);

impl ReleaseSet {
    /// The set without a release.
    pub const NONE: Self = Self(0);

    /// The set that holds the release at `index`.
    #[must_use]
    pub const fn one(index: usize) -> Self {
        Self(1 << index)
    }

    /// Releases `first..=last`.
    #[must_use]
    pub fn span(first: usize, last: usize) -> Self {
        (first..=last).fold(Self::NONE, |set, index| set.or(Self::one(index)))
    }

    /// In both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// In either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// In this one and not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the release at `index` is in it.
    #[must_use]
    pub const fn has(self, index: usize) -> bool {
        self.0 & (1 << index) != 0
    }

    /// Whether it holds nothing.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The indexes it holds, oldest first.
    #[must_use]
    pub fn iter(self) -> impl DoubleEndedIterator<Item = usize> {
        (0..16).filter(move |index| self.has(*index))
    }

    /// The newest release in it.
    #[must_use]
    pub const fn newest(self) -> Option<usize> {
        if self.0 == 0 { None } else { Some(15 - self.0.leading_zeros() as usize) }
    }

    /// The oldest release in it.
    #[must_use]
    pub const fn oldest(self) -> Option<usize> {
        if self.0 == 0 { None } else { Some(self.0.trailing_zeros() as usize) }
    }

    /// How many.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }
}

/// Why a release or a range of releases could not be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// No such package.
    #[error("unknown package `{name}`, expected one of {known}")]
    UnknownPackage {
        /// As written.
        name: String,
        /// Comma-separated candidates.
        known: String,
    },
    /// No such release.
    #[error("unknown {package} release `{name}`, expected one of {known}")]
    UnknownRelease {
        /// The package.
        package: String,
        /// As written.
        name: String,
        /// Comma-separated candidates.
        known: String,
    },
    /// A range that isn't `*`, `<0.18`, `>=0.16 <0.19`, `=0.19`, ….
    #[error("`{0}` is no range of releases; write `*`, `<0.18`, `>=0.16`, `>=0.16 <0.19` or `=0.19`")]
    BadRange(String),
    /// A range that holds no known release.
    #[error("the range `{0}` holds no known release")]
    EmptyRange(String),
}

impl Releases {
    /// The package called `name`.
    ///
    /// # Errors
    /// [`ReleaseError::UnknownPackage`].
    pub fn package(&self, name: &str) -> Result<&Package, ReleaseError> {
        self.packages.get(name).ok_or_else(|| ReleaseError::UnknownPackage {
            name: name.to_owned(),
            known: self.packages.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }

    /// Which release of `package` a user means by `0.18`, `0.18.2`, `v0.18.2`, `core_v0.18.2`, `core_r0.18.0` or `main`.
    ///
    /// # Errors
    /// [`ReleaseError`] with the candidates.
    pub fn find(&self, package: &str, text: &str) -> Result<usize, ReleaseError> {
        let known = self.package(package)?;
        known.find(text).ok_or_else(|| ReleaseError::UnknownRelease {
            package: package.to_owned(),
            name: text.to_owned(),
            known: known.releases.iter().map(|r| r.series.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// The releases of `package` that `text` (`>=0.16 <0.19`) stands for.
    ///
    /// # Errors
    /// [`ReleaseError`].
    pub fn range(&self, package: &str, text: &str) -> Result<ReleaseSet, ReleaseError> {
        let mut set = self.package(package)?.all();
        for part in text.split_whitespace().filter(|part| *part != "*") {
            let digits = part.find(|c: char| !"<>=".contains(c)).unwrap_or(part.len());
            let (operator, name) = part.split_at(digits);
            if operator.is_empty() {
                return Err(ReleaseError::BadRange(text.to_owned()));
            }
            let index = self.find(package, name)?;
            let newer = ReleaseSet(u16::MAX).without(ReleaseSet::span(0, index));
            let this = ReleaseSet::one(index);
            set = set.and(match operator {
                "=" | "==" => this,
                ">" => newer,
                ">=" => newer.or(this),
                "<" => ReleaseSet(u16::MAX).without(newer.or(this)),
                "<=" => ReleaseSet(u16::MAX).without(newer),
                _ => return Err(ReleaseError::BadRange(text.to_owned())),
            });
        }
        if set.is_empty() { Err(ReleaseError::EmptyRange(text.to_owned())) } else { Ok(set) }
    }
}

impl Package {
    /// Every release.
    #[must_use]
    pub fn all(&self) -> ReleaseSet {
        self.releases.len().checked_sub(1).map_or(ReleaseSet::NONE, |last| ReleaseSet::span(0, last))
    }

    /// See [`Releases::find`].
    #[must_use]
    pub fn find(&self, text: &str) -> Option<usize> {
        let text = text.trim();
        let text = ["core_v", "core_r", "v", "r"].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
        let text = if matches!(text, "head" | "HEAD" | "master") { "main" } else { text };
        self.releases.iter().position(|release| release.is(text))
    }

    /// `0.16, 0.17 and 0.18` in words for a message.
    #[must_use]
    pub fn names(&self, set: ReleaseSet) -> Vec<&str> {
        set.iter().filter_map(|index| self.releases.get(index)).map(|release| release.patch.as_str()).collect()
    }

    /// The series name of the release at `index`.
    #[must_use]
    pub fn series(&self, index: usize) -> &str {
        self.releases.get(index).map_or("?", |release| release.series.as_str())
    }
}

impl Release {
    /// A release is meant by its series, by its patch release, and by any other patch release of the series.
    fn is(&self, text: &str) -> bool {
        if self.series == text || self.patch == text {
            return true;
        }
        let patch = text.strip_prefix(&self.series).and_then(|rest| rest.strip_prefix('.'));
        patch.is_some_and(|patch| {
            let rest = patch.trim_start_matches(|c: char| c.is_ascii_digit());
            let suffix = ["rc", "a", "b", ".dev", ".post", "+"].iter().any(|known| rest.starts_with(known));
            rest.len() < patch.len() && (rest.is_empty() || suffix)
        })
    }
}

impl fmt::Display for Release {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.patch)
    }
}
