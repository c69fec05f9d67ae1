//! Which packages a part of the log is about.

use std::collections::BTreeSet;

use lumen_core::{Key, PackageName, trust::Subject};

use super::batch::Batch;
use crate::{
    storage::{Storage, StorageError},
    write::PublishError,
};

/// The packages of scopes whose owners changed: a key may be revoked, and its releases void.
pub(crate) async fn of_scopes(
    storage: &Storage,
    batch: &Batch,
) -> Result<BTreeSet<PackageName>, PublishError> {
    let mut names = BTreeSet::new();
    for (subject, events) in &batch.events {
        for event in events {
            names.extend(revoked_below(storage, subject, &event.note).await?);
        }
    }
    Ok(names)
}

/// The packages of a scope, if a note about it revokes a key.
pub(crate) async fn revoked_below(
    storage: &Storage,
    subject: &Subject,
    note: &str,
) -> Result<BTreeSet<PackageName>, StorageError> {
    match subject {
        Subject::Scope(scope) if note.contains("\nrevoke ") => {
            packages_below(storage, &Key::scope_prefix(scope)).await
        }
        _ => Ok(BTreeSet::new()),
    }
}

/// The packages that have an index below a prefix.
pub(crate) async fn packages_below(
    storage: &Storage,
    prefix: &str,
) -> Result<BTreeSet<PackageName>, StorageError> {
    let keys = storage.list(prefix).await?;
    Ok(keys.iter().filter_map(indexed_package).collect())
}

/// The package whose index this is.
pub(crate) fn indexed_package(key: &Key) -> Option<PackageName> {
    key.package()
        .filter(|name| *key == Key::package_index(name))
}
