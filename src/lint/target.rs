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
    /// Nobody said; the file's keys narrow them.
    #[default]
    Inferred,
}

/// What the user said about releases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    core: Option<usize>,
    bridge: Option<usize>,
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
    pub fn set(&mut self, catalogue: &Catalogue, package: &str, release: &str) -> Result<(), ReleaseError> {
        let index = catalogue.releases.find(package, release)?;
        match package {
            CORE => self.core = Some(index),
            BRIDGE => self.bridge = Some(index),
            _ => {}
        }
        Ok(())
    }

    /// The release of `package` that the user named.
    #[must_use]
    pub fn index(&self, package: &str) -> Option<usize> {
        if package == BRIDGE { self.bridge } else { self.core }
    }

    /// Whether the user said which release of `package` runs.
    #[must_use]
    pub fn source(&self, package: &str) -> TargetSource {
        let said = if package == BRIDGE { self.bridge.is_some() } else { self.core.or(self.bridge).is_some() };
        if said { TargetSource::Flag } else { TargetSource::Inferred }
    }

    /// The Megatron-Core release that the user named, directly or through Megatron-Bridge's.
    fn said(&self, catalogue: &Catalogue) -> Option<usize> {
        self.core.or_else(|| self.bridge.map(|bridge| core_release(catalogue, BRIDGE, bridge)))
    }

    /// The patch name of the release of `package` that the user named, or that the one they named comes with.
    #[must_use]
    pub fn name<'c>(&self, catalogue: &'c Catalogue, package: &str) -> Option<&'c str> {
        let index = if package == BRIDGE { self.bridge } else { self.said(catalogue) }?;
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
        match self.bridge {
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
