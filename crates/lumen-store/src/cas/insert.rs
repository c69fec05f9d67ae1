//! An artifact into the store.

use std::{
    io::{self, Read},
    path::Path,
};

use fs_err as fs;
use lumen_core::limits::MAX_DRAINED_BYTES;
use lumen_core::{Digest, digest::Hasher};
use lumen_durable::{Access, Folder, fault};

use super::{Check, Entry, RECORD, Store, TREE, check, record, staging};
use crate::{
    archive::{self, ArchiveError, Limits, Refusal},
    unpack::{TreeWriter, Written},
};

/// What the bytes of an artifact must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    /// The digest of the bytes as transferred.
    pub hash: Digest,
    /// How many they are. Not more than one byte beyond is read.
    pub size: Option<u64>,
    /// The digest of the decompressed tar, for a compressed second artifact.
    pub plain: Option<Digest>,
}

/// A package that went into the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inserted {
    /// Its entry.
    pub entry: Entry,
    /// The bytes of its `lumen.toml`; `None` when it has none, or one of more than 1 MiB.
    pub manifest: Option<Vec<u8>>,
}

/// Why an artifact did not go into the store; the store is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InsertError {
    /// It ended early or went on.
    #[error("the artifact has {} {actual} bytes, expected {expected}", if *.more { "at least" } else { "only" })]
    Size {
        /// Bytes announced.
        expected: u64,
        /// Bytes seen.
        actual: u64,
        /// Whether it went on after those announced.
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
    /// Its bytes are as announced, but the archive breaks a rule.
    #[error(transparent)]
    Refused(Refusal),
    /// The source failed: a download that broke off, for example.
    #[error("cannot read the artifact: {0}")]
    Source(#[source] io::Error),
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Store {
    /// Unpacks an artifact into the store, replacing an entry that changed since it was unpacked.
    ///
    /// `identity` is the digest that `expect` has for the tar: `plain`, or else
    /// `hash`. Everything expected is checked before the entry appears.
    ///
    /// # Errors
    /// When the bytes are not the expected ones, the archive is refused, or the disk fails.
    pub fn insert(
        &self,
        identity: &Digest,
        source: impl Read,
        expect: &Expect,
    ) -> Result<Inserted, InsertError> {
        if *identity != expect.plain.unwrap_or(expect.hash) {
            let message = "the identity is not the digest that is checked";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message).into());
        }
        let staging = self.staging()?;
        let aside = staging.fresh_path();
        lumen_durable::create_dir(&aside)?;
        let inserted = self.build(identity, source, expect, &aside);
        // Absent if it became the entry; else the refused tree, or the entry it replaced.
        let removed = super::optional(fs::remove_dir_all(&aside));
        let inserted = inserted.map_err(|error| self.place_of(error))?;
        removed?;
        Ok(inserted)
    }

    /// A failure of the disk with the folder that it is about: the paths in it are short.
    fn place_of(&self, error: InsertError) -> InsertError {
        match error {
            InsertError::Io(error) => {
                let what = format!(
                    "cannot write to the store `{}`: {error}",
                    self.root.display()
                );
                io::Error::new(error.kind(), what).into()
            }
            other => other,
        }
    }

    fn build(
        &self,
        identity: &Digest,
        source: impl Read,
        expect: &Expect,
        aside: &Path,
    ) -> Result<Inserted, InsertError> {
        let mut writer = TreeWriter::create(&aside.join(TREE), Access::ReadOnly, true)?;
        unpack(source, expect, &mut writer)?;
        let folder = Folder::open(aside)?;
        let modes = keeps_modes(&folder, &writer.files)?;
        let (head, text) = record::render(&writer.files, &writer.folders, modes);
        let mut file = folder.new_file(RECORD, false, Access::ReadOnly)?;
        file.write_all(text.as_bytes())?;
        drop(file);
        fault::point("store", aside)?;
        self.place(identity, aside)?;
        Ok(Inserted {
            entry: Entry {
                digest: *identity,
                tree: self.folder(identity).join(TREE),
                head,
            },
            manifest: writer.manifest,
        })
    }

    /// Makes a finished folder the entry of a package.
    fn place(&self, identity: &Digest, aside: &Path) -> io::Result<()> {
        let target = self.folder(identity);
        let mut attempts = 0;
        loop {
            attempts += 1;
            let error = match lumen_durable::rename(aside, &target) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if error.kind() == io::ErrorKind::NotFound && attempts < 3 {
                let parent = target.parent().unwrap_or(&target);
                lumen_durable::create_dir_all(parent)?;
                continue;
            }
            if fs::symlink_metadata(&target).is_err() {
                return Err(error);
            }
            // One process at a time, so that none mistakes a good entry for the bad one
            // that it saw before.
            let _turn = staging::turn(&self.tmp())?;
            if self.get(identity, Check::Quick)?.is_some() {
                return Ok(());
            }
            match lumen_durable::exchange(aside, &target) {
                // Another process removed the bad entry meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound && attempts < 3 => {}
                result => return result,
            }
        }
    }
}

