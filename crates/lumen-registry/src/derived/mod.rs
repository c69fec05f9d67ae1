//! Everything that follows from the log or from releases: one row of [`ROWS`] for each kind of
//! file.
//!
//! Publishing, recovering, checking and rebuilding go through the rows, in their order. Mirrors,
//! bundles and garbage collection do so for rows that follow from the global index. A new kind of derived file is a module here and a line in
//! the table. How files are served and cached follows from their class in
//! [`lumen_core::key::table`], which has a rule for paths that it does not know.
//!
//! | module | rows |
//! |---|---|
//! | `tree` | entry bundles and hash tiles |
//! | `map` | nodes of the name map, and its root |
//! | `notes` | the files of single entries |
//! | `lists` | the events of the root and of scopes |
//! | `release` | `<version>.json` |
//! | `package` | package indexes |
//! | `witnessed` | checkpoints that witnesses signed, when another takes their place |
//! | `checkpoint` | the public checkpoint |
//! | `global` | the global index |
//!
//! Besides them, `batch` has what follows from new entries alone, `whole` a log read from its
//! first entry, `names` which packages a part of the log is about, and `stamp` which size of the
//! log a global index reflects.

pub(crate) mod batch;
pub(crate) mod checkpoint;
pub(crate) mod global;
pub(crate) mod lists;
mod map;
pub(crate) mod names;
pub(crate) mod notes;
pub(crate) mod package;
mod release;
pub(crate) mod stamp;
#[cfg(test)]
pub(crate) mod toy;
pub(crate) mod tree;
pub(crate) mod whole;
pub(crate) mod witnessed;

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use lumen_core::{Key, checkpoint::Checkpoint, json::JsonError, trust::RootHistory};

pub(crate) use self::whole::Whole;
use self::{batch::Batch, global::Public};
use crate::{
    progress::{Progress, Watch},
    write::{PublishError, Snapshot, swap},
};

/// All kinds of derived files, in the order in which they are written: a file comes before
/// the files that refer to it.
pub(crate) const ROWS: &[&dyn Row] = &[
    &tree::Bundles,
    &tree::HashTiles,
    &map::MapNodes,
    &map::MapRoots,
    // A reader knows a signed registry by its root list, so it is there before any note.
    &lists::RootList,
    &notes::Notes,
    &lists::ScopeLists,
    &release::Releases,
    &package::PackageIndexes,
    // It is kept before it is replaced.
    &witnessed::Witnessed,
    &checkpoint::PublicCheckpoint,
    &global::GlobalIndex,
    #[cfg(test)]
    &toy::Names,
];

/// A batch that was committed, to be applied.
pub(crate) struct Applied<'a> {
    pub(crate) snapshot: &'a Snapshot<'a>,
    pub(crate) batch: &'a Batch,
    /// The root notes after it.
    pub(crate) roots: &'a RootHistory,
    pub(crate) watch: Watch<'a>,
}

/// A state of the log that becomes public.
#[derive(Clone, Copy)]
pub(crate) struct Publication<'a> {
    pub(crate) snapshot: &'a Snapshot<'a>,
    pub(crate) checkpoint: &'a Checkpoint,
    /// The checkpoint with its signatures.
    pub(crate) note: &'a [u8],
    pub(crate) what: Public<'a>,
    /// The root notes at that state, or at a later one.
    pub(crate) roots: &'a RootHistory,
}

/// The files of a row that there must be.
pub(crate) enum Expected {
    /// All of them, with their bytes.
    Known(BTreeMap<Key, Vec<u8>>),
    /// Their names; [`Row::make`] makes one at a time.
    Named(Vec<Key>),
}

/// A file and the bytes that it must have.
pub(crate) type File = (Key, Vec<u8>);

/// A kind of derived files.
pub(crate) trait Row: Sync {
    /// Whether a file is of this kind.
    fn has(&self, key: &Key) -> bool;

    /// Whether there is a file of this kind only for states of the log that readers see.
    fn is_shown(&self) -> bool {
        false
    }

    /// Brings files that change up to a batch; `None` where the batch changes none. Files that
    /// never change are in the batch.
    fn apply<'a>(&self, _: &'a Applied<'a>) -> Option<BoxFuture<'a, Result<(), PublishError>>> {
        None
    }

