//! Entries of a log about locked releases since the lock was made.
//!
//! An install with a lock reads no index. It learns of a revoked key or a yank from the log
//! itself: the entries since then, as long as they take few requests. Appended to the log
//! that the lock knows, the entries must lead to the new root, which proves them.
//!
//! They also show whether the lists of events and the map are complete. A publisher with a
//! log key could leave a change of owners out of the map, or show other root notes than the
//! log has; with the entries at hand, the client notices.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use lumen_core::{
    Digest, Key, PackageName, Version,
    checkpoint::Checkpoint,
    limits::{MAX_BUNDLES_SINCE, MAX_REQUESTS_SINCE},
    merkle::leaf_hash,
    note::Note,
    tile::{
        FULL, Tile, entries::width, tiles_for_consistency, tiles_for_edge, tiles_for_growth,
        tiles_for_inclusion,
    },
    trust::{Action, Entry, NoteRef, RootNote, Subject},
};

use super::{
    SeenBy, TrustError,
    files::{self, Uncached},
    memo::unreverted,
    view::View,
};
use crate::{
    logread::load_entries,
    source::{ReadError, Source},
};

/// The entries of a log since a lock was made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Since {
    /// Entries that were not read, since that would take too many requests.
    pub unread: u64,
    /// Locked packages with new entries that may matter; their history decides what these
    /// mean.
    pub named: BTreeSet<PackageName>,
    /// The entries that the histories shown must have, for [`Registry::confirm_shown`].
    news: News,
}

impl View {
    /// The entries about locked releases since an earlier checkpoint, which the log must
    /// continue.
    pub(crate) async fn since(
        &self,
        then: &Checkpoint,
        locked: &BTreeMap<PackageName, Version>,
    ) -> Result<Since, ReadError> {
        let mut since = Since::default();
        let Some(leaves) = self.entries_since(then).await? else {
            since.unread = self.size() - then.size;
            return Ok(since);
        };
        let entries = parse(then.size, &leaves)?;
        for (_, _, (entry, _)) in &entries {
            name(entry, locked, &mut since.named);
        }
        let mut news = News::of(entries, locked.keys());
        // The histories of all others would take requests for nothing.
        news.statements
            .retain(|(package, _)| since.named.contains(package));
        since.news = news;
        Ok(since)
    }

    /// Checks that the histories of packages that were read have all that the log says about
    /// them since an earlier checkpoint, which must be a part of it. Entries that are too many
    /// to be read are left out.
    pub(crate) async fn confirm_since(
        &self,
        then: &Checkpoint,
        packages: &BTreeSet<PackageName>,
    ) -> Result<(), ReadError> {
        // Packages that were verified by the whole log are complete.
        let by_map = packages.iter().filter(|name| self.seen(name).is_some());
        let by_map: BTreeSet<&PackageName> = by_map.collect();
        if by_map.is_empty() {
            return Ok(());
        }
        let leaves = self.entries_since(then).await?;
        let entries = parse(then.size, &leaves.unwrap_or_default())?;
        let news = News::of(entries, by_map.iter().copied());
        self.confirm(&news).await
    }

    /// Checks that the histories shown have the entries that [`View::since`] read, as far as
    /// they may matter to locked packages.
    pub(crate) async fn confirm_read(&self, since: &Since) -> Result<(), ReadError> {
        self.confirm(&since.news).await
    }

    /// The entries since a checkpoint, proved; `None` where that takes too many requests.
    async fn entries_since(&self, then: &Checkpoint) -> Result<Option<Vec<String>>, ReadError> {
        let now = self.checkpoint();
        if then.size >= now.size {
            return Ok(Some(Vec::new()));
        }
        let full = u64::from(FULL);
        let bundles = then.size / full..=(now.size - 1) / full;
        let mut tiles = tiles_for_growth(then.size, now.size);
        if self.source.storage().capabilities().cheap_reads {
            if bundles.clone().count() > MAX_BUNDLES_SINCE {
                return Ok(None);
            }
        } else {
            // Root notes, checkpoint, and all tiles that this and the checks before take.
            let mut known: BTreeSet<_> = tiles.iter().copied().collect();
            known.extend(tiles_for_edge(now.size));
            known.extend(tiles_for_consistency(then.size, now.size));
            let mut others = 2;
            if self.uses_map() {
                // The map's leaf and root.
                others += 2;
                known.extend(tiles_for_inclusion(now.size - 1, now.size));
            }
            let left = MAX_REQUESTS_SINCE.saturating_sub(others + known.len());
            let is_asked = |bundle: &u64| {
                let key = Key::entries(*bundle, width(*bundle, now.size));
                !self.source.is_cached(&key)
            };
            // Stops early, however far the log has come.
            if bundles.clone().filter(is_asked).nth(left).is_some() {
                return Ok(None);
            }
        }
        tiles.sort_unstable();
        leaves(&self.source, then, now, &tiles).await.map(Some)
    }

    /// Checks that notes and statements of the log are in the histories that are shown.
    async fn confirm(&self, news: &News) -> Result<(), ReadError> {
        let confirmed = self.compare(news).await;
        self.judged(confirmed)
    }

