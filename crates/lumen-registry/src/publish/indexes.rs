//! The two index files, brought up to date by compare-and-swap.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::{
    Digest, Key, PackageName, Version,
    index::{self, GlobalIndex, MAX_PACKAGE_INDEX_BYTES, PackageIndex, Release, identity},
    json,
    limits::MAX_GLOBAL_INDEX_BYTES,
};

use super::{Published, read_release};
use crate::{
    derived::{global::put_followers, names::packages_below},
    storage::{Storage, StorageError},
    write::{PublishError, Snapshot, malformed, swap::Swap},
};

/// Package indexes that are read at once.
const AT_ONCE: usize = 16;

/// Step 3: the release, and any that a killed publisher left out, into the package index.
pub(super) async fn update_package(
    snapshot: &Snapshot<'_>,
    published: &Published,
) -> Result<(), PublishError> {
    let storage = snapshot.storage();
    let name = &published.release.name;
    let key = Key::package_index(name);
    let listed = storage.list(&Key::package_prefix(name)).await?;
    let listed: Vec<Version> = listed
        .iter()
        .filter_map(|key| key.release_version(name))
        .collect();
    let mut swap = Swap::on(snapshot, &key, MAX_PACKAGE_INDEX_BYTES);
    loop {
        let current = swap.read().await?;
        let fail = |error| swap.malformed(current.as_deref(), &error);
        let index: Option<PackageIndex> = current
            .as_deref()
            .map(json::parse)
            .transpose()
            .map_err(fail)?;
        let mut releases = Vec::new();
        let version = &published.release.version;
        let known: &[Version] = index.as_ref().map_or(&[], |index| &index.versions);
        if !known.contains(version) {
            check_version(name, known, version)?;
        }
        let is_free = |other: &Version| {
            let mut known = known.iter().chain([version]);
            known.all(|known| known.cmp_precedence(other).is_ne())
        };
        let summary = index
            .as_ref()
            .and_then(|index| index.releases.get(&published.release.version));
        if summary.and_then(|summary| summary.metadata) != Some(published.metadata) {
            releases.push((published.release.clone(), published.metadata));
        }
        for version in &listed {
            if is_free(version) {
                releases.extend(left_out(storage, name, version).await?);
            }
        }
        if releases.is_empty() {
            return Ok(());
        }
        let bytes = index::put_releases(current.as_deref(), &releases).map_err(fail)?;
        if swap.write(&bytes).await? {
            return Ok(());
        }
    }
}

/// A release that is there but not in the index. One that cannot be used stays where it is.
async fn left_out(
    storage: &Storage,
    name: &PackageName,
    version: &Version,
) -> Result<Option<(Release, Digest)>, PublishError> {
    match read_release(storage, name, version).await {
        Ok(Some(Published {
            release, metadata, ..
        })) => {
            let usable = release.name == *name
                && release.version == *version
                && identity(&release.artifacts).is_ok();
            Ok(usable.then_some((release, metadata)))
        }
        Ok(None)
        | Err(PublishError::Malformed(_) | PublishError::Storage(StorageError::TooLarge { .. })) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Step 4: brings the package's entry in the global index up to date.
pub(super) async fn update_global(
    snapshot: &Snapshot<'_>,
    name: &PackageName,
    now: &str,
    registry_name: &str,
) -> Result<(), PublishError> {
    let storage = snapshot.storage();
    let (key, package_key) = (Key::global_index(), Key::package_index(name));
    let mut swap = Swap::on(snapshot, &key, MAX_GLOBAL_INDEX_BYTES);
    loop {
        let current = swap.read().await?.filter(|bytes| !is_blank(bytes));
        // Read after the global index: of two publishers of a package, the one
        // that swaps last has seen the package index that was written last.
        let found = match swap.is_remembered() {
            true => snapshot.get(&package_key, MAX_PACKAGE_INDEX_BYTES).await?,
            false => {
                let found = storage.get(&package_key, MAX_PACKAGE_INDEX_BYTES).await?;
                found.map(|(bytes, _)| Arc::new(bytes))
            }
        };
        let Some(bytes) = found else {
            return Err(PublishError::UnknownPackage { name: name.clone() });
        };
        let package: PackageIndex = json::parse(&bytes)
            .map_err(|error| malformed(storage, &package_key, &bytes, &error))?;
        let base = match current {
            Some(current) => current,
            // It was lost, or cut off: nothing says that the other packages are gone, too.
            None => all_others(storage, name, registry_name, now).await?,
        };
        check_name_in(storage, &base, name)?;
        let bytes = index::put_package_entry(&base, &package, now)
            .map_err(|error| malformed(storage, &key, &base, &error))?;
        let Some(bytes) = bytes else {
            return Ok(());
        };
        put_followers(storage, &bytes).await?;
        if swap.write(&bytes).await? {
            return Ok(());
        }
    }
}

/// Whether a file has lost its contents.
fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_whitespace)
}

