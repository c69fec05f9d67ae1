//! A mirror of an unsigned registry: its files are compared with each other.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::{
    Digest, Key, PackageName, Version,
    index::{
        GlobalIndex, MAX_PACKAGE_INDEX_BYTES, MAX_RELEASE_BYTES, PackageEntry, PackageIndex,
        ReleaseSummary, identity, set_package_entries,
    },
    json,
    limits::MAX_GLOBAL_INDEX_BYTES,
};

use super::{CONCURRENCY, Job, MirrorError, MirrorReport};
use crate::{
    derived::names::indexed_package,
    log::is_signed,
    partial::Partial,
    progress::Progress,
    source::{ReadError, check},
    storage::StorageError,
};

/// Packages above which one list of the whole mirror is cheaper than lists of folders.
const MANY: usize = 32;

/// The package indexes that changed.
type Changed = BTreeMap<PackageName, Vec<u8>>;

pub(super) async fn run(job: &Job<'_>) -> Result<MirrorReport, MirrorError> {
    let target = job.target.storage();
    if let Some(target) = target
        && is_signed(target).await?
    {
        return Err(MirrorError::Other {
            mirror: job.target.place(),
            reason: "it is signed, and the source is not".into(),
        });
    }
    let index = match job
        .read(&Key::global_index(), MAX_GLOBAL_INDEX_BYTES)
        .await?
    {
        None => None,
        Some(bytes) => {
            let file = job.file(&Key::global_index());
            let parsed: GlobalIndex = check::strict_parsed(&file, &bytes)?;
            job.check_format(parsed.format)?;
            Some((bytes, parsed.packages))
        }
    };
    let mut names = listed(job, index.as_ref().map(|(_, entries)| entries.as_slice())).await?;
    let (ours, recorded) = match target {
        Some(target) => (
            names_of(&target.list(Key::PACKAGES).await?),
            Partial::read(target).await?,
        ),
        None => (BTreeSet::new(), None),
    };
    if let Some(name) = ours.iter().find(|name| !names.contains(*name)) {
        let file = job.target.describe(&Key::package_index(name));
        return Err(MirrorError::Foreign { file });
    }
    let wanted = &job.options.packages;
    let complete = recorded
        .as_ref()
        .map_or(!ours.is_empty(), |r| r.packages.is_all());
    if complete && !wanted.is_all() {
        let mirror = job.target.place();
        return Err(MirrorError::Narrower { mirror });
    }
    let selection = match &recorded {
        Some(recorded) => recorded.with(wanted),
        None => wanted.clone(),
    };
    names.retain(|name| selection.has(name));
    if names.len() > MANY {
        job.target.expect_many();
    }
    let record = async |partial: Partial| match recorded.is_some() || !selection.is_all() {
        true => {
            let bytes = partial.to_bytes();
            job.target.put(&Key::mirror(), &bytes, |_| false).await
        }
        false => Ok(()),
    };
    let has = Partial::has(selection.clone(), None);
    // A bundle is taken in as a whole.
    if recorded.as_ref() != Some(&has) && target.is_some() {
        record(Partial::adding(recorded.as_ref(), &selection)).await?;
    }
    let changed = packages(job, &names).await?;
    let put = async |(name, bytes): (PackageName, Vec<u8>)| {
        let key = Key::package_index(&name);
        job.target.put(&key, &bytes, |_| false).await
    };
    let indexes = stream::iter(changed).map(put);
    let () = indexes.buffer_unordered(CONCURRENCY).try_collect().await?;
    if let Some((bytes, entries)) = index {
        let key = Key::global_index();
        let bytes = match selection.is_all() {
            true => bytes,
            false => {
                let chosen = |entry: &PackageEntry| selection.has(&entry.name);
                let entries: Vec<_> = entries.into_iter().filter(chosen).collect();
                set_package_entries(&bytes, &entries).map_err(|error| job.forged(&key, error))?
            }
        };
        job.put_followers(&bytes).await?;
        job.target.put(&key, &bytes, |_| false).await?;
    }
    record(has).await?;
    super::outside::run(job).await?;
    let (files, bytes) = job.target.written();
    Ok(MirrorReport {
        packages: names.len() as u64,
        files,
        bytes,
        selection: (!selection.is_all()).then_some(selection),
        ..MirrorReport::default()
    })
}

