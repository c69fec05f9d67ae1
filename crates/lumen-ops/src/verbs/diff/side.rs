//! One of two packages to compare: its file list, and the bytes of its files.

use std::{collections::BTreeMap, sync::Arc};

use lumen_core::{
    Digest, PackageName, Version,
    file_list::FileList,
    index::{PackageIndex, ReleaseSummary, identity},
    lockfile::Lockfile,
    plan::{self, Source},
    version,
};
use lumen_registry::{ReadError, Registry};
use lumen_store::{
    cas::{Entry, StoredFile},
    project::{LocalPackage, Project},
};

use crate::{
    error::{FetchError, NoVersion, OpsError, PackageError},
    fetch,
    lookup::{no_such_package, no_such_version, package_index},
    pack, resolve,
    session::Session,
};

/// Where a package to compare is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A registry.
    Release,
    /// The lock of the project.
    Locked,
    /// A folder of this machine, as it would be published.
    Folder,
}

/// A package to compare.
#[derive(Debug)]
pub struct Side {
    /// Its name.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Where it is from.
    pub origin: Origin,
    /// Its files.
    pub files: Vec<StoredFile>,
    bytes: Bytes,
}

/// Where the bytes of the files are.
#[derive(Debug)]
enum Bytes {
    Store(Entry),
    Tar { tar: Vec<u8>, list: FileList },
}

impl Side {
    /// A release of a registry; without a version the newest one that is not yanked.
    pub(super) fn release(
        session: &Session<'_>,
        name: &PackageName,
        version: Option<Version>,
    ) -> Result<Self, OpsError> {
        let registry = session.registry_for(name)?;
        let index = package_index(session, &registry, name)?
            .ok_or_else(|| no_such_package(session, &registry, name))?;
        let version = match version {
            Some(version) if index.versions.contains(&version) => version,
            Some(version) => return Err(no_such_version(&index, version)),
            None => newest(&index)?,
        };
        let release = summary(session, &registry, &index, &version)?;
        let owners = registry.owners_seen(name);
        let source = Source::Registry {
            name: registry.name(),
            release: &release,
            owners,
        };
        let package = plan::of_source(&source, version.clone());
        let lock = Lockfile {
            packages: BTreeMap::from([(name.clone(), package)]),
            ..Lockfile::default()
        };
        Self::stored(session, Origin::Release, (name, version), &lock)
    }

    /// A package of the project's lock; `None` where the lock has no archive of it.
    pub(super) fn locked(
        session: &Session<'_>,
        project: &Project,
        name: &PackageName,
    ) -> Result<Option<Self>, OpsError> {
        let Some((lock, _)) = &project.lock else {
            return Ok(None);
        };
        let mut lock = lock.clone();
        lock.packages.retain(|locked, _| locked == name);
        let archive = lock.archives().next();
        let Some(version) = archive.map(|(_, package, _)| package.version.clone()) else {
            return Ok(None);
        };
        session.bind_to_lock();
        resolve::restore_git(session, &lock)?;
        Self::stored(session, Origin::Locked, (name, version), &lock).map(Some)
    }

    /// A package of this machine, as `pack` packs it.
    pub(super) fn folder(session: &Session<'_>, local: &LocalPackage) -> Result<Self, OpsError> {
        let mut checked = pack::check_package(local, None)?;
        checked.options.compress = false;
        let packed = pack::pack(session, &checked)?;
        let files = packed.list.files().iter();
        let files = files.map(|file| StoredFile {
            path: file.path.clone(),
            executable: file.executable,
            size: file.size,
            digest: file.digest,
        });
        Ok(Self {
            name: checked.package.name.clone(),
            version: checked.package.version,
            origin: Origin::Folder,
            files: files.collect(),
            bytes: Bytes::Tar {
                tar: packed.tar,
                list: packed.list,
            },
        })
    }

    /// A package that the store has, or gets now; it is proven as it is for an install.
    fn stored(
        session: &Session<'_>,
        origin: Origin,
        (name, version): (&PackageName, Version),
        lock: &Lockfile,
    ) -> Result<Self, OpsError> {
        let failed = |source| OpsError::Fetch {
            name: name.clone(),
            version: version.clone(),
            source: Box::new(source),
        };
        let store = session.store()?;
        let mut fetched = fetch::run(session, &store, lock, None, None)?;
        let entry = fetched.entries.remove(name);
        let entry = entry.ok_or_else(|| failed(FetchError::NoChecksum))?;
        let files = entry.stored()?;
        let files = files.ok_or_else(|| PackageError::Altered(name.clone()))?;
        Ok(Self {
            name: name.clone(),
            version,
            origin,
            files,
            bytes: Bytes::Store(entry),
        })
    }

    /// SHA-256 of its plain tar.
    pub fn digest(&self) -> Digest {
        match &self.bytes {
            Bytes::Store(entry) => *entry.digest(),
            Bytes::Tar { list, .. } => list.tar(),
        }
    }

    /// The bytes of a file.
    pub(super) fn read(&self, file: &StoredFile) -> Result<Vec<u8>, OpsError> {
        let bytes = match &self.bytes {
            Bytes::Store(entry) => entry.read(file)?,
            Bytes::Tar { tar, list } => list.get(&file.path).and_then(|listed| {
                let start = usize::try_from(listed.offset).ok()?;
                let end = start.checked_add(usize::try_from(listed.size).ok()?)?;
                tar.get(start..end).map(<[u8]>::to_vec)
            }),
        };
        Ok(bytes.ok_or_else(|| PackageError::Altered(self.name.clone()))?)
    }
}

fn newest(index: &PackageIndex) -> Result<Version, OpsError> {
    let newest = version::latest(&index.versions, |version| index.is_yanked(version));
    let none = || {
        PackageError::NoVersion(Box::new(NoVersion {
            name: index.name.clone(),
            limit: None,
            eligible: None,
        }))
    };
    Ok(newest.cloned().ok_or_else(none)?)
}

/// What a registry says of a release, with its artifacts.
fn summary(
    session: &Session<'_>,
    registry: &Registry,
    index: &Arc<PackageIndex>,
    version: &Version,
) -> Result<ReleaseSummary, OpsError> {
    let name = &index.name;
    let known = index.releases.get(version);
    let known = known.filter(|release| identity(&release.artifacts).is_ok());
    if let Some(release) = known {
        return Ok(release.clone());
    }
    let expected = index.releases.get(version);
    let expected = expected.and_then(|release| release.metadata);
    let found = session.block_on(async { Ok(registry.release(name, version, expected).await?) })?;
    let missing = || ReadError::Missing {
        file: format!("{name} {version}"),
    };
    let (release, metadata) = found.ok_or_else(missing)?;
    Ok(ReleaseSummary::of(release, metadata))
}
