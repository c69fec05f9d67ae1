//! A folder into an archive, the same bytes on every machine.

use std::{io, path::Path};

use lumen_core::Digest;

/// What to pack.
#[derive(Debug, Clone, Default)]
pub struct PackOptions {
    /// `[package] include`.
    pub include: Vec<String>,
    /// `[package] exclude`.
    pub exclude: Vec<String>,
    /// Replaces the bytes of `lumen.toml`.
    pub manifest_override: Option<Vec<u8>>,
}

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedFile {
    /// Relative path with `/`.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Whether it is executable.
    pub executable: bool,
}

/// Something left out that the author may have expected in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Relative path with `/`.
    pub path: String,
    /// Why it was left out.
    pub reason: NoteReason,
}

/// Why something was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteReason {
    /// A link to a folder, as import links are.
    FolderLink,
    /// A link to nothing.
    DanglingLink,
    /// A folder with a `lumen.toml` of its own.
    NestedPackage,
    /// Neither a file nor a folder.
    Special,
}

/// The files of a package, before they are packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Sorted by the bytes of the path.
    pub files: Vec<PackedFile>,
    /// What was left out.
    pub notes: Vec<Note>,
}

/// A packed package.
#[derive(Debug, Clone)]
pub struct Packed {
    /// Sorted by the bytes of the path.
    pub files: Vec<PackedFile>,
    /// What was left out.
    pub notes: Vec<Note>,
    /// The tar.
    pub tar: Vec<u8>,
    /// The tar's digest: the package's identity.
    pub digest: Digest,
    /// The tar in one zstd frame.
    pub zst: Vec<u8>,
    /// The digest of `zst`.
    pub zst_digest: Digest,
}

/// Why a folder was not packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// I/O.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Lists what [`pack`] would pack.
///
/// # Errors
/// As [`pack`].
pub fn list(_root: &Path, _options: &PackOptions) -> Result<Listing, PackError> {
    Err(PackError::Io(io::ErrorKind::Unsupported.into()))
}

/// Packs a folder.
///
/// # Errors
/// When it holds secrets or paths that do not work everywhere, or cannot be read.
pub fn pack(_root: &Path, _options: &PackOptions) -> Result<Packed, PackError> {
    Err(PackError::Io(io::ErrorKind::Unsupported.into()))
}
