//! Removing files that nothing refers to.
//!
//! Killed publishers leave artifacts, releases that were never listed and staging files; a
//! growing log and map leave partial tiles and nodes of earlier states. The log and the
//! indexes say which files are needed. Every other file of these kinds is garbage, once it
//! has been so for a grace period.
//!
//! A publisher creates its files before anything names them. So `gc` only removes a file
//! that no writer wrote or relied on for the grace period. It checks age and log again just
//! before the removal. Publishers that find files of an earlier try give them a new time
//! ([`Storage::freshen`]).
//!
//! A reader may still use an earlier checkpoint: `gc` keeps the files that it needs until
//! the checkpoint has been superseded for the grace period.

mod signed;
mod unsigned;

use std::{
    collections::{BTreeMap, HashSet},
    time::{Duration, SystemTime},
};

use lumen_core::{Key, index::Release, limits::MAX_GLOBAL_INDEX_BYTES};

use crate::{
    derived::{ROWS, of_index},
    log::{is_signed, recover},
    progress::{Progress, Watch},
    storage::{Listed, Storage},
    write::{PublishError, damaged},
};

/// How long unreferenced files stay by default: a week.
pub const GRACE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Files that are removed between two checks for new releases.
const CHUNK: usize = 64;

/// What to remove, and whether.
#[derive(Debug, Clone, Copy)]
pub struct GcOptions {
    /// Only looks.
    pub dry_run: bool,
    /// How long a file must have been useless. With less than [`crate::storage::YOUNG`], no
    /// publisher may run meanwhile.
    pub grace: Duration,
    /// The time, by the clock that files get theirs from.
    pub now: SystemTime,
}

/// Kinds of garbage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Releases that were never logged.
    Releases,
    /// Artifacts of no release.
    Artifacts,
    /// Batches that were committed, or never will be.
    Staging,
    /// Tiles and entries of earlier sizes of the log.
    Log,
    /// Nodes and roots of earlier maps.
    Map,
    /// Files that followed from an earlier global index.
    Derived,
    /// Files that were never finished.
    Temporary,
}

impl Kind {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Releases => "releases",
            Self::Artifacts => "artifacts",
            Self::Staging => "staging",
            Self::Log => "log",
            Self::Map => "map",
            Self::Derived => "derived",
            Self::Temporary => "temporary",
        }
    }
}

/// A file that is not needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Garbage {
    /// What it is.
    pub kind: Kind,
    /// The file.
    pub file: Listed,
}

/// The findings, and the removed files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GcReport {
    /// The files that are, or were, useless.
    pub garbage: Vec<Garbage>,
    /// Those among them that remain, since a writer came to need them.
    pub spared: u64,
    /// Unreferenced files that are too young to be removed, and their bytes.
    pub young: (u64, u64),
}

impl GcReport {
    /// Number and bytes of the garbage of each kind.
    pub fn totals(&self) -> BTreeMap<Kind, (u64, u64)> {
        let mut totals: BTreeMap<Kind, (u64, u64)> = BTreeMap::new();
        for Garbage { kind, file } in &self.garbage {
            let (files, bytes) = totals.entry(*kind).or_default();
            *files += 1;
            *bytes += file.size;
        }
        totals
    }
}

/// The files that are not garbage. Only files of the kinds of [`Kind`] that are not listed
/// here are removed.
#[derive(Default)]
struct Needed {
    /// Files that something refers to.
    keys: HashSet<Key>,
    /// Prefixes of which nothing is known, so that nothing there is removed.
    unknown: Vec<String>,
}

impl Needed {
    fn has(&self, key: &Key) -> bool {
        let unknown = |prefix: &String| key.as_str().starts_with(prefix.as_str());
        self.keys.contains(key) || self.unknown.iter().any(unknown)
    }

    /// The files that follow from the global index as it is.
    async fn followers(&mut self, storage: &Storage) -> Result<(), PublishError> {
        let key = Key::global_index();
        if let Some((bytes, _)) = storage.get(&key, MAX_GLOBAL_INDEX_BYTES).await? {
            let files = of_index(&bytes).map_err(|error| damaged(storage, &key, error))?;
            self.keys.extend(files.into_iter().map(|(key, _)| key));
        }
        Ok(())
    }

