//! Makes the indexes of an unsigned registry again, as far as they follow from other files.

use lumen_core::{
    Key, PackageName,
    index::{
        self, GlobalIndex, MAX_PACKAGE_INDEX_BYTES, PackageEntry, PackageIndex, ReleaseSummary,
    },
    json,
    limits::MAX_GLOBAL_INDEX_BYTES,
};

use super::{Files, Versions, release};
use crate::{
    derived::global::put_followers,
    progress::{Progress, Watch, advance},
    storage::{Storage, StorageError},
    write::{PublishError, malformed, swap::Swap},
};

/// Brings the indexes of an unsigned registry up to date with its releases. Files that cannot be
/// read stay as they are, and so do yanks, deprecations and fields of other tools. `now`: the
/// time, RFC 3339; `name`: what a registry without an index is called. Returns what was changed.
///
/// # Errors
/// Failures of the host, and a global index that cannot be read.
pub async fn repair(
    storage: &Storage,
    name: &str,
    now: &str,
    watch: Watch<'_>,
) -> Result<Vec<Key>, PublishError> {
    super::can_list(storage)?;
    storage.allow_mirroring();
    storage.prefetch_below("").await?;
    let files = Files::list(storage).await?;
    watch(Progress::Started {
        verb: "Repairing",
        steps: files.packages.len() as u64,
    });
    let mut changed = Vec::new();
    let mut indexes = Vec::new();
    for (name, versions) in &files.packages {
        indexes.extend(package(storage, name, versions, &mut changed).await?);
        advance(watch, name);
    }
    watch(Progress::Finished);
    global(storage, (name, now), &files, &indexes, &mut changed).await?;
    Ok(changed)
}

/// Mends the index of a package, and returns it as it is then, if it can be read.
async fn package(
    storage: &Storage,
    name: &PackageName,
    files: &Versions,
    changed: &mut Vec<Key>,
) -> Result<Option<PackageIndex>, PublishError> {
    let key = Key::package_index(name);
    let mut swap = Swap::new(storage, &key, MAX_PACKAGE_INDEX_BYTES);
    let mut is_written = false;
    let index = loop {
        let current = match swap.read().await {
            Ok(current) => current.filter(|bytes| !bytes.trim_ascii().is_empty()),
            Err(StorageError::TooLarge { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let known: Option<PackageIndex> = match current.as_deref().map(json::parse).transpose() {
            Ok(known) => known,
            // There may be yanks in it that nothing else says.
            Err(_) => return Ok(None),
        };
        let mut releases = Vec::new();
        for version in &files.versions {
            let Some(Ok(read)) = release(storage, name, version).await? else {
                continue;
            };
            let is_listed = known
                .as_ref()
                .is_some_and(|index| index.versions.contains(version));
            let summary = known.as_ref().and_then(|index| index.releases.get(version));
            let is_stale = summary.is_some_and(|summary| {
                summary.metadata.is_some_and(|digest| digest != read.digest)
                    && is_same(summary, &read.release)
            });
            if !is_listed || is_stale {
                releases.push((read.release, read.digest));
            }
        }
        if current.is_none() && releases.is_empty() {
            return Ok(None);
        }
        let fail = |error| swap.malformed(current.as_deref(), &error);
        let mut bytes = current.clone().unwrap_or_default();
        if !releases.is_empty() {
            bytes = index::put_releases(current.as_deref(), &releases).map_err(fail)?;
        }
        if let Some(newest) = index::put_latest(&bytes).map_err(fail)? {
            bytes = newest;
        }
        let index = json::parse(&bytes).map_err(fail)?;
        if current.as_deref() == Some(&bytes[..]) {
            break index;
        }
        is_written = true;
        if swap.write(&bytes).await? {
            break index;
        }
    };
    if is_written {
        changed.push(key);
    }
    Ok(Some(index))
}

/// Whether a summary is about the contents that a release's file names. If it is not, one of the
/// two is wrong, and nothing says which.
fn is_same(summary: &ReleaseSummary, release: &index::Release) -> bool {
    let identity = |artifacts: &[index::Artifact]| artifacts.first().map(|first| first.hash);
    identity(&summary.artifacts) == identity(&release.artifacts)
}

async fn global(
    storage: &Storage,
    (name, now): (&str, &str),
    files: &Files,
    indexes: &[PackageIndex],
    changed: &mut Vec<Key>,
) -> Result<(), PublishError> {
    let key = Key::global_index();
    let mut swap = Swap::new(storage, &key, MAX_GLOBAL_INDEX_BYTES);
    let mut is_written = false;
    loop {
        let current = swap.read().await?;
        let current = current.filter(|bytes| !bytes.trim_ascii().is_empty());
        let base = current
            .clone()
            .unwrap_or_else(|| index::new_global_index(name, now));
        let fail = |error| malformed(storage, &key, &base, &error);
        let parsed: GlobalIndex = json::parse(&base).map_err(fail)?;
        // An index that cannot be read does not say that its package is gone.
        let is_unread = |entry: &PackageEntry| {
            files.packages.contains_key(&entry.name)
                && indexes.iter().all(|index| index.name != entry.name)
        };
        let mut entries: Vec<PackageEntry> =
            parsed.packages.into_iter().filter(is_unread).collect();
        entries.extend(indexes.iter().map(PackageEntry::of));
        entries.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
        let bytes = index::set_package_entries(&base, &entries).map_err(fail)?;
        let same = |bytes: &[u8]| json::parse_tree(bytes).ok();
        if current.is_some() && same(&bytes) == same(&base) {
            break;
        }
        put_followers(storage, &bytes).await?;
        is_written = true;
        if swap.write(&bytes).await? {
            break;
        }
    }
    if is_written {
        changed.push(key);
    }
    Ok(())
}
