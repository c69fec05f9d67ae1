//! The strict reader of package archives.
//!
//! Two readers that disagree about an archive are a security hole: one scans other files
//! than the other unpacks. So this one does not guess. It reads the forms that GNU tar,
//! bsdtar, 7-Zip, Python and this crate have in common, and refuses the rest, naming the
//! entry and the rule:
//!
//! - Encoding by content: a plain tar, one gzip member or one zstd frame, and nothing after it.
//! - ustar and GNU headers with a right checksum; numbers in octal (or base-256 where octal
//!   cannot hold them), nothing hidden behind the end of a field or in padding.
//! - Regular files and folders. No links, devices, sparse or contiguous files, volumes.
//! - GNU `L` names and pax `path` and `size`, at most one extension header before an entry.
//!   A pax `size` must agree with the header's. Of other pax keys only those that mean
//!   nothing to the contents are accepted, and ignored: times, owners, comments, device
//!   and inode numbers, and the attributes macOS adds to every file (`com.apple.*`). One global
//!   header is accepted as the first block if it holds only a comment (`git archive` writes it).
//! - Each path once, [portable](crate::portable); a folder may be implied by the paths below it.
//! - Two zero blocks at the end and nothing but zeros after them.
//! - The numbers in [`Limits`].
//!
//! Of a file's mode it keeps only whether any user may execute the file. Owners, times and
//! other mode bits must be numbers, and are ignored.

mod decode;
mod header;
mod pax;
mod reader;
mod rule;

use std::io;

use lumen_core::limits;

pub use decode::Encoding;
pub use reader::{read, read_tapped};
pub use rule::{ArchiveError, EntryType, Field, Refusal, Rule};

/// The sizes that an archive may have. The default is what every Lumen registry allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files together that are always allowed.
    pub unpacked: u64,
    /// Bytes of all files together that are allowed for each byte of the archive as transferred.
    pub ratio: u64,
    /// Entries (files and folders), and likewise folders that entries imply.
    pub entries: u32,
    /// Components of a path.
    pub depth: usize,
    /// Bytes of a path.
    pub path: usize,
    /// Bytes of the body of one extension header.
    pub extension: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            unpacked: limits::MAX_UNPACKED_BYTES,
            ratio: limits::MAX_UNPACKED_RATIO,
            entries: limits::MAX_ARCHIVE_ENTRIES,
            depth: limits::MAX_PATH_DEPTH,
            path: limits::MAX_PATH_BYTES,
            extension: limits::MAX_EXTENSION_BYTES,
        }
    }
}

impl Limits {
    /// Bytes of all files together that an archive of this transferred size may hold.
    pub fn unpacked_for(&self, compressed_size: Option<u64>) -> u64 {
        let by_ratio = compressed_size.unwrap_or(0).saturating_mul(self.ratio);
        self.unpacked.max(by_ratio)
    }

    /// Bytes that headers, names and padding may take besides the files: per
    /// entry two headers, two paddings and a name.
    pub(crate) fn overhead(&self) -> u64 {
        u64::from(self.entries) * (4 * 512 + self.path as u64) + (1 << 20)
    }
}

/// What an archive held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// How it was encoded.
    pub encoding: Encoding,
    /// Regular files.
    pub files: u64,
    /// Bytes of all files together.
    pub unpacked: u64,
}

/// A file about to be delivered to a [`Sink`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileEntry<'a> {
    /// Relative path with `/`, checked to be portable and new.
    pub path: &'a str,
    /// Bytes.
    pub size: u64,
    /// Whether any user may execute it.
    pub executable: bool,
}

/// The contents of a file.
pub trait Body {
    /// The next piece, never empty; `None` after the last. Small files come in one piece.
    ///
    /// # Errors
    /// When the archive cannot be read on.
    fn next(&mut self) -> Result<Option<&[u8]>, ArchiveError>;
}

/// Where the entries of an archive go.
pub trait Sink {
    /// Takes a folder; called once for each, parents first, whether it is an entry or implied.
    ///
    /// # Errors
    /// Any error ends the reading, as [`ArchiveError::Sink`].
    fn folder(&mut self, path: &str) -> io::Result<()>;

    /// Takes a file, after its folder. What is left of the body is skipped.
    ///
    /// # Errors
    /// Any error ends the reading.
    fn file(&mut self, entry: FileEntry<'_>, body: &mut dyn Body) -> Result<(), ArchiveError>;
}
