//! What archives say of themselves, compared with the lock and the releases.

use std::{
    collections::BTreeMap,
    io::{self, Read as _},
};

use fs_err as fs;
use lumen_core::{
    Constraint, PackageName, Requirement, Version,
    index::{Described, ManifestHash, ReleaseSummary, supported},
    limits::{MAX_MANIFEST_BYTES, MAX_QUOTED},
    lockfile::{LockedPackage, LockedSource, Lockfile},
    plan,
    problem::Problem,
    requirement::Features,
    resolve::{Catalog, CatalogPackage, CatalogVersion, Request, activate},
};
use lumen_store::{cas::Entry, project::MANIFEST};

use super::{
    Asked,
    memory::{Fact, Memory},
};
use crate::{
    error::{By, FetchError, OpsError, Stale},
    inputs, parallel,
    session::Session,
};

/// Reads the `lumen.toml` of packages in the store.
///
/// # Errors
/// When the disk fails.
pub(super) fn read<'a>(
    entries: impl Iterator<Item = (&'a PackageName, &'a Entry)>,
) -> Result<BTreeMap<PackageName, Described>, OpsError> {
    let entries: Vec<_> = entries.collect();
    let described = parallel::map(&entries, |(name, entry)| {
        Ok(((*name).clone(), describe(entry)?))
    })?;
    Ok(described.into_iter().collect())
}

fn describe(entry: &Entry) -> io::Result<Described> {
    let Some(digest) = entry.manifest_digest() else {
        return Ok(Described::Absent);
    };
    let file = fs::File::open(entry.tree().join(MANIFEST))?;
    let mut bytes = Vec::new();
    file.take(MAX_MANIFEST_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() > MAX_MANIFEST_BYTES {
        return Ok(Described::oversized(*digest));
    }
    Ok(Described::read(Some(&bytes)))
}

/// Locked packages, what their archives say, and what is known of their releases.
pub(super) struct Archives<'a> {
    pub(super) lock: &'a Lockfile,
    pub(super) described: &'a BTreeMap<PackageName, Described>,
    pub(super) releases: &'a BTreeMap<PackageName, ReleaseSummary>,
}