    async fn compare(&self, news: &News) -> Result<(), ReadError> {
        for (index, note) in &news.roots {
            let mut shown = self.newest_roots().hash_of(note.seq);
            if shown != Some(note.hash) {
                // The list at hand may be older than the map.
                shown = self.names().await?.roots.hash_of(note.seq);
            }
            let seen = (note.seq, Some(note.hash));
            unreverted(&Subject::Root, seen, shown, SeenBy::Log(*index))?;
        }
        for (index, subject, note) in &news.owners {
            let owners = self.owners(subject).await?;
            let (seen, shown) = ((note.seq, Some(note.hash)), owners.hash_of(note.seq));
            unreverted(subject, seen, shown, SeenBy::Log(*index))?;
        }
        for (package, text) in &news.statements {
            let shown = self.package(package).await?;
            if shown.is_none_or(|shown| !shown.history.has_said(text)) {
                let name = package.to_string();
                return Err(TrustError::Withheld { name }.into());
            }
        }
        Ok(())
    }
}

/// Entries of the log that the histories shown must have, with their places.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct News {
    roots: Vec<(u64, NoteRef)>,
    owners: Vec<(u64, Subject, NoteRef)>,
    /// The texts of statements.
    statements: Vec<(PackageName, String)>,
}

/// The place of an entry, the hash of its bytes, and its contents.
type Parsed = (u64, Digest, (Entry, Option<Note>));

fn parse(first: u64, leaves: &[String]) -> Result<Vec<Parsed>, TrustError> {
    let parse = |(index, leaf): (u64, &String)| {
        let entry = Entry::parse(leaf.as_bytes()).map_err(|error| log(error.to_string()))?;
        Ok((index, Digest::of(leaf.as_bytes()), entry))
    };
    (first..).zip(leaves).map(parse).collect()
}

impl News {
    /// Those about the registry and about these packages.
    fn of<'p>(
        entries: Vec<Parsed>,
        packages: impl Iterator<Item = &'p PackageName> + Clone,
    ) -> Self {
        let owners: BTreeSet<Subject> = packages.clone().map(Subject::owner_of).collect();
        let packages: BTreeSet<&PackageName> = packages.collect();
        let mut news = Self::default();
        for (index, hash, entry) in entries {
            match entry {
                (Entry::Root(RootNote { seq, .. }), _) => {
                    news.roots.push((index, NoteRef { seq, hash }));
                }
                (Entry::Owners(note), _) if owners.contains(&note.name) => {
                    let seq = note.seq;
                    news.owners.push((index, note.name, NoteRef { seq, hash }));
                }
                (Entry::Statement(statement), Some(note))
                    if packages.contains(&statement.package) =>
                {
                    news.statements.push((statement.package, note.text));
                }
                (Entry::Moderation(said), Some(note)) if packages.contains(&said.package) => {
                    news.statements.push((said.package, note.text));
                }
                (
                    Entry::Owners(_) | Entry::Statement(_) | Entry::Moderation(_) | Entry::Map(_),
                    _,
                ) => {}
            }
        }
        news
    }
}

/// The entries that lead to the present log; read again once if they do not.
pub(super) async fn leaves(
    source: &Source,
    then: &Checkpoint,
    now: &Checkpoint,
    edge: &[Tile],
) -> Result<Vec<String>, ReadError> {
    match proved(source, then, now, edge, None).await {
        // A cache on the way may be to blame.
        Err(ReadError::Trust(_)) => {
            let buster = now.root.hex();
            proved(source, then, now, edge, Some(&buster)).await
        }
        leaves => leaves,
    }
}

async fn proved(
    source: &Source,
    then: &Checkpoint,
    now: &Checkpoint,
    edge: &[Tile],
    buster: Option<&str>,
) -> Result<Vec<String>, ReadError> {
    let full = u64::from(FULL);
    let bundles = then.size / full..=(now.size - 1) / full;
    let files = Uncached(source, buster);
    let read = bundles.map(|bundle| load_entries(&files, bundle, width(bundle, now.size)));
    let bundles = try_join_all(read).await?;
    let tiles = files::tiles(source, edge, buster).await?;
    let skip = (then.size % full) as usize;
    let leaves: Vec<String> = bundles.into_iter().flatten().skip(skip).collect();
    let hashes: Vec<Digest> = leaves
        .iter()
        .map(|leaf| leaf_hash(leaf.as_bytes()))
        .collect();
    let grown = tiles
        .root(then.size)
        .and_then(|root| Ok((root, tiles.append(then.size, &hashes)?.root)));
    let reason = match grown {
        Ok(roots) if roots == (then.root, now.root) => return Ok(leaves),
        Ok(_) => "its entries lead to another root".into(),
        Err(error) => error.to_string(),
    };
    Err(log(reason).into())
}

/// The locked packages that an entry may matter to.
fn name(entry: &Entry, locked: &BTreeMap<PackageName, Version>, named: &mut BTreeSet<PackageName>) {
    match entry {
        Entry::Statement(statement) => {
            let Some(version) = locked.get(&statement.package) else {
                return;
            };
            let matters = match &statement.action {
                Action::Yank { version: about, .. }
                | Action::Unyank { version: about, .. }
                // Locked from a log that the checkpoint is not of: branches were merged.
                | Action::Publish { version: about, .. } => about == version,
                Action::Deprecate { .. } | Action::Undeprecate { .. } => true,
            };
            if matters {
                named.insert(statement.package.clone());
            }
        }
        Entry::Moderation(said) => {
            let locked = locked.get(&said.package);
            if locked.is_some_and(|version| said.covers.has(version)) {
                named.insert(said.package.clone());
            }
        }
        Entry::Owners(note) if note.is_override || !note.revoked.is_empty() => {
            let owned = locked
                .keys()
                .filter(|name| Subject::owner_of(name) == note.name);
            named.extend(owned.cloned());
        }
        Entry::Owners(_) | Entry::Root(_) | Entry::Map(_) => {}
    }
}

fn log(reason: String) -> TrustError {
    TrustError::Log { reason }
}
