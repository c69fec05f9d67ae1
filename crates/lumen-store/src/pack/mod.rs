//! A folder into an archive: the same bytes on every machine.
//!
//! What goes in, in this order of precedence:
//!
//! 1. `lumen.toml`, always; its bytes may be replaced.
//! 2. Never: folders of version control (`.git`, `.hg`, `.svn`, `.jj`), `.lumen`, the root's
//!    `lumen.lock` and `.gitignore`, which installs rewrite, `.DS_Store` and `Thumbs.db`.
//! 3. `exclude` patterns take out. They and `include` are written as in `.gitignore`.
//! 4. A file or folder that `include` names exactly (no wildcard, relative to the root) goes
//!    in even if it is ignored or looks like a secret.
//! 5. `.lumenignore` and `.gitignore` files take out, those of folders above the root as far
//!    as the repository goes. What git is told elsewhere (`.git/info/exclude`, the user's own
//!    excludes) does not count: it differs between machines.
//! 6. Hidden files, with a name that starts with a dot in their path, go in only if a pattern
//!    of `include` with such a name in it matches: they belong to tools (`.github`,
//!    `.editorconfig`), or to nobody else.
//! 7. If there are `include` patterns, only what one of them matches goes in.
//!
//! Links to files inside the package are followed; other links to files are an
//! error, since their target may be anything of the user's. Links to folders,
//! as import links are, and folders with a `lumen.toml` of their own are left
//! out with a note. Folders without files do not exist in an archive.
//!
//! The executable bit is what the file system says; Windows has none, so a package
//! with executables should be published from elsewhere.

mod secrets;
mod select;
pub(crate) mod tar;

use std::{collections::BTreeMap, io, path::Path};

use fs_err as fs;
use lumen_core::Digest;

pub use secrets::{Secret, SecretKind};

use self::{select::Source, tar::Writer};
use crate::{
    archive::Limits,
    portable::{Clash, PathRule},
};

/// Largest tar that is compressed with the most effort, in bytes.
const SMALL: usize = 8 << 20;

/// What to pack.
#[derive(Debug, Clone)]
pub struct PackOptions {
    /// `[package] include`.
    pub include: Vec<String>,
    /// `[package] exclude`.
    pub exclude: Vec<String>,
    /// Replaces the bytes of `lumen.toml`.
    pub manifest_override: Option<Vec<u8>>,
    /// Whether to make [`Packed::zst`].
    pub compress: bool,
    /// Whether to refuse secrets. Off for what is not published.
    pub refuse_secrets: bool,
}

impl Default for PackOptions {
    fn default() -> Self {
        Self {
            include: Vec::new(),
            exclude: Vec::new(),
            manifest_override: None,
            compress: true,
            refuse_secrets: true,
        }
    }
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteReason {
    /// A link to a folder, as import links are.
    #[error("a link to a folder")]
    FolderLink,
    /// A link to nothing.
    #[error("a link to nothing")]
    DanglingLink,
    /// A folder with a `lumen.toml` of its own.
    #[error("a package of its own")]
    NestedPackage,
    /// A pipe, socket or device.
    #[error("neither a file nor a folder")]
    Special,
    /// Named by `include`, but not there.
    #[error("named by `include`, but not there")]
    NotThere,
}

/// The files of a package.
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
    /// The tar in one zstd frame; empty unless asked for.
    pub zst: Vec<u8>,
    /// The digest of `zst`.
    pub zst_digest: Digest,
}