/// The packages of the source: those in its index, and those found where it lists its files.
async fn listed(
    job: &Job<'_>,
    entries: Option<&[PackageEntry]>,
) -> Result<BTreeSet<PackageName>, MirrorError> {
    let found = match job.source.storage().list(Key::PACKAGES).await {
        Ok(keys) => Some(keys),
        Err(StorageError::ReadOnly { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    if found.is_none() && entries.is_none() {
        return Err(MirrorError::Unlistable {
            registry: job.source.name().to_owned(),
        });
    }
    let mut names = names_of(&found.unwrap_or_default());
    names.extend(
        entries
            .into_iter()
            .flatten()
            .map(|entry| entry.name.clone()),
    );
    Ok(names)
}

/// The packages that have an index among these files.
fn names_of(keys: &[Key]) -> BTreeSet<PackageName> {
    keys.iter().filter_map(indexed_package).collect()
}

/// Copies the releases that the mirror lacks. Returns the package indexes that it has to get.
async fn packages(job: &Job<'_>, names: &BTreeSet<PackageName>) -> Result<Changed, MirrorError> {
    let steps = names.len() as u64;
    (job.watch)(Progress::Started {
        verb: job.verb,
        steps,
    });
    let work = stream::iter(names).map(|name| async move {
        let changed = package(job, name).await?;
        (job.watch)(Progress::Advanced {
            item: name.to_string(),
        });
        Ok::<_, MirrorError>(changed.map(|bytes| (name.clone(), bytes)))
    });
    let changed = work
        .buffer_unordered(CONCURRENCY)
        .try_filter_map(|changed| async move { Ok(changed) })
        .try_collect()
        .await;
    (job.watch)(Progress::Finished);
    changed
}

/// Copies the files of a package that the mirror lacks. Returns `None` when its index is the same.
async fn package(job: &Job<'_>, name: &PackageName) -> Result<Option<Vec<u8>>, MirrorError> {
    let key = Key::package_index(name);
    let Some(bytes) = job.read(&key, MAX_PACKAGE_INDEX_BYTES).await? else {
        let file = job.file(&key);
        return Err(ReadError::Missing { file }.into());
    };
    let ours = job.target.get(&key, MAX_PACKAGE_INDEX_BYTES).await?;
    let same = ours.as_ref() == Some(&bytes);
    if same && !job.options.full {
        return Ok(None);
    }
    let index = check::package_index(&job.file(&key), &bytes, name)?;
    let ours: Option<PackageIndex> = ours.and_then(|bytes| json::parse(&bytes).ok());
    let gone = |version: &&Version| !index.versions.contains(version);
    if let Some(version) = ours.iter().flat_map(|ours| &ours.versions).find(gone) {
        let key = Key::release(name, version);
        let file = job.target.describe(&key);
        return Err(MirrorError::Foreign { file });
    }
    for version in &index.versions {
        let summary = index.releases.get(version);
        let known = ours.as_ref().and_then(|ours| ours.releases.get(version));
        let may_be_gone = index.yanked.contains_key(version);
        release(job, (name, version), (summary, known), may_be_gone).await?;
    }
    Ok((!same).then_some(bytes))
}

/// Copies a release that the mirror lacks.
async fn release(
    job: &Job<'_>,
    (name, version): (&PackageName, &Version),
    (summary, known): (Option<&ReleaseSummary>, Option<&ReleaseSummary>),
    may_be_gone: bool,
) -> Result<(), MirrorError> {
    let key = Key::release(name, version);
    let digest = |summary: Option<&ReleaseSummary>| summary.and_then(|summary| summary.metadata);
    if job.target.has(&key).await? {
        match (digest(summary), digest(known)) {
            (Some(theirs), Some(ours)) if theirs != ours => {
                return Err(MirrorError::Changed {
                    file: job.target.describe(&key),
                });
            }
            _ if !job.options.full => return Ok(()),
            // Its artifacts may have got lost.
            _ => {}
        }
    }
    let Some(bytes) = job.read(&key, MAX_RELEASE_BYTES).await? else {
        let file = job.file(&key);
        return Err(ReadError::Missing { file }.into());
    };
    if let Some(expected) = digest(summary) {
        let actual = Digest::of(&bytes);
        if actual != expected {
            return Err(job.other_hash(&key, expected, actual));
        }
    }
    let release = check::release(&job.file(&key), &bytes, name, version)?;
    identity(&release.artifacts).map_err(|error| job.forged(&key, error))?;
    job.copy_release(&release, bytes, may_be_gone).await
}
