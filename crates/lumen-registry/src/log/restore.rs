//! Files that follow from the log, made again where they are lost or damaged.

use std::collections::BTreeMap;

use lumen_core::{Key, limits::MAX_GLOBAL_INDEX_BYTES};

use super::{
    lost::{self, is_of},
    recover::{recover, show},
};
use crate::{
    derived::{self, Expected, ROWS, Row, Whole, checkpoint, global::Public, tree},
    logread::Head,
    progress::{Progress, Watch, advance, nobody},
    storage::{Storage, StorageError},
    write::{PublishError, Snapshot, damaged, swap::Swap},
};

/// What is done with files that may be as they should.
#[derive(Debug, Clone, Copy)]
enum Mode {
    /// Those with the right size are left alone.
    Repair,
    /// All are compared, byte by byte.
    Rebuild,
}

/// Which files are checked.
enum Which {
    /// Those that are missing, or have a wrong size. Sizes by file, if the host lists them.
    Missing(BTreeMap<Key, Option<u64>>),
    /// All, byte by byte.
    All,
}

/// Finishes the batch of a killed writer, and restores files that are lost or cut off. Returns
/// the size of the log.
///
/// Reads the whole log, because only its entries say which files there must be. Other files are
/// compared with one listing of the registry, and read only where that shows a fault.
///
/// # Errors
/// [`PublishError::NotSigned`], a log that is damaged itself, and failures of the host. A lost
/// `log/head` is made again.
pub async fn repair(storage: &Storage, watch: Watch<'_>) -> Result<u64, PublishError> {
    restore(storage, Mode::Repair, watch).await?;
    // Others may have gone on meanwhile.
    recover(storage, &nobody).await
}

/// Makes all files again that follow from the log. Returns those that were not as they should
/// be.
///
/// # Errors
/// As [`repair`].
pub async fn rebuild(storage: &Storage, watch: Watch<'_>) -> Result<Vec<Key>, PublishError> {
    let changed = restore(storage, Mode::Rebuild, watch).await?;
    recover(storage, &nobody).await?;
    Ok(changed)
}

async fn restore(
    storage: &Storage,
    mode: Mode,
    watch: Watch<'_>,
) -> Result<Vec<Key>, PublishError> {
    storage.allow_mirroring();
    let restored = run(storage, mode, watch).await;
    watch(Progress::Finished);
    restored
}

async fn run(storage: &Storage, mode: Mode, watch: Watch<'_>) -> Result<Vec<Key>, PublishError> {
    // Before the files are listed, which hosts that can only be read refuse.
    let (head, head_is_new) = lost::find(storage).await?;
    let which = &mode.which(storage).await?;
    let whole = Whole::load(storage, &head.checkpoint, Some(&head.staging)).await?;
    let roots = &whole.log.roots;
    is_of(storage, &whole.log, &head.checkpoint)?;
    head.check(storage, roots.origin(), &roots.current().log)?;
    let public = checkpoint::read(storage, roots).await?;
    let (whole, is_ahead) = match &public {
        // A mirror may have been killed between the two.
        Some(public) if public.size > head.checkpoint.size => {
            (Whole::load(storage, public, None).await?, true)
        }
        _ => (whole, false),
    };
    let whole = whole.shown_at(public.as_ref())?;
    if let (Some(shown), Some(public)) = (whole.shown(), &public) {
        is_of(storage, shown, public)?;
    }
    // The newest commit may be one that its writer did not finish.
    let finished = public.as_ref().map_or(0, |public| public.size);
    let rows = derived::expected(&whole)?;
    let steps: usize = rows.iter().map(|(_, files)| files.len()).sum();
    watch(Progress::Started {
        verb: mode.verb(),
        steps: steps as u64,
    });
    let mut work = Restorer {
        storage,
        head: &head,
        whole: &whole,
        which,
        changed: Vec::new(),
    };
    for (row, files) in rows {
        match files {
            Expected::Known(files) => {
                for (key, bytes) in files {
                    advance(watch, &key);
                    if which.has(&key, Some(bytes.len() as u64)) {
                        work.put(row, key, Some(bytes)).await?;
                    }
                }
            }
            Expected::Named(keys) => {
                for key in keys {
                    advance(watch, &key);
                    // The files that make a state public are checked in that step.
                    let is_done_later = matches!(which, Which::Missing(_)) && row.is_shown();
                    let name = key.package();
                    let is_new = name.is_some_and(|name| whole.has_news(&name, finished));
                    if !is_done_later && (is_new || which.has(&key, None)) {
                        work.put(row, key, None).await?;
                    }
                }
            }
        }
    }
    work.earlier_tiles().await?;
    if let Some(global) = whole.made_global() {
        for row in ROWS {
            let files = row.of_index(global);
            let files = files.map_err(|error| damaged(storage, &Key::global_index(), error))?;
            for (key, bytes) in files {
                work.put(*row, key, Some(bytes)).await?;
            }
        }
    }
    let mut changed = work.changed;
    if head_is_new {
        changed.push(Key::head());
    }
    if public.is_none() {
        if !whole.log.roots.current().has_quorum() {
            checkpoint::replace_unsigned(storage, head.note.as_bytes()).await?;
        }
        changed.push(Key::checkpoint());
    }
    if !is_ahead {
        let roots = &whole.log.roots;
        show(&Snapshot::of(storage), &head, Public::Earlier(roots), roots).await?;
    }
    Ok(changed)
}

