//! A folder into an archive: the same bytes on every machine.
//!
//! What goes in, in this order of precedence:
//!
//! 1. `lumen.toml`, always; its bytes may be replaced.
//! 2. Never: folders of version control (`.git`, `.hg`, `.svn`, `.jj`), `.lumen`, the root's
//!    `lumen.lock` and `.gitignore`, which installs rewrite, `.DS_Store` and `Thumbs.db`. Nor
//!    what Lumen makes: archives of the package by their names, submissions, registries and
//!    copies of packages by the files in them, and `dist`, unless `include` names something
//!    in it.
//! 3. `exclude` patterns take out. They and `include` are written as in `.gitignore`.
//! 4. A file or folder that `include` names exactly (no wildcard, relative to the root) goes
//!    in even if it is ignored; so does what a pattern matches in an ignored folder that it
//!    names before its first wildcard.
//! 5. `.lumenignore` and `.gitignore` files take out, those of folders above the root as far
//!    as the repository goes, and so does what git is told elsewhere ([`Excludes`]).
//! 6. Hidden files, with a name that starts with a dot in their path, go in only if a pattern
//!    of `include` with such a name in it matches: they belong to tools (`.github`,
//!    `.editorconfig`), or are private.
//! 7. If there are `include` patterns, only what one of them matches goes in.
//!
//! Links to files inside the package are followed; other links to files are an
//! error, since their target may be anything of the user's, and so is a path that
//! `include` names behind such a link, and a link to nothing. Links to folders, as import links are, and
//! folders with a `lumen.toml` of their own are left out with a note. Folders
//! without files do not exist in an archive.
//!
//! A file that looks like a secret is an error, however it was selected, unless
//! `allow-secrets` names it. The check reads the same bytes that are packed.
//!
//! The executable bit comes from the file system; Windows has none, so publish a package
//! with executables from another system.

mod ignore;
mod made;
mod pattern;
mod root;
mod secrets;
mod select;
pub(crate) mod tar;

use std::{
    io,
    path::{Path, PathBuf},
};

use lumen_core::{Digest, PackageName, file_list::FileList, limits::rows};

pub use made::{OUTPUT, OUTPUT_IGNORE, VENDOR_LIST, stem};
pub use secrets::{Secret, SecretKind};

use self::{
    root::{Leads, Root},
    select::Source,
    tar::Writer,
};
use crate::{
    archive::Limits,
    portable::{Clash, PathRule},
};

/// Largest tar that is compressed with the most effort, in bytes.
const SMALL: usize = 8 << 20;

/// The start of the file that Git LFS commits in the place of a large one.
pub const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";

/// The most bytes that such a file has, by its specification.
const LFS_BYTES: usize = 1024;

/// What to pack.
#[derive(Debug, Clone)]
pub struct PackOptions {
    /// `[package] include`.
    pub include: Vec<String>,
    /// `[package] exclude`.
    pub exclude: Vec<String>,
    /// `[package] allow-secrets`: exact paths of files that may look like secrets.
    pub allow_secrets: Vec<String>,
    /// Replaces the bytes of `lumen.toml`.
    pub manifest_override: Option<Vec<u8>>,
    /// The package's name: its archives are left out.
    pub package: Option<PackageName>,
    /// Folders of Lumen's own, such as `LUMEN_HOME`: they are left out.
    pub places: Vec<PathBuf>,
    /// What git is told to ignore outside of the work tree, the weakest first.
    pub excludes: Vec<Excludes>,
    /// Whether to make [`Packed::zst`].
    pub compress: bool,
    /// Whether the folder belongs to the user and will be published: then secrets and links
    /// to nothing are errors. Off for a folder of another author that is only unpacked here.
    pub is_own: bool,
}

impl Default for PackOptions {
    fn default() -> Self {
        Self {
            include: Vec::new(),
            exclude: Vec::new(),
            allow_secrets: Vec::new(),
            manifest_override: None,
            package: None,
            places: Vec::new(),
            excludes: Vec::new(),
            compress: true,
            is_own: true,
        }
    }
}

