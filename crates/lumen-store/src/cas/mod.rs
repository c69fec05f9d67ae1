//! The content-addressed store of unpacked packages.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use lumen_core::Digest;

use crate::{Sources, archive::Refusal};

/// The store of one `$LUMEN_HOME`, held shared: nobody cleans it while this lives.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
}

/// How closely an entry is looked at before it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Its record is there.
    Marker,
    /// Every file has its recorded size and mode and was not written to since.
    Quick,
}

/// An unpacked package in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    digest: Digest,
    tree: PathBuf,
    sources: Sources,
    unpacked: u64,
    files: u64,
    manifest: Option<Digest>,
}

impl Entry {
    /// The package's identity.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
    /// The unpacked package.
    pub fn tree(&self) -> &Path {
        &self.tree
    }
    /// Where its Lumen sources are.
    pub fn sources(&self) -> Sources {
        self.sources
    }
    /// Bytes of all its files together.
    pub fn unpacked(&self) -> u64 {
        self.unpacked
    }
    /// How many files it has.
    pub fn files(&self) -> u64 {
        self.files
    }
    /// The digest of its `lumen.toml`, from the record; `None` when it has none.
    pub fn manifest_digest(&self) -> Option<&Digest> {
        self.manifest.as_ref()
    }
    /// Its `lumen.toml`; `None` when it has none.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn manifest(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(None)
    }
}

/// What the bytes of an artifact must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    /// The digest of the bytes as transferred.
    pub hash: Digest,
    /// How many they are.
    pub size: Option<u64>,
    /// The digest of the decompressed tar, for a compressed second artifact.
    pub plain: Option<Digest>,
}

/// A package that went into the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inserted {
    /// Its entry.
    pub entry: Entry,
    /// The bytes of its `lumen.toml`; `None` when it has none.
    pub manifest: Option<Vec<u8>>,
}

/// Why an artifact did not go into the store; the store is as it was.
#[derive(Debug, thiserror::Error)]
pub enum InsertError {
    /// It ended early or went on.
    #[error("the artifact has {} {actual} bytes, expected {expected}", if *.more { "more than" } else { "only" })]
    Size {
        /// Bytes announced.
        expected: u64,
        /// Bytes seen.
        actual: u64,
        /// Whether it went on after them.
        more: bool,
    },
    /// Its bytes are others than announced.
    #[error("the artifact is {actual}, expected {expected}")]
    Hash {
        /// The digest announced.
        expected: Digest,
        /// The digest of the bytes.
        actual: Digest,
    },
    /// Its decompressed tar is another than announced.
    #[error("the artifact decompresses to {actual}, expected {expected}")]
    Plain {
        /// The digest announced.
        expected: Digest,
        /// The digest of the decompressed bytes.
        actual: Digest,
    },
    /// The archive breaks a rule.
    #[error(transparent)]
    Refused(Refusal),
    /// The source failed: a download that broke off, for example.
    #[error("cannot read the artifact: {0}")]
    Source(#[source] io::Error),
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A difference between a tree and its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Path within the package.
    pub path: String,
    /// What is different.
    pub kind: DriftKind,
}

/// What is different.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriftKind {
    /// Other contents.
    Changed,
    /// Not there.
    Missing,
    /// There, but not in the record.
    Extra,
    /// Other mode.
    Mode,
}

/// What [`Store::verify`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// There is no such entry.
    Absent,
    /// All files are as they were, and what shows it.
    Intact(Proof),
    /// These are not.
    Drifted(Vec<Drift>),
}

/// What shows that an entry is intact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The tree packs to exactly the identity: nothing on this machine had to be believed.
    Archive,
    /// The tree agrees with the record made when it was unpacked.
    Record,
}

/// The size of a store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Packages.
    pub entries: u64,
    /// Files of all packages together.
    pub files: u64,
    /// Bytes of all files together.
    pub bytes: u64,
}

impl Store {
    /// Opens the store below `root` (`$LUMEN_HOME/store`), creating it if need be.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn open(root: &Path) -> io::Result<Self> {
        Ok(Self {
            root: root.to_owned(),
        })
    }
    /// The entry of a package; `None` when it is absent or not as it was unpacked.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn get(&self, _identity: &Digest, _check: Check) -> io::Result<Option<Entry>> {
        let _ = &self.root;
        Ok(None)
    }
    /// Unpacks an artifact into the store.
    ///
    /// # Errors
    /// When the bytes are not what was expected, the archive is refused, or the disk fails.
    pub fn insert(
        &self,
        _identity: &Digest,
        _source: impl Read,
        _expect: &Expect,
    ) -> Result<Inserted, InsertError> {
        Err(InsertError::Io(io::ErrorKind::Unsupported.into()))
    }
    /// Rehashes an entry.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn verify(&self, _identity: &Digest) -> io::Result<Verified> {
        Ok(Verified::Absent)
    }
    /// Counts the entries.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn stats(&self) -> io::Result<Stats> {
        Ok(Stats::default())
    }
    /// Removes all entries but those to keep, and garbage of killed processes; waits until nobody else uses the store.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn clean(self, _keep: impl Fn(&Digest) -> bool) -> io::Result<Stats> {
        Ok(Stats::default())
    }
}
