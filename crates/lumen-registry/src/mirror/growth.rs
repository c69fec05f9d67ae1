//! The entries of a log from a size on, checked, and the files derived from them.
//!
//! The entries of the source are appended to the mirror's own log. If that leads to the
//! signed root, they are the right entries, and the source's log continues the mirror's.
//! The mirror makes tiles and map from them, and reads no other file of the source's log.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::{
    Digest, Key,
    checkpoint::Checkpoint,
    limits::{MAX_LOG_GROWTH, MIRROR_ENTRY_MEMORY, rows},
    merkle::leaf_hash,
    tile::{
        FULL, Tile, Tiles,
        entries::{self, PER_BUNDLE, width},
        tiles_for_growth,
    },
    trust::{Entry, Event, MapLeaf, Subject, extend, map::Nodes},
};

use super::{Job, MirrorError, target::Target};
use crate::{
    derived::notes::note_file,
    logread::{Base, Staging, load_chain, load_entries, load_map_root, load_tiles, update_map},
    storage::Storage,
    write::{PublishError, damaged},
};

/// Bundles that are read at once.
const READ_AHEAD: usize = 8;

/// A log that grew from a size to another.
pub(crate) struct Growth {
    /// Entries the mirror has.
    pub(crate) from: u64,
    /// Entries the source has.
    pub(crate) size: u64,
    /// The heads of the chains of everything that has new entries.
    pub(crate) heads: BTreeMap<Subject, Digest>,
    /// Tiles, nodes of the map and the map leaf that follow from the new entries.
    pub(crate) files: Vec<(Key, Vec<u8>)>,
    /// Leaf hashes from the first bundle with new entries on.
    leaves: Vec<Digest>,
    kept: BTreeMap<u64, Vec<String>>,
    base: Base,
    /// Whether the map of the base is that of the new size already.
    is_mapped: bool,
}

/// The last batch of a log.
pub(super) struct LastBatch {
    pub(super) staging: Staging,
    /// When it was made, by the word of its last note.
    pub(super) time: String,
}

/// Refuses a log that claims to have grown by more entries than a run reads.
fn check_growth(source: &Storage, from: u64, to: u64) -> Result<(), PublishError> {
    let more = to.saturating_sub(from);
    match more <= MAX_LOG_GROWTH {
        true => Ok(()),
        false => {
            let limit = rows::MAX_LOG_GROWTH;
            let what = format!("it has {more} new entries; {limit}");
            Err(damaged(source, &Key::checkpoint(), what))
        }
    }
}

impl Growth {
    /// Reads the entries of the source that the target does not have, and shows each.
    /// `before`: the checkpoint of the target.
    pub(crate) async fn load(
        (source, target): (&Storage, &Storage),
        before: Option<&Checkpoint>,
        after: &Checkpoint,
        mut visit: impl FnMut(u64, &str, &Entry),
    ) -> Result<Self, PublishError> {
        let from = before.map_or(0, |before| before.size);
        check_growth(source, from, after.size)?;
        let base = Base::load(target, from, before.map(|before| &before.root)).await?;
        let mut growth = Self::on(base, after);
        if growth.from < growth.size {
            growth.read(source, target, &mut visit).await?;
            growth.derive(source, target, after).await?;
        }
        Ok(growth)
    }

    /// Reads the entries of a log from a size on, and derives the tiles and nodes that a
    /// copy at `from` lacks.
    pub(super) async fn since(
        source: &Storage,
        from: u64,
        after: &Checkpoint,
    ) -> Result<Self, PublishError> {
        check_growth(source, from, after.size)?;
        let mut tiles = Tiles::default();
        load_tiles(source, &mut tiles, &tiles_for_growth(from, after.size)).await?;
        let fail = |error| damaged(source, &Key::checkpoint(), error);
        let root = tiles.root(from).map_err(fail)?;
        let map = load_map_root(source, &mut tiles.clone(), after.size, &after.root).await?;
        let base = Base {
            size: from,
            root,
            map,
            tiles,
            nodes: Nodes::new(),
        };
        let mut growth = Self {
            is_mapped: true,
            ..Self::on(base, after)
        };
        if from < after.size {
            growth.read(source, source, &mut |_, _, _| {}).await?;
            growth.derive(source, source, after).await?;
        }
        let nodes = growth.base.nodes.iter();
        let nodes = nodes.map(|(hash, bytes)| (Key::map_node(hash), bytes.clone()));
        growth.files.extend(nodes);
        Ok(growth)
    }