    /// The artifacts of a release and its file list, signed or not.
    fn artifacts(&mut self, release: &Release) {
        let objects = release.objects();
        self.keys
            .extend(objects.filter_map(|object| object.address()));
        let tar = release.artifacts.first();
        self.keys
            .extend(tar.map(|tar| Key::unsigned_file_list(&tar.hash)));
    }
}

/// Removes files that were not needed for the grace period. After a killed run, run it again.
///
/// # Errors
/// When the registry is damaged, so that the needed files are unknown; failures of the host.
pub async fn gc(
    storage: &Storage,
    options: &GcOptions,
    watch: Watch<'_>,
) -> Result<GcReport, PublishError> {
    storage.allow_mirroring();
    let work = async |storage: &Storage| run(storage, options, watch).await;
    match options.dry_run {
        true => work(storage).await,
        false => {
            storage
                .together("Remove files that are not needed", work)
                .await
        }
    }
}

async fn run(
    storage: &Storage,
    options: &GcOptions,
    watch: Watch<'_>,
) -> Result<GcReport, PublishError> {
    let mut report = GcReport::default();
    let mut sort = |kind: Kind, file: Listed| {
        if file.is_older(options.grace, options.now) {
            report.garbage.push(Garbage { kind, file });
        } else {
            report.young.0 += 1;
            report.young.1 += file.size;
        }
    };
    let mut later = match is_signed(storage).await? {
        true => {
            if !options.dry_run {
                // A dead writer's batch names files that nothing else does.
                match recover(storage, watch).await {
                    Ok(_) | Err(PublishError::NotSigned) => {}
                    Err(error) => return Err(error),
                }
            }
            Later::Signed(signed::find(storage, options, &mut sort).await?)
        }
        false => Later::Unsigned(unsigned::find(storage, &mut sort).await?),
    };
    for file in followers(storage).await? {
        sort(Kind::Derived, file);
    }
    for file in storage.list_temporary().await? {
        sort(Kind::Temporary, file);
    }
    // Releases before their artifacts: the rest of a killed run is still garbage.
    report
        .garbage
        .sort_by(|a, b| (a.kind, &a.file).cmp(&(b.kind, &b.file)));
    if options.dry_run {
        return Ok(report);
    }
    let steps = report.garbage.len() as u64;
    watch(Progress::Started {
        verb: "Removing",
        steps,
    });
    let mut needed = Needed::default();
    for chunk in report.garbage.chunks(CHUNK) {
        later.update(storage, &mut needed).await?;
        if chunk.iter().any(|garbage| garbage.kind == Kind::Derived) {
            needed.followers(storage).await?;
        }
        for Garbage { file, .. } in chunk {
            if needed.has(&file.key) || !storage.remove(file).await? {
                report.spared += 1;
            }
            watch(Progress::Advanced {
                item: file.key.to_string(),
            });
        }
    }
    watch(Progress::Finished);
    Ok(report)
}

/// Files that followed from a global index, and do not follow from the one that there is.
async fn followers(storage: &Storage) -> Result<Vec<Listed>, PublishError> {
    let mut files = Vec::new();
    for folder in ROWS.iter().filter_map(|row| row.folder()) {
        files.extend(storage.list_files(folder).await?);
    }
    if files.is_empty() {
        return Ok(files);
    }
    let mut needed = Needed::default();
    needed.followers(storage).await?;
    files.retain(|file| !needed.has(&file.key));
    Ok(files)
}

/// The state when the garbage was found, to see later changes.
enum Later {
    Signed(signed::Seen),
    Unsigned(unsigned::Seen),
}

impl Later {
    /// Adds what was published since the last look.
    async fn update(&mut self, storage: &Storage, needed: &mut Needed) -> Result<(), PublishError> {
        match self {
            Self::Signed(seen) => seen.update(storage, needed).await,
            Self::Unsigned(seen) => seen.update(storage, needed).await,
        }
    }
}
