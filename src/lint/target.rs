//! Which releases a file is checked against.

use crate::facts::catalogue::Catalogue;
use crate::facts::release::{BRIDGE, CORE, Package, ReleaseError, ReleaseSet};
use crate::facts::store::Facts;
use crate::rule::load::core_release;

/// Where the releases come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetSource {
    /// `--target`.
    Flag,
    /// A facts file.
    Facts,
    /// `moelint.toml`.
    Config,
    /// A lock file or a pin.
    LockFile,
    /// Nobody said; the file's keys narrow them.
    #[default]
    Inferred,
}

impl TargetSource {
    /// The name used in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Facts => "facts",
            Self::Config => "config",
            Self::LockFile => "lock-file",
            Self::Inferred => "inferred",
        }
    }

    /// As people know it.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Flag => "--target",
            Self::Facts => "facts file",
            Self::Config => "moelint.toml",
            Self::LockFile => "lock file",
            Self::Inferred => "",
        }
    }
}

/// What the user said about releases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    core: Option<(usize, TargetSource)>,
    bridge: Option<(usize, TargetSource)>,
}

/// The releases of one package that count for one role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    /// Those that the file may run under.
    pub target: ReleaseSet,
    /// Those that its keys allow: the ones a finding tells about.
    pub possible: ReleaseSet,
}

impl Target {
    /// Takes `megatron-core=0.18` in any spelling of the release.
    ///
    /// # Errors
    /// An unknown package or release, with the candidates.
    pub fn set(
        &mut self,
        catalogue: &Catalogue,
        package: &str,
        release: &str,
        source: TargetSource,
    ) -> Result<(), ReleaseError> {
        let index = catalogue.releases.find(package, release)?;
        match package {
            CORE => self.core = Some((index, source)),
            BRIDGE => self.bridge = Some((index, source)),
            _ => {}
        }
        Ok(())
    }

    /// Releases that nobody named, taken for all files alike so that they can be compared.
    #[must_use]
    pub fn assuming(&self, core: usize, bridge: Option<usize>) -> Self {
        let inferred = |index| (index, TargetSource::Inferred);
        Self {
            core: Some(self.core.unwrap_or_else(|| inferred(core))),
            bridge: self.bridge.or_else(|| bridge.map(inferred)),
        }
    }

    /// A source that names one of the two packages decides about both: what a weaker one said of the other is void.
    pub const fn forget(&mut self) {
        self.core = None;
        self.bridge = None;
    }

    /// The release of `package` that the user named.
    #[must_use]
    pub fn index(&self, package: &str) -> Option<usize> {
        if package == BRIDGE { self.bridge } else { self.core }.map(|said| said.0)
    }

    /// Whether the user said which release of `package` runs.
    #[must_use]
    pub fn source(&self, package: &str) -> TargetSource {
        let said = if package == BRIDGE { self.bridge } else { self.core.or(self.bridge) };
        said.map_or(TargetSource::Inferred, |said| said.1)
    }

    /// The Megatron-Core release that the user named, directly or through Megatron-Bridge's.
    fn said(&self, catalogue: &Catalogue) -> Option<usize> {
        let core = self.core.map(|said| said.0);
        core.or_else(|| self.bridge.map(|(bridge, _)| core_release(catalogue, BRIDGE, bridge)))
    }

    /// The patch name of the release of `package` that the user named, or that the one they named comes with.
    #[must_use]
    pub fn name<'c>(&self, catalogue: &'c Catalogue, package: &str) -> Option<&'c str> {
        let index = if package == BRIDGE { self.index(BRIDGE) } else { self.said(catalogue) }?;
        let package = catalogue.releases.packages.get(package)?;
        package.releases.get(index).map(|release| release.patch.as_str())
    }

    /// Megatron-Core's releases for a role.
    #[must_use]
    pub fn core(&self, catalogue: &Catalogue, facts: &Facts) -> Candidates {
        let possible = facts.possible_releases(catalogue, all(catalogue, CORE));
        match self.said(catalogue) {
            Some(index) => Candidates { target: ReleaseSet::one(index), possible: possible.or(ReleaseSet::one(index)) },
            None => Candidates { target: possible, possible },
        }
    }

    /// Megatron-Bridge's releases that are built on the given ones of Megatron-Core.
    #[must_use]
    pub fn bridge(&self, catalogue: &Catalogue, core: Candidates) -> Candidates {
        let built_on = |cores: ReleaseSet| {
            all(catalogue, BRIDGE)
                .iter()
                .filter(|index| cores.has(core_release(catalogue, BRIDGE, *index)))
                .fold(ReleaseSet::NONE, |set, index| set.or(ReleaseSet::one(index)))
        };
        let possible = built_on(core.possible);
        match self.index(BRIDGE) {
            Some(index) => Candidates { target: ReleaseSet::one(index), possible: possible.or(ReleaseSet::one(index)) },
            None => Candidates { target: built_on(core.target), possible },
        }
    }
}

fn all(catalogue: &Catalogue, package: &str) -> ReleaseSet {
    catalogue.releases.packages.get(package).map_or(ReleaseSet::NONE, Package::all)
}

/// Where in `possible` the set `fires` lies, for a rule about refusals (`fails before 0.18, fine from there`) or about
/// anything else (`applies before 0.18`), or, for a reader who knows the release, `fine from 0.18`.
#[must_use]
pub fn in_words(package: &Package, fires: ReleaseSet, possible: ReleaseSet, targeted: bool, refusal: bool) -> String {
    let passes = possible.without(fires);
    let series = |index: Option<usize>| index.map_or("?", |index| package.series(index));
    let below = |set: ReleaseSet, other: ReleaseSet| set.newest() < other.oldest();
    let verb = if refusal { "fails" } else { "applies" };
    if passes.is_empty() {
        return match fires.oldest() {
            Some(0) | None => "the same in every known release".to_owned(),
            Some(_) if fires.len() == 1 && targeted => String::new(),
            Some(_) if fires.len() == 1 => {
                format!("{}, the only release that has these settings", series(fires.newest()))
            }
            oldest => format!("the same in every release from {}", series(oldest)),
        };
    }
    if below(fires, passes) {
        let border = series(passes.oldest());
        return if targeted {
            format!("fine from {border}")
        } else {
            format!("{verb} before {border}, fine from there")
        };
    }
    if below(passes, fires) {
        let border = series(fires.oldest());
        return if targeted { format!("fine before {border}") } else { format!("{verb} from {border}") };
    }
    let names = fires.iter().map(|index| package.series(index)).collect::<Vec<_>>();
    format!("{verb} in {}", names.join(", "))
}
