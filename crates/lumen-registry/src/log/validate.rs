//! A log replayed by a validating witness: every entry judged by the rules of readers, and the
//! map derived from the entries.
//!
//! The cost of a run depends on the new entries only. From the state that was validated last,
//! the witness needs its map and the events of the names that have new entries; both are proved
//! by that state. If these files are gone, or on the first run, the log alone is enough: the
//! histories of all names are then kept in memory, the entries are not.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::{
    Digest, Key,
    checkpoint::Checkpoint,
    limits::VALIDATOR_NODES,
    merkle::leaf_hash,
    note::Note,
    tile::{
        FULL, Tiles,
        entries::{PER_BUNDLE, width},
        tiles_for_growth,
    },
    trust::{
        Entry, HistoryError, Ledger, MapLeaf, RootHistory, Subject, extend,
        map::{Nodes, children},
    },
};

use crate::{
    logread::{
        Base, Growth, growth, has_entry, load_chain, load_entries, load_entry, load_tiles,
        update_map, verified,
    },
    progress::{Progress, Watch, advance},
    storage::Storage,
    write::{PublishError, Snapshot, damaged},
};

/// Bundles that are read at once.
const READ_AHEAD: usize = 8;

/// Checks the entries that a log got since a state that was validated before: that every entry
/// keeps the rules under the state before it, and that every batch ends with the map that
/// follows from the log. Without such a state, checks all entries. Returns the root notes.
///
/// # Errors
/// [`PublishError::History`] names the entry that breaks a rule. Files that are damaged or
/// missing, and failures of the host.
pub async fn validate(
    storage: &Storage,
    since: Option<&Checkpoint>,
    top: &Checkpoint,
    watch: Watch<'_>,
) -> Result<RootHistory, PublishError> {
    if let Some(since) = since {
        let validated = run(storage, Some(since), top, watch).await;
        match validated {
            // Files of an earlier state may be gone. The log has all that follows from it.
            Err(PublishError::Damaged { .. }) => {}
            done => return done,
        }
    }
    run(storage, None, top, watch).await
}

async fn run(
    storage: &Storage,
    since: Option<&Checkpoint>,
    top: &Checkpoint,
    watch: Watch<'_>,
) -> Result<RootHistory, PublishError> {
    let mut replay = Replay::at(storage, since, top).await?;
    let from = replay.from;
    let first = from / PER_BUNDLE;
    watch(Progress::Started {
        verb: "Validating",
        steps: top.size.div_ceil(PER_BUNDLE).saturating_sub(first),
    });
    let read = |index| async move {
        let entries = load_entries(storage, index, width(index, top.size)).await?;
        Ok::<_, PublishError>((index, entries))
    };
    let mut bundles = stream::iter(first..top.size.div_ceil(PER_BUNDLE))
        .map(read)
        .buffered(READ_AHEAD);
    while let Some((index, entries)) = bundles.try_next().await? {
        for (i, text) in (index * PER_BUNDLE..).zip(&entries) {
            if i >= from {
                replay.entry(i, text).await?;
            }
        }
        advance(watch, Key::entries(index, width(index, top.size)));
    }
    watch(Progress::Finished);
    replay.end(top)
}

/// A log that is replayed.
struct Replay<'a> {
    storage: &'a Storage,
    /// Entries that were validated before.
    from: u64,
    /// The log at `from`; its map is that of the last map leaf.
    base: Base,
    /// The state at `from`, for the events it proves.
    start: Base,
    ledger: Ledger,
    /// Hashes of the entries since.
    leaves: Vec<Digest>,
    /// The heads of the chains of subjects that have entries since.
    heads: BTreeMap<Subject, Digest>,
    /// Those that changed since the last map leaf.
    changes: BTreeMap<String, Digest>,
    /// Whether the last entry was a map leaf.
    is_closed: bool,
    /// Nodes in memory when those of earlier states were dropped last.
    live: usize,
}

impl<'a> Replay<'a> {
    async fn at(
        storage: &'a Storage,
        since: Option<&Checkpoint>,
        top: &Checkpoint,
    ) -> Result<Self, PublishError> {
        let (base, ledger) = match since.filter(|since| since.size > 0) {
            None => (Base::empty(), Ledger::default()),
            Some(since) => {
                let mut base = base_at(storage, since, top).await?;
                let roots = verified(&Snapshot::of(storage), &mut base, &Subject::Root).await?;
                (base, Ledger::new(RootHistory::verify(&roots, None)?))
            }
        };
        Ok(Self {
            storage,
            from: base.size,
            start: base.clone(),
            base,
            ledger,
            leaves: Vec::new(),
            heads: BTreeMap::new(),
            changes: BTreeMap::new(),
            is_closed: true,
            live: 0,
        })
    }

    async fn entry(&mut self, index: u64, text: &str) -> Result<(), PublishError> {
        let leaf = leaf_hash(text.as_bytes());
        self.leaves.push(leaf);
        let parsed = Entry::parse(text.as_bytes());
        let (entry, note) = parsed.map_err(|error| HistoryError::Entry { index, error })?;
        match (entry, note) {
            (Entry::Map(leaf), _) => self.map_leaf(index, &leaf).await,
            (entry, Some(note)) => self.note(index, (text, &leaf), entry, &note).await,
            (_, None) => Ok(()),
        }
    }