/// A new global index with all other packages that have an index that can be read.
async fn all_others(
    storage: &Storage,
    name: &PackageName,
    registry_name: &str,
    now: &str,
) -> Result<Vec<u8>, PublishError> {
    let mut names = packages_below(storage, Key::PACKAGES).await?;
    names.remove(name);
    let read = async |name: PackageName| {
        let key = Key::package_index(&name);
        match storage.get(&key, MAX_PACKAGE_INDEX_BYTES).await {
            Ok(found) => Ok(found.and_then(|(bytes, _)| json::parse(&bytes).ok())),
            Err(StorageError::TooLarge { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    };
    let read = stream::iter(names).map(read).buffered(AT_ONCE);
    let packages: Vec<Option<PackageIndex>> = read.try_collect().await?;
    let packages: Vec<PackageIndex> = packages.into_iter().flatten().collect();
    let base = index::new_global_index(registry_name, now);
    let put = index::put_package_entries(&base, &packages, now);
    let put = put.map_err(|error| malformed(storage, &Key::global_index(), &base, &error))?;
    Ok(put.unwrap_or(base))
}

/// Checks that no version is published that differs from this one after `+` only.
pub(super) fn check_version<'v>(
    name: &PackageName,
    published: impl IntoIterator<Item = &'v Version>,
    version: &Version,
) -> Result<(), PublishError> {
    let mut published = published.into_iter();
    match published.find(|other| *other != version && other.cmp_precedence(version).is_eq()) {
        Some(other) => Err(PublishError::SamePrecedence {
            name: name.clone(),
            version: version.clone(),
            other: other.clone(),
        }),
        None => Ok(()),
    }
}

/// As [`check_version`], with the versions that the package's index lists.
pub(super) async fn check_listed(
    snapshot: &Snapshot<'_>,
    name: &PackageName,
    version: &Version,
) -> Result<(), PublishError> {
    let key = Key::package_index(name);
    let Some(bytes) = snapshot.get(&key, MAX_PACKAGE_INDEX_BYTES).await? else {
        return Ok(());
    };
    let index: PackageIndex =
        json::parse(&bytes).map_err(|error| malformed(snapshot.storage(), &key, &bytes, &error))?;
    check_version(name, &index.versions, version)
}

/// Checks that there is a registry, and no other package in it has a name that reads the same.
pub(super) async fn check_name(
    snapshot: &Snapshot<'_>,
    name: &PackageName,
) -> Result<(), PublishError> {
    let storage = snapshot.storage();
    let key = Key::global_index();
    let index = snapshot.get(&key, MAX_GLOBAL_INDEX_BYTES).await?;
    match index.filter(|bytes| !is_blank(bytes)) {
        Some(bytes) => check_name_in(storage, &bytes, name),
        None => Ok(storage.check_root().await?),
    }
}

fn check_name_in(storage: &Storage, index: &[u8], name: &PackageName) -> Result<(), PublishError> {
    let parsed: GlobalIndex = json::parse(index)
        .map_err(|error| malformed(storage, &Key::global_index(), index, &error))?;
    if let Some(format) = parsed.format.filter(|format| *format > index::FORMAT) {
        return Err(PublishError::NewerFormat { format });
    }
    let mut names: Vec<PackageName> = parsed.packages.into_iter().map(|e| e.name).collect();
    let folded = name.folded();
    // A package that is listed keeps its name, whatever was let in beside it by hand.
    names.retain(|other| other == name || other.folded() == folded);
    if names.contains(name) {
        return Ok(());
    }
    match names.pop() {
        Some(other) => Err(PublishError::NameTaken {
            name: name.clone(),
            other,
        }),
        None => Ok(()),
    }
}
