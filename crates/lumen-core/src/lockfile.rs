//! `lumen.lock`: the exact packages of a project.
//!
//! The same on every machine: relative paths, registry origins without credentials. One
//! block per package and one line per list entry, sorted, so that branches that add
//! different packages merge. A quick reader takes the form that the program writes, since
//! every command reads the lock first; a general one takes any other TOML with the same
//! meaning.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use crate::limits::{MAX_LOCK_VALUES, MAX_LOCKFILE_BYTES, rows};
use crate::{
    digest::Digest,
    index::SourceCommit,
    manifest::{
        self, GitReference,
        reader::{self, Reader},
    },
    name::PackageName,
    problem::Problem,
    remedy::Remedy,
    trust::NoteRef,
    version::Version,
};

mod build;
mod canonical;
mod general;
mod merge;
mod raw;
mod render;

pub use self::merge::{Contradiction, Merge, MergeError};

/// The name of the file.
pub const FILE_NAME: &str = "lumen.lock";

/// The format's version.
pub const VERSION: u64 = 1;

/// A `lumen.lock`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lockfile {
    /// The registries of the packages, by name.
    pub registries: BTreeMap<String, LockedRegistry>,
    /// The packages.
    pub packages: BTreeMap<PackageName, LockedPackage>,
    /// [`manifest::Manifest::requires`] of a project's root that is no package, and so has no
    /// block of its own; else empty.
    pub requires: Vec<String>,
}

/// One registry of a lock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockedRegistry {
    /// [`origin`]: nothing where the registry is a folder of this machine.
    pub origin: Option<String>,
    /// The state of its log; `None` for an unsigned registry.
    pub trust: Option<LockedTrust>,
}

/// The state of a signed registry that was proved when the lock was made: the registry may
/// only go on from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedTrust {
    /// The registry's fingerprint: SHA-256 of its first root note.
    pub root: Digest,
    /// The checkpoint, with its signatures.
    pub checkpoint: String,
    /// The newest root note; `None` in locks of earlier versions. The holder of a key that
    /// it removed must not make an earlier note count again.
    pub root_note: Option<NoteRef>,
}

/// One package of a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedPackage {
    /// The version.
    pub version: Version,
    /// Where it comes from.
    pub source: LockedSource,
    /// SHA-256 of the plain tar: the package's identity. Always there for packages of registries.
    pub checksum: Option<Digest>,
    /// Size of the plain tar in bytes.
    pub size: Option<u64>,
    /// The compressed artifact.
    pub compressed: Option<Compressed>,
    /// SHA-256 of `<version>.json`.
    pub metadata: Option<Digest>,
    /// `source` of the release, as far as it is plain; nothing in locks of earlier versions. It is
    /// a hint, which nothing proves: with it, `<version>.json` can be made from the archive.
    pub source_commit: Option<SourceCommit>,
    /// In a signed registry: the number of the ownership note in force when it was chosen.
    /// Which note that is follows from the registry's checkpoint.
    pub owners: Option<u64>,
    /// The hash of that note; nothing in locks of earlier versions.
    pub owners_note: Option<Digest>,
    /// The packages it depends on, with the features that are on. All of them are in the lock,
    /// unless it was edited by hand.
    pub dependencies: Vec<PackageName>,
    /// The features that are on.
    pub features: Vec<String>,
    /// For local packages: [`manifest::Manifest::requires`], so that a stale lock is seen
    /// without resolving.
    pub requires: Vec<String>,
}

impl LockedPackage {
    /// A package of which nothing is known but its version and its place.
    pub const fn new(version: Version, source: LockedSource) -> Self {
        Self {
            version,
            source,
            checksum: None,
            size: None,
            compressed: None,
            metadata: None,
            source_commit: None,
            owners: None,
            owners_note: None,
            dependencies: Vec::new(),
            features: Vec::new(),
            requires: Vec::new(),
        }
    }
}

/// A compressed artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compressed {
    /// SHA-256 of its bytes.
    pub hash: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// Where a locked package comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockedSource {
    /// A registry, by its name in [`Lockfile::registries`].
    Registry(String),
    /// A folder, relative to the lock's, with `/`; see [`LockedSource::path`].
    Path(String),
    /// A git repository.
    Git {
        /// URL; credentials are left out when the lock is written.
        url: String,
        /// What the manifest asked for.
        reference: GitReference,
        /// The commit: 40 or 64 lower-case hexadecimal digits.
        commit: String,
    },
}