    /// Nothing read yet.
    fn on(base: Base, after: &Checkpoint) -> Self {
        Self {
            from: base.size,
            size: after.size,
            heads: BTreeMap::new(),
            files: Vec::new(),
            leaves: Vec::new(),
            kept: BTreeMap::new(),
            base,
            is_mapped: false,
        }
    }

    async fn read(
        &mut self,
        source: &Storage,
        target: &Storage,
        visit: &mut impl FnMut(u64, &str, &Entry),
    ) -> Result<(), PublishError> {
        let (size, first) = (self.size, self.from / PER_BUNDLE);
        let read = |index| async move {
            let entries = load_entries(source, index, width(index, size)).await?;
            Ok::<_, PublishError>((index, entries))
        };
        let mut bundles = stream::iter(first..size.div_ceil(PER_BUNDLE))
            .map(read)
            .buffered(READ_AHEAD);
        let mut kept = 0;
        while let Some((index, entries)) = bundles.try_next().await? {
            for (i, text) in (index * PER_BUNDLE..).zip(&entries) {
                let leaf = leaf_hash(text.as_bytes());
                self.leaves.push(leaf);
                if i < self.from {
                    continue;
                }
                let (entry, _) = Entry::parse(text.as_bytes())
                    .map_err(|error| damaged(source, &Key::entries(index, FULL), error))?;
                visit(i, text, &entry);
                let Some(subject) = entry.subject() else {
                    continue;
                };
                let before = match self.heads.get(&subject) {
                    Some(head) => *head,
                    None => self.head(target, &subject).await?,
                };
                let head = match self.is_mapped {
                    true => before,
                    false => extend(&before, i, &leaf),
                };
                self.heads.insert(subject, head);
            }
            kept += entries.iter().map(String::len).sum::<usize>();
            if kept <= MIRROR_ENTRY_MEMORY {
                self.kept.insert(index, entries);
            }
        }
        Ok(())
    }

    async fn derive(
        &mut self,
        source: &Storage,
        target: &Storage,
        after: &Checkpoint,
    ) -> Result<(), PublishError> {
        let skip = (self.from % PER_BUNDLE) as usize;
        let wrong = |what: &str| damaged(source, &Key::entries(self.from / PER_BUNDLE, FULL), what);
        if skip > 0 {
            let tile = Tile {
                level: 0,
                index: self.from / PER_BUNDLE,
                width: skip as u16,
            };
            let hashes = self.leaves[..skip].iter().flat_map(|leaf| *leaf.as_bytes());
            let mut tiles = self.base.tiles.clone();
            let inserted = tiles.insert(tile, hashes.collect());
            if inserted.is_err() || tiles.root(self.from).as_ref() != Ok(&self.base.root) {
                return Err(wrong("its entries are not those that the mirror has"));
            }
        }
        let appended = self.base.tiles.append(self.from, &self.leaves[skip..]);
        let appended = appended.map_err(|error| damaged(target, &Key::checkpoint(), error))?;
        if appended.root != after.root {
            return Err(wrong("the log's entries do not lead to its checkpoint"));
        }
        let tiles = appended.tiles.into_iter();
        self.files
            .extend(tiles.map(|(tile, bytes)| (Key::tile(&tile), bytes)));
        let heads = self.heads.iter();
        let heads = heads.map(|(subject, head)| (subject.to_string(), *head));
        let (root, nodes) = update_map(target, &mut self.base, &heads.collect()).await?;
        let size = self.size;
        let leaf = MapLeaf { size, root }.to_text();
        if self.leaves.last() != Some(&leaf_hash(leaf.as_bytes())) {
            return Err(wrong(
                "the log does not end with the map that follows from it",
            ));
        }
        let node = |(hash, bytes): (Digest, Vec<u8>)| (Key::map_node(&hash), bytes);
        self.files.extend(nodes.into_iter().map(node));
        self.files.push((Key::map_size(size), leaf.into_bytes()));
        Ok(())
    }