/// Whether the file system keeps modes: looks at the mode of a written file.
fn keeps_modes(folder: &Folder, files: &[Written]) -> io::Result<bool> {
    let Some(file) = files.first() else {
        return Ok(true);
    };
    let status = folder.status(format!("{TREE}/{}", file.path))?;
    Ok(status.is_some_and(|status| check::mode_kept(&status, file.executable)))
}

/// Unpacks and checks an artifact.
fn unpack(source: impl Read, expect: &Expect, writer: &mut TreeWriter) -> Result<(), InsertError> {
    let mut source = Metered::new(source, expect.size);
    let mut plain = expect.plain.map(|_| Hasher::new());
    let read = archive::read_tapped(
        &mut source,
        expect.size,
        &Limits::default(),
        writer,
        &mut |bytes| {
            if let Some(plain) = &mut plain {
                plain.update(bytes);
            }
        },
    );
    // Wrong bytes are the better explanation for a refused archive: read on to know.
    let read = match read {
        Err(ArchiveError::Sink(error)) => return Err(InsertError::Io(error)),
        Err(ArchiveError::Input(error)) => Err(error),
        Err(ArchiveError::Refused(refusal)) => source.drain().map(|()| Some(refusal)),
        Ok(_) => Ok(None),
    };
    if let (Some(expected), true) = (expect.size, source.more) {
        return Err(InsertError::Size {
            expected,
            actual: source.count,
            more: true,
        });
    }
    let refusal = read.map_err(InsertError::Source)?;
    if let Some(expected) = expect.size.filter(|expected| *expected != source.count) {
        return Err(InsertError::Size {
            expected,
            actual: source.count,
            more: false,
        });
    }
    let actual = source.hasher.finish();
    if actual != expect.hash {
        let expected = expect.hash;
        return Err(InsertError::Hash { expected, actual });
    }
    if let Some(refusal) = refusal {
        return Err(InsertError::Refused(refusal));
    }
    if let (Some(expected), Some(plain)) = (expect.plain, plain) {
        let actual = plain.finish();
        if actual != expected {
            return Err(InsertError::Plain { expected, actual });
        }
    }
    Ok(())
}

/// Counts and hashes what is read, and stops after the size that was announced.
struct Metered<R> {
    inner: R,
    hasher: Hasher,
    count: u64,
    limit: u64,
    /// Whether the source went on after the limit.
    more: bool,
}

impl<R: Read> Metered<R> {
    fn new(inner: R, size: Option<u64>) -> Self {
        Self {
            inner,
            hasher: Hasher::new(),
            count: 0,
            limit: size.unwrap_or(u64::MAX),
            more: false,
        }
    }

    fn drain(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        let end = self.count.saturating_add(MAX_DRAINED_BYTES);
        while self.count < end {
            match self.read(&mut buffer) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = if self.count < self.limit {
            let left = usize::try_from(self.limit - self.count).unwrap_or(usize::MAX);
            let length = buffer.len().min(left);
            let count = self.inner.read(&mut buffer[..length])?;
            self.hasher.update(&buffer[..count]);
            count
        } else {
            // One byte beyond the announced size, to see that there is none.
            let mut beyond = [0];
            if buffer.is_empty() || self.inner.read(&mut beyond)? == 0 {
                return Ok(0);
            }
            self.more = true;
            self.count += 1;
            return Err(io::Error::other("more bytes than announced"));
        };
        self.count += count as u64;
        Ok(count)
    }
}
