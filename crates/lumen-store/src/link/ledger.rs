//! Records of what Lumen made in projects: in the user's own folder, never in a project.
//!
//! `<ledger>/<hash of the project's path>.json` lists the installed packages and our links
//! and folders. A record counts only for the folder that it was made for: the number of its
//! `.lumen` on the disk and the random token in `.lumen/id` must be those in the record. So
//! a project that was copied, moved, or put in the place of another one has no record, and
//! no committed file of a clone counts as one.

use std::{
    io,
    path::{Path, PathBuf},
};

use fs_err as fs;
use lumen_core::{Digest, limits::MAX_TOKEN_BYTES};
use lumen_durable::owner::{self, Owner};
use serde::{Deserialize, Serialize};

use super::{
    LinkError, Place, State, TOKEN,
    state::{self, File},
};

/// The records of one user.
#[derive(Debug, Clone)]
pub struct Ledger {
    dir: PathBuf,
}

/// A project that has a record.
#[derive(Debug)]
pub struct Known {
    /// The project's folder.
    pub root: PathBuf,
    /// What was installed when the record was written; `None` in those of older versions.
    pub state: Option<State>,
    file: PathBuf,
}

/// The form of a record.
#[derive(Serialize, Deserialize)]
struct Record {
    project: String,
    folder: u64,
    token: String,
    #[serde(rename = "state")]
    file: File,
}

/// A record that counts.
#[derive(Debug)]
pub(super) struct Kept {
    pub state: State,
    token: String,
}

impl Ledger {
    /// The records in this folder, which need not exist yet.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// What is installed in a project; `None` when there is no record, or none that counts:
    /// the next install then makes all links again.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn load(&self, place: &Place) -> io::Result<Option<State>> {
        Ok(self.kept(place)?.map(|kept| kept.state))
    }

    /// What was installed in a project that was restored at its path (from a backup, in an
    /// image), and that cannot be written to, so that its record cannot be made again.
    ///
    /// Believe it only after comparing everything that it says with the project.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn restored(&self, place: &Place) -> io::Result<Option<State>> {
        match place.is_closed()? {
            Some(_) => Ok(self.of(place, |_| true)?.map(|kept| kept.state)),
            None => Ok(None),
        }
    }

    /// Writes what the state of the packages is now, if the record is still the same.
    pub(super) fn renew(&self, place: &Place, old: &State, now: State) -> Result<(), LinkError> {
        let _lock = place.lock_links()?;
        match self.kept(place)? {
            Some(mut kept) if kept.state == *old => {
                kept.state = now;
                Ok(self.save(place, &mut kept)?)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn kept(&self, place: &Place) -> io::Result<Option<Kept>> {
        let number = number(place)?;
        self.of(place, |folder| folder == number)
    }

    /// The record with the project's token, if its folder's number is right.
    fn of(&self, place: &Place, is_right: impl Fn(u64) -> bool) -> io::Result<Option<Kept>> {
        let bytes = match fs::read(self.file(place)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let Ok(record) = serde_json::from_slice::<Record>(&bytes) else {
            return Ok(None);
        };
        let token = place
            .dot
            .read_limited(TOKEN, MAX_TOKEN_BYTES)
            .unwrap_or_default();
        let same = is_right(record.folder) && token.as_deref() == Some(record.token.as_bytes());
        let state = state::read(record.file).filter(|_| same);
        Ok(state.map(|state| Kept {
            state,
            token: record.token,
        }))
    }

    /// Writes the record of a project, which goes on from one that counts, if there was one.
    pub(super) fn save(&self, place: &Place, kept: &mut Kept) -> io::Result<()> {
        if kept.token.is_empty() {
            kept.token = match token_of_group(place)? {
                Some(token) => token,
                None => {
                    let token = token()?;
                    place.dot.write_fast(TOKEN, token.as_bytes(), true)?;
                    token
                }
            };
        }
        let record = Record {
            project: place.real.to_string_lossy().into_owned(),
            folder: number(place)?,
            token: kept.token.clone(),
            file: state::form(&kept.state),
        };
        let mut bytes = serde_json::to_vec_pretty(&record)?;
        bytes.push(b'\n');
        lumen_durable::write_atomic_fast(&self.file(place), &bytes)
    }

    /// Notes that the next install must make everything again, whatever the project looks like.
    ///
    /// # Errors
    /// As [`Place::lock_install`], and any I/O error.
    pub fn invalidate(&self, place: &Place) -> Result<(), LinkError> {
        let _lock = place.lock_links()?;
        match self.kept(place)? {
            Some(mut kept) if kept.state.complete => {
                kept.state.complete = false;
                Ok(self.save(place, &mut kept)?)
            }
            _ => Ok(()),
        }
    }

    /// Removes the record of a project.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn forget(&self, place: &Place) -> io::Result<()> {
        remove(&self.file(place))
    }

    /// All projects that have a record.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn projects(&self) -> io::Result<Vec<Known>> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut known = Vec::new();
        for entry in entries {
            let file = entry?.path();
            let bytes = fs::read(&file)?;
            let (root, state) = match serde_json::from_slice::<Record>(&bytes) {
                Ok(record) => (record.project, state::read(record.file)),
                // Older versions of Lumen only noted the project's path.
                Err(_) => (String::from_utf8_lossy(&bytes).into_owned(), None),
            };
            known.push(Known {
                root: root.into(),
                state,
                file,
            });
        }
        Ok(known)
    }

    fn file(&self, place: &Place) -> PathBuf {
        let hex = Digest::of(place.real.as_os_str().as_encoded_bytes()).hex();
        self.dir.join(format!("{}.json", &hex[..32]))
    }
}

impl Known {
    /// Removes the record of a project that is gone.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn forget(&self) -> io::Result<()> {
        remove(&self.file)
    }
}

impl Kept {
    /// The next record of a project.
    pub(super) fn next(old: Option<&Self>, state: State) -> Self {
        let token = old.map(|old| old.token.clone()).unwrap_or_default();
        Self { state, token }
    }
}

fn remove(file: &Path) -> io::Result<()> {
    match lumen_durable::remove_file(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn number(place: &Place) -> io::Result<u64> {
    let status = place.dot.status("")?;
    Ok(status.map_or(0, |status| status.number))
}

/// The token that another user of a shared project made: it stays, so that the records of both
/// count. A file that git wrote into a clone belongs to the user, and is never accepted.
fn token_of_group(place: &Place) -> io::Result<Option<String>> {
    let status = place.dot.status(TOKEN)?;
    let others = status
        .and_then(|status| status.owner)
        .is_some_and(|owner| owner::current() != Some(Owner(owner)));
    if !others || !place.root.is_shared_with_us()? {
        return Ok(None);
    }
    let token = place
        .dot
        .read_limited(TOKEN, MAX_TOKEN_BYTES)
        .unwrap_or_default();
    let token = token.and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(token.filter(|token| token.len() == 32 && token.bytes().all(|c| c.is_ascii_hexdigit())))
}

/// A random token that cannot be guessed: 32 hexadecimal digits.
fn token() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