/// A path that cannot be written into a lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a relative path with `/`, so it means nothing on other machines")]
pub struct LockedPathError(pub String);

impl LockedSource {
    /// A folder, checked: relative to the lock's, with `/`.
    ///
    /// # Errors
    /// When the path is absolute on any system, or has a `\` or a control character.
    pub fn path(path: impl Into<String>) -> Result<Self, LockedPathError> {
        let path = path.into();
        match is_locked_path(&path) {
            true => Ok(Self::Path(path)),
            false => Err(LockedPathError(path)),
        }
    }
}

fn is_locked_path(path: &str) -> bool {
    !path.is_empty()
        && !manifest::is_absolute(path)
        && !path.chars().any(|c| c == '\\' || c.is_control())
}

impl Lockfile {
    /// The packages that are installed from an archive, with its digest: those of registries and of git.
    pub fn archives(&self) -> impl Iterator<Item = (&PackageName, &LockedPackage, Digest)> {
        let packages = self.packages.iter();
        packages.filter_map(|(name, package)| Some((name, package, package.checksum?)))
    }

    /// Parses a lock; `file` is its name for messages. Keys it does not know are ignored.
    ///
    /// # Errors
    /// The first problem.
    pub fn parse(file: &str, text: &str) -> Result<Self, Problem> {
        with_raw(file, text, |raw| build::build(file, text, raw, &[]))
    }

    /// The same for one side of a merge conflict, whose packages may also come from the
    /// registries of the other side.
    fn parse_among(file: &str, text: &str, registries: &[String]) -> Result<Self, Problem> {
        with_raw(file, text, |raw| build::build(file, text, raw, registries))
    }

    /// The packages that some packages need by the lists of dependencies, these included.
    pub fn needed<'a>(
        &'a self,
        roots: impl IntoIterator<Item = &'a PackageName>,
    ) -> BTreeSet<&'a PackageName> {
        let mut needed = BTreeSet::new();
        let mut stack: Vec<&PackageName> = roots.into_iter().collect();
        while let Some(name) = stack.pop() {
            if needed.insert(name)
                && let Some(package) = self.packages.get(name)
            {
                stack.extend(&package.dependencies);
            }
        }
        needed
    }
}

/// Reads a lock, whatever shape of TOML it has, and hands out what it says.
fn with_raw<T>(
    file: &str,
    text: &str,
    then: impl FnOnce(raw::Lock<'_>) -> Result<T, Problem>,
) -> Result<T, Problem> {
    if has_too_many_values(text) {
        let what = format!("`{file}` has more values than the lock of any project");
        return Err(Problem::error(what).hint(Remedy::RestoreLock));
    }
    let quick = match text.len() <= MAX_LOCKFILE_BYTES {
        true => canonical::read(text),
        false => None,
    };
    if let Some(raw) = quick {
        return then(raw);
    }
    let mut reader = Reader::new(file, text);
    if let Some(span) = reader::conflict_marker(text) {
        return Err(reader
            .error(span, "the lock has the markers of a merge conflict")
            .hint(Remedy::MergeLock));
    }
    let document = reader.document(rows::MAX_LOCKFILE_BYTES);
    let raw = document
        .as_ref()
        .map(|document| general::read(&mut reader, document))
        .unwrap_or_default();
    match reader.take_first_error() {
        Some(problem) => Err(problem),
        None => then(raw),
    }
}

/// Whether a lock would take much more memory than it has bytes.
fn has_too_many_values(text: &str) -> bool {
    let values = || text.bytes().filter(|byte| b"[{=,.".contains(byte));
    (MAX_LOCK_VALUES..=MAX_LOCKFILE_BYTES).contains(&text.len())
        && values().count() > MAX_LOCK_VALUES
}

/// What a lock says about a registry's URL: `http(s)` with host, port and path; `None` for anything else.
pub fn origin(url: &str) -> Option<String> {
    let mut url = Url::parse(url).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    // Both are refused only for URLs without a host, which these schemes do not have.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    Some(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests;
