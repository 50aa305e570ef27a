//! The catalogue as the program uses it: settings by id and by any of their spellings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::field::{Field, FieldFile, FieldId};
use super::release::{ReleaseError, Releases};

/// How a key relates to the setting it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Spelling {
    /// The attribute's own name, a flag, or an alias: the value is taken as it is.
    Plain,
    /// The opposite: `no_persist_layer_norm`.
    Inverted,
    /// A bare flag that turns the setting off: `--disable-bias-linear`.
    Off,
}

/// A GPU model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gpu {
    /// Lower case: `h100`.
    pub name: String,
    /// Compute capability times ten: 90 for 9.0.
    pub arch: u16,
    /// GPUs in one `NVLink` domain.
    pub nvlink_domain: u16,
    /// Other names.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Where the numbers come from.
    #[serde(default)]
    pub source: String,
}

/// `lints/hardware.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hardware {
    /// All GPU models known.
    pub gpus: Vec<Gpu>,
}

/// Everything the program knows about settings, releases and hardware.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Catalogue {
    /// Packages and their releases.
    pub releases: Releases,
    /// GPU models.
    pub hardware: Hardware,
    /// All settings; a [`FieldId`] is an index.
    pub fields: Vec<Field>,
    /// Spelling (underscores, no dashes in front) → setting, sorted.
    names: Vec<(String, FieldId, Spelling)>,
    /// Short names for rules: `ep` → an expression.
    pub short_names: BTreeMap<String, String>,
}

/// Why the catalogue's files don't make a catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// A bad release somewhere.
    #[error("field `{0}`: {1}")]
    Release(String, ReleaseError),
    /// Two settings claim the same spelling.
    #[error("fields `{0}` and `{1}` both claim the spelling `{2}`")]
    Clash(String, String, String),
}

impl Catalogue {
    /// Checks and indexes the files' contents.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn build(releases: Releases, hardware: Hardware, files: Vec<FieldFile>) -> Result<Self, CatalogueError> {
        let mut catalogue = Self { releases, hardware, ..Self::default() };
        for file in files {
            catalogue.short_names.extend(file.short_names);
            for raw in file.fields {
                let field = raw.check(&catalogue.releases);
                catalogue.fields.push(field.map_err(|error| CatalogueError::Release(String::new(), error))?);
            }
        }
        catalogue.fields.sort_by(|a, b| a.name.cmp(&b.name));
        catalogue.index()?;
        Ok(catalogue)
    }

    fn index(&mut self) -> Result<(), CatalogueError> {
        let mut names = Vec::new();
        for (index, field) in self.fields.iter().enumerate() {
            let id = FieldId(u16::try_from(index).unwrap_or(u16::MAX));
            let mut add = |text: &str, spelling| names.push((normalise(text), id, spelling));
            add(&field.name, Spelling::Plain);
            field.flags.iter().chain(&field.aliases).for_each(|text| add(text, Spelling::Plain));
            field.inverted.iter().for_each(|text| add(text, Spelling::Inverted));
            field.off_flags.iter().for_each(|text| add(text, Spelling::Off));
        }
        names.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        names.dedup_by(|later, first| later.0 == first.0 && later.1 == first.1);
        for pair in names.windows(2) {
            if let [one, two] = pair
                && one.0 == two.0
            {
                let name = |id: FieldId| self.field(id).name.clone();
                return Err(CatalogueError::Clash(name(one.1), name(two.1), one.0.clone()));
            }
        }
        self.names = names;
        Ok(())
    }

    /// The setting with this id.
    ///
    /// # Panics
    /// Never for an id that this catalogue gave out.
    #[must_use]
    pub fn field(&self, id: FieldId) -> &Field {
        &self.fields[usize::from(id.0)]
    }

    /// The setting that an attribute name, alias or flag (`--num-experts` or `num_experts`) stands for.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<(FieldId, Spelling)> {
        let normalised;
        let key = if key.starts_with('-') || key.contains('-') {
            normalised = normalise(key);
            normalised.as_str()
        } else {
            key
        };
        let at = self.names.binary_search_by(|entry| entry.0.as_str().cmp(key)).ok()?;
        self.names.get(at).map(|entry| (entry.1, entry.2))
    }

    /// The setting whose attribute name is exactly `name`.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<FieldId> {
        let at = self.fields.binary_search_by(|field| field.name.as_str().cmp(name)).ok()?;
        u16::try_from(at).ok().map(FieldId)
    }

    /// Every spelling with its setting, sorted.
    pub fn spellings(&self) -> impl Iterator<Item = (&str, FieldId)> {
        self.names.iter().map(|entry| (entry.0.as_str(), entry.1))
    }

    /// The GPU model called `name`, in any case, also as `NVIDIA H100 80GB HBM3`.
    #[must_use]
    pub fn gpu(&self, name: &str) -> Option<&Gpu> {
        let wanted = name.to_lowercase();
        let known = |gpu: &&Gpu| gpu.name == wanted || gpu.aliases.contains(&wanted);
        self.hardware.gpus.iter().find(known).or_else(|| {
            let mut words = wanted.split(|c: char| !c.is_ascii_alphanumeric());
            words.find_map(|word| self.hardware.gpus.iter().find(|gpu| gpu.name == word))
        })
    }
}

/// `--moe-router-topk` → `moe_router_topk`.
fn normalise(text: &str) -> String {
    text.trim_start_matches('-').replace('-', "_")
}
