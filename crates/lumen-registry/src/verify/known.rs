//! The owners of names that this machine or a lock relied on. Owners may change themselves,
//! but when the registry replaces them, the user who relied on them must agree. And owners
//! do not go back: each note that was seen must be in the history that the registry shows.
//!
//! One file a registry beside its [`super::state`], read once a run and written
//! when something was added.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use lumen_core::{
    json,
    trust::{NoteRef, OwnersHistory, Subject},
};
use serde::{Deserialize, Serialize};

pub use crate::refusal::Override;

use super::{LockedOwners, SeenBy, TrustError, memo};

/// The owners of a package, compared with the ones that the user relied on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The same, or changed by themselves.
    Continued,
    /// This machine did not know the name before, and the registry replaced its owners once.
    FirstSeen(Override),
    /// The registry replaced those that were relied on.
    Replaced(Override),
}

/// The file: ownership notes by name or scope.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Numbers {
    /// The number of the newest note seen.
    #[serde(default)]
    known: BTreeMap<String, u64>,
    /// A note seen, with its hash: the newest, unless an earlier version of Lumen wrote the
    /// number alone. Notes never change, so a smaller number than in `known` is valid, too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    notes: BTreeMap<String, NoteRef>,
    /// The newest note that the user accepted, by the owners or by the registry.
    #[serde(default)]
    accepted: BTreeMap<String, u64>,
}

/// The remembered owners at one registry.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Where; nothing: for this process only.
    place: Option<(PathBuf, String)>,
    numbers: Mutex<Numbers>,
    /// Notes that this process saw and the file does not have.
    news: Mutex<BTreeMap<String, NoteRef>>,
}

impl Memory {
    /// Reads the remembered owners.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged: to forget is a decision.
    pub(crate) fn read(place: Option<(&Path, &str)>) -> Result<Self, TrustError> {
        let numbers = match place {
            Some((dir, url)) => read(dir, url)?,
            None => Numbers::default(),
        };
        Ok(Self {
            place: place.map(|(dir, url)| (dir.to_owned(), url.to_owned())),
            numbers: Mutex::new(numbers),
            news: Mutex::default(),
        })
    }

    /// Judges owners by those that the lock relies on, else by those seen on this machine.
    ///
    /// They are remembered, unless that would erase the evidence of a replacement: a project's
    /// lock speaks for the project alone.
    ///
    /// # Errors
    /// [`TrustError::Reverted`] when a note that one of them saw is not there any more.
    pub(crate) fn judge(
        &self,
        locked: Option<&LockedOwners>,
        history: &OwnersHistory,
    ) -> Result<Standing, TrustError> {
        let subject = &history.subject;
        let name = subject.to_string();
        for (seq, hash) in locked.into_iter().flatten() {
            let shown = history.hash_of(*seq);
            memo::unreverted(subject, (*seq, *hash), shown, SeenBy::Lock)?;
        }
        let (known, note, accepted) = {
            let numbers = held(&self.numbers);
            (
                numbers.known.get(&name).copied(),
                numbers.notes.get(&name).copied(),
                numbers.accepted.get(&name).copied().unwrap_or_default(),
            )
        };
        let noted = note.map(|note| (note.seq, Some(note.hash)));
        let numbered = known.map(|seq| (seq, None));
        for seen in noted.into_iter().chain(numbered) {
            memo::unreverted(subject, seen, history.hash_of(seen.0), SeenBy::State)?;
        }
        let Some(current) = history.newest() else {
            return Ok(Standing::Continued);
        };
        let replaced = |since: u64| Override::after(history, since.max(accepted));
        let is_news = note.is_none_or(|note| note.seq < current.seq)
            || known.is_none_or(|known| known < current.seq);
        if is_news && known.is_none_or(|known| replaced(known).is_none()) {
            held(&self.news).insert(name, current);
        }
        // Where branches were merged, the lock may rely on more than one note.
        let locked = locked
            .and_then(|locked| locked.first())
            .map(|(seq, _)| *seq);
        Ok(match locked.or(known) {
            Some(seq) => replaced(seq).map_or(Standing::Continued, Standing::Replaced),
            None => replaced(0).map_or(Standing::Continued, Standing::FirstSeen),
        })
    }

