//! Yanks in an unsigned registry.

use lumen_core::{
    Key, PackageName, Version,
    index::{self, MAX_PACKAGE_INDEX_BYTES, PackageIndex},
    json,
    limits::MAX_GLOBAL_INDEX_BYTES,
};

use super::indexes::update_global;
use crate::{
    storage::Storage,
    write::{PublishError, Snapshot, malformed, swap::Swap},
};

/// Notes in the package index that a version is yanked, for a reason that may be empty; `None`:
/// that it is not. Returns `false` when the index says so already.
pub(super) async fn put(
    storage: &Storage,
    name: &PackageName,
    version: &Version,
    reason: Option<&str>,
    now: &str,
) -> Result<bool, PublishError> {
    let key = Key::package_index(name);
    let snapshot = Snapshot::of(storage);
    // Read before the package index, so that it counts what was read of that.
    snapshot
        .get(&Key::global_index(), MAX_GLOBAL_INDEX_BYTES)
        .await?;
    let mut swap = Swap::on(&snapshot, &key, MAX_PACKAGE_INDEX_BYTES);
    let mut changed = false;
    loop {
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
            break;
        }
        let bytes = index::put_yank(&current, version, reason).map_err(fail)?;
        // Also when the answer gets lost and the next round finds the work done.
        changed = true;
        if swap.write(&bytes).await? {
            break;
        }
    }
    update_global(&snapshot, name, now, name_of(storage)).await?;
    Ok(changed)
}

/// The name for a global index that a hand-made registry lacks.
fn name_of(storage: &Storage) -> &str {
    let folder = storage
        .folder()
        .and_then(|folder| folder.root().file_name());
    folder.and_then(|name| name.to_str()).unwrap_or("registry")
}
