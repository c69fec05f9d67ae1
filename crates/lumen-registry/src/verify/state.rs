//! The state of signed registries on this machine: one small file each.
//!
//! `<first 16 hex digits of SHA-256 of the URL>.json`, replaced as a whole below a lock.
//! Only a larger checkpoint replaces one, so that processes that finish out of order lose
//! nothing.

use std::{
    io,
    path::{Path, PathBuf},
};

use lumen_core::{
    Digest,
    checkpoint::Checkpoint,
    json,
    limits::{MAX_SIGHTINGS, WITNESSED_APART},
    trust::{NoteRef, RootHistory, Sighting, Subject},
};
use lumen_durable::write_atomic;
use serde::{Deserialize, Serialize};

pub use super::memo::path;
use super::{
    SeenBy, TrustError, known,
    memo::{damaged, lock, unreverted, unusable},
};

/// What is remembered of one registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Its URL, without credentials.
    pub url: String,
    /// Its own name; empty while it was only pinned.
    #[serde(default)]
    pub origin: String,
    /// Its fingerprint.
    pub root: Digest,
    /// The largest checkpoint seen, with its signatures; empty while it was only pinned.
    #[serde(default)]
    pub checkpoint: String,
    /// The highest number of a root note seen. The holder of a key that was removed since
    /// must not make an earlier note count again.
    #[serde(default)]
    pub root_seq: u64,
    /// That note, with its hash: no other note may take its place. `None` if an earlier
    /// version of Lumen wrote the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_note: Option<NoteRef>,
    /// States of the log that this machine saw, the oldest first, a day apart. An
    /// entry that a state does not have is younger than that state. No one else can change them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sightings: Vec<Sighting>,
    /// When it was first seen, RFC 3339.
    pub first_seen: String,
    /// Whether the user confirmed the fingerprint.
    #[serde(default)]
    pub pinned: bool,
}

impl Remembered {
    /// Checks that root notes are those seen before, and perhaps more.
    ///
    /// # Errors
    /// [`TrustError::Reverted`].
    pub(super) fn check_roots(&self, roots: &RootHistory) -> Result<(), TrustError> {
        let numbered = (self.root_seq > 0).then_some((self.root_seq, None));
        let noted = self.root_note.map(|note| (note.seq, Some(note.hash)));
        for seen in noted.into_iter().chain(numbered) {
            unreverted(&Subject::Root, seen, roots.hash_of(seen.0), SeenBy::State)?;
        }
        Ok(())
    }

    /// Size and root of the checkpoint; nothing when there is none.
    ///
    /// # Errors
    /// When the text is no checkpoint.
    pub fn seen(&self) -> Result<Option<Checkpoint>, String> {
        match self.checkpoint.is_empty() {
            true => Ok(None),
            false => checkpoint_of(&self.checkpoint).map(Some),
        }
    }
}

/// The checkpoint in a signed note; does not check its signatures.
pub(super) fn checkpoint_of(note: &str) -> Result<Checkpoint, String> {
    Checkpoint::of_note(note.as_bytes()).map_err(|error| error.to_string())
}

/// What is remembered of a registry.
///
/// # Errors
/// When the file cannot be read or is damaged: only the user may decide to forget it.
pub fn read(dir: &Path, url: &str) -> Result<Option<Remembered>, TrustError> {
    let path = path(dir, url);
    let bytes = match fs_err::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(&path, error)),
    };
    json::parse(&bytes)
        .map(Some)
        .map_err(|error| damaged(&path, error))
}

/// All registries remembered, by URL; damaged files are left out.
///
/// # Errors
/// When the folder cannot be read.
pub fn list(dir: &Path) -> Result<Vec<Remembered>, TrustError> {
    let entries = match fs_err::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unusable(dir, error)),
    };
    let files = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut all: Vec<Remembered> = files
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .filter_map(|path| json::parse(&fs_err::read(path).ok()?).ok())
        .collect();
    all.sort_by(|a, b| a.url.cmp(&b.url));
    Ok(all)
}

/// Forgets a registry, damaged files included; `false` when nothing was remembered.
///
/// # Errors
/// When the file cannot be removed.
pub fn forget(dir: &Path, url: &str) -> Result<bool, TrustError> {
    let path = path(dir, url);
    if !path.exists() {
        return Ok(false);
    }
    let _lock = lock(dir, &path)?;
    known::forget(dir, url)?;
    match lumen_durable::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unusable(&path, error)),
    }
}

/// Vouches for a fingerprint before or after first contact; `now` is RFC 3339.
///
/// # Errors
/// [`TrustError::Pinned`] when another one is remembered, which [`forget`] or
/// [`accept`] must end first; and when the file cannot be read or written.
pub fn pin(dir: &Path, url: &str, root: Digest, now: &str) -> Result<Remembered, TrustError> {
    let path = path(dir, url);
    let _lock = lock(dir, &path)?;
    let remembered = match read(dir, url)? {
        Some(old) if old.root != root => {
            return Err(TrustError::Pinned {
                url: url.to_owned(),
                remembered: old.root,
                asked: root,
            });
        }
        Some(old) => Remembered {
            pinned: true,
            ..old
        },
        None => Remembered {
            url: url.to_owned(),
            origin: String::new(),
            root,
            checkpoint: String::new(),
            root_seq: 0,
            root_note: None,
            sightings: Vec::new(),
            first_seen: now.to_owned(),
            pinned: true,
        },
    };
    write(&path, &remembered)?;
    Ok(remembered)
}

