//! Which owners of a name somebody here relied on: the owners may change themselves, but
//! when the registry replaces them, whoever relied on them has to agree.
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
    signing::PublicKey,
    trust::{OwnersHistory, Subject},
};
use serde::{Deserialize, Serialize};

use super::{TrustError, state};

/// Owners that the registry's names keys put in the place of those before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The name or scope.
    pub name: String,
    /// The number of the ownership note.
    pub seq: u64,
    /// Its place in the log.
    pub index: u64,
    /// When it was made, by its maker's clock.
    pub time: String,
    /// Who took over.
    pub admins: Vec<PublicKey>,
}

/// What the owners of a package are to those who relied on earlier ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The same, or changed by themselves.
    Continued,
    /// Nobody here knew the name before, and the registry replaced its owners once.
    FirstSeen(Override),
    /// The registry replaced those that were relied on.
    Replaced(Override),
}

/// The file: numbers of ownership notes by name or scope.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Numbers {
    /// The newest note seen.
    #[serde(default)]
    known: BTreeMap<String, u64>,
    /// The newest note that the user accepted, whoever decided about it.
    #[serde(default)]
    accepted: BTreeMap<String, u64>,
}

/// What is remembered of the owners at one registry.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Where; nothing: for this process only.
    place: Option<(PathBuf, String)>,
    numbers: Mutex<Numbers>,
    /// What this process saw and the file does not have.
    news: Mutex<BTreeMap<String, u64>>,
}

impl Override {
    /// The first override after note `seq`.
    pub fn after(history: &OwnersHistory, seq: u64) -> Option<Self> {
        let (index, note) = history.overrides().find(|(_, note)| note.seq > seq)?;
        Some(Self {
            name: history.subject.to_string(),
            seq: note.seq,
            index: *index,
            time: note.time.clone(),
            admins: note.admins.clone(),
        })
    }

    /// `ada (SHA256:…), bob (SHA256:…)`, of many the first.
    pub fn who(&self) -> String {
        const MOST: usize = 3;
        let shown = self.admins.iter().take(MOST);
        let shown = shown.map(|key| format!("{} ({})", key.name(), key.fingerprint()));
        let mut text = shown.collect::<Vec<_>>().join(", ");
        if self.admins.len() > MOST {
            text.push_str(&format!(" and {} more", self.admins.len() - MOST));
        }
        text
    }
}

impl Memory {
    /// Reads what is remembered.
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
    /// They are remembered, unless that would make this machine forget that it knew owners
    /// who were replaced: a project's lock speaks for the project alone.
    pub(crate) fn judge(&self, locked: Option<u64>, history: &OwnersHistory) -> Standing {
        let Some(current) = history.current() else {
            return Standing::Continued;
        };
        let name = history.subject.to_string();
        let (known, accepted) = {
            let numbers = held(&self.numbers);
            (
                numbers.known.get(&name).copied(),
                numbers.accepted.get(&name).copied().unwrap_or_default(),
            )
        };
        let replaced = |since: u64| Override::after(history, since.max(accepted));
        let is_news = known.is_none_or(|known| known < current.seq);
        if is_news && known.is_none_or(|known| replaced(known).is_none()) {
            held(&self.news).insert(name, current.seq);
        }
        match locked.or(known) {
            Some(seq) => replaced(seq).map_or(Standing::Continued, Standing::Replaced),
            None => replaced(0).map_or(Standing::Continued, Standing::FirstSeen),
        }
    }

    /// Adds what is new to the file. Without it, only later overrides may go unnoticed.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub(crate) fn save(&self) -> Result<(), TrustError> {
        let news = std::mem::take(&mut *held(&self.news));
        let Some((dir, url)) = self.place.as_ref().filter(|_| !news.is_empty()) else {
            return Ok(());
        };
        let raise = |numbers: &mut Numbers| raise(&mut numbers.known, &news);
        edit(dir, url, raise)?;
        raise(&mut held(&self.numbers));
        Ok(())
    }
}

/// Remembers that the user accepts an ownership note of a name, and all before it.
///
/// # Errors
/// When the file cannot be read or written.
pub fn accept(dir: &Path, url: &str, name: &Subject, seq: u64) -> Result<(), TrustError> {
    let new = BTreeMap::from([(name.to_string(), seq)]);
    edit(dir, url, |numbers| {
        raise(&mut numbers.known, &new);
        raise(&mut numbers.accepted, &new);
    })
}

/// Forgets all owners at a registry.
///
/// # Errors
/// When the file cannot be removed.
pub(super) fn forget(dir: &Path, url: &str) -> Result<(), TrustError> {
    let path = path(dir, url);
    match lumen_durable::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(state::unusable(&path, error)),
        _ => Ok(()),
    }
}

