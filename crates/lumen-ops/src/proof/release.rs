//! The releases that a proof is about, as their owners signed them, and a lock compared with them.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::{
    Digest, PackageName,
    index::{Artifact, Described, FilesRef, Release, ReleaseSummary},
    key::ArtifactKind,
    limits::DOWNLOADS,
    lockfile::{LockedPackage, Lockfile},
    trust::LoggedRelease,
};
use lumen_registry::{Registry, verify::Proven};
use lumen_store::cas::Entry;

use crate::{
    error::{FetchError, OpsError},
    session::Session,
};

/// The releases of one registry.
pub(super) struct Proof {
    pub(super) registry: Registry,
    /// The registry's fingerprint.
    pub(super) root: Digest,
    pub(super) packages: BTreeMap<PackageName, Proven>,
}

impl Proof {
    /// The releases as their owners signed them: made of the archives, or read.
    pub(super) fn releases(
        &self,
        session: &Session<'_>,
        lock: &Lockfile,
        described: &BTreeMap<PackageName, Described>,
        entries: &BTreeMap<PackageName, Entry>,
    ) -> Result<BTreeMap<PackageName, ReleaseSummary>, OpsError> {
        let mut releases = BTreeMap::new();
        let mut unknown = Vec::new();
        for (name, proven) in &self.packages {
            let Some(package) = lock.packages.get(name) else {
                continue;
            };
            let known = match (&proven.summary, described.get(name), entries.get(name)) {
                (Some(summary), ..) => Some(summary.clone()),
                (None, Some(described), Some(entry)) => {
                    rebuild(package, &proven.logged, described, entry)?
                }
                _ => None,
            };
            match known {
                Some(release) => drop(releases.insert(name.clone(), release)),
                None => unknown.push((name, package, &proven.logged)),
            }
        }
        if unknown.is_empty() {
            return Ok(releases);
        }
        let read = unknown.into_iter().map(async |(name, package, logged)| {
            let release = self.registry.proven_release(name, &package.version, logged);
            let release = ReleaseSummary::of(release.await?, logged.metadata);
            compare(name, package, &release)?;
            Ok::<_, OpsError>((name.clone(), release))
        });
        let read = stream::iter(read).buffer_unordered(DOWNLOADS).try_collect();
        let read: Vec<_> = session.block_on(read)?;
        releases.extend(read);
        Ok(releases)
    }
}

/// The release that an archive and the lock make together, if it is the one in the log:
/// then its file need not be read.
fn rebuild(
    package: &LockedPackage,
    logged: &LoggedRelease,
    described: &Described,
    entry: &Entry,
) -> Result<Option<ReleaseSummary>, OpsError> {
    let (Some(checksum), Some(size)) = (package.checksum, package.size) else {
        return Ok(None);
    };
    let compressed = package
        .compressed
        .map(|file| Artifact::new(ArtifactKind::TarZst, file.hash, file.size));
    let tar = Artifact::new(ArtifactKind::Tar, checksum, size);
    let artifacts: Vec<Artifact> = [tar].into_iter().chain(compressed).collect();
    // What the archive does not say, the lock may know. Publishers of earlier versions wrote
    // less.
    let mut forms: Vec<Release> = Vec::new();
    for described in described.releases() {
        for source in [package.source_commit.as_ref(), None] {
            let form = Release {
                artifacts: artifacts.clone(),
                published_at: Some(logged.time.clone()),
                source: source.cloned(),
                ..described.clone()
            };
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    let is_logged = |release: &Release| {
        let bytes = release.to_bytes();
        bytes.len() as u64 == logged.size && Digest::of(&bytes) == logged.metadata
    };
    let mut release = forms.iter().find(|form| is_logged(form)).cloned();
    // Making the list costs more than trying the forms without one, which the size mostly rules out.
    if release.is_none()
        && let Some(list) = entry.file_list(size)?
    {
        let files = Some(FilesRef::of(&list.to_bytes()));
        let mut listed = forms.into_iter().map(|form| Release { files, ..form });
        release = listed.find(is_logged);
    }
    Ok(release.map(|release| ReleaseSummary::of(release, logged.metadata)))
}

/// Compares a locked package with its owner's release.
pub(super) fn compare(
    name: &PackageName,
    package: &LockedPackage,
    release: &ReleaseSummary,
) -> Result<(), OpsError> {
    let mut artifacts = release.artifacts.iter();
    let tar = artifacts.next();
    let hash = tar.map(|tar| tar.hash);
    same(name, package, "checksum", package.checksum, hash)?;
    if package.size.is_some() {
        let size = tar.map(|tar| tar.size);
        same(name, package, "size", package.size, size)?;
    }
    if let Some(locked) = package.compressed {
        let kind = ArtifactKind::TarZst.as_str();
        let all = artifacts.filter(|artifact| artifact.kind == kind);
        let of_hash = all.clone().find(|artifact| artifact.hash == locked.hash);
        let released = of_hash.or_else(|| all.clone().next());
        let hash = released.map(|artifact| artifact.hash);
        same(name, package, "compressed", Some(locked.hash), hash)?;
        let size = released.map(|artifact| artifact.size);
        same(name, package, "compressed-size", Some(locked.size), size)?;
    }
    Ok(())
}

/// Fails where the lock says something else than the release.
pub(super) fn same<T: PartialEq + std::fmt::Display>(
    name: &PackageName,
    package: &LockedPackage,
    key: &'static str,
    locked: Option<T>,
    released: Option<T>,
) -> Result<(), OpsError> {
    if locked == released {
        return Ok(());
    }
    let text = |value: Option<T>| value.map_or("nothing".into(), |value| value.to_string());
    Err(OpsError::Fetch {
        name: name.clone(),
        version: package.version.clone(),
        source: Box::new(FetchError::NotReleased {
            key,
            locked: text(locked),
            released: text(released),
        }),
    })
}
