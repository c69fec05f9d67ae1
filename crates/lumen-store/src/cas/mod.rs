//! The content-addressed store of unpacked packages.
//!
//! An entry is `sha256/<2>/<62>/`, named by the package's identity, with the unpacked
//! `tree/` and its record `files`. It is built in a staging folder and appears by one
//! rename, so it is whole or absent; any number of threads and processes may insert the
//! same package at once. It is still not trusted blindly: [`Store::get`] checks whether
//! files were changed since, and a changed entry counts as absent, so that the caller
//! inserts it again.
//!
//! Nothing is synced to the disk: files that a power cut destroys can be made again. A
//! missing record, or sizes other than recorded, reveal them.

mod check;
mod contents;
mod insert;
mod record;
mod staging;
mod verify;

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use fs_err as fs;
use lumen_core::Digest;
use lumen_durable::{
    Folder, Lock,
    owner::{self, Owner},
};

use self::{
    record::{Head, Line},
    staging::Staging,
};
use crate::{Sources, unpack::MANIFEST};

pub use contents::StoredFile;
pub use insert::{Expect, InsertError, Inserted};
pub use verify::{Drift, DriftKind, Proof, Verified};

/// Name of the record within an entry.
const RECORD: &str = "files";
/// Name of the unpacked package within an entry.
const TREE: &str = "tree";

/// The store of one `$LUMEN_HOME`. No process cleans it while this value lives.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    staging: Mutex<Option<Arc<Staging>>>,
    _lock: Lock,
}

/// How closely an entry is checked before it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Its record is there, so it was once unpacked completely.
    Marker,
    /// Besides, every file has its recorded size and mode, and neither a file nor a folder was
    /// changed after the record was written: no byte edited, no file added or removed.
    Quick,
}

/// An unpacked package in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    digest: Digest,
    tree: PathBuf,
    head: Head,
}

impl Entry {
    /// The package's identity.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The folder with the unpacked package.
    pub fn tree(&self) -> &Path {
        &self.tree
    }

    /// Where its Lumen sources are.
    pub fn sources(&self) -> Sources {
        self.head.sources
    }

    /// Bytes of all its files together.
    pub fn unpacked(&self) -> u64 {
        self.head.unpacked
    }

    /// How many files it has.
    pub fn files(&self) -> u64 {
        self.head.files
    }

    /// The digest of its `lumen.toml`, from the record; `None` when it has none.
    pub fn manifest_digest(&self) -> Option<&Digest> {
        self.head.manifest.as_ref()
    }

    /// Its `lumen.toml`; `None` when it has none.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn manifest(&self) -> io::Result<Option<Vec<u8>>> {
        optional(fs::read(self.tree.join(MANIFEST)))
    }
}

/// The size of a store, or of a part of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Packages.
    pub entries: u64,
    /// Files of all packages together.
    pub files: u64,
    /// Bytes of all files together.
    pub bytes: u64,
}

/// Other users who can change a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Exposure {
    /// Another user, who owns its folder.
    #[error("it belongs to {0}")]
    Owner(Owner),
    /// Everybody on this machine.
    #[error("everybody can write to it")]
    Everybody,
}

