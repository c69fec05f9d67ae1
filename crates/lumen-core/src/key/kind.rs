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
    /// What kind of file it is.
    pub fn kind(&self) -> FileKind {
        use FileKind::{Artifact, Log, Map, Other, Page, Signature, Staging, Tile, Trust};
        let path = self.as_str();
        if path == "index.json" || path == "mirror.json" {
            return FileKind::Index;
        }
        if path.starts_with("packages/") {
            return match self.package() {
                Some(_) if path.ends_with("/index.json") => FileKind::Index,
                Some(name) if self.release_version(&name).is_some() => FileKind::Release,
                _ => Other,
            };
        }
        let folders = [
            ("artifacts/", Artifact),
            ("signatures/", Signature),
            ("log/tile/", Tile),
            ("log/staging/", Staging),
            ("log/", Log),
            ("map/", Map),
            ("trust/", Trust),
            ("assets/", Page),
            ("search/", Page),
            ("index.html", Page),
        ];
        let found = folders.iter().find(|(folder, _)| path.starts_with(folder));
        found.map_or(Other, |(_, kind)| *kind)
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_path() {
        for (path, kind) in [
            ("index.json", "indexes"),
            ("mirror.json", "indexes"),
            ("packages/@s/a/index.json", "indexes"),
            ("packages/@s/a/1.0.0-rc.1.json", "releases"),
            ("packages/a/README", "other"),
            ("packages/x.json", "other"),
            ("artifacts/sha256/ab/c.tar.zst", "artifacts"),
            ("signatures/a/1.0.0.sig.json", "signatures"),
            ("log/tile/0/000.p/5", "tiles"),
            ("log/staging/ab", "staging"),
            ("log/head", "log"),
            ("map/size/15", "map"),
            ("trust/root/1.note", "trust"),
            ("search/ab.json", "page"),
            ("index.html", "page"),
            ("anything", "other"),
        ] {
            assert_eq!(Key::parse(path).unwrap().kind().as_str(), kind, "{path}");
        }
        let key = Key::parse("packages/@s/a/1.2.0.json").unwrap();
        let (name, version) = key.named_release().unwrap();
        assert_eq!((name.as_str(), version), ("@s/a", Version::new(1, 2, 0)));
    }
}
