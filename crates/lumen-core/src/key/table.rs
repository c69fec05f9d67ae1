//! What files a registry has: one row for each class of paths.
//!
//! Everything that treats files by their paths reads this table: hosts that keep headers, the
//! configurations of web servers, mirrors, garbage collection and statistics.

use super::{Key, kind::FileKind, serving::Mutability};
use crate::limits::{Row, rows};

/// Files whose paths start and end in a certain way, and what is done with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// What their paths start with, if it ends with `/`; else the whole path.
    pub start: &'static str,
    /// What their paths end with; empty: anything.
    pub ending: &'static str,
    /// The file name that is of another class all the same; empty: none.
    pub except: &'static str,
    /// What they are.
    pub kind: FileKind,
    /// Whether they ever change.
    pub mutability: Mutability,
    /// Their `Content-Type`; empty: what [`CONTENT_TYPES`] says.
    pub content_type: &'static str,
    /// Whether they are small and needed to find others: not the contents of releases, nor what
    /// is only kept for the record.
    pub is_metadata: bool,
    /// The limit of the bytes of one; readers may have smaller ones.
    pub limit: Row,
}

/// Media types by the ending of the path; the first that fits counts.
pub const CONTENT_TYPES: [(&str, &str); 5] = [
    (".json", "application/json"),
    (".tar", "application/x-tar"),
    (".tar.zst", "application/zstd"),
    (".note", TEXT),
    (".files", TEXT),
];

/// All classes; the first that fits counts. Files of none may be replaced.
///
/// Partial tiles never change: their names have their width, and a log only grows.
pub const CLASSES: [Class; 26] = {
    use FileKind::{
        Artifact, FileList, Index, Log, Map, Other, Page, Release, Signature, Staging, Tile, Trust,
    };
    [
        Class::at("index.json", Index, rows::MAX_GLOBAL_INDEX_BYTES).metadata(),
        Class::at("mirror.json", Index, rows::MAX_SELECTION_BYTES),
        Class::at("artifacts/", FileList, rows::MAX_FILE_LIST_BYTES)
            .ending(".files")
            .immutable(),
        Class::at("artifacts/", Artifact, rows::MAX_MIRRORED_ARTIFACT_BYTES).immutable(),
        Class::at("packages/", Release, rows::MAX_RELEASE_BYTES)
            .ending(".json")
            .except("index.json")
            .immutable()
            .metadata(),
        Class::at("packages/", Index, rows::MAX_PACKAGE_INDEX_BYTES)
            .ending("/index.json")
            .metadata(),
        Class::at("packages/", Other, rows::MAX_SUBMISSION_BYTES).metadata(),
        Class::at("signatures/", Signature, rows::MAX_NOTE_BYTES).immutable(),
        Class::at("log/tile/entries/", Tile, rows::MAX_ENTRY_BUNDLE_BYTES)
            .immutable()
            .metadata(),
        Class::at("log/tile/", Tile, rows::MAX_TILE_BYTES)
            .immutable()
            .metadata(),
        Class::at("log/staging/", Staging, rows::MAX_STAGING_BYTES)
            .immutable()
            .served_as(JSON),
        Class::at("log/pending", Log, rows::MAX_PENDING_BYTES)
            .served_as(JSON)
            .metadata(),
        Class::at("log/witnessed/", Log, rows::MAX_CHECKPOINT_BYTES)
            .immutable()
            .served_as(TEXT)
            .metadata(),
        Class::at("log/witnessed.json", Log, rows::MAX_WITNESSED_BYTES).metadata(),
        Class::at("log/checkpoint", Log, rows::MAX_CHECKPOINT_BYTES)
            .served_as(TEXT)
            .metadata(),
        Class::at("log/head", Log, rows::MAX_CHECKPOINT_BYTES)
            .served_as(TEXT)
            .metadata(),
        Class::at("log/", Log, rows::MAX_CHECKPOINT_BYTES).metadata(),
        Class::at("map/size/", Map, rows::MAX_MAP_LEAF_BYTES)
            .immutable()
            .served_as(TEXT)
            .metadata(),
        Class::at("map/", Map, rows::MAX_MAP_NODE_BYTES)
            .immutable()
            .metadata(),
        Class::at("trust/root/index.json", Trust, rows::MAX_ROOTS_BYTES).metadata(),
        Class::at("trust/", Trust, rows::MAX_NOTE_BYTES)
            .ending(".note")
            .immutable()
            .metadata(),
        Class::at("trust/", Trust, rows::MAX_NOTE_BYTES).metadata(),
        Class::at("assets/", Page, rows::MAX_PAGE_FILE_BYTES),
        Class::at("search/", Page, rows::MAX_PAGE_FILE_BYTES),
        Class::at("index.html", Page, rows::MAX_PAGE_FILE_BYTES),
        OTHERS,
    ]
};

/// Files of no other class.
const OTHERS: Class = Class::at("", FileKind::Other, rows::MAX_SUBMISSION_BYTES);

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// The type of files of which nothing is known.
const BINARY: &str = "application/octet-stream";

impl Class {
    const fn at(start: &'static str, kind: FileKind, limit: Row) -> Self {
        Self {
            start,
            ending: "",
            except: "",
            kind,
            mutability: Mutability::Mutable,
            content_type: "",
            is_metadata: false,
            limit,
        }
    }

    const fn ending(mut self, ending: &'static str) -> Self {
        self.ending = ending;
        self
    }

    const fn except(mut self, name: &'static str) -> Self {
        self.except = name;
        self
    }