    /// Adds new notes to the file. Without it, only later overrides may go unnoticed.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub(crate) fn save(&self) -> Result<(), TrustError> {
        let news = std::mem::take(&mut *held(&self.news));
        let Some((dir, url)) = self.place.as_ref().filter(|_| !news.is_empty()) else {
            return Ok(());
        };
        let raise = |numbers: &mut Numbers| {
            for (name, note) in &news {
                numbers.see(name, *note);
            }
        };
        edit(dir, url, raise)?;
        raise(&mut held(&self.numbers));
        Ok(())
    }
}

impl Numbers {
    /// Takes up a note, unless a newer one is there.
    fn see(&mut self, name: &str, note: NoteRef) {
        let known = self.known.entry(name.to_owned()).or_default();
        *known = note.seq.max(*known);
        let newest = self.notes.entry(name.to_owned()).or_insert(note);
        if newest.seq < note.seq {
            *newest = note;
        }
    }
}

/// Remembers that the user accepts an ownership note of a name, and all before it.
///
/// # Errors
/// When the file cannot be read or written.
pub fn accept(dir: &Path, url: &str, name: &Subject, note: NoteRef) -> Result<(), TrustError> {
    let name = name.to_string();
    edit(dir, url, |numbers| {
        numbers.see(&name, note);
        let accepted = numbers.accepted.entry(name.clone()).or_default();
        *accepted = note.seq.max(*accepted);
    })
}

/// Forgets all owners at a registry.
///
/// # Errors
/// When the file cannot be removed.
pub(super) fn forget(dir: &Path, url: &str) -> Result<(), TrustError> {
    let path = path(dir, url);
    match lumen_durable::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(memo::unusable(&path, error)),
        _ => Ok(()),
    }
}

fn path(dir: &Path, url: &str) -> PathBuf {
    memo::path(dir, url).with_extension("owners")
}