/// The text of a file with patterns as in `.gitignore`, relative to the top of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excludes {
    /// The file, for messages.
    pub place: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
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

/// Something left out that the author may have expected in, or taken in that is not what it seems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Relative path with `/`.
    pub path: String,
    /// What the author should know about the file.
    pub reason: NoteReason,
}

/// Why something was left out, or is worth a word.
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
    /// A pattern of `include` with a wildcard.
    #[error("a pattern of `include` that matches no file")]
    NoMatch,
    /// An archive of the package, a submission, a registry or copies of packages.
    #[error("Lumen made it")]
    Made,
    /// The folder for archives has other files, too.
    #[error("a folder for archives, unless `include` names it")]
    Output,
    /// Not left out: it is ignored, but `include` names it.
    #[error("ignored, but named by `include`")]
    Named,
    /// A submodule of git that is not checked out.
    #[error("a git submodule that is not checked out")]
    Submodule,
    /// Not left out: in the place of a large file, what Git LFS commits.
    #[error("a pointer of Git LFS, not the file itself")]
    Pointer,
    /// Named by `include`, or the target of a link, but of a version control system or our own.
    #[error("never part of a package")]
    Never,
}

/// A link that leads to no file of the package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLink {
    /// Relative path of the link, with `/`.
    pub path: String,
    /// What the link says.
    pub target: String,
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
    /// Where the files are in the tar.
    pub list: FileList,
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
    #[error("these files look like secrets: {}", list(.found))]
    Secrets {
        /// All of them.
        found: Vec<Secret>,
        /// The paths that `allow-secrets` has already.
        allowed: Vec<String>,
    },
    /// Links to files outside of the package.
    #[error("these links lead out of the package: {}", list(.0))]
    LinksOutside(Vec<BadLink>),
    /// Links to nothing.
    #[error("these links lead to nothing: {}", list(.0))]
    Dangling(Vec<BadLink>),
    /// Another process changed the file while it was packed.
    #[error("`{0}` changed while it was packed")]
    Changed(String),
    /// Paths that do not work on every system.
    #[error("{}", unportable(.0))]
    Paths(Vec<BadPath>),
    /// More folders below one another than Lumen enters.
    #[error("`{0}` lies too many folders deep; {limit}", limit = rows::MAX_WALK_DEPTH)]
    TooDeep(String),
    /// More files than an archive may have.
    #[error("the package has {count} files; the limit `{}` is {limit}", rows::MAX_ARCHIVE_ENTRIES.name)]
    TooMany {
        /// How many there are.
        count: usize,
        /// The limit.
        limit: u32,
    },
    /// More bytes than an archive may have.
    #[error(
        "the package has {size} bytes; the limit is {limit}, which follows from `{}` and `{}`",
        rows::MAX_UNPACKED_BYTES.name,
        rows::MAX_UNPACKED_RATIO.name
    )]
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

/// Why a path cannot be packed: the error that the archive reader would give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPathRule {
    /// By itself.
    #[error(transparent)]
    Path(PathRule),
    /// Beside another.
    #[error(transparent)]
    Clash(Clash),
}

