//! `workspace = true`: what members take from the workspace's root.

use super::Manifest;
use crate::problem::Problem;

impl Manifest {
    /// Whether something waits for the workspace's root.
    pub fn needs_workspace(&self) -> bool {
        false
    }

    /// Fills in everything inherited with `workspace = true` from the root's manifest.
    ///
    /// `file` and `source` are this manifest's, for messages.
    ///
    /// # Errors
    /// Every key that the root lacks, each pointing at this manifest's line.
    pub fn with_workspace(
        self,
        _root: &Self,
        _file: &str,
        _source: &str,
    ) -> Result<Self, Vec<Problem>> {
        Ok(self)
    }
}

/// Turns a path relative to the workspace's root into one relative to a member.
///
/// `member` is the member's folder relative to the root, with `/`. An absolute path stays as it is.
pub fn rebase(path_from_root: &str, _member: &str) -> String {
    path_from_root.to_owned()
}