/// Why a folder was not packed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// The root has no manifest.
    #[error("there is no `lumen.toml`")]
    NoManifest,
    /// A pattern of `include` or `exclude`, or an ignore file, cannot be understood.
    #[error("cannot understand {place}: {message}")]
    Pattern {
        /// The list or the file.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// Files that look like secrets.
    #[error("these files look like secrets: {}", quoted(.0.iter().map(|secret| &secret.path)))]
    Secrets(Vec<Secret>),
    /// Links to files outside of the package.
    #[error("these links lead out of the package: {}", quoted(.0))]
    LinksOutside(Vec<String>),
    /// Paths that do not work on every system.
    #[error("{}", unportable(.0))]
    Paths(Vec<BadPath>),
    /// More files than an archive may have.
    #[error("the package has {count} files; the limit is {limit}")]
    TooMany {
        /// How many there are.
        count: usize,
        /// The limit.
        limit: u32,
    },
    /// More bytes than an archive may have.
    #[error("the package has {size} bytes; the limit is {limit}")]
    TooLarge {
        /// Bytes of all files together.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A file or folder could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A path that does not work on every system, or not beside another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPath {
    /// Relative path with `/`.
    pub path: String,
    /// The rule it breaks.
    pub rule: BadPathRule,
}

/// Why a path cannot be packed: what the archive reader would say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPathRule {
    /// By itself.
    #[error(transparent)]
    Path(PathRule),
    /// Beside another.
    #[error(transparent)]
    Clash(Clash),
}

fn quoted<'p>(paths: impl IntoIterator<Item = &'p String>) -> String {
    let quoted: Vec<_> = paths.into_iter().map(|path| format!("`{path}`")).collect();
    quoted.join(", ")
}

fn unportable(paths: &[BadPath]) -> String {
    let lines = paths
        .iter()
        .map(|bad| format!("cannot pack `{}`: {}", bad.path, bad.rule));
    lines.collect::<Vec<_>>().join("; ")
}

/// Lists what [`pack`] would pack, without reading more than the start of each file.
///
/// # Errors
/// As [`pack`].
pub fn list(root: &Path, options: &PackOptions) -> Result<Listing, PackError> {
    let selection = select::select(root, options)?;
    let files = selection
        .files
        .into_iter()
        .map(|(path, source)| PackedFile {
            path,
            size: source.size,
            executable: source.executable,
        });
    Ok(Listing {
        files: files.collect(),
        notes: selection.notes,
    })
}

/// Packs a folder.
///
/// # Errors
/// When it holds secrets or paths that do not work everywhere, is too large, or cannot be read.
pub fn pack(root: &Path, options: &PackOptions) -> Result<Packed, PackError> {
    let selection = select::select(root, options)?;
    let mut files = Vec::with_capacity(selection.files.len());
    let mut writer = Writer::new(Vec::new());
    for (path, source) in selection.files {
        let read;
        let body = match &options.manifest_override {
            Some(bytes) if path == select::MANIFEST => bytes,
            _ => {
                read = fs::read(&source.path)?;
                &read
            }
        };
        let size = body.len() as u64;
        writer.file(&path, size, source.executable)?;
        writer.body(body)?;
        files.push(PackedFile {
            path,
            size,
            executable: source.executable,
        });
    }
    let tar = writer.finish()?;
    let zst = match options.compress {
        true => compress(&tar)?,
        false => Vec::new(),
    };
    // What would be refused on unpacking must not be published.
    let size = files.iter().map(|file| file.size).sum();
    let transferred = if options.compress { &zst } else { &tar };
    let limit = Limits::default().unpacked_for(Some(transferred.len() as u64));
    if size > limit {
        return Err(PackError::TooLarge { size, limit });
    }
    Ok(Packed {
        files,
        notes: selection.notes,
        digest: Digest::of(&tar),
        tar,
        zst_digest: Digest::of(&zst),
        zst,
    })
}

/// One frame, with the size of its contents and a checksum, by one thread: the
/// same bytes wherever the same version of libzstd runs.
fn compress(tar: &[u8]) -> io::Result<Vec<u8>> {
    let level = if tar.len() <= SMALL { 19 } else { 12 };
    let mut compressor = zstd::bulk::Compressor::new(level)?;
    compressor.include_checksum(true)?;
    compressor.include_contentsize(true)?;
    compressor.compress(tar)
}

/// The files of a folder as [`list`] finds them, with where they are on the disk.
pub(crate) fn sources(
    root: &Path,
    options: &PackOptions,
) -> Result<BTreeMap<String, Source>, PackError> {
    Ok(select::select(root, options)?.files)
}
