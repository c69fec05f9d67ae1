//! A batch of entries and all that follows from it: tiles, entry bundles, the map.
//!
//! Every writer makes the same bytes out of the same log and the same entries. So a writer
//! makes the batch before the commit and applies it after, and a writer that finds a commit
//! that was not applied makes the batch again.

use std::collections::BTreeMap;

use lumen_core::{
    Digest, Key,
    checkpoint::Checkpoint,
    merkle::leaf_hash,
    tile::{
        FULL, Tile,
        entries::{self, PER_BUNDLE},
    },
    trust::{Entry, Event, MapLeaf, Subject, extend},
};

use super::notes::note_file;
use crate::{
    logread::{Base, Staging, load_chain, load_entries, update_map},
    storage::Storage,
    write::{PublishError, damaged},
};

/// A batch and its derived files.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) from: u64,
    pub(crate) size: u64,
    pub(crate) root: Digest,
    /// All entries, the map leaf last.
    pub(crate) entries: Vec<String>,
    /// Its events by their subject.
    pub(crate) events: BTreeMap<Subject, Vec<Event>>,
    /// The files that follow from its entries and never change.
    pub(crate) files: Vec<(Key, Vec<u8>)>,
    /// When it was made, by the word of its last note.
    pub(crate) time: String,
}

impl Batch {
    /// Makes a batch of these entries, which are not map leaves.
    pub(crate) async fn make(
        storage: &Storage,
        base: &mut Base,
        notes: Vec<String>,
    ) -> Result<Self, PublishError> {
        let from = base.size;
        let size = from.saturating_add(notes.len() as u64 + 1);
        let (events, time) = events_of(storage, from, &notes)?;
        let (map, nodes) = change_map(storage, base, &events).await?;
        let leaf = MapLeaf { size, root: map }.to_text();
        let mut entries = notes;
        entries.push(leaf.clone());
        let hashes: Vec<Digest> = entries
            .iter()
            .map(|entry| leaf_hash(entry.as_bytes()))
            .collect();
        let appended = base
            .tiles
            .append(from, &hashes)
            .map_err(|error| damaged(storage, &Key::head(), error))?;
        let mut files = bundles(storage, base, &entries, size).await?;
        let tile = |(tile, bytes): (Tile, Vec<u8>)| (Key::tile(&tile), bytes);
        files.extend(appended.tiles.into_iter().map(tile));
        let node = |(hash, bytes): (Digest, Vec<u8>)| (Key::map_node(&hash), bytes);
        files.extend(nodes.into_iter().map(node));
        files.push((Key::map_size(size), leaf.into_bytes()));
        files.extend(events.values().flatten().filter_map(note_file));
        Ok(Self {
            from,
            size,
            root: appended.root,
            entries,
            events,
            files,
            time,
        })
    }

    /// Makes a committed batch again.
    pub(crate) async fn again(
        storage: &Storage,
        staging: &Staging,
        commit: &Checkpoint,
    ) -> Result<Self, PublishError> {
        let mut base = Base::load(storage, staging.from, None).await?;
        let mut notes = staging.entries.clone();
        let leaf = notes.pop();
        let batch = Self::make(storage, &mut base, notes).await?;
        let same = batch.entries.last() == leaf.as_ref()
            && batch.size == commit.size
            && batch.root == commit.root;
        match same {
            true => Ok(batch),
            false => Err(damaged(
                storage,
                &Key::head(),
                "its root does not follow from the log and the staging file",
            )),
        }
    }

    pub(crate) fn staging(&self) -> Staging {
        Staging {
            from: self.from,
            entries: self.entries.clone(),
        }
    }
}

/// The events of entries, and the time of the last.
fn events_of(
    storage: &Storage,
    from: u64,
    notes: &[String],
) -> Result<(BTreeMap<Subject, Vec<Event>>, String), PublishError> {
    let mut events: BTreeMap<Subject, Vec<Event>> = BTreeMap::new();
    let mut time = String::new();
    for (i, note) in (from..).zip(notes) {
        let (entry, _) =
            Entry::parse(note.as_bytes()).map_err(|error| damaged(storage, &Key::head(), error))?;
        let (Some(subject), Some(at)) = (entry.subject(), entry.time()) else {
            let what = "a batch has a map leaf before its end";
            return Err(damaged(storage, &Key::head(), what));
        };
        time = at.to_owned();
        let note = note.clone();
        events.entry(subject).or_default().push(Event { i, note });
    }
    Ok((events, time))
}

async fn change_map(
    storage: &Storage,
    base: &mut Base,
    events: &BTreeMap<Subject, Vec<Event>>,
) -> Result<(Digest, Vec<(Digest, Vec<u8>)>), PublishError> {
    let mut changes = BTreeMap::new();
    for (subject, events) in events {
        let name = subject.to_string();
        let before = load_chain(storage, &mut base.nodes, &base.map, &name).await?;
        let chain = events.iter().fold(before, |chain, event| {
            extend(&chain, event.i, &leaf_hash(event.note.as_bytes()))
        });
        changes.insert(name, chain);
    }
    update_map(storage, base, &changes).await
}

/// The entry bundles that are new or longer.
async fn bundles(
    storage: &Storage,
    base: &Base,
    entries: &[String],
    size: u64,
) -> Result<Vec<(Key, Vec<u8>)>, PublishError> {
    let (mut index, width) = (base.size / PER_BUNDLE, (base.size % PER_BUNDLE) as u16);
    let mut all = Vec::new();
    if width > 0 {
        all = load_entries(storage, index, width).await?;
        let tile = Tile {
            level: 0,
            index,
            width,
        };
        let hashes: Vec<u8> = all
            .iter()
            .flat_map(|entry| *leaf_hash(entry.as_bytes()).as_bytes())
            .collect();
        let mut tiles = base.tiles.clone();
        let inserted = tiles.insert(tile, hashes);
        if inserted.is_err() || tiles.root(base.size).as_ref() != Ok(&base.root) {
            let key = Key::entries(index, width);
            return Err(damaged(
                storage,
                &key,
                "its entries are not those of the log",
            ));
        }
    }
    all.extend(entries.iter().cloned());
    let mut out = Vec::new();
    for chunk in all.chunks(usize::from(FULL)) {
        let width = entries::width(index, size);
        let key = Key::entries(index, width);
        let bytes = entries::encode(chunk).map_err(|error| damaged(storage, &key, error))?;
        out.push((key, bytes));
        index += 1;
    }
    Ok(out)
}