impl std::fmt::Display for BadLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` (to `{}`)", self.path, self.target)
    }
}

fn list(items: &[impl ToString]) -> String {
    let items: Vec<_> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}

fn unportable(paths: &[BadPath]) -> String {
    let lines = paths
        .iter()
        .map(|bad| format!("cannot pack `{}`: {}", bad.path, bad.rule));
    lines.collect::<Vec<_>>().join("; ")
}

/// Whether a file is what Git LFS commits in the place of a large one.
fn is_pointer(bytes: &[u8]) -> bool {
    let rest = bytes.strip_prefix(LFS_POINTER);
    rest.is_some_and(|rest| rest.starts_with(b"oid sha256:") && bytes.len() <= LFS_BYTES)
}

/// Packs a folder.
///
/// # Errors
/// When it holds secrets or paths that do not work everywhere, is too large, or cannot be read.
pub fn pack(root: &Path, options: &PackOptions) -> Result<Packed, PackError> {
    let (mut files, mut digests) = (Vec::new(), Vec::new());
    let mut writer = Writer::new(Vec::new());
    let notes = read(root, options, |path, bytes, executable| {
        let size = bytes.len() as u64;
        writer.file(path, size, executable)?;
        writer.body(bytes)?;
        digests.push(Digest::of(bytes));
        files.push(PackedFile {
            path: path.to_owned(),
            size,
            executable,
        });
        Ok(())
    })?;
    let tar = writer.finish()?;
    let zst = match options.compress {
        true => compress(&tar)?,
        false => Vec::new(),
    };
    // An archive that the reader would refuse must not be published.
    let size = files.iter().map(|file| file.size).sum();
    let transferred = if options.compress { &zst } else { &tar };
    let limit = Limits::default().unpacked_for(Some(transferred.len() as u64));
    if size > limit {
        return Err(PackError::TooLarge { size, limit });
    }
    let digest = Digest::of(&tar);
    let listed = files.iter().zip(digests).map(|(file, digest)| {
        let PackedFile {
            path,
            size,
            executable,
        } = file;
        (path.as_str(), *executable, *size, digest)
    });
    let list = FileList::of(digest, listed).map_err(io::Error::other)?;
    Ok(Packed {
        files,
        notes,
        digest,
        list,
        tar,
        zst_digest: Digest::of(&zst),
        zst,
    })
}

/// The link on a path in a folder that leads out of it, if there is one.
///
/// # Errors
/// When the folder or a link cannot be looked at.
pub fn link_out_of(folder: &Path, path: &str) -> io::Result<Option<BadLink>> {
    let root = Root::open(folder)?;
    Ok(match root.follow(path)? {
        Leads::Outside(path) => Some(BadLink {
            target: root.target(&path),
            path,
        }),
        Leads::Inside(_) | Leads::Nowhere => None,
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

/// Reads the files of a package, in the order of their paths, and hands on each path, its
/// bytes and whether it is executable. The caller must not use the files that it got before
/// an error.
///
/// # Errors
/// As [`pack`], and those of `take`.
pub(crate) fn read(
    root: &Path,
    options: &PackOptions,
    mut take: impl FnMut(&str, &[u8], bool) -> io::Result<()>,
) -> Result<Vec<Note>, PackError> {
    let folder = Root::open(root)?;
    let selection = select::select(&folder, root, options)?;
    // No compressor gets more than this into an archive that may be published.
    let limits = Limits::default();
    let limit = limits.unpacked.saturating_mul(limits.ratio);
    let size = selection
        .files
        .values()
        .fold(0_u64, |sum, source| sum.saturating_add(source.size));
    if size > limit {
        return Err(PackError::TooLarge { size, limit });
    }
    let mut secrets = Vec::new();
    let mut notes = selection.notes;
    for (path, source) in &selection.files {
        let Source { real, size, .. } = source;
        let bytes = match &options.manifest_override {
            Some(bytes) if path == select::MANIFEST => bytes.clone(),
            _ => folder
                .read(real, *size)?
                .filter(|bytes| bytes.len() as u64 == *size)
                .ok_or_else(|| PackError::Changed(path.clone()))?,
        };
        if options.is_own && made::is_bundle(&bytes) {
            let (path, reason) = (path.clone(), NoteReason::Made);
            notes.push(Note { path, reason });
            continue;
        }
        if is_pointer(&bytes) {
            let (path, reason) = (path.clone(), NoteReason::Pointer);
            notes.push(Note { path, reason });
        }
        if options.is_own && !options.allow_secrets.contains(path) {
            secrets.extend(secrets::look(path, real, &bytes));
        }
        take(path, &bytes, source.executable)?;
    }
    match secrets.is_empty() {
        true => Ok(notes),
        false => Err(PackError::Secrets {
            found: secrets,
            allowed: options.allow_secrets.clone(),
        }),
    }
}
