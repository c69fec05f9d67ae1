//! What a witness signed before: for each registry the newest checkpoint, and the newest one up
//! to which it checked all entries.
//!
//! A registry is known by its origin, which is in all that a witness signs. Its address is only
//! where it was found: a copy with another history may be at another one.

use std::{
    io,
    path::{Path, PathBuf},
};

use fs_err as fs;
use lumen_core::{Digest, checkpoint::Checkpoint, note::Note};
use lumen_durable::{Lock, write_atomic};

use crate::{error::OpsError, verbs::watch::broken};

/// The extension of files with a checkpoint that was signed.
const SIGNED: &str = "note";
/// The extension of files with a checkpoint up to which all entries were checked.
const VALIDATED: &str = "validated";

/// What is remembered of one registry. No other run changes it while this exists.
pub(super) struct Memory {
    /// The file of its last signed checkpoint.
    file: PathBuf,
    signed: Vec<(Checkpoint, String)>,
    validated: Vec<(Checkpoint, String)>,
    /// Files by address, as earlier versions wrote them: what they say is in this memory.
    earlier: Vec<PathBuf>,
    _lock: Lock,
}

impl Memory {
    /// Reads what is remembered of the registry with this origin.
    ///
    /// # Errors
    /// When a file cannot be read or has no checkpoint: it may be what must not be contradicted.
    pub(super) fn open(dir: &Path, origin: &str) -> Result<Self, OpsError> {
        lumen_durable::create_dir_all(dir)?;
        let file = dir.join(format!("origin-{}", Digest::of(origin.as_bytes()).hex()));
        let file = file.with_extension(SIGNED);
        let lock = Lock::exclusive(&file.with_extension("lock"))?;
        let mut memory = Self {
            file,
            signed: Vec::new(),
            validated: Vec::new(),
            earlier: Vec::new(),
            _lock: lock,
        };
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            let seen = match path.extension().and_then(|extension| extension.to_str()) {
                Some(SIGNED) => &mut memory.signed,
                Some(VALIDATED) => &mut memory.validated,
                _ => continue,
            };
            let Some(read) = read(&path)?.filter(|(read, _)| read.origin == origin) else {
                continue;
            };
            seen.push(read);
            if path.with_extension(SIGNED) != memory.file {
                memory.earlier.push(path);
            }
        }
        Ok(memory)
    }

    /// All checkpoints that a later one must continue.
    pub(super) fn all(&self) -> impl Iterator<Item = &(Checkpoint, String)> {
        self.signed.iter().chain(&self.validated)
    }

    /// The largest checkpoint that was signed.
    pub(super) fn signed(&self) -> Option<&Checkpoint> {
        largest(&self.signed)
    }

    /// The largest checkpoint up to which all entries were checked.
    pub(super) fn validated(&self) -> Option<&Checkpoint> {
        largest(&self.validated)
    }

    /// Remembers a checkpoint that continues all others, in their place.
    ///
    /// # Errors
    /// When a file cannot be written or removed.
    pub(super) fn keep(&self, note: &str, validated: bool) -> Result<(), OpsError> {
        let file = self.file.with_extension(VALIDATED);
        if validated {
            write_atomic(&file, note.as_bytes())?;
        } else if let Some((_, last)) = self.validated.iter().max_by_key(|(seen, _)| seen.size) {
            write_atomic(&file, last.as_bytes())?;
        }
        write_atomic(&self.file, note.as_bytes())?;
        for earlier in &self.earlier {
            fs::remove_file(earlier)?;
        }
        Ok(())
    }
}

fn largest(seen: &[(Checkpoint, String)]) -> Option<&Checkpoint> {
    let seen = seen.iter().map(|(checkpoint, _)| checkpoint);
    seen.max_by_key(|checkpoint| checkpoint.size)
}

/// The checkpoint in a file; `None` if a run for another registry just took it over.
fn read(file: &Path) -> Result<Option<(Checkpoint, String)>, OpsError> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let note = Note::parse(&bytes).map_err(broken)?;
    let checkpoint = Checkpoint::parse(&note.text).map_err(broken)?;
    Ok(Some((checkpoint, note.to_text())))
}