    async fn note(
        &mut self,
        index: u64,
        (text, leaf): (&str, &Digest),
        entry: Entry,
        note: &Note,
    ) -> Result<(), PublishError> {
        self.is_closed = false;
        let subject = entry.subject();
        if self.from > 0 {
            for subject in self.ledger.unknown(&entry) {
                let events =
                    verified(&Snapshot::of(self.storage), &mut self.start, &subject).await?;
                self.ledger.know(subject, &events)?;
            }
        }
        self.ledger.append(index, text, entry, note)?;
        if let Some(subject) = subject {
            let name = subject.to_string();
            let before = match self.heads.get(&subject) {
                Some(head) => *head,
                None => {
                    let Base { nodes, map, .. } = &mut self.base;
                    load_chain(self.storage, nodes, map, &name).await?
                }
            };
            let head = extend(&before, index, leaf);
            self.heads.insert(subject, head);
            self.changes.insert(name, head);
        }
        Ok(())
    }

    async fn map_leaf(&mut self, index: u64, leaf: &MapLeaf) -> Result<(), PublishError> {
        if leaf.size != index + 1 {
            let found = leaf.size;
            return Err(HistoryError::MapSize { index, found }.into());
        }
        let changes = std::mem::take(&mut self.changes);
        let (root, nodes) = update_map(self.storage, &mut self.base, &changes).await?;
        if leaf.root != root {
            return Err(HistoryError::MapRoot { index }.into());
        }
        self.base.map = root;
        self.base.nodes.extend(nodes);
        self.is_closed = true;
        if self.base.nodes.len() > VALIDATOR_NODES.max(self.live * 2) {
            self.forget();
        }
        Ok(())
    }

    /// Drops the nodes of maps of earlier states.
    fn forget(&mut self) {
        let mut live = Nodes::new();
        let mut todo = vec![self.base.map];
        while let Some(hash) = todo.pop() {
            if let Some(bytes) = self.base.nodes.remove(&hash) {
                todo.extend(children(&bytes));
                live.insert(hash, bytes);
            }
        }
        self.live = live.len();
        self.base.nodes = live;
    }

    /// Checks that these were the entries of the log, and its last batch is whole.
    fn end(self, top: &Checkpoint) -> Result<RootHistory, PublishError> {
        let appended = self.base.tiles.append(self.from, &self.leaves);
        let appended =
            appended.map_err(|error| damaged(self.storage, &Key::checkpoint(), error))?;
        if appended.root != top.root {
            let key = Key::entries(self.from / PER_BUNDLE, FULL);
            let what = "the log's entries do not lead to its checkpoint";
            return Err(damaged(self.storage, &key, what));
        }
        if !self.is_closed {
            return Err(HistoryError::OpenBatch { size: top.size }.into());
        }
        let roots = self.ledger.roots().cloned().ok_or(HistoryError::NoRoot)?;
        match *roots.origin() == *top.origin {
            true => Ok(roots),
            false => {
                let (expected, found) = (top.origin.clone(), roots.origin().to_owned());
                Err(HistoryError::Origin {
                    index: 0,
                    expected,
                    found,
                }
                .into())
            }
        }
    }
}

/// The log as it was at a state that was validated before, from the files of a later one.
async fn base_at(
    storage: &Storage,
    since: &Checkpoint,
    top: &Checkpoint,
) -> Result<Base, PublishError> {
    let mut tiles = Tiles::default();
    load_tiles(storage, &mut tiles, &tiles_for_growth(since.size, top.size)).await?;
    let fail = |error: &dyn std::fmt::Display| damaged(storage, &Key::checkpoint(), error);
    let root = tiles.root(since.size).map_err(|error| fail(&error))?;
    if root != since.root {
        return Err(fail(&"its tiles are not those that were validated before"));
    }
    let at = since.size.saturating_sub(1);
    let text = load_entry(storage, at, top.size).await?;
    let entry = (at, text.as_bytes());
    if !has_entry(storage, &mut tiles, entry, (top.size, &top.root)).await? {
        return Err(fail(
            &"the last entry that was validated before is not in the log",
        ));
    }
    let leaf = MapLeaf::parse(&text).ok_or(HistoryError::OpenBatch { size: since.size })?;
    Ok(Base {
        size: since.size,
        root,
        map: leaf.root,
        tiles,
        nodes: Nodes::new(),
    })
}

/// Checks that a log was in a state, at the end of a batch, before it came to a later one.
///
/// # Errors
/// [`PublishError::Diverged`] and [`HistoryError::OpenBatch`]; damaged or missing files.
pub async fn is_state(
    storage: &Storage,
    state: &Checkpoint,
    top: &Checkpoint,
) -> Result<(), PublishError> {
    let size = state.size;
    if growth(storage, &mut Tiles::default(), state, top).await? == Growth::Forked {
        return Err(PublishError::Diverged {
            seen: size,
            found: top.size,
        });
    }
    let last = load_entry(storage, size.saturating_sub(1), top.size).await?;
    match MapLeaf::parse(&last).is_some_and(|leaf| leaf.size == size) {
        true => Ok(()),
        false => Err(HistoryError::OpenBatch { size }.into()),
    }
}
