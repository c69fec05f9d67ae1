//! A registry in a folder.
//!
//! Works synchronously: a local disk answers sooner than another thread would
//! be woken. Writers exclude each other by an advisory lock on `<root>/.lock`
//! around compare and rename; readers need no lock, because files appear whole.

mod staged;

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    time::SystemTime,
};

use fs_err as fs;
use lumen_core::Key;
use lumen_durable::Lock;

use self::staged::{Staged, is_absence, make_folder_of};
use super::{Listed, Revision, Sink, StorageError, upkeep::is_young};

/// The lock file. Its name and every other that starts with a dot is no key.
const LOCK: &str = ".lock";

/// Contents above this size are written before the lock is taken, in bytes.
const STAGE_EARLY: usize = 1 << 20;

/// A registry in a folder.
#[derive(Debug, Clone)]
pub struct FileStorage {
    root: PathBuf,
}

impl FileStorage {
    /// The storage in this folder, which need not exist yet.
    pub fn new(root: &Path) -> Self {
        Self { root: root.into() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The path of a file.
    pub(super) fn path(&self, key: &Key) -> PathBuf {
        // Component by component, so that Windows gets its own separator.
        self.root.join(key.as_str().split('/').collect::<PathBuf>())
    }

    /// Whether a file is there.
    pub(super) fn has(&self, key: &Key) -> Result<bool, StorageError> {
        self.check_root()?;
        Ok(self.path(key).is_file())
    }

    fn check_root(&self) -> Result<(), StorageError> {
        match self.root.is_dir() {
            true => Ok(()),
            false => Err(StorageError::NoRoot {
                path: self.root.display().to_string(),
            }),
        }
    }

    fn open(&self, key: &Key, limit: u64) -> Result<Option<(fs::File, u64)>, StorageError> {
        let file = match fs::File::open(self.path(key)) {
            Ok(file) => file,
            Err(error) if is_absence(&error) => {
                self.check_root()?;
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let size = file.metadata()?.len();
        match size <= limit {
            true => Ok(Some((file, size))),
            false => Err(self.too_large(key, limit)),
        }
    }

    fn too_large(&self, key: &Key, limit: u64) -> StorageError {
        StorageError::TooLarge {
            file: self.path(key).display().to_string(),
            limit,
        }
    }

    fn read(&self, key: &Key, limit: u64) -> Result<Option<Vec<u8>>, StorageError> {
        let Some((file, size)) = self.open(key, limit)? else {
            return Ok(None);
        };
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        // The file may grow while it is read, if another tool writes it in place.
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        match bytes.len() as u64 <= limit {
            true => Ok(Some(bytes)),
            false => Err(self.too_large(key, limit)),
        }
    }

    /// As [`super::Storage::get`], without the revision: one hash less.
    pub(crate) fn get_bytes(&self, key: &Key, limit: u64) -> Result<Option<Vec<u8>>, StorageError> {
        self.read(key, limit)
    }

    pub(super) fn get(
        &self,
        key: &Key,
        limit: u64,
    ) -> Result<Option<(Vec<u8>, Revision)>, StorageError> {
        let bytes = self.read(key, limit)?;
        Ok(bytes.map(Revision::with))
    }

    pub(super) fn read_to(
        &self,
        key: &Key,
        limit: u64,
        out: Sink<'_>,
    ) -> Result<Option<u64>, StorageError> {
        let Some((file, _)) = self.open(key, limit)? else {
            return Ok(None);
        };
        let copied = io::copy(&mut file.take(limit.saturating_add(1)), out)?;
        match copied <= limit {
            true => Ok(Some(copied)),
            false => Err(self.too_large(key, limit)),
        }
    }

    pub(crate) fn create(&self, key: &Key, bytes: &[u8]) -> Result<(), StorageError> {
        self.check_root()?;
        make_folder_of(&self.path(key))?;
        loop {
            if lumen_durable::create_new(&self.path(key), bytes)? {
                return Ok(());
            }
            match self.read(key, bytes.len() as u64) {
                Ok(Some(existing)) if existing == bytes => {
                    if self.freshen(key)? {
                        return Ok(());
                    }
                    // Removed at this moment, since no writer relied on it until now.
                }
                Ok(None) => {}
                Ok(Some(_)) | Err(StorageError::TooLarge { .. }) => {
                    return Err(StorageError::Exists {
                        file: self.path(key).display().to_string(),
                    });
                }
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn replace(
        &self,
        key: &Key,
        expected: Option<&Revision>,
        bytes: &[u8],
    ) -> Result<(), StorageError> {
        self.check_root()?;
        let path = self.path(key);
        let mut staged = None;
        if bytes.len() > STAGE_EARLY {
            // Not worth writing when it is too late already; the check that counts is below.
            self.compare(key, expected)?;
            staged = Some(Staged::write(&path, bytes)?);
        }
        let _lock = Lock::exclusive(&self.root.join(LOCK))?;
        self.compare(key, expected)?;
        let staged = match staged {
            Some(staged) => staged,
            None => Staged::write(&path, bytes)?,
        };
        staged.persist(&path)?;
        Ok(())
    }

    fn compare(&self, key: &Key, expected: Option<&Revision>) -> Result<(), StorageError> {
        let current = self.get(key, u64::MAX)?.map(|(_, revision)| revision);
        match current.as_ref() == expected {
            true => Ok(()),
            false => Err(StorageError::Conflict {
                file: self.path(key).display().to_string(),
            }),
        }
    }

    pub(super) fn delete(&self, key: &Key) -> Result<(), StorageError> {
        self.check_root()?;
        match lumen_durable::remove_file(&self.path(key)) {
            Ok(()) => {}
            Err(error) if is_absence(&error) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        if key.is_scratch() {
            // Others may still try the host, and then it is not empty.
            let _ = fs::remove_dir(self.root.join(Key::SCRATCH));
        }
        Ok(())
    }

    pub(super) fn list(&self, prefix: &str) -> Result<Vec<Key>, StorageError> {
        let mut keys = Vec::new();
        self.walk(prefix, |key, hidden, _| {
            if !hidden {
                keys.push(key);
            }
            Ok(())
        })?;
        keys.sort_unstable();
        Ok(keys)
    }

    pub(super) fn list_files(&self, prefix: &str) -> Result<Vec<Listed>, StorageError> {
        let mut files = Vec::new();
        self.walk(prefix, |key, hidden, entry| {
            if !hidden {
                files.extend(listed(key, entry)?);
            }
            Ok(())
        })?;
        files.sort_unstable();
        Ok(files)
    }

    /// Temporary files, also those that are being written.
    pub(super) fn list_temporary(&self) -> Result<Vec<Listed>, StorageError> {
        let mut files = Vec::new();
        self.walk("", |key, _, entry| {
            let name = entry.file_name();
            if name
                .to_str()
                .is_some_and(|name| name.starts_with(lumen_durable::TEMPORARY))
            {
                files.extend(listed(key, entry)?);
            }
            Ok(())
        })?;
        files.sort_unstable();
        Ok(files)
    }

    /// Visits all files below a prefix, those with names that start with a dot as hidden ones.
    fn walk(
        &self,
        prefix: &str,
        mut visit: impl FnMut(Key, bool, &fs::DirEntry) -> io::Result<()>,
    ) -> Result<(), StorageError> {
        self.check_root()?;
        let mut folders = vec![prefix.trim_end_matches('/').to_owned()];
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(self.root.join(&folder)) {
                Ok(entries) => entries,
                Err(error) if is_absence(&error) => continue,
                Err(error) => return Err(error.into()),
            };
            for entry in entries {
                let entry = entry?;
                let name = entry.file_name();
                // A name that is no UTF-8 or no key was not put there by a publish.
                let Some(name) = name.to_str() else { continue };
                let path = match folder.as_str() {
                    "" => name.to_owned(),
                    folder => format!("{folder}/{name}"),
                };
                let hidden = name.starts_with('.');
                match (entry.file_type()?.is_dir(), Key::parse(&path)) {
                    (_, Err(_)) => {}
                    (true, Ok(_)) if hidden => {}
                    (true, Ok(_)) => folders.push(path),
                    (false, Ok(key)) => visit(key, hidden, &entry)?,
                }
            }
        }
        Ok(())
    }

    /// As [`super::Storage::remove`]. The lock keeps out writers that rely on the file.
    pub(super) fn remove(&self, file: &Listed) -> Result<bool, StorageError> {
        self.check_root()?;
        let path = self.path(&file.key);
        let _lock = Lock::exclusive(&self.root.join(LOCK))?;
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if is_absence(&error) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if metadata.len() != file.size || Some(metadata.modified()?) != file.modified {
            return Ok(false);
        }
        lumen_durable::remove_file(&path)?;
        Ok(true)
    }

    /// As [`super::Storage::freshen`].
    pub(super) fn freshen(&self, key: &Key) -> Result<bool, StorageError> {
        let path = self.path(key);
        let modified = |path: &Path| match fs::metadata(path).and_then(|file| file.modified()) {
            Ok(modified) => Ok(Some(modified)),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(StorageError::from(error)),
        };
        match modified(&path)? {
            None => self.check_root().map(|()| false),
            Some(time) if is_young(time) => Ok(true),
            Some(_) => {
                let _lock = Lock::exclusive(&self.root.join(LOCK))?;
                if modified(&path)?.is_none() {
                    return Ok(false);
                }
                let file = fs::File::options().write(true).open(&path)?;
                file.file().set_modified(SystemTime::now())?;
                Ok(true)
            }
        }
    }
}

/// The entry of a file in its folder; `None`: it is gone.
fn listed(key: Key, entry: &fs::DirEntry) -> io::Result<Option<Listed>> {
    match entry.metadata() {
        Ok(metadata) => Ok(Some(Listed {
            key,
            size: metadata.len(),
            modified: Some(metadata.modified()?),
        })),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error),
    }
}
