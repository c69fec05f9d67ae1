//! What the files of a registry are, by their paths.

use crate::{
    limits::{Row, rows},
    name::PackageName,
    version::Version,
};

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

    /// The limit of the bytes of such a file, if it is this one: readers may have smaller ones.
    pub fn size_limit(&self, bytes: u64) -> Option<Row> {
        let path = self.as_str();
        let row = match (self.kind(), path) {
            (FileKind::Index, "index.json") => rows::MAX_GLOBAL_INDEX_BYTES,
            (FileKind::Index, "mirror.json") => rows::MAX_SELECTION_BYTES,
            (FileKind::Index, _) => rows::MAX_PACKAGE_INDEX_BYTES,
            (FileKind::Release, _) => rows::MAX_RELEASE_BYTES,
            (FileKind::Artifact, _) => rows::MAX_MIRRORED_ARTIFACT_BYTES,
            (FileKind::Signature, _) => rows::MAX_NOTE_BYTES,
            (FileKind::Tile, _) if path.starts_with("log/tile/entries/") => {
                rows::MAX_ENTRY_BUNDLE_BYTES
            }
            (FileKind::Tile, _) => rows::MAX_TILE_BYTES,
            (FileKind::Log, "log/pending") => rows::MAX_PENDING_BYTES,
            (FileKind::Log, _) => rows::MAX_CHECKPOINT_BYTES,
            (FileKind::Staging, _) => rows::MAX_STAGING_BYTES,
            (FileKind::Map, _) if path.starts_with("map/size/") => rows::MAX_MAP_LEAF_BYTES,
            (FileKind::Map, _) => rows::MAX_MAP_NODE_BYTES,
            (FileKind::Trust, _) if bytes == rows::MAX_ROOTS_BYTES.value => rows::MAX_ROOTS_BYTES,
            (FileKind::Trust, _) => rows::MAX_NOTE_BYTES,
            (FileKind::Page, _) => rows::MAX_PAGE_FILE_BYTES,
            (FileKind::Other, _) => rows::MAX_SUBMISSION_BYTES,
        };
        Some(row).filter(|row| row.value == bytes)
    }

    /// The file of a registry that a path or a URL ends with, if it is of a kind that is known.
    pub fn at_end_of(place: &str) -> Option<Self> {
        let starts = place.match_indices('/').map(|(slash, _)| slash + 1);
        let keys = [0].into_iter().chain(starts);
        let mut keys = keys.filter_map(|start| Self::parse(place.get(start..)?).ok());
        keys.find(|key| key.kind() != FileKind::Other)
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
        for (place, bytes, expected) in [
            (
                "https://h/r/packages/a/index.json",
                64 << 20,
                Some("MAX_PACKAGE_INDEX_BYTES"),
            ),
            (
                "/srv/packages/x/packages/@s/a/1.0.0.json",
                1 << 20,
                Some("MAX_RELEASE_BYTES"),
            ),
            ("index.json", 512 << 20, Some("MAX_GLOBAL_INDEX_BYTES")),
            ("index.json", 16 << 20, None),
            (
                "http://h/log/checkpoint",
                64 << 10,
                Some("MAX_CHECKPOINT_BYTES"),
            ),
            ("http://h/log/tile/0/000", 8 << 10, Some("MAX_TILE_BYTES")),
            (
                "http://h/trust/root/index.json",
                4 << 20,
                Some("MAX_ROOTS_BYTES"),
            ),
            (
                "http://h/trust/root/1.note",
                1 << 20,
                Some("MAX_NOTE_BYTES"),
            ),
            ("http://h/anything", 1 << 20, None),
        ] {
            let limit = Key::at_end_of(place).and_then(|key| key.size_limit(bytes));
            assert_eq!(limit.map(|row| row.name), expected, "{place}");
        }
        let key = Key::parse("packages/@s/a/1.2.0.json").unwrap();
        let (name, version) = key.named_release().unwrap();
        assert_eq!((name.as_str(), version), ("@s/a", Version::new(1, 2, 0)));
    }
}
