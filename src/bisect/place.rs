//! A candidate in a working tree: the code of one commit with the configs of another.

use std::path::PathBuf;

use git2::{Oid, Repository};

use super::case::{Case, config_at};
use super::posterior::Point;
use super::worktree::{Worktree, WorktreeError};

/// Where probes find the candidate.
#[derive(Clone, Debug, Default)]
pub struct Placed {
    /// The config that counts most; `None`: the candidate has none.
    pub config: Option<PathBuf>,
    /// All of them.
    pub configs: Vec<PathBuf>,
}

impl Case {
    /// The id of a commit of the range.
    #[must_use]
    pub fn id(&self, commit: usize) -> Option<Oid> {
        self.timeline.range.commits.get(commit).map(|commit| commit.id)
    }

    /// Configs by their last name, the most suspected first.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut weights: Vec<(&str, f64)> = self
            .timeline
            .names
            .iter()
            .map(|(name, aliases)| {
                let mut heaviest: f64 = 0.0;
                for suspicion in &self.suspicions {
                    let files = self.timeline.steps.get(suspicion.commit).map(|step| &step.files);
                    let touches = files.is_some_and(|files| files.iter().any(|file| aliases.contains(&file.path)));
                    heaviest = if touches { heaviest.max(suspicion.weight) } else { heaviest };
                }
                (name.as_str(), heaviest)
            })
            .collect();
        weights.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
        weights.into_iter().map(|(name, _)| name).collect()
    }

    /// Texts of the configs at a commit, by the names that they have there.
    #[must_use]
    pub fn configs_at(&self, repo: &Repository, commit: usize) -> Vec<(String, Oid)> {
        let Some(id) = self.id(commit) else { return Vec::new() };
        self.names().into_iter().filter_map(|name| config_at(repo, &self.timeline, id, name)).collect()
    }
}

/// Puts a candidate in place.
///
/// # Errors
/// [`WorktreeError`].
pub fn place(case: &Case, repo: &Repository, tree: &mut Worktree, point: Point) -> Result<Placed, WorktreeError> {
    let Some(code) = case.id(point.code) else { return Ok(Placed::default()) };
    tree.checkout(code)?;
    let mut placed = Placed::default();
    if point.code == point.config {
        for (path, _) in case.configs_at(repo, point.code) {
            placed.configs.push(tree.path.join(path));
        }
    } else {
        swap(case, repo, tree, point, &mut placed)?;
    }
    placed.config = placed.configs.first().cloned();
    Ok(placed)
}

/// Writes the configs of one commit over those of another, under the names that the code knows them by.
fn swap(
    case: &Case,
    repo: &Repository,
    tree: &Worktree,
    point: Point,
    placed: &mut Placed,
) -> Result<(), WorktreeError> {
    let (Some(code), Some(config)) = (case.id(point.code), case.id(point.config)) else { return Ok(()) };
    for name in case.names() {
        let here = config_at(repo, &case.timeline, code, name);
        let there = config_at(repo, &case.timeline, config, name);
        let path = here.as_ref().map_or(name, |(path, _)| path.as_str());
        let content = there.as_ref().map(|(_, blob)| repo.find_blob(*blob)).transpose()?;
        let file = tree.put(path, content.as_ref().map(git2::Blob::content))?;
        if content.is_some() {
            placed.configs.push(file);
        }
    }
    Ok(())
}