/// Files that are being restored.
struct Restorer<'a> {
    storage: &'a Storage,
    /// The commit that they are to follow from.
    head: &'a Head,
    whole: &'a Whole<'a>,
    which: &'a Which,
    /// The files that were not as they should be.
    changed: Vec<Key>,
}

impl Restorer<'_> {
    /// Writes a file, if it differs from the expected one. `known`: the expected bytes, if
    /// they do not depend on existing files.
    async fn put(
        &mut self,
        row: &dyn Row,
        key: Key,
        known: Option<Vec<u8>>,
    ) -> Result<(), PublishError> {
        let mut swap = Swap::new(self.storage, &key, MAX_GLOBAL_INDEX_BYTES);
        let mut is_written = false;
        loop {
            let current = swap.read().await?;
            let bytes = match &known {
                Some(bytes) => Some(bytes.clone()),
                None => row.make(self.whole, &key, current.as_deref()).await?,
            };
            let Some(bytes) = bytes else { break };
            if let Some(current) = &current
                && (*current == bytes
                    // Files that are ahead of a log that was taken back are taken back, too.
                    || row.is_ahead(current, &bytes) && self.has_moved().await?)
            {
                break;
            }
            is_written = true;
            if swap.write(&bytes).await? {
                break;
            }
        }
        if is_written {
            self.changed.push(key);
        }
        Ok(())
    }

    /// Whether others committed something meanwhile.
    async fn has_moved(&self) -> Result<bool, PublishError> {
        let head = Head::read(self.storage).await?;
        Ok(head.is_none_or(|(head, _)| head != *self.head))
    }

    /// Tiles and bundles of earlier sizes that are there: readers may still go by them.
    async fn earlier_tiles(&mut self) -> Result<(), PublishError> {
        let earlier = tree::Earlier::of(&self.whole.log);
        for key in self.storage.list(tree::FOLDER).await? {
            if let Some(bytes) = earlier.bytes(&key)
                && self.which.has(&key, Some(bytes.len() as u64))
                && !self.changed.contains(&key)
            {
                self.put(&tree::HashTiles, key, Some(bytes)).await?;
            }
        }
        Ok(())
    }
}

impl Mode {
    const fn verb(self) -> &'static str {
        match self {
            Self::Repair => "Repairing",
            Self::Rebuild => "Rebuilding",
        }
    }

    async fn which(self, storage: &Storage) -> Result<Which, StorageError> {
        Ok(match self {
            Self::Repair => Which::Missing(storage.list_sizes("").await?.into_iter().collect()),
            Self::Rebuild => Which::All,
        })
    }
}

impl Which {
    /// Whether a file has to be compared with the expected one: by its size, if that is known.
    fn has(&self, key: &Key, size: Option<u64>) -> bool {
        match self {
            Self::All => true,
            Self::Missing(there) => match (there.get(key), size) {
                (None, _) => true,
                (Some(Some(there)), Some(size)) => *there != size,
                (Some(Some(there)), None) => *there == 0,
                (Some(None), _) => false,
            },
        }
    }
}
