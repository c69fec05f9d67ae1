//! Whether two writers can get into each other's way.

use std::io::{self, ErrorKind};

use futures::future::join_all;
use lumen_core::{Key, limits::MAX_SCRATCH_BYTES};

use super::{Check, Report, Samples, Verdict};
use crate::storage::{Revision, Storage, StorageError};

/// Writers that race for one file.
const RACERS: usize = 8;

/// Tries the operations that publishing needs, and removes its scratch files.
pub(super) async fn examine(storage: &Storage, samples: &Samples, must: bool, report: &mut Report) {
    if !storage.capabilities().writes && !must {
        return;
    }
    if storage.capabilities().atomic {
        let seen = "git refuses a push when another writer was first";
        return report.add(Check::Race, Verdict::Unknown, seen);
    }
    storage.forget_probe();
    let scratch: Vec<Key> = (0..4)
        .map(|_| Key::scratch("doctor", crate::random::random()))
        .collect();
    if let [create, replace, first, second] = scratch.as_slice()
        && created_once(storage, create, must, report).await
    {
        let found = replaced_when_seen(storage, replace).await;
        tell(report, Check::Replace, "conditional replace works", found);
        let found = raced(storage, first, second).await;
        tell(report, Check::Race, "one of eight wins", found);
        list(storage, samples, report).await;
    }
    for key in &scratch {
        // Where deleting is not allowed the scratch file may stay: no program reads it.
        if let Err(error) = storage.delete(key).await {
            tracing::debug!(%error, "a scratch file stays");
        }
    }
}

/// Reports a fault; `None`: everything is fine.
fn tell(
    report: &mut Report,
    check: Check,
    good: &str,
    found: Result<Option<String>, StorageError>,
) {
    match found {
        Ok(None) => report.add(check, Verdict::Good, good),
        Ok(Some(fault)) => report.add(check, Verdict::Bad, fault),
        Err(error) => report.add(check, Verdict::Bad, error.to_string()),
    }
}

/// Whether writing is possible at all, and a second create is refused.
async fn created_once(storage: &Storage, key: &Key, must: bool, report: &mut Report) -> bool {
    match storage.create(key, b"first").await {
        Ok(()) => {}
        Err(error) => {
            let verdict = match is_leave_missing(&error) && !must {
                true => Verdict::Unknown,
                false => Verdict::Bad,
            };
            report.add(Check::Create, verdict, error.to_string());
            return false;
        }
    }
    let found = match storage.create(key, b"second").await {
        Err(StorageError::Exists { .. }) => has(storage, key, b"first").await,
        Ok(()) => Ok(Some("a file was created twice".into())),
        Err(error) => Err(error),
    };
    tell(report, Check::Create, "create-if-absent works", found);
    true
}

/// Whether the user may not write, though others may.
fn is_leave_missing(error: &StorageError) -> bool {
    match error {
        StorageError::ReadOnly { .. }
        | StorageError::Denied { .. }
        | StorageError::NoCredentials { .. }
        | StorageError::Answered {
            status: 401 | 403, ..
        } => true,
        StorageError::Io(error) => matches!(
            error.kind(),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
        ),
        _ => false,
    }
}

async fn has(storage: &Storage, key: &Key, bytes: &[u8]) -> Result<Option<String>, StorageError> {
    match storage.get(key, MAX_SCRATCH_BYTES).await? {
        Some((found, _)) if found == bytes => Ok(None),
        Some(_) => Ok(Some("a write that was refused changed the file".into())),
        None => Ok(Some("a file that was just written is not there".into())),
    }
}

async fn revision(storage: &Storage, key: &Key) -> Result<Option<Revision>, StorageError> {
    let found = storage.get(key, MAX_SCRATCH_BYTES).await?;
    Ok(found.map(|(_, revision)| revision))
}

async fn replaced_when_seen(storage: &Storage, key: &Key) -> Result<Option<String>, StorageError> {
    storage.replace(key, None, b"first").await?;
    let first = revision(storage, key).await?;
    storage.replace(key, first.as_ref(), b"second").await?;
    match storage.replace(key, first.as_ref(), b"third").await {
        Err(StorageError::Conflict { .. }) => has(storage, key, b"second").await,
        Ok(()) => Ok(Some("a file was replaced by who had not seen it".into())),
        Err(error) => Err(error),
    }
}

async fn raced(
    storage: &Storage,
    created: &Key,
    replaced: &Key,
) -> Result<Option<String>, StorageError> {
    storage.replace(replaced, None, b"start").await?;
    let seen = revision(storage, replaced).await?;
    let racers = |race: Race| {
        (0..RACERS).map(move |racer| {
            let (storage, race) = (storage.clone(), race.clone());
            // Tasks of their own, since a folder keeps its thread until it is done.
            tokio::spawn(async move {
                let bytes = format!("racer {racer}");
                match &race {
                    Race::Create(key) => storage.create(key, bytes.as_bytes()).await,
                    Race::Replace(key, seen) => {
                        storage.replace(key, seen.as_ref(), bytes.as_bytes()).await
                    }
                }
            })
        })
    };
    for race in [
        Race::Create(created.clone()),
        Race::Replace(replaced.clone(), seen),
    ] {
        let mut winners = 0;
        for result in join_all(racers(race.clone())).await {
            match result {
                Ok(Ok(())) => winners += 1,
                Ok(Err(StorageError::Exists { .. } | StorageError::Conflict { .. })) => {}
                Ok(Err(error)) => return Err(error),
                // The runtime stops, or a defect of ours.
                Err(error) => return Err(io::Error::other(error).into()),
            }
        }
        if winners != 1 {
            let what = match race {
                Race::Create(_) => "created",
                Race::Replace(..) => "replaced",
            };
            let fault = format!("{winners} of {RACERS} writers {what} one file at the same time");
            return Ok(Some(fault));
        }
    }
    Ok(None)
}

/// What several writers do at once.
#[derive(Debug, Clone)]
enum Race {
    Create(Key),
    Replace(Key, Option<Revision>),
}

/// Whether a folder lists its files: publishing must find unfinished releases.
async fn list(storage: &Storage, samples: &Samples, report: &mut Report) {
    let known = samples.index.clone().or_else(|| samples.note.clone());
    let Some(known) = known else {
        return report.add(Check::List, Verdict::Unknown, "there is nothing yet");
    };
    let folder = known
        .as_str()
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder);
    match storage.list(&format!("{folder}/")).await {
        Ok(keys) if keys.contains(&known) => {
            report.add(Check::List, Verdict::Good, format!("`{folder}/`"));
        }
        Ok(_) => {
            let seen = format!("`{known}` is not in the list of its folder");
            report.add(Check::List, Verdict::Bad, seen);
        }
        Err(error) => report.add(Check::List, Verdict::Bad, error.to_string()),
    }
}