    /// The head of the chain of a subject, new entries or not.
    pub(super) async fn head(
        &mut self,
        target: &Storage,
        subject: &Subject,
    ) -> Result<Digest, PublishError> {
        if let Some(head) = self.heads.get(subject) {
            return Ok(*head);
        }
        let Base { nodes, map, .. } = &mut self.base;
        load_chain(target, nodes, map, &subject.to_string()).await
    }

    /// Stores the new part of the log and the map, and the files that single entries have:
    /// notes, and the signatures of those packages that `chosen` has.
    pub(super) async fn store(
        &mut self,
        job: &Job<'_>,
        chosen: impl Fn(&Subject) -> bool,
    ) -> Result<(), MirrorError> {
        if self.from == self.size {
            return Ok(());
        }
        let first = self.from / PER_BUNDLE;
        for index in first..self.size.div_ceil(PER_BUNDLE) {
            let entries = match self.kept.remove(&index) {
                Some(entries) => entries,
                None => self.again(job, index).await?,
            };
            let key = Key::entries(index, width(index, self.size));
            let bytes = entries::encode(&entries)
                .map_err(|error| damaged(job.source.storage(), &key, error))?;
            let mut files = Vec::new();
            for (i, note) in (index * PER_BUNDLE..)
                .zip(entries)
                .filter(|(i, _)| *i >= self.from)
            {
                let subject = match Entry::parse(note.as_bytes()) {
                    Ok((Entry::Statement(statement), _)) => Subject::Package(statement.package),
                    Ok((Entry::Moderation(said), _)) => Subject::Package(said.package),
                    _ => Subject::Root,
                };
                if chosen(&subject) {
                    files.extend(note_file(&Event { i, note }));
                }
            }
            files.push((key, bytes));
            create_all(&job.target, files).await?;
        }
        create_all(&job.target, std::mem::take(&mut self.files)).await
    }

    /// A bundle that was read and checked before.
    async fn again(&self, job: &Job<'_>, index: u64) -> Result<Vec<String>, MirrorError> {
        let source = job.source.storage();
        let width = width(index, self.size);
        let entries = load_entries(source, index, width).await?;
        let first = ((index - self.from / PER_BUNDLE) * PER_BUNDLE) as usize;
        let checked = self.leaves.iter().skip(first);
        let hashes = entries.iter().map(|entry| leaf_hash(entry.as_bytes()));
        match hashes.eq(checked.take(entries.len()).copied()) {
            true => Ok(entries),
            false => Err(job.forged(&Key::entries(index, width), "it changed while it was read")),
        }
    }
}

/// Stores files that never change.
pub(super) async fn create_all(
    target: &Target<'_>,
    files: Vec<(Key, Vec<u8>)>,
) -> Result<(), MirrorError> {
    stream::iter(files)
        .map(async |(key, bytes)| target.create(&key, bytes).await)
        .buffer_unordered(super::CONCURRENCY)
        .try_collect()
        .await
}

/// The last batch of a log that was checked and stored.
pub(super) async fn last_batch(storage: &Storage, size: u64) -> Result<LastBatch, PublishError> {
    let mut entries: Vec<String> = Vec::new();
    let mut from = size;
    'log: for index in (0..size.div_ceil(PER_BUNDLE)).rev() {
        let bundle = load_entries(storage, index, width(index, size)).await?;
        for text in bundle.into_iter().rev() {
            if from < size && MapLeaf::parse(&text).is_some() {
                break 'log;
            }
            entries.push(text);
            from -= 1;
        }
    }
    entries.reverse();
    let times = entries.iter().rev().find_map(|text| {
        let (entry, _) = Entry::parse(text.as_bytes()).ok()?;
        entry.time().map(str::to_owned)
    });
    Ok(LastBatch {
        staging: Staging { from, entries },
        time: times.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::MemoryStorage;

    #[test]
    fn growth_has_a_limit() {
        let storage = Storage::Memory(MemoryStorage::default());
        for from in [0, 1000] {
            let most = from + MAX_LOG_GROWTH;
            assert!(check_growth(&storage, from, most).is_ok());
            let error = check_growth(&storage, from, most + 1).unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains("67108865 new entries; the limit `MAX_LOG_GROWTH` is 67,108,864")
            );
        }
    }
}
