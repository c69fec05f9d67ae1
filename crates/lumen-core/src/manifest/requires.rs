//! What a manifest asks of the resolver, and the same as canonical text for the lock.

use std::fmt::Write;

use super::{Dependency, DependencySource, GitReference, Manifest};
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
    /// A path or git dependency without `version` accepts any release (`*`). That leaves
    /// out pre-releases: the caller, who knows the one version there is, may narrow it to that.
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

    /// The dependency as one line of text, equal when it means the same to the resolver:
    /// `http ^1.2`, `util path=../util`, `x =1.0.0 registry=local optional features=a,b`.
    pub fn canonical(&self, name: &PackageName) -> String {
        let mut line = name.as_str().to_owned();
        if let Some(constraint) = self.constraint() {
            for word in constraint.as_str().split_whitespace() {
                line.push(' ');
                line.push_str(word);
            }
        }
        // Writing to a string cannot fail.
        let _ = match &self.source {
            DependencySource::Registry { registry, .. } => match registry {
                Some(registry) => write!(line, " registry={registry}"),
                None => Ok(()),
            },
            DependencySource::Path { path, .. } => write!(line, " path={path}"),
            DependencySource::Git { url, reference, .. } => match reference {
                GitReference::Default => write!(line, " git={url}"),
                GitReference::Branch(branch) => write!(line, " git={url} branch={branch}"),
                GitReference::Tag(tag) => write!(line, " git={url} tag={tag}"),
                GitReference::Rev(rev) => write!(line, " git={url} rev={rev}"),
            },
            DependencySource::Workspace => write!(line, " workspace"),
        };
        if self.optional {
            line.push_str(" optional");
        }
        if !self.default_features {
            line.push_str(" default-features=false");
        }
        if !self.features.is_empty() {
            let mut features: Vec<&str> = self.features.iter().map(String::as_str).collect();
            features.sort_unstable();
            features.dedup();
            let _ = write!(line, " features={}", features.join(","));
        }
        line
    }
}

impl Manifest {
    /// Everything in this manifest that resolving depends on, as canonical texts, sorted:
    /// the `requires` of a local package in the lock.
    ///
    /// Dependencies stand as [`Dependency::canonical`] writes them; those of other tables
    /// and features have `[dev]`, `[patch]` or `[feature]` in front.
    pub fn requires(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (prefix, dependencies) in [
            ("", &self.dependencies),
            ("[dev] ", &self.dev_dependencies),
            ("[patch] ", &self.patches),
        ] {
            for (name, dependency) in dependencies {
                lines.push(format!("{prefix}{}", dependency.canonical(name)));
            }
        }
        for (feature, effects) in &self.features {
            let mut effects: Vec<&str> = effects.iter().map(String::as_str).collect();
            effects.sort_unstable();
            effects.dedup();
            lines.push(
                format!("[feature] {feature} = {}", effects.join(" "))
                    .trim_end()
                    .to_owned(),
            );
        }
        lines.sort_unstable();
        lines
    }
}