fn read(dir: &Path, url: &str) -> Result<Numbers, TrustError> {
    let path = path(dir, url);
    match fs_err::read(&path) {
        Ok(bytes) => json::parse(&bytes).map_err(|error| memo::damaged(&path, error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Numbers::default()),
        Err(error) => Err(memo::unusable(&path, error)),
    }
}

/// Changes the file as it is now, with others kept out.
fn edit(dir: &Path, url: &str, change: impl Fn(&mut Numbers)) -> Result<(), TrustError> {
    let _lock = memo::lock(dir, &memo::path(dir, url))?;
    let old = read(dir, url)?;
    let mut new = old.clone();
    change(&mut new);
    match new == old {
        true => Ok(()),
        false => {
            let path = path(dir, url);
            let bytes = json::to_bytes(&serde_json::json!(new));
            lumen_durable::write_atomic(&path, &bytes).map_err(|error| memo::unusable(&path, error))
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use lumen_core::trust::{Event, RootHistory};
    use lumen_testkit::world::{World, key};

    use super::*;

    const URL: &str = "https://example.org";

    /// `a` with its notes, at the places of their numbers; `true` for overrides by the
    /// registry. `time` distinguishes histories.
    fn history_at(time: &str, overrides: &[bool]) -> OwnersHistory {
        let ada = key("ada", 1);
        let mut world = World::with("r/1", |root| {
            root.names = vec![ada.public().clone()];
            root.names_threshold = 1;
        });
        for (seq, is_override) in (0..).zip(overrides) {
            match seq {
                0 => world.claim("a", &ada),
                seq => world.owners_after("a", seq, &[&ada], |note| {
                    note.is_override = *is_override;
                    time.clone_into(&mut note.time);
                }),
            }
        }
        let events = (0..).zip(world.entries).map(|(i, note)| Event { i, note });
        let events: Vec<Event> = events.collect();
        let roots = RootHistory::verify(&events[..1], None).unwrap();
        OwnersHistory::verify(&roots, Subject::parse("a").unwrap(), &events[1..]).unwrap()
    }

    fn history(overrides: &[bool]) -> OwnersHistory {
        history_at("2026-01-31T10:30:00Z", overrides)
    }

    fn lock(seq: u64) -> LockedOwners {
        [(seq, None)].into()
    }

    #[test]
    fn owners_may_change_themselves_but_not_be_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let memory = || Memory::read(Some((dir.path(), URL))).unwrap();
        let judge = |locked: Option<u64>, overrides: &[bool]| {
            let memory = memory();
            let standing = memory.judge(locked.map(lock).as_ref(), &history(overrides));
            let standing = standing.unwrap();
            memory.save().unwrap();
            standing
        };
        let replaced = |standing: &Standing| match standing {
            Standing::Replaced(by) => Some((by.seq, by.index)),
            _ => None,
        };
        assert_eq!(judge(None, &[]), Standing::Continued);
        assert_eq!(judge(None, &[false]), Standing::Continued);
        assert_eq!(judge(None, &[false, false]), Standing::Continued);
        // It stays so, however the new owners go on.
        for notes in [&[false, false, true][..], &[false, false, true, false]] {
            assert_eq!(replaced(&judge(None, notes)), Some((3, 3)));
        }
        // A lock that knows better counts for its project, not for this machine.
        let notes = [false, false, true];
        assert_eq!(judge(Some(3), &notes), Standing::Continued);
        assert_eq!(replaced(&judge(Some(1), &notes)), Some((3, 3)));
        assert_eq!(replaced(&judge(None, &notes)), Some((3, 3)));
        accept(
            dir.path(),
            URL,
            &Subject::parse("a").unwrap(),
            history(&notes).newest().unwrap(),
        )
        .unwrap();
        for locked in [None, Some(1), Some(3)] {
            assert_eq!(judge(locked, &notes), Standing::Continued);
        }
        assert_eq!(
            replaced(&judge(None, &[false, false, true, true])),
            Some((4, 4))
        );
    }

    #[test]
    fn notes_that_were_seen_stay() {
        let dir = tempfile::tempdir().unwrap();
        let memory = || Memory::read(Some((dir.path(), URL))).unwrap();
        let seen = history(&[false, false]);
        let first = memory();
        first.judge(None, &seen).unwrap();
        first.save().unwrap();
        let other = || history_at("2026-02-01T00:00:00Z", &[false, false, false]);
        let by_memory = |history: &OwnersHistory| memory().judge(None, history);
        let by_lock = |history: &OwnersHistory, seq, hash| {
            let nothing = Memory::read(None).unwrap();
            nothing.judge(Some(&[(seq, hash)].into()), history)
        };
        let hash = seen.hash_of(2);
        for (history, shown) in [
            (history(&[]), None),
            (history(&[false]), None),
            (other(), other().hash_of(2)),
        ] {
            for (by, judged) in [
                (SeenBy::State, by_memory(&history)),
                (SeenBy::Lock, by_lock(&history, 2, hash)),
            ] {
                let Err(TrustError::Reverted(error)) = judged else {
                    panic!("{judged:?}");
                };
                assert_eq!((error.seq, error.by), (2, by));
                assert_eq!((error.seen, error.shown), (hash, shown));
            }
        }
        assert!(by_memory(&history(&[false, false, true])).is_ok());
        assert!(by_lock(&seen, 1, seen.hash_of(1)).is_ok());
        // Of a lock that has numbers alone, a smaller one is noticed.
        assert!(by_lock(&other(), 2, None).is_ok());
        assert!(by_lock(&history(&[false]), 2, None).is_err());
        // So is one in a file that an earlier version of Lumen wrote.
        std::fs::write(path(dir.path(), URL), br#"{"known": {"a": 3}}"#).unwrap();
        assert!(by_memory(&seen).is_err());
        assert!(by_memory(&other()).is_ok());
    }

    #[test]
    fn who_comes_later_is_told_once() {
        let dir = tempfile::tempdir().unwrap();
        let notes = history(&[false, true, false]);
        let memory = Memory::read(Some((dir.path(), URL))).unwrap();
        let first = memory.judge(None, &notes).unwrap();
        assert!(
            matches!(&first, Standing::FirstSeen(by) if by.seq == 2),
            "{first:?}"
        );
        memory.save().unwrap();
        let again = Memory::read(Some((dir.path(), URL))).unwrap();
        assert_eq!(again.judge(None, &notes).unwrap(), Standing::Continued);
        // But a user who relied on the earlier owners is asked.
        assert!(matches!(
            again.judge(Some(&lock(1)), &notes).unwrap(),
            Standing::Replaced(_)
        ));
        forget(dir.path(), URL).unwrap();
        forget(dir.path(), URL).unwrap();
        let new = Memory::read(Some((dir.path(), URL))).unwrap();
        assert_eq!(new.judge(None, &notes).unwrap(), first);
        std::fs::write(path(dir.path(), URL), b"{").unwrap();
        let damaged = Memory::read(Some((dir.path(), URL))).unwrap_err();
        assert!(matches!(damaged, TrustError::State { .. }), "{damaged}");
    }
}