impl Store {
    /// Opens the store below `root` (`$LUMEN_HOME/store`), creating it if need be.
    ///
    /// Waits while another process cleans it.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn open(root: &Path) -> io::Result<Self> {
        let root = lumen_durable::absolute(root)?;
        lumen_durable::create_dir_all(&root)?;
        Ok(Self {
            _lock: Lock::shared(&lock_file(&root))?,
            staging: Mutex::new(None),
            root,
        })
    }

    /// Other users who can change files in the store: a user who owns its folder, or all
    /// users. Trust its contents then only as much as these users. A group that shares the
    /// store on purpose, and that we belong to, does not count.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn exposure(&self) -> io::Result<Option<Exposure>> {
        let shared = Folder::open_named(&self.root)?.is_shared_with_us()?;
        let owner = Owner::of(&self.root)?.filter(|owner| !owner.is_trusted() && !shared);
        Ok(match owner {
            Some(owner) => Some(Exposure::Owner(owner)),
            None if owner::is_open_to_all(&self.root)? => Some(Exposure::Everybody),
            None => None,
        })
    }

    /// The entry of a package; `None` when it is absent or not as it was unpacked.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn get(&self, identity: &Digest, check: Check) -> io::Result<Option<Entry>> {
        let folder = self.folder(identity);
        let Some(head) = check::look(&folder, check)? else {
            return Ok(None);
        };
        Ok(Some(Entry {
            digest: *identity,
            tree: folder.join(TREE),
            head,
        }))
    }

    /// Takes an entry out of the store, whatever its state. Projects that link to it are then broken.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn discard(&self, identity: &Digest) -> io::Result<()> {
        let aside = self.staging()?.fresh_path();
        match lumen_durable::rename(&self.folder(identity), &aside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => lumen_durable::remove_dir_all(&aside),
        }
    }

    /// The identities of all entries.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn identities(&self) -> io::Result<BTreeSet<Digest>> {
        let entries = entries(&self.root)?.into_iter();
        Ok(entries.map(|(digest, _)| digest).collect())
    }

    /// Counts the entries, going by their records.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn stats(&self) -> io::Result<Stats> {
        let mut stats = Stats::default();
        for (_, folder) in entries(&self.root)? {
            stats.add(&folder)?;
        }
        Ok(stats)
    }

    /// Removes all entries except those to keep, and files that killed processes left. Returns what
    /// was removed.
    ///
    /// Waits until no other process uses the store.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn clean(self, keep: impl Fn(&Digest) -> bool) -> io::Result<Stats> {
        let Self {
            root,
            staging,
            _lock: shared,
        } = self;
        drop((staging, shared));
        let _alone = Lock::exclusive(&lock_file(&root))?;
        let staging = Staging::open(&root.join("tmp"))?;
        let mut removed = Stats::default();
        for (digest, folder) in entries(&root)? {
            if !keep(&digest) {
                removed.add(&folder)?;
                // Aside first, so that no entry is ever half there.
                let aside = staging.fresh_path();
                lumen_durable::rename(&folder, &aside)?;
                lumen_durable::remove_dir_all(&aside)?;
                // Fails while there are others below the same two digits.
                let _ = folder.parent().map(fs::remove_dir);
            }
        }
        Ok(removed)
    }

    fn folder(&self, identity: &Digest) -> PathBuf {
        let hex = identity.hex();
        let (first, rest) = hex.split_at(2);
        let mut folder = self.root.join("sha256");
        folder.push(first);
        folder.push(rest);
        folder
    }

    fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// The folder of the store.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A file for a download, without a name where the system has such files. A file
    /// of a killed process is removed with its staging folder, by the next process.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn scratch(&self) -> io::Result<std::fs::File> {
        tempfile::tempfile_in(self.staging()?.folder())
    }

    /// The staging folder of this store, set up on first use.
    fn staging(&self) -> io::Result<Arc<Staging>> {
        let mut staging = self.staging.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(staging) = &*staging {
            return Ok(staging.clone());
        }
        let opened = Arc::new(Staging::open(&self.tmp())?);
        Ok(staging.insert(opened).clone())
    }
}

impl Stats {
    fn add(&mut self, folder: &Path) -> io::Result<()> {
        self.entries += 1;
        if let Some(head) = check::look(folder, Check::Marker)? {
            self.files += head.files;
            self.bytes += head.unpacked;
        }
        Ok(())
    }
}

/// The files of a tree, if it is an entry's.
pub(crate) fn recorded_files(tree: &Path) -> io::Result<Option<Vec<String>>> {
    let Some(entry) = tree.parent().filter(|_| tree.ends_with(TREE)) else {
        return Ok(None);
    };
    let Some(text) = optional(fs::read_to_string(entry.join(RECORD)))? else {
        return Ok(None);
    };
    let files = |(_, rest)| {
        let lines = record::lines(rest).flatten();
        lines
            .filter_map(|line| match line {
                Line::File(file) => Some(file.path.to_owned()),
                Line::Folder(_) => None,
            })
            .collect()
    };
    Ok(record::parse(&text).map(files))
}

fn lock_file(root: &Path) -> PathBuf {
    root.join("lock")
}

/// All entries below a root; names that are no digest are passed by.
fn entries(root: &Path) -> io::Result<Vec<(Digest, PathBuf)>> {
    let mut found = Vec::new();
    for first in folders(&root.join("sha256"))? {
        for rest in folders(&first)? {
            let names = [&first, &rest].map(|path| path.file_name().unwrap_or_default());
            let hex: String = names.iter().map(|name| name.to_string_lossy()).collect();
            if let Ok(digest) = Digest::from_hex(&hex) {
                found.push((digest, rest));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let Some(entries) = optional(fs::read_dir(folder))? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Makes absence a value.
fn optional<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
