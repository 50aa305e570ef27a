//! Which files of a repository are looked at.

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobMatcher};

/// Endings of files that may be configs when nobody names a file.
const ENDINGS: [&str; 4] = [".yaml", ".yml", ".json", ".toml"];

/// One path as the user gave it, relative to the top of the repository.
#[derive(Clone, Debug)]
enum Wanted {
    /// A file, or a folder with all that is in it.
    Literal(String),
    /// A glob, and the folders in front of its first wild card.
    Glob(String, Box<GlobMatcher>),
}

/// The files that count.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    wanted: Vec<Wanted>,
    /// Earlier names of wanted files.
    more: BTreeSet<String>,
    /// Parents of wanted files: looked at for their children's sake.
    watched: BTreeSet<String>,
}

impl Filter {
    /// From paths relative to the top of the repository; none: every file that may be a config.
    ///
    /// # Errors
    /// A glob that can't be read.
    pub fn new(paths: &[String]) -> Result<Self, String> {
        let mut wanted = Vec::new();
        for path in paths {
            let path = path.trim_end_matches('/').trim_start_matches("./");
            if path.contains(['*', '?', '[', '{']) {
                let glob = GlobBuilder::new(path).literal_separator(true).build();
                let glob = glob.map_err(|error| format!("{path}: {error}"))?;
                let wild = path.find(['*', '?', '[', '{']).unwrap_or(0);
                let folder = path.get(..wild).and_then(|head| head.rfind('/').and_then(|at| head.get(..at)));
                wanted.push(Wanted::Glob(folder.unwrap_or("").to_owned(), Box::new(glob.compile_matcher())));
            } else if !path.is_empty() && path != "." {
                wanted.push(Wanted::Literal(path.to_owned()));
            }
        }
        Ok(Self { wanted, ..Self::default() })
    }

    /// Whether nobody named a path.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Adds an earlier name of a wanted file.
    pub fn add(&mut self, path: &str) {
        self.more.insert(path.to_owned());
    }

    /// Adds a file that wanted ones take settings from.
    pub fn watch(&mut self, path: &str) {
        if !self.takes(path) {
            self.watched.insert(path.to_owned());
        }
    }

    /// Whether a file counts.
    #[must_use]
    pub fn takes(&self, path: &str) -> bool {
        if self.more.contains(path) || self.watched.contains(path) {
            return true;
        }
        let config = || ENDINGS.iter().any(|ending| path.ends_with(ending));
        if self.wanted.is_empty() {
            return config();
        }
        self.wanted.iter().any(|wanted| match wanted {
            Wanted::Literal(literal) => path == literal || (below(literal, path) && config()),
            Wanted::Glob(_, glob) => glob.is_match(path),
        })
    }

    /// Whether the file was named itself, not found in a folder.
    #[must_use]
    pub fn names(&self, path: &str) -> bool {
        self.more.contains(path)
            || self.wanted.iter().any(|wanted| matches!(wanted, Wanted::Literal(one) if one == path))
    }

    /// Whether a folder may hold files that count.
    #[must_use]
    pub fn enters(&self, folder: &str) -> bool {
        if self.wanted.is_empty() || self.more.iter().chain(&self.watched).any(|path| below(folder, path)) {
            return true;
        }
        let on_the_way = |to: &str| to == folder || below(folder, to) || below(to, folder);
        self.wanted.iter().any(|wanted| match wanted {
            Wanted::Literal(path) => on_the_way(path),
            Wanted::Glob(head, _) => head.is_empty() || on_the_way(head),
        })
    }
}

/// Whether `path` lies in `folder`.
fn below(folder: &str, path: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}
