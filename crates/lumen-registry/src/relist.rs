//! File lists that are missing, made from the archives: those that releases name, and lists of
//! releases that name none, which nothing signs.

use std::collections::HashSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::{
    Key, PackageName, Version,
    file_list::Lister,
    index::{FilesRef, Release, identity},
    key::ArtifactKind,
    limits::MAX_FILE_LIST_BYTES,
};

use crate::{
    file_list::FalseList,
    progress::{Progress, Watch, advance},
    publish::read_release,
    storage::{Storage, StorageError},
    write::{PublishError, swap::Swap},
};

/// Archives that are read at once.
const CONCURRENCY: usize = 4;

/// The folder of the archives and their lists.
const ARTIFACTS: &str = "artifacts/";

/// The result of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relisted {
    /// Lists that were written, sorted.
    pub made: Vec<Key>,
    /// Releases without a list, and why.
    pub without: Vec<Without>,
}

/// A release that has no list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Without {
    /// The package.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// Why.
    pub why: String,
}

/// Makes the missing and the wrong file lists of all releases. Nothing else changes, so this may run
/// beside writers.
///
/// # Errors
/// Failures of the host, and of one that does not list its files.
pub async fn relist(storage: &Storage, watch: Watch<'_>) -> Result<Relisted, PublishError> {
    storage.allow_mirroring();
    each(storage, watch, |_| true).await
}

/// Makes the file lists again that releases name and the registry lost, where it has the archives.
/// Returns those that were made, sorted.
///
/// An archive in the one form has one list, so a listing of the registry shows whether one may be
/// missing; only then releases are read, to learn which.
///
/// # Errors
/// Failures of the host, and of one that does not list its files.
pub async fn restore(storage: &Storage, watch: Watch<'_>) -> Result<Vec<Key>, PublishError> {
    storage.allow_mirroring();
    let there: HashSet<Key> = storage.list(ARTIFACTS).await?.into_iter().collect();
    let ending = |end: &str| {
        there
            .iter()
            .filter(|key| key.as_str().ends_with(end))
            .count()
    };
    if ending(".files") >= ending(".tar") {
        return Ok(Vec::new());
    }
    let relisted = each(storage, watch, |release: &Release| {
        let is_lost = release
            .files
            .is_some_and(|named| !there.contains(&named.key()));
        let tar = release.artifacts.first();
        let tar = tar.map(|tar| Key::artifact(&tar.hash, ArtifactKind::Tar));
        is_lost && tar.is_some_and(|tar| there.contains(&tar))
    });
    Ok(relisted.await?.made)
}

/// Makes the missing and the wrong file lists of those releases that are wanted.
async fn each(
    storage: &Storage,
    watch: Watch<'_>,
    is_wanted: impl Fn(&Release) -> bool,
) -> Result<Relisted, PublishError> {
    let keys = storage.list(Key::PACKAGES).await?;
    let releases: Vec<_> = keys.iter().filter_map(Key::named_release).collect();
    watch(Progress::Started {
        verb: "Listing",
        steps: releases.len() as u64,
    });
    let made = stream::iter(&releases).map(async |(name, version)| {
        let made = one(storage, (name, version), &is_wanted).await;
        advance(watch, format_args!("{name} {version}"));
        let why = match made? {
            Ok(made) => return Ok(Ok(made)),
            Err(why) => why,
        };
        let (name, version) = (name.clone(), version.clone());
        Ok::<_, PublishError>(Err(Without { name, version, why }))
    });
    let made = made.buffered(CONCURRENCY).try_collect::<Vec<_>>().await;
    watch(Progress::Finished);
    let mut relisted = Relisted::default();
    for one in made? {
        match one {
            Ok(made) => relisted.made.extend(made),
            Err(without) => relisted.without.push(without),
        }
    }
    relisted.made.sort();
    // Releases with the same files have one list.
    relisted.made.dedup();
    relisted.without.sort();
    Ok(relisted)
}

/// Makes the list of a release if that is missing or wrong. The text says why it has none.
async fn one(
    storage: &Storage,
    (name, version): (&PackageName, &Version),
    is_wanted: &impl Fn(&Release) -> bool,
) -> Result<Result<Option<Key>, String>, PublishError> {
    let release = match read_release(storage, name, version).await {
        Ok(Some(found)) => found.release,
        // It was removed since the files were listed.
        Ok(None) => return Ok(Ok(None)),
        Err(PublishError::Malformed(problem)) => return Ok(Err(problem.what)),
        Err(error) => return Err(error),
    };
    if !is_wanted(&release) {
        return Ok(Ok(None));
    }
    let bytes = match list_of(storage, &release).await? {
        Ok(bytes) => bytes,
        Err(why) => return Ok(Err(why)),
    };
    let key = match (release.files, release.artifacts.first()) {
        (Some(named), _) if FilesRef::of(&bytes) == named => named.key(),
        (Some(_), _) => return Ok(Err(FalseList::Other.to_string())),
        (None, Some(tar)) => Key::unsigned_file_list(&tar.hash),
        (None, None) => return Ok(Ok(None)),
    };
    let mut swap = Swap::new(storage, &key, MAX_FILE_LIST_BYTES);
    loop {
        let found = swap.read().await?;
        if found.as_ref() == Some(&bytes) {
            return Ok(Ok(None));
        }
        if swap.write(&bytes).await? {
            return Ok(Ok(Some(key)));
        }
    }
}

/// The list of a release's archive, or why that has none.
async fn list_of(
    storage: &Storage,
    release: &Release,
) -> Result<Result<Vec<u8>, String>, PublishError> {
    let tar = match identity(&release.artifacts) {
        Ok(tar) => tar,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let key = Key::artifact(&tar.hash, ArtifactKind::Tar);
    let mut lister = Lister::new();
    let listed = match storage.read_to(&key, tar.size, &mut lister).await {
        Ok(Some(_)) => lister.finish(),
        Ok(None) => return Ok(Err(format!("`{key}` does not exist"))),
        Err(error @ StorageError::TooLarge { .. }) => return Ok(Err(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    if (listed.digest, listed.size) != (tar.hash, tar.size) {
        let what = format!("`{key}` has another size or hash than it says");
        return Ok(Err(what));
    }
    Ok(listed
        .list
        .map(|list| list.to_bytes())
        .map_err(|why| why.to_string()))
}
