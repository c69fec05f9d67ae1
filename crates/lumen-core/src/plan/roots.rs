//! What packages of this machine need, and what a lock records of them.

use std::collections::BTreeSet;

use crate::{
    lockfile::LockedSource,
    manifest::{Dependencies, Dependency, Manifest},
    name::PackageName,
    requirement::Requirement,
    resolve::{Origin, Root},
};

/// A package of this machine: a member of the project, or a path dependency.
#[derive(Debug, Clone, Copy)]
pub struct Local<'m> {
    /// Its manifest, workspace inheritance resolved.
    pub manifest: &'m Manifest,
    /// Its folder relative to the lock's, with `/`; empty for the project's own.
    pub folder: &'m str,
    /// Whether it is a member, so that what it needs for development counts.
    pub is_member: bool,
    /// The patches of the project's root, for its other members.
    pub patches: Option<&'m Dependencies>,
}

impl<'m> Local<'m> {
    /// Everything it needs: dependencies, and for a member those of development.
    pub fn needs(self) -> impl Iterator<Item = (&'m PackageName, &'m Dependency)> {
        let dev = self.is_member.then_some(&self.manifest.dev_dependencies);
        self.manifest
            .dependencies
            .iter()
            .chain(dev.into_iter().flatten())
    }

    /// What it asks for, as a lock records it; with the patches that it has from the root.
    pub fn requires(self) -> Vec<String> {
        let mut requires = self.manifest.requires();
        if let Some(patches) = self.patches {
            let root = Manifest {
                patches: patches.clone(),
                ..Manifest::default()
            };
            requires.extend(root.requires());
            requires.sort();
        }
        requires
    }

    /// Where it comes from, as a lock says it; the project's own folder is `.`.
    pub fn source(self) -> LockedSource {
        let folder = match self.folder {
            "" => ".",
            folder => folder,
        };
        LockedSource::Path(folder.to_owned())
    }
}

/// What a member of a project needs; `named`: conflicts say which member it is.
pub fn root(manifest: &Manifest, named: bool) -> Root {
    let mut needed = requirements(&manifest.dependencies);
    needed.extend(requirements(&manifest.dev_dependencies));
    let package = manifest.package.as_ref().filter(|_| named);
    Root {
        origin: package.map_or(Origin::Project, |package| {
            Origin::Member(package.name.to_string())
        }),
        proposed: BTreeSet::new(),
        requirements: needed,
        features: manifest.features.clone(),
    }
}

/// Dependencies as the resolver sees them.
pub fn requirements(dependencies: &Dependencies) -> Vec<Requirement> {
    dependencies
        .iter()
        .filter_map(|(name, dependency)| dependency.requirement(name))
        .collect()
}
