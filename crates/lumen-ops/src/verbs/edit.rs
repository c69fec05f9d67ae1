//! What `add`, `remove` and `update` share: manifests edited, resolved and installed as one.

use std::{collections::BTreeMap, path::PathBuf};

use lumen_core::{Constraint, PackageName, Version};
use lumen_store::project::Project;

use crate::{
    error::OpsError, resolve, resolve::ResolveOptions, session::Session, verbs::install,
    verbs::install::Outcome,
};

/// What was written into a manifest.
#[derive(Debug, Clone)]
pub struct Added {
    /// The dependency.
    pub name: PackageName,
    /// The constraint written, if any.
    pub constraint: Option<Constraint>,
    /// The newest version, where it does not fit and an older one was chosen.
    pub newest: Option<Version>,
}

/// Resolves and installs with manifests as edited, and writes them when that works.
/// The caller holds the project's lock.
pub(super) fn apply(
    session: &Session<'_>,
    project: &Project,
    edited: BTreeMap<PathBuf, String>,
    options: &ResolveOptions,
) -> Result<Outcome, OpsError> {
    let project = project.edited(edited)?;
    let resolved = resolve::run(session, &project, options).map_err(|error| match error {
        // The story speaks of the manifest as it would be.
        OpsError::Conflict(mut story) if !project.edited.is_empty() => {
            story
                .hints
                .push("nothing was written; lumen.toml is as it was".into());
            OpsError::Conflict(story)
        }
        other => other,
    })?;
    install::apply(session, &project, resolved, options)
}