    /// Brings files up to a state that becomes public; `None` where nothing is to be done.
    fn publish<'a>(&self, _: Publication<'a>) -> Option<BoxFuture<'a, Result<(), PublishError>>> {
        None
    }

    /// The folder of files that follow from a global index alone, and of nothing else. `None`:
    /// they follow from something else.
    fn folder(&self) -> Option<&'static str> {
        None
    }

    /// The files that follow from a global index alone. They are written just before it, at
    /// every host and every mirror, and into bundles; others in their folder are garbage.
    ///
    /// # Errors
    /// When the index is damaged.
    fn of_index(&self, _index: &[u8]) -> Result<Vec<File>, JsonError> {
        Ok(Vec::new())
    }

    /// The files that there must be by a whole log, but for those of [`Row::of_index`].
    ///
    /// # Errors
    /// When the log is damaged.
    fn expected(&self, _whole: &Whole<'_>) -> Result<Expected, PublishError> {
        Ok(Expected::Known(BTreeMap::new()))
    }

    /// Makes a file that [`Expected::Named`] has. `current`: the existing file. `None`: its
    /// sources are missing.
    fn make<'a>(
        &'a self,
        _whole: &'a Whole<'a>,
        _key: &'a Key,
        current: Option<&'a [u8]>,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, PublishError>> {
        let current = current.map(<[u8]>::to_vec);
        Box::pin(async { Ok(current) })
    }

    /// Whether a file that is there has all that is expected, and more: another writer is
    /// further.
    fn is_ahead(&self, _current: &[u8], _expected: &[u8]) -> bool {
        false
    }

    /// The fault of a file that has other bytes than expected.
    fn fault(&self) -> &'static str {
        "it is not what follows from the log"
    }
}

impl Expected {
    /// How many files these are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Known(files) => files.len(),
            Self::Named(keys) => keys.len(),
        }
    }
}

/// Writes all derived files of a committed batch, except those that make it public.
/// `waits`: witnesses must sign before readers see it.
///
/// # Errors
/// When files are damaged, and failures of the host.
pub(crate) async fn apply(work: &Applied<'_>, waits: bool) -> Result<(), PublishError> {
    let (storage, batch) = (work.snapshot.storage(), work.batch);
    let rows = || ROWS.iter().filter(|row| !(waits && row.is_shown()));
    let of = |row: &'static dyn Row| batch.files.iter().filter(move |(key, _)| row.has(key));
    let files: usize = rows().map(|row| of(*row).count()).sum();
    (work.watch)(Progress::Started {
        verb: "Finishing",
        steps: (files + batch.events.len()) as u64,
    });
    let mut files: Vec<(&Key, &[u8])> = Vec::new();
    for row in rows() {
        files.extend(of(*row).map(|(key, bytes)| (key, bytes.as_slice())));
        if let Some(changes) = row.apply(work) {
            swap::create_all(storage, std::mem::take(&mut files), work.watch).await?;
            changes.await?;
        }
    }
    Ok(swap::create_all(storage, files, work.watch).await?)
}

/// Writes the files that make a state of the log public. All files that it needs exist already.
///
/// # Errors
/// As [`apply`].
pub(crate) async fn publish(to: Publication<'_>) -> Result<(), PublishError> {
    for row in ROWS {
        if let Some(published) = row.publish(to) {
            published.await?;
        }
    }
    Ok(())
}

/// The files of all rows that there must be, in the order in which they are written.
///
/// # Errors
/// When the log is damaged.
pub(crate) fn expected(
    whole: &Whole<'_>,
) -> Result<Vec<(&'static dyn Row, Expected)>, PublishError> {
    let rows = ROWS.iter();
    rows.map(|row| Ok((*row, row.expected(whole)?))).collect()
}

/// The files of all kinds that follow from a global index alone.
///
/// # Errors
/// When the index is damaged.
pub(crate) fn of_index(index: &[u8]) -> Result<Vec<File>, JsonError> {
    let mut files = Vec::new();
    for row in ROWS {
        files.extend(row.of_index(index)?);
    }
    Ok(files)
}
