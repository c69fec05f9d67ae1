//! When entries of the log got into it, by evidence that their publishers did not choose.
//!
//! The rules are those of [`lumen_core::trust::age`]. Evidence is read as far as a question
//! needs it: for a limit, the witnessed checkpoint before it and some after it; where no
//! witness is asked for, the part of the log that was made since. What is missing or not
//! signed is no evidence, and makes nothing older.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
};

use futures::future::try_join_all;
use lumen_core::{
    Key,
    checkpoint::Checkpoint,
    limits::{MAX_CHECKPOINT_BYTES, MAX_WITNESSED_BYTES, MAX_WITNESSED_READ},
    merkle::leaf_hash,
    tile::{
        Tile, Tiles,
        entries::{PER_BUNDLE, width},
    },
    trust::{Entry, PackageHistory, Sighting, Timeline, text},
};

use super::{
    TrustError,
    evidence::{Evidence, Question},
    files::{self, Uncached},
    view::View,
};
use crate::{
    logread::{Growth, LogFiles as _, has_entry, load_entries, parse_witnessed, witnessed},
    source::ReadError,
};

impl View {
    /// The evidence that some questions need, read once.
    pub(crate) async fn evidence(
        &self,
        questions: &[Question],
    ) -> Result<Arc<Evidence>, ReadError> {
        let cell = {
            let known = self.evidence.lock();
            let mut known = known.unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(questions.to_vec()).or_default())
        };
        let evidence = cell.get_or_try_init(|| self.gather(questions)).await;
        self.judged(evidence.cloned())
    }

    /// Leaves out of a history what the log did not have before the keys that signed it ended.
    pub(super) async fn judge_ends(&self, history: &mut PackageHistory) -> Result<(), ReadError> {
        let ending = history.ending();
        if ending.is_empty() {
            return Ok(());
        }
        let questions = ending.iter().map(|(index, _)| Question::Came(*index));
        let evidence = self.evidence(&questions.collect::<Vec<_>>()).await?;
        let roots = self.newest_roots();
        history.judge(|index, own| evidence.bounds(roots, (index, own)).since);
        Ok(())
    }

    async fn gather(&self, questions: &[Question]) -> Result<Arc<Evidence>, ReadError> {
        let seen = self.remembered.iter();
        let seen: Vec<Sighting> = seen
            .flat_map(|seen| seen.sightings.iter().copied())
            .collect();
        let witnessed = self.witnessed(questions).await?;
        let mut timeline = Timeline::new(self.now, &witnessed, &seen);
        let roots = self.newest_roots().notes().iter();
        let roots = roots.filter_map(|(index, note)| Some((*index, text::seconds(&note.time)?)));
        timeline.add_entries(roots);
        // Where witnesses vouch for the upper bound, the others change no age.
        let proven = self.newest_roots().current().has_quorum();
        let is_complete = match self.add_entries(questions, !proven, &mut timeline).await {
            Ok(()) => true,
            // The cache does not have them.
            Err(ReadError::Offline { .. }) => false,
            Err(error) => return Err(error),
        };
        Ok(Arc::new(Evidence::new(timeline, is_complete)))
    }

    /// Adds the entries that some questions need. `unproven`: no witness vouches for an upper
    /// bound, so a limit needs entries, too.
    async fn add_entries(
        &self,
        questions: &[Question],
        unproven: bool,
        timeline: &mut Timeline,
    ) -> Result<(), ReadError> {
        let mut bundles = BTreeSet::new();
        for question in questions {
            match *question {
                Question::Since(limit) if unproven => self.search(limit, timeline).await?,
                Question::Came(_) if !unproven => {}
                // The entry before it, and most of those before that.
                Question::Entry(index) | Question::Came(index) => {
                    bundles.insert(index.saturating_sub(1) / PER_BUNDLE);
                }
                Question::Since(_) => {}
            }
        }
        let times = try_join_all(bundles.into_iter().map(|bundle| self.times(bundle))).await?;
        timeline.add_entries(times.into_iter().flatten());
        Ok(())
    }

    /// The witnessed checkpoints that matter to some questions, the public one among them.
    async fn witnessed(&self, questions: &[Question]) -> Result<Vec<Sighting>, ReadError> {
        let roots = self.newest_roots();
        if !roots.notes().iter().any(|(_, note)| note.has_quorum()) {
            return Ok(Vec::new());
        }
        let key = Key::witnessed_list();
        let list = self.source.mutable_bytes(&key, MAX_WITNESSED_BYTES, None);
        let listed = match list.await {
            Ok(Some(bytes)) => parse_witnessed(&bytes),
            Ok(None) | Err(ReadError::Offline { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut wanted = BTreeSet::new();
        for question in questions {
            let (after, count) = match *question {
                Question::Since(limit) => {
                    let after = listed.partition_point(|state| state.at <= limit);
                    (after, MAX_WITNESSED_READ)
                }
                Question::Entry(index) | Question::Came(index) => {
                    (listed.partition_point(|state| state.size <= index), 2)
                }
            };
            // The last before it, and the first after it.
            let near = listed.iter().skip(after.saturating_sub(1));
            wanted.extend(near.take(count).map(|state| state.size));
        }
        let read = wanted.into_iter().map(|size| self.kept(size));
        let mut found: Vec<Sighting> = try_join_all(read).await?.into_iter().flatten().collect();
        let public = witnessed(self.info.checkpoint.as_bytes(), roots, self.now);
        found.extend(public.map(|(_, state)| state));
        Ok(found)
    }

    /// A witnessed checkpoint that writers kept; `None`: it is missing, is not signed as it must
    /// be, or is not of this log, and shows nothing.
    async fn kept(&self, size: u64) -> Result<Option<Sighting>, ReadError> {
        let key = Key::witnessed(size);
        let bytes = self
            .source
            .immutable_bytes(&key, MAX_CHECKPOINT_BYTES, None, None);
        let bytes = match bytes.await {
            Ok(Some(bytes)) => bytes,
            Ok(None) | Err(ReadError::Offline { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let signed = witnessed(&bytes, self.newest_roots(), self.now);
        match signed.filter(|(kept, _)| kept.size == size) {
            Some((kept, state)) if self.has_been(&kept).await? => Ok(Some(state)),
            _ => Ok(None),
        }
    }

    /// Whether the log has had this state.
    async fn has_been(&self, state: &Checkpoint) -> Result<bool, ReadError> {
        let now = self.checkpoint();
        if state.size >= now.size {
            return Ok(state == now);
        }
        match files::growth(&self.source, state, now).await {
            Ok(growth) => Ok(growth == Growth::Continues),
            Err(ReadError::Offline { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Adds the entries around the first one that is newer than a moment. The log is sorted by
    /// time as far as its writers are honest, so few entries have to be read.
    async fn search(&self, limit: i64, timeline: &mut Timeline) -> Result<(), ReadError> {
        let bundles = self.size().div_ceil(PER_BUNDLE);
        let (mut old, mut new) = (0, bundles);
        // The last bundle may have few entries, of one publisher.
        for bundle in bundles.saturating_sub(2)..bundles {
            timeline.add_entries(self.times(bundle).await?);
        }
        while old < new {
            let middle = old + (new - old) / 2;
            let times = self.times(middle).await?;
            let is_new = times
                .iter()
                .any(|(_, time)| *time > limit && *time <= self.now);
            timeline.add_entries(times);
            match is_new {
                true => new = middle,
                false => old = middle + 1,
            }
        }
        Ok(())
    }

    /// The places and own times of the entries of a bundle, proved to be in the log.
    async fn times(&self, bundle: u64) -> Result<Vec<(u64, i64)>, ReadError> {
        let (size, root) = (self.size(), &self.checkpoint().root);
        let first = bundle * PER_BUNDLE;
        if first >= size {
            return Ok(Vec::new());
        }
        let width = width(bundle, size);
        let key = Key::entries(bundle, width);
        for buster in [None, Some(root.hex())] {
            let files = Uncached(&self.source, buster.as_deref());
            let entries = load_entries(&files, bundle, width).await?;
            // The proof of one entry has the hashes of all others in its tile.
            let leaves = entries.iter().map(|text| leaf_hash(text.as_bytes()));
            let hashes = leaves.flat_map(|leaf| *leaf.as_bytes()).collect();
            let (level, index) = (0, bundle);
            let mut tiles = Tiles::default();
            let tile = Tile {
                level,
                index,
                width,
            };
            let inserted = tiles.insert(tile, hashes);
            inserted.map_err(|error| files.wrong(&key, &error))?;
            let text = entries.first().map_or("", String::as_str);
            let entry = (first, text.as_bytes());
            if !has_entry(&files, &mut tiles, entry, (size, root)).await? {
                continue;
            }
            let time = |text: &String| {
                let (entry, _) = Entry::parse(text.as_bytes()).ok()?;
                text::seconds(entry.time()?)
            };
            let times = (first..).zip(&entries);
            let times = times.filter_map(|(index, text)| Some((index, time(text)?)));
            return Ok(times.collect());
        }
        let file = self.source.storage().describe(&key);
        let reason = format!("`{file}` has entries that are not those of the log");
        Err(TrustError::Log { reason }.into())
    }
}
