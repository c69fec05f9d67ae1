//! Taking a version back, without deleting anything.

use lumen_core::{
    Key, PackageName, Version,
    index::{self, MAX_PACKAGE_INDEX_BYTES, PackageIndex},
    json,
    limits::MAX_GLOBAL_INDEX_BYTES,
};

use super::indexes::update_global;
use crate::{
    log::is_signed,
    storage::Storage,
    write::{PublishError, Snapshot, malformed, swap::Swap},
};

/// The result of a yank or unyank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Yank {
    /// `false`: the index said so already.
    pub changed: bool,
    /// The package index as it is now.
    pub index: PackageIndex,
}

/// Marks a version so that new resolutions do not choose it; locks that have it keep working.
///
/// # Errors
/// When there is no such package or version; [`PublishError::NoKey`] in a signed registry,
/// where it takes a [`super::Change`]; failures of the host.
pub async fn yank(
    storage: &Storage,
    name: &PackageName,
    version: &Version,
    reason: Option<&str>,
    now: &str,
) -> Result<Yank, PublishError> {
    change(
        storage,
        name,
        version,
        Some(reason.unwrap_or_default()),
        now,
    )
    .await
}

/// Takes a yank back.
///
/// # Errors
/// As [`yank`].
pub async fn unyank(
    storage: &Storage,
    name: &PackageName,
    version: &Version,
    now: &str,
) -> Result<Yank, PublishError> {
    change(storage, name, version, None, now).await
}

async fn change(
    storage: &Storage,
    name: &PackageName,
    version: &Version,
    reason: Option<&str>,
    now: &str,
) -> Result<Yank, PublishError> {
    if is_signed(storage).await? {
        return Err(PublishError::NoKey);
    }
    let key = Key::package_index(name);
    let snapshot = Snapshot::of(storage);
    // Read before the package index, so that it counts what was read of that.
    snapshot
        .get(&Key::global_index(), MAX_GLOBAL_INDEX_BYTES)
        .await?;
    let mut swap = Swap::on(&snapshot, &key, MAX_PACKAGE_INDEX_BYTES);
    let mut changed = false;
    let index = loop {
        let Some(current) = swap.read().await? else {
            return Err(PublishError::UnknownPackage { name: name.clone() });
        };
        let fail = |error| malformed(storage, &key, &current, &error);
        let index: PackageIndex = json::parse(&current).map_err(fail)?;
        if !index.versions.contains(version) {
            return Err(PublishError::UnknownVersion {
                name: name.clone(),
                version: version.clone(),
                versions: index.versions,
            });
        }
        let wanted = reason.map(|reason| Some(reason).filter(|reason| !reason.is_empty()));
        if index.yank_reason(version) == wanted {
            break index;
        }
        let bytes = index::put_yank(&current, version, reason).map_err(fail)?;
        // Also when the answer gets lost and the next round finds the work done.
        changed = true;
        if swap.write(&bytes).await? {
            break json::parse(&bytes).map_err(|error| malformed(storage, &key, &bytes, &error))?;
        }
    };
    update_global(&snapshot, name, now, name_of(storage)).await?;
    Ok(Yank { changed, index })
}

/// The name for a global index that a hand-made registry lacks.
fn name_of(storage: &Storage) -> &str {
    match storage {
        Storage::File(folder) => folder
            .root()
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("registry"),
        _ => "registry",
    }
}