fn path(dir: &Path, url: &str) -> PathBuf {
    state::path(dir, url).with_extension("owners")
}

fn read(dir: &Path, url: &str) -> Result<Numbers, TrustError> {
    let path = path(dir, url);
    match fs_err::read(&path) {
        Ok(bytes) => json::parse(&bytes).map_err(|error| state::damaged(&path, error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Numbers::default()),
        Err(error) => Err(state::unusable(&path, error)),
    }
}

/// Changes the file as it is now, with others kept out.
fn edit(dir: &Path, url: &str, change: impl Fn(&mut Numbers)) -> Result<(), TrustError> {
    let _lock = state::lock(dir, &state::path(dir, url))?;
    let old = read(dir, url)?;
    let mut new = old.clone();
    change(&mut new);
    match new == old {
        true => Ok(()),
        false => {
            let path = path(dir, url);
            let bytes = json::to_bytes(&serde_json::json!(new));
            lumen_durable::write_atomic(&path, &bytes)
                .map_err(|error| state::unusable(&path, error))
        }
    }
}

fn raise(numbers: &mut BTreeMap<String, u64>, new: &BTreeMap<String, u64>) {
    for (name, seq) in new {
        let number = numbers.entry(name.clone()).or_default();
        *number = (*number).max(*seq);
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use lumen_core::{
        signing::SecretKey,
        trust::{OwnersNote, Publisher},
    };

    use super::*;

    const URL: &str = "https://example.org";

    /// `a` with its notes; `true` for those that the registry decided about.
    fn history(overrides: &[bool]) -> OwnersHistory {
        let subject = Subject::parse("a").unwrap();
        let key = SecretKey::from_seed("ada", [1; 32]).unwrap();
        let mut history = OwnersHistory::nobody(subject.clone());
        for (seq, is_override) in (1..).zip(overrides) {
            let note = OwnersNote {
                seq,
                is_override: *is_override,
                publishers: vec![Publisher {
                    key: key.public().clone(),
                    only: None,
                }],
                ..OwnersNote::claim("r/1", subject.clone(), key.public(), "2026-01-31T10:30:00Z")
            };
            history.notes.push((seq * 10, note));
        }
        history
    }

    #[test]
    fn owners_may_change_themselves_but_not_be_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let memory = || Memory::read(Some((dir.path(), URL))).unwrap();
        let judge = |locked, overrides: &[bool]| {
            let memory = memory();
            let standing = memory.judge(locked, &history(overrides));
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
            assert_eq!(replaced(&judge(None, notes)), Some((3, 30)));
        }
        // A lock that knows better counts for its project, not for this machine.
        let notes = [false, false, true];
        assert_eq!(judge(Some(3), &notes), Standing::Continued);
        assert_eq!(replaced(&judge(Some(1), &notes)), Some((3, 30)));
        assert_eq!(replaced(&judge(None, &notes)), Some((3, 30)));
        accept(dir.path(), URL, &Subject::parse("a").unwrap(), 3).unwrap();
        for locked in [None, Some(1), Some(3)] {
            assert_eq!(judge(locked, &notes), Standing::Continued);
        }
        assert_eq!(
            replaced(&judge(None, &[false, false, true, true])),
            Some((4, 40))
        );
    }

    #[test]
    fn who_comes_later_is_told_once() {
        let dir = tempfile::tempdir().unwrap();
        let notes = history(&[false, true, false]);
        let memory = Memory::read(Some((dir.path(), URL))).unwrap();
        let first = memory.judge(None, &notes);
        assert!(
            matches!(&first, Standing::FirstSeen(by) if by.seq == 2),
            "{first:?}"
        );
        memory.save().unwrap();
        let again = Memory::read(Some((dir.path(), URL))).unwrap();
        assert_eq!(again.judge(None, &notes), Standing::Continued);
        // But those who relied on the owners before are asked.
        assert!(matches!(
            again.judge(Some(1), &notes),
            Standing::Replaced(_)
        ));
        forget(dir.path(), URL).unwrap();
        forget(dir.path(), URL).unwrap();
        let new = Memory::read(Some((dir.path(), URL))).unwrap();
        assert_eq!(new.judge(None, &notes), first);
        std::fs::write(path(dir.path(), URL), b"{").unwrap();
        let damaged = Memory::read(Some((dir.path(), URL))).unwrap_err();
        assert!(matches!(damaged, TrustError::State { .. }), "{damaged}");
    }
}