/// Remembers a registry as it is now, whatever was remembered, and forgets its owners: the
/// user decided so.
///
/// # Errors
/// When the file cannot be written.
pub fn accept(dir: &Path, remembered: &Remembered) -> Result<(), TrustError> {
    let path = path(dir, &remembered.url);
    let _lock = lock(dir, &path)?;
    // Owners of a log that may be another one.
    known::forget(dir, &remembered.url)?;
    write(&path, remembered)
}

/// Remembers a state that continues `seen`, the state remembered before. Returns the
/// written state; `None` when another process has remembered a state since that may not be
/// a part of this one, and must be compared first.
///
/// # Errors
/// When the file cannot be read or written.
pub(super) fn advance(
    dir: &Path,
    seen: Option<&Remembered>,
    new: &Remembered,
    roots: &RootHistory,
) -> Result<Option<Remembered>, TrustError> {
    let path = path(dir, &new.url);
    let _lock = lock(dir, &path)?;
    let old = read(dir, &new.url)?;
    let mut new = new.clone();
    if let Some(old) = &old {
        let state = |remembered: &Remembered| {
            let seen = remembered.seen();
            seen.map_err(|error| damaged(&path, error))
        };
        let is_known = seen.is_some_and(|seen| seen.checkpoint == old.checkpoint)
            || state(old)?.is_none_or(|known| state(&new).is_ok_and(|new| new == Some(known)));
        if old.root != new.root || !is_known || old.check_roots(roots).is_err() {
            return Ok(None);
        }
        new.pinned |= old.pinned;
        new.first_seen.clone_from(&old.first_seen);
        new.sightings = sighted(&old.sightings, &new.sightings);
    }
    if old.as_ref() != Some(&new) {
        write(&path, &new)?;
    }
    Ok(Some(new))
}

/// The sightings of before with those of now, a day apart; the oldest are dropped.
fn sighted(before: &[Sighting], now: &[Sighting]) -> Vec<Sighting> {
    let mut all = before.to_vec();
    for new in now {
        let is_apart = |last: &Sighting| new.at >= last.at.saturating_add(WITNESSED_APART);
        if all.last().is_none_or(is_apart) {
            all.push(*new);
        }
    }
    all.split_off(all.len().saturating_sub(MAX_SIGHTINGS))
}

/// Remembers newer root notes than those that were read first.
///
/// # Errors
/// [`TrustError::Reverted`] when another process saw other ones; and when the file cannot be
/// read or written.
pub(super) fn note_roots(dir: &Path, url: &str, roots: &RootHistory) -> Result<(), TrustError> {
    let path = path(dir, url);
    let _lock = lock(dir, &path)?;
    let Some(old) = read(dir, url)? else {
        return Ok(());
    };
    old.check_roots(roots)?;
    let newest = roots.newest();
    match old.root_note == Some(newest) {
        true => Ok(()),
        false => write(
            &path,
            &Remembered {
                root_seq: newest.seq,
                root_note: Some(newest),
                ..old
            },
        ),
    }
}

/// Takes back the state that a contact wrote, when the registry turned out to lie: `before`
/// is the earlier state. A change by another process stays.
///
/// # Errors
/// When the file cannot be read or written.
pub(super) fn retract(
    dir: &Path,
    written: &Remembered,
    before: Option<&Remembered>,
) -> Result<(), TrustError> {
    let path = path(dir, &written.url);
    let _lock = lock(dir, &path)?;
    // Root notes may have been added since, by this process as well.
    let is_ours = |found: &Remembered| found.checkpoint == written.checkpoint;
    if !read(dir, &written.url)?.as_ref().is_some_and(is_ours) {
        return Ok(());
    }
    match before {
        Some(before) => write(&path, before),
        None => lumen_durable::remove_file(&path).map_err(|error| unusable(&path, error)),
    }
}

/// Saves two checkpoints that cannot be of one log.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn save_evidence(
    dir: &Path,
    url: &str,
    before: &str,
    now: &str,
) -> Result<PathBuf, TrustError> {
    // Named by its contents: the same fork again is the same file.
    let text = format!("{url}\n\nseen before:\n\n{before}\nshown now:\n\n{now}");
    let name = Digest::of(text.as_bytes()).hex();
    let stem = path(dir, url).with_extension("");
    let stem = stem.file_name().unwrap_or_default().to_string_lossy();
    let path = dir.join(format!("{stem}-fork-{}.txt", &name[..8]));
    write_atomic(&path, text.as_bytes()).map_err(|error| unusable(&path, error))?;
    Ok(path)
}

fn write(path: &Path, remembered: &Remembered) -> Result<(), TrustError> {
    let bytes = json::to_bytes(&serde_json::json!(remembered));
    write_atomic(path, &bytes).map_err(|error| unusable(path, error))
}