    const fn immutable(mut self) -> Self {
        self.mutability = Mutability::Immutable;
        self
    }

    const fn served_as(mut self, content_type: &'static str) -> Self {
        self.content_type = content_type;
        self
    }

    const fn metadata(mut self) -> Self {
        self.is_metadata = true;
        self
    }

    fn has(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        let starts = match self.start {
            "" => true,
            start if start.ends_with('/') => path.starts_with(start),
            whole => path == whole,
        };
        starts && path.ends_with(self.ending) && (self.except.is_empty() || name != self.except)
    }

    /// The `Content-Type` of a file of this class.
    fn type_of(&self, path: &str) -> &'static str {
        let by_ending = || {
            let mut known = CONTENT_TYPES.into_iter();
            known.find(|(ending, _)| path.ends_with(ending))
        };
        match self.content_type {
            "" => by_ending().map_or(BINARY, |(_, known)| known),
            content_type => content_type,
        }
    }
}

/// Classes of files that never change, but for those inside of a folder that another has whole.
pub fn immutable() -> impl Iterator<Item = &'static Class> {
    let is_immutable = |class: &&Class| class.mutability == Mutability::Immutable;
    CLASSES.iter().filter(is_immutable).filter(move |class| {
        let holds = |other: &Class| {
            other != *class && other.ending.is_empty() && class.start.starts_with(other.start)
        };
        !CLASSES.iter().filter(is_immutable).any(holds)
    })
}

impl Key {
    /// The class of the file.
    pub fn class(&self) -> &'static Class {
        let found = CLASSES.iter().find(|class| class.has(self.as_str()));
        found.unwrap_or(&OTHERS)
    }

    /// What kind of file it is.
    pub fn kind(&self) -> FileKind {
        let kind = self.class().kind;
        let fits = match kind {
            FileKind::Index if self.as_str().contains('/') => self.package().is_some(),
            FileKind::Release => self.named_release().is_some(),
            _ => true,
        };
        match fits {
            true => kind,
            false => FileKind::Other,
        }
    }

    /// The limit of the bytes of such a file, if it is this one: readers may have smaller ones.
    pub fn size_limit(&self, bytes: u64) -> Option<Row> {
        Some(self.class().limit).filter(|row| row.value == bytes)
    }

    /// The file of a registry that a path or a URL ends with, if it is of a kind that is known.
    pub fn at_end_of(place: &str) -> Option<Self> {
        let starts = place.match_indices('/').map(|(slash, _)| slash + 1);
        let keys = [0].into_iter().chain(starts);
        let mut keys = keys.filter_map(|start| Self::parse(place.get(start..)?).ok());
        keys.find(|key| key.kind() != FileKind::Other)
    }

    /// The `Content-Type` of the file.
    pub fn content_type(&self) -> &'static str {
        self.class().type_of(self.as_str())
    }

    /// Whether the file ever changes, which decides how long it may be kept.
    pub fn mutability(&self) -> Mutability {
        self.class().mutability
    }

    /// Whether the file is small and needed to find others, so that a host which hands out
    /// many at a time is best asked for all of them.
    pub fn is_metadata(&self) -> bool {
        self.class().is_metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::Version;

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
            ("artifacts/sha256/ab/c.files", "file lists"),
            ("artifacts/sha256/ab/c.tar.files", "file lists"),
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

    #[test]
    fn types_and_caching() {
        use Mutability::{Immutable, Mutable};
        let binary = "application/octet-stream";
        let json = "application/json";
        for (path, kind, mutability) in [
            ("index.json", json, Mutable),
            ("packages/a/index.json", json, Mutable),
            ("packages/@a/index/index.json", json, Mutable),
            ("packages/a/1.0.0.json", json, Immutable),
            ("packages/a/README", binary, Mutable),
            ("artifacts/sha256/ab/c.tar", "application/x-tar", Immutable),
            (
                "artifacts/sha256/ab/c.tar.zst",
                "application/zstd",
                Immutable,
            ),
            ("artifacts/sha256/ab/c.files", TEXT, Immutable),
            ("signatures/a/1.0.0.sig.json", json, Immutable),
            ("log/checkpoint", TEXT, Mutable),
            ("log/head", TEXT, Mutable),
            ("log/pending", json, Mutable),
            ("log/witnessed.json", json, Mutable),
            ("log/witnessed/17", TEXT, Immutable),
            ("log/staging/abc", json, Immutable),
            ("log/tile/0/000.p/5", binary, Immutable),
            ("log/tile/entries/000", binary, Immutable),
            ("map/size/15", TEXT, Immutable),
            ("map/ab/cd", binary, Immutable),
            ("trust/root/1.note", TEXT, Immutable),
            ("trust/root/index.json", json, Mutable),
            ("trust/names/@a/index.json", json, Mutable),
            ("anything", binary, Mutable),
        ] {
            let key = Key::parse(path).unwrap();
            assert_eq!(key.content_type(), kind, "{path}");
            assert_eq!(key.mutability(), mutability, "{path}");
        }
    }

    #[test]
    fn folders_that_never_change() {
        let paths = immutable().map(|class| format!("{}*{}", class.start, class.ending));
        assert_eq!(
            paths.collect::<Vec<_>>(),
            [
                "artifacts/*",
                "packages/*.json",
                "signatures/*",
                "log/tile/*",
                "log/staging/*",
                "log/witnessed/*",
                "map/*",
                "trust/*.note",
            ]
        );
    }
}
