//! All index files of a signed registry made anew, from its log and the files of releases.

use lumen_core::{Key, index::PackageIndex, json, limits::MAX_GLOBAL_INDEX_BYTES};

use super::{pending, roll::settle};
use crate::{
    derived::{names::registry_name, replay::Replay},
    logread::{Head, read_checkpoint},
    progress::{Progress, Watch, advance, nobody},
    storage::Storage,
    write::{PublishError, damaged, swap::Swap},
};

/// Makes all files anew that follow from the log: notes, signature files and indexes, the
/// global one too. Returns those that were not as they should be.
///
/// # Errors
/// [`PublishError::NotSigned`], a log that is damaged itself, and failures of the host.
pub async fn rebuild(storage: &Storage) -> Result<Vec<Key>, PublishError> {
    rebuild_watched(storage, &nobody).await
}

/// The same, told step by step.
///
/// # Errors
/// As [`rebuild`].
pub async fn rebuild_watched(
    storage: &Storage,
    watch: Watch<'_>,
) -> Result<Vec<Key>, PublishError> {
    storage.allow_mirroring();
    let rebuilt = run(storage, watch).await;
    watch(Progress::Finished);
    rebuilt
}

async fn run(storage: &Storage, watch: Watch<'_>) -> Result<Vec<Key>, PublishError> {
    let Some((head, _)) = Head::read(storage).await? else {
        return Err(PublishError::NotSigned);
    };
    settle(storage, &head, watch).await?;
    let Some((checkpoint, _)) = read_checkpoint(storage).await? else {
        return Err(damaged(storage, &Key::checkpoint(), "it does not exist"));
    };
    // With the commits that wait for witnesses, but for what readers see of them.
    let top = pending::newest_finished(storage, Some(&head), &checkpoint).await?;
    let replay = Replay::load(storage, &top).await?;
    let public = Replay::load_public(storage, &replay, &checkpoint).await?;
    let public = public.as_ref().unwrap_or(&replay);
    let mut changed = Vec::new();
    let files: Vec<(Key, Vec<u8>)> = replay.notes().chain(replay.lists()).collect();
    let steps = files.len() + replay.packages().count();
    watch(Progress::Started {
        verb: "Rebuilding",
        steps: steps as u64,
    });
    for (key, bytes) in files {
        advance(watch, &key);
        put(storage, key, &mut changed, async |_| Ok(bytes.clone())).await?;
    }
    let mut packages: Vec<PackageIndex> = Vec::new();
    for (name, _) in replay.packages() {
        let key = Key::package_index(name);
        let bytes = put(storage, key.clone(), &mut changed, async |current| {
            replay.package_index(storage, name, current).await
        })
        .await?;
        advance(watch, name);
        let shown = public
            .index_shown(storage, name, &bytes, replay.size)
            .await?;
        packages.push(json::parse(&shown).map_err(|error| damaged(storage, &key, error))?);
    }
    let registry = registry_name(&checkpoint.origin);
    put(
        storage,
        Key::global_index(),
        &mut changed,
        async |current| {
            let current = current.filter(|current| json::check(current).is_ok());
            public.global_index(storage, current.map(<[u8]>::to_vec), registry, &packages)
        },
    )
    .await?;
    Ok(changed)
}

/// Replaces a file, if it is not what it should be.
async fn put<M>(
    storage: &Storage,
    key: Key,
    changed: &mut Vec<Key>,
    make: M,
) -> Result<Vec<u8>, PublishError>
where
    M: AsyncFn(Option<&[u8]>) -> Result<Vec<u8>, PublishError>,
{
    let mut swap = Swap::new(storage, &key, MAX_GLOBAL_INDEX_BYTES);
    let mut written = false;
    let bytes = loop {
        let current = swap.read().await?;
        let bytes = make(current.as_deref()).await?;
        if current.as_ref() == Some(&bytes) {
            break bytes;
        }
        written = true;
        if swap.write(&bytes).await? {
            break bytes;
        }
    };
    if written {
        changed.push(key);
    }
    Ok(bytes)
}
