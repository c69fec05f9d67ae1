//! The lock of a resolution.

use std::collections::BTreeMap;

use super::Local;
use crate::{
    digest::Digest,
    index::{Artifact, ReleaseSummary},
    key::ArtifactKind,
    lockfile::{Compressed, LockedPackage, LockedRegistry, LockedSource, Lockfile},
    name::PackageName,
    resolve::Resolution,
    trust::NoteRef,
    version::Version,
};

/// Where a package comes from that is not of this machine.
#[derive(Debug, Clone)]
pub enum Source<'s> {
    /// A registry.
    Registry {
        /// Its name in the lock.
        name: &'s str,
        /// The release; its first artifact is the plain tar.
        release: &'s ReleaseSummary,
        /// The ownership note that is in force, in a signed registry.
        owners: Option<NoteRef>,
    },
    /// A git repository.
    Git {
        /// The repository and the commit.
        source: LockedSource,
        /// The digest of what its folder packs to.
        checksum: Digest,
        /// The size of that in bytes.
        size: u64,
    },
}

/// Makes the lock of a resolution. What has no source and is not local is left out. `nameless`:
/// the root of the project, if it is no package.
pub fn lock(
    resolution: &Resolution,
    locals: &BTreeMap<PackageName, Local<'_>>,
    nameless: Option<Local<'_>>,
    sources: &BTreeMap<PackageName, Source<'_>>,
    registries: BTreeMap<String, LockedRegistry>,
) -> Lockfile {
    let mut lock = Lockfile {
        registries,
        requires: nameless.map(Local::requires).unwrap_or_default(),
        ..Lockfile::default()
    };
    for (name, resolved) in &resolution.packages {
        let mut package = match (locals.get(name), sources.get(name)) {
            (Some(local), _) => of_local(*local),
            (None, Some(source)) => of_source(source, resolved.version.clone()),
            (None, None) => continue,
        };
        package.dependencies = resolved.dependencies.iter().cloned().collect();
        package.features = resolved.features.iter().cloned().collect();
        lock.packages.insert(name.clone(), package);
    }
    // Every local package is in the lock, so that a change in any of them is noticed.
    for (name, local) in locals {
        let mut dependencies: Vec<PackageName> =
            local.needs().map(|(name, _)| name.clone()).collect();
        dependencies.retain(|name| lock.packages.contains_key(name) || locals.contains_key(name));
        dependencies.dedup();
        let mut package = of_local(*local);
        package.dependencies = dependencies;
        if let Some(known) = lock.packages.remove(name) {
            package.features = known.features;
        }
        lock.packages.insert(name.clone(), package);
    }
    lock
}

fn of_local(local: Local<'_>) -> LockedPackage {
    let package = local.manifest.package.as_ref();
    let version = package.map_or(Version::new(0, 0, 0), |package| package.version.clone());
    LockedPackage {
        requires: local.requires(),
        ..LockedPackage::new(version, local.source())
    }
}

/// A package as a lock has it, without its dependencies.
pub fn of_source(source: &Source<'_>, version: Version) -> LockedPackage {
    match source {
        Source::Git {
            source,
            checksum,
            size,
        } => LockedPackage {
            checksum: Some(*checksum),
            size: Some(*size),
            ..LockedPackage::new(version, source.clone())
        },
        Source::Registry {
            name,
            release,
            owners,
        } => {
            let artifacts = &release.artifacts;
            LockedPackage {
                checksum: artifacts.first().map(|artifact| artifact.hash),
                size: artifacts.first().map(|artifact| artifact.size),
                compressed: compressed(artifacts),
                metadata: release.metadata,
                // Only signed releases are made from their archives.
                source_commit: owners.and(release.source.clone()),
                owners: owners.map(|note| note.seq),
                owners_note: owners.map(|note| note.hash),
                ..LockedPackage::new(version, LockedSource::Registry((*name).to_owned()))
            }
        }
    }
}

/// The compressed archive of a release, as a lock has it.
pub fn compressed(artifacts: &[Artifact]) -> Option<Compressed> {
    let is_it = |artifact: &&Artifact| {
        artifact.kind == ArtifactKind::TarZst.as_str() && artifact.key().is_ok()
    };
    artifacts.iter().find(is_it).map(|artifact| Compressed {
        hash: artifact.hash,
        size: artifact.size,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{manifest, resolve::Resolved};

    fn manifest(text: &str) -> manifest::Manifest {
        manifest::parse("lumen.toml", text).manifest.unwrap()
    }

    #[test]
    fn locals_are_locked_whether_or_not_they_are_needed() {
        let name = |text: &str| PackageName::parse(text).unwrap();
        let app = manifest(
            "[package]\nname = \"app\"\nversion = \"1.0.0\"\n[dependencies]\nlib = { path = \"lib\" }\n[dev-dependencies]\ngone = \"^1\"\n",
        );
        let lib = manifest("[package]\nname = \"lib\"\nversion = \"0.2.0\"\n");
        let local = |manifest, folder, is_member| Local {
            manifest,
            folder,
            is_member,
            patches: None,
        };
        let locals = BTreeMap::from([
            (name("app"), local(&app, "", true)),
            (name("lib"), local(&lib, "lib", false)),
        ]);
        let resolved = Resolved {
            version: Version::new(0, 2, 0),
            dependencies: Default::default(),
            features: ["fast".to_owned()].into(),
        };
        let resolution = Resolution {
            packages: BTreeMap::from([(name("lib"), resolved)]),
        };
        let lock = lock(
            &resolution,
            &locals,
            None,
            &BTreeMap::new(),
            BTreeMap::new(),
        );
        let app = &lock.packages[&name("app")];
        assert_eq!(app.source, LockedSource::Path(".".into()));
        assert_eq!(app.dependencies, [name("lib")]);
        assert!(
            app.requires
                .iter()
                .any(|line| line.starts_with("[dev] gone"))
        );
        let lib = &lock.packages[&name("lib")];
        assert_eq!(lib.source, LockedSource::Path("lib".into()));
        assert_eq!(lib.features, ["fast"]);
    }

    #[test]
    fn an_unknown_package_is_left_out() {
        let resolved = Resolved {
            version: Version::new(1, 0, 0),
            dependencies: Default::default(),
            features: Default::default(),
        };
        let resolution = Resolution {
            packages: BTreeMap::from([(PackageName::parse("lib").unwrap(), resolved)]),
        };
        let lock = lock(
            &resolution,
            &BTreeMap::new(),
            None,
            &BTreeMap::new(),
            BTreeMap::new(),
        );
        assert!(lock.packages.is_empty());
    }
}
