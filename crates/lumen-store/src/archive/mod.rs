//! The strict reader of package archives: placeholder for signatures.

use std::{
    fmt,
    io::{self, Read},
};

/// Reads archives.
pub fn read(
    _input: impl Read,
    _compressed_size: Option<u64>,
    _limits: &Limits,
    _sink: &mut impl Sink,
) -> Result<Summary, ArchiveError> {
    Err(ArchiveError::Input(io::ErrorKind::Unsupported.into()))
}

/// How much an archive may hold. The defaults are the registry's limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files together that are always allowed.
    pub unpacked: u64,
    /// Bytes of all files together allowed for each byte of the archive as transferred.
    pub ratio: u64,
    /// Files and folders.
    pub entries: u32,
    /// Components of a path.
    pub depth: usize,
    /// Bytes of a path.
    pub path: usize,
    /// Bytes of one extension header.
    pub extension: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            unpacked: 512 << 20,
            ratio: 20,
            entries: 65_536,
            depth: 64,
            path: 1024,
            extension: 64 << 10,
        }
    }
}

/// What an archive held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How it was encoded.
    pub encoding: Encoding,
    /// Regular files.
    pub files: u64,
    /// Bytes of all files together.
    pub unpacked: u64,
}

/// How an archive is encoded, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// A tar.
    Plain,
    /// A tar in one gzip member.
    Gzip,
    /// A tar in one zstd frame.
    Zstd,
}

/// A file about to be delivered to a [`Sink`].
#[derive(Debug, Clone, Copy)]
pub struct FileEntry<'a> {
    /// Relative path with `/`, already checked.
    pub path: &'a str,
    /// Bytes.
    pub size: u64,
    /// Whether any executable bit is set.
    pub executable: bool,
}

/// The contents of a file: pieces until `None`.
pub trait Body {
    /// The next piece.
    fn next(&mut self) -> Result<Option<&[u8]>, ArchiveError>;
}

/// Where the entries of an archive go.
pub trait Sink {
    /// A folder, its parents first; called once for each, whether the archive lists it or not.
    fn directory(&mut self, path: &str) -> io::Result<()>;
    /// A file, its folder before it.
    fn file(&mut self, entry: FileEntry<'_>, body: &mut dyn Body) -> Result<(), ArchiveError>;
    /// Every byte of the decompressed tar, in order.
    fn tar_bytes(&mut self, _bytes: &[u8]) {}
}

/// Why an archive could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The archive breaks a rule.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The input failed: not the archive's fault.
    #[error("cannot read the archive: {0}")]
    Input(#[source] io::Error),
    /// The sink failed.
    #[error(transparent)]
    Sink(io::Error),
}

/// The rule an archive breaks and the entry that breaks it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// The entry's name, made printable; `None` when the archive as a whole is at fault.
    pub entry: Option<String>,
    /// The rule.
    pub rule: Rule,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.rule)
    }
}

/// The rules of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// Placeholder.
    Truncated,
}
