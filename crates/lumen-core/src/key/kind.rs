//! What the files of a registry are, by their paths.

use crate::{name::PackageName, version::Version};

use super::Key;

/// A kind of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// Indexes of packages, and the one of the registry.
    Index,
    /// `<version>.json`.
    Release,
    /// Contents of releases.
    Artifact,
    /// Where the files of releases are in their tars.
    FileList,
    /// Signature files of releases.
    Signature,
    /// Tiles and entries of the log.
    Tile,
    /// The log's head and checkpoint.
    Log,
    /// Batches of the log that were written before their commit.
    Staging,
    /// Nodes and roots of the name map.
    Map,
    /// Roots and owners, and what waits for approval.
    Trust,
    /// The web page and what it searches in.
    Page,
    /// Anything else.
    Other,
}

impl FileKind {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Index => "indexes",
            Self::Release => "releases",
            Self::Artifact => "artifacts",
            Self::FileList => "file lists",
            Self::Signature => "signatures",
            Self::Tile => "tiles",
            Self::Log => "log",
            Self::Staging => "staging",
            Self::Map => "map",
            Self::Trust => "trust",
            Self::Page => "page",
            Self::Other => "other",
        }
    }
}

impl Key {
    /// The package that a file below `packages/` is of.
    pub fn package(&self) -> Option<PackageName> {
        let path = self.as_str().strip_prefix("packages/")?;
        PackageName::parse(path.rsplit_once('/')?.0).ok()
    }

    /// The release whose file this is.
    pub fn named_release(&self) -> Option<(PackageName, Version)> {
        let name = self.package()?;
        let version = self.release_version(&name)?;
        Some((name, version))
    }
}