impl Archives<'_> {
    /// Checks that each archive is that of its release.
    ///
    /// # Errors
    /// The first contradiction.
    pub(super) fn check(&self, session: &Session<'_>, memory: &mut Memory) -> Result<(), OpsError> {
        for (name, described) in self.described {
            let Some(package) = self.lock.packages.get(name) else {
                continue;
            };
            let release = self.releases.get(name);
            let lumen = release.and_then(|release| release.lumen.clone());
            let lumen = lumen.or_else(|| described.lumen().map(Version::to_string));
            supported(lumen.as_deref()).map_err(|unsupported| OpsError::Fetch {
                name: name.clone(),
                version: package.version.clone(),
                source: Box::new(FetchError::Unsupported(unsupported)),
            })?;
            let checked = described.is_of(name, &package.version);
            let checked = checked.and_then(|()| match release {
                Some(release) => described.agrees(release),
                None => Ok(()),
            });
            checked.map_err(|contradiction| OpsError::Fetch {
                name: name.clone(),
                version: package.version.clone(),
                source: Box::new(FetchError::Contradiction(contradiction)),
            })?;
            if let (Some(what), Some(checksum)) = (odd(described, release), package.checksum)
                && memory.add(Fact::told(&checksum, &what))
            {
                let what = format!("`{name}` {}: {what}", package.version);
                let hint = "it is installed, since its bytes are those that are locked; tell the people who run the registry";
                session
                    .context
                    .reporter
                    .warn(Problem::warning(what).hint(hint));
            }
        }
        Ok(())
    }

    /// Checks that the lock has the packages that the manifests lead to, each at a version
    /// that those which need it accept, and no others: by what the archives say they need.
    ///
    /// # Errors
    /// [`OpsError::Misfit`].
    pub(super) fn follow_from(&self, asked: &Asked<'_>) -> Result<(), OpsError> {
        let catalog = self.catalog(asked);
        let request = Request {
            roots: inputs::roots(asked.project),
            ..Request::default()
        };
        let packages = self.lock.packages.iter();
        let versions: BTreeMap<PackageName, Version> = packages
            .map(|(name, package)| (name.clone(), package.version.clone()))
            .collect();
        let active = activate(&catalog, &request, &versions);
        for (by, resolved) in &active.packages {
            for name in &resolved.dependencies {
                let Some(locked) = self.lock.packages.get(name) else {
                    let (by, name) = (By::Package(by.clone()), name.clone());
                    return Err(OpsError::Misfit(Stale::Lacks { by, name }));
                };
                if let Some(constraint) = refusal(&catalog, by, name, locked) {
                    return Err(OpsError::Misfit(Stale::Unmet {
                        by: By::Package(by.clone()),
                        name: name.clone(),
                        constraint,
                        version: locked.version.clone(),
                    }));
                }
            }
        }
        let mut names = self.lock.packages.keys();
        let extra = names
            .find(|name| !asked.locals.contains_key(*name) && !active.packages.contains_key(*name));
        match extra {
            Some(name) => Err(OpsError::Misfit(Stale::Unneeded(name.clone()))),
            None => Ok(()),
        }
    }

    /// What every package of the lock needs.
    fn catalog(&self, asked: &Asked<'_>) -> Catalog {
        let mut catalog = Catalog::default();
        for (name, package) in &self.lock.packages {
            let version = CatalogVersion::new(package.version.clone());
            let version = match asked.locals.get(name) {
                Some(local) => {
                    let manifest = &local.manifest;
                    version.with(
                        plan::requirements(&manifest.dependencies),
                        manifest.features.clone(),
                    )
                }
                None => {
                    let (requirements, features) = self.contents(name, package);
                    version.with(requirements, features)
                }
            };
            // Where a package comes from matters to messages of the resolver only.
            let entry = CatalogPackage::local("", version);
            catalog.packages.insert(name.clone(), entry);
        }
        catalog
    }

    /// What a package needs: by its release, else its archive, else the lock.
    fn contents(
        &self,
        name: &PackageName,
        package: &LockedPackage,
    ) -> (Vec<Requirement>, Features) {
        if let Some(release) = self.releases.get(name) {
            return (release.requirements(), release.features.clone());
        }
        if let Some(Described::Manifest { manifest, .. }) = self.described.get(name) {
            let requirements = plan::requirements(&manifest.dependencies);
            return (requirements, manifest.features.clone());
        }
        let listed = package.dependencies.iter().map(|name| Requirement {
            name: name.clone(),
            constraint: Constraint::any(),
            optional: false,
            features: Vec::new(),
            default_features: true,
        });
        (listed.collect(), Features::new())
    }
}

/// The constraint of a package that does not accept the locked version of a dependency.
fn refusal(
    catalog: &Catalog,
    by: &PackageName,
    name: &PackageName,
    locked: &LockedPackage,
) -> Option<Constraint> {
    // The version of a package from a folder or git is not chosen.
    if !matches!(locked.source, LockedSource::Registry(_)) {
        return None;
    }
    let versions = &catalog.packages.get(by)?.versions;
    let contents = versions.first()?.contents.get().ok()??;
    let mut requirements = contents.requirements.iter();
    let refused = requirements
        .find(|needs| needs.name == *name && !needs.constraint.matches(&locked.version))?;
    Some(refused.constraint.clone())
}

/// What is tolerated in registries that people make by hand, and should not be so.
fn odd(described: &Described, release: Option<&ReleaseSummary>) -> Option<String> {
    let hash = release
        .and_then(|release| release.integrity.as_ref())
        .and_then(|integrity| integrity.manifest_hash.as_ref());
    match (described, hash) {
        (Described::Absent, _) => {
            Some("its archive has no lumen.toml, so it does not say which package it is".into())
        }
        (Described::Unreadable { .. }, Some(ManifestHash::Digest(_))) => None,
        (Described::Unreadable { reason, .. }, _) => {
            Some(format!("its own lumen.toml cannot be read: {reason}"))
        }
        (_, Some(ManifestHash::Placeholder(text))) => {
            let text: String = text.chars().take(MAX_QUOTED).collect();
            Some(format!("its manifest_hash is `{text}`, which is no digest"))
        }
        _ => None,
    }
}
