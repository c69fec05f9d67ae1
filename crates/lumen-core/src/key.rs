//! Registry keys: the one place that knows every path inside a registry.

pub mod kind;
pub mod serving;
pub mod table;

use std::fmt;

use semver::Version;

use crate::{
    digest::Digest,
    name::PackageName,
    tile::{Tile, entries::entries_path},
    trust::Subject,
};

pub use serving::Mutability;

/// A path inside a registry, relative, `/`-separated, with raw `@` in scopes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// The encoding of an artifact, and with it the file name extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArtifactKind {
    /// `tar`: uncompressed when Lumen made it, possibly gzip when made by hand.
    Tar,
    /// `tar.zst`: the same tree, compressed with Zstandard.
    TarZst,
}

/// A text that is no path inside a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a path inside a registry")]
pub struct KeyError(pub String);

impl ArtifactKind {
    /// The `kind` field of an artifact entry, which is also the extension.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::TarZst => "tar.zst",
        }
    }

    /// The kind with this name, if it is one this version knows.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Tar, Self::TarZst]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// The extension of file lists.
pub(crate) const FILE_LIST: &str = "files";

impl Key {
    /// The folder of files to try a host with.
    pub const SCRATCH: &str = ".lumen";

    /// The prefix of all packages.
    pub const PACKAGES: &str = "packages/";

    /// `index.json`, the global index.
    pub fn global_index() -> Self {
        Self("index.json".into())
    }

    /// `packages/<name>/index.json`.
    pub fn package_index(name: &PackageName) -> Self {
        Self(format!("packages/{name}/index.json"))
    }

    /// `packages/<name>/<version>.json`.
    pub fn release(name: &PackageName, version: &Version) -> Self {
        Self(format!("packages/{name}/{version}.json"))
    }

    /// `packages/<@scope>/`, the prefix of everything about the packages of a scope.
    pub fn scope_prefix(scope: &str) -> String {
        format!("packages/{scope}/")
    }

    /// `packages/<name>/`, the prefix of everything about a package.
    pub fn package_prefix(name: &PackageName) -> String {
        format!("packages/{name}/")
    }

    /// `artifacts/sha256/<2 hex>/<62 hex>.<kind>`.
    pub fn artifact(digest: &Digest, kind: ArtifactKind) -> Self {
        Self::artifact_of(digest, kind.as_str())
    }

    /// The same for a kind by its name, which has letters, digits and dots alone.
    pub(crate) fn artifact_of(digest: &Digest, kind: &str) -> Self {
        let hex = digest.hex();
        Self(format!(
            "artifacts/sha256/{}/{}.{kind}",
            &hex[..2],
            &hex[2..]
        ))
    }

    /// `artifacts/sha256/<2 hex>/<62 hex>.files`, the file list with this digest.
    pub fn file_list(digest: &Digest) -> Self {
        Self::artifact_of(digest, FILE_LIST)
    }

    /// `artifacts/sha256/<2 hex>/<62 hex>.tar.files`, a file list that no release names: beside
    /// the plain tar with this digest.
    pub fn unsigned_file_list(tar: &Digest) -> Self {
        let tar = Self::artifact(tar, ArtifactKind::Tar);
        Self(format!("{tar}.{FILE_LIST}"))
    }

    /// `signatures/<name>/<version>.sig.json`.
    pub fn signature(name: &PackageName, version: &Version) -> Self {
        Self(format!("signatures/{name}/{version}.sig.json"))
    }

    /// `log/checkpoint`.
    pub fn checkpoint() -> Self {
        Self("log/checkpoint".into())
    }

    /// `log/head`, the writers' commit point.
    pub fn head() -> Self {
        Self("log/head".into())
    }

    /// `log/pending`, the commits that wait for witnesses.
    pub fn pending() -> Self {
        Self("log/pending".into())
    }

    /// `log/witnessed/<size>`, a checkpoint that witnesses signed and that another replaced.
    pub fn witnessed(size: u64) -> Self {
        Self(format!("{}{size}", Self::WITNESSED))
    }

    /// The prefix of those checkpoints.
    pub const WITNESSED: &str = "log/witnessed/";

    /// `log/witnessed.json`, the sizes and times of those checkpoints.
    pub fn witnessed_list() -> Self {
        Self("log/witnessed.json".into())
    }

    /// `log/staging/<64 hex>`, the entries of a batch.
    pub fn staging(digest: &Digest) -> Self {
        Self(format!("log/staging/{}", digest.hex()))
    }

    /// `log/tile/<level>/<index>[.p/<width>]`.
    pub fn tile(tile: &Tile) -> Self {
        Self(format!("log/{}", tile.path()))
    }

    /// `log/tile/entries/<index>[.p/<width>]`.
    pub fn entries(index: u64, width: u16) -> Self {
        Self(format!("log/{}", entries_path(index, width)))
    }

    /// `map/size/<size>`, the leaf that has the map's root.
    pub fn map_size(size: u64) -> Self {
        Self(format!("map/size/{size}"))
    }

    /// `map/<2 hex>/<62 hex>`, a node of the name map.
    pub fn map_node(digest: &Digest) -> Self {
        let hex = digest.hex();
        Self(format!("map/{}/{}", &hex[..2], &hex[2..]))
    }

    /// `trust/root/<n>.note`.
    pub fn root_note(seq: u64) -> Self {
        Self(format!("trust/root/{seq}.note"))
    }

    /// `trust/root/index.json`, all root notes with their places in the log.
    pub fn root_index() -> Self {
        Self("trust/root/index.json".into())
    }

    /// `trust/names/<@scope or name>/<n>.note`.
    pub fn owners_note(subject: &str, seq: u64) -> Self {
        Self(format!("trust/names/{subject}/{seq}.note"))
    }

    /// `trust/names/<@scope>/index.json`, all notes of a scope with their places in the log.
    pub fn owners_index(subject: &str) -> Self {
        Self(format!("trust/names/{subject}/index.json"))
    }

    /// `.lumen/<what>-<16 hex>`, a file to try a host with. No registry has it, and no listing shows it.
    pub fn scratch(what: &str, number: u64) -> Self {
        Self(format!("{}/{what}-{number:016x}", Self::SCRATCH))
    }

    /// Whether this is a file to try a host with.
    pub fn is_scratch(&self) -> bool {
        let below = self.0.strip_prefix(Self::SCRATCH);
        below.is_some_and(|below| below.starts_with('/'))
    }

    /// The index file that lists the events of a subject.
    pub fn events_of(subject: &Subject) -> Self {
        match subject {
            Subject::Root => Self::root_index(),
            Subject::Scope(scope) => Self::owners_index(scope),
            Subject::Package(name) => Self::package_index(name),
        }
    }

    /// `trust/queue/<64 hex>.note`, a claim that waits, or its rejection.
    pub fn queued(digest: &Digest) -> Self {
        Self(format!("{}{}.note", Self::QUEUE, digest.hex()))
    }

    /// The prefix of all that waits for the names keys.
    pub const QUEUE: &str = "trust/queue/";

    /// `mirror.json`, of a mirror that lacks packages.
    pub fn mirror() -> Self {
        Self("mirror.json".into())
    }

    /// The version a key of the form `packages/<name>/<version>.json` names.
    pub fn release_version(&self, name: &PackageName) -> Option<Version> {
        let file = self
            .0
            .strip_prefix(&Self::package_prefix(name))?
            .strip_suffix(".json")?;
        Version::parse(file).ok()
    }

    /// Parses a relative path found in a registry file or a listing.
    ///
    /// # Errors
    /// When the text is absolute, has an empty, `.` or `..` segment, a
    /// backslash, a colon, a query, a fragment or a control character.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let segment = |s: &str| !s.is_empty() && s != "." && s != "..";
        let character = |c: char| !c.is_control() && !matches!(c, '\\' | ':' | '?' | '#' | '%');
        match text.len() <= 1024 && text.chars().all(character) && text.split('/').all(segment) {
            true => Ok(Self(text.to_owned())),
            false => Err(KeyError(text.to_owned())),
        }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_guide() {
        let name = PackageName::parse("@scope/package-name").unwrap();
        let version = Version::new(1, 0, 0);
        assert_eq!(
            Key::package_index(&name).as_str(),
            "packages/@scope/package-name/index.json"
        );
        let key = Key::release(&name, &version);
        assert_eq!(key.as_str(), "packages/@scope/package-name/1.0.0.json");
        assert_eq!(key.release_version(&name), Some(version));
        assert_eq!(Key::package_index(&name).release_version(&name), None);
        let digest = Digest::of(b"abc");
        assert_eq!(
            Key::artifact(&digest, ArtifactKind::TarZst).as_str(),
            "artifacts/sha256/ba/7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.tar.zst"
        );
        assert_eq!(
            Key::file_list(&digest).as_str(),
            "artifacts/sha256/ba/7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.files"
        );
        assert_eq!(
            Key::unsigned_file_list(&digest).as_str(),
            "artifacts/sha256/ba/7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.tar.files"
        );
    }

    #[test]
    fn paths_of_signed_registries() {
        use Mutability::{Immutable, Mutable};
        let name = PackageName::parse("@scope/package-name").unwrap();
        let digest = Digest::of(b"abc");
        let tile = Tile {
            level: 0,
            index: 1234,
            width: 5,
        };
        for (key, path, mutability) in [
            (Key::checkpoint(), "log/checkpoint", Mutable),
            (Key::head(), "log/head", Mutable),
            (Key::pending(), "log/pending", Mutable),
            (Key::witnessed(17), "log/witnessed/17", Immutable),
            (Key::witnessed_list(), "log/witnessed.json", Mutable),
            (
                Key::staging(&digest),
                "log/staging/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                Immutable,
            ),
            (Key::tile(&tile), "log/tile/0/x001/234.p/5", Immutable),
            (Key::entries(3, 256), "log/tile/entries/003", Immutable),
            (Key::map_size(15), "map/size/15", Immutable),
            (
                Key::map_node(&digest),
                "map/ba/7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                Immutable,
            ),
            (Key::root_note(2), "trust/root/2.note", Immutable),
            (Key::root_index(), "trust/root/index.json", Mutable),
            (
                Key::owners_note("@scope", 1),
                "trust/names/@scope/1.note",
                Immutable,
            ),
            (
                Key::queued(&digest),
                "trust/queue/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.note",
                Immutable,
            ),
            (
                Key::owners_index("@scope"),
                "trust/names/@scope/index.json",
                Mutable,
            ),
            (
                Key::signature(&name, &Version::new(1, 0, 0)),
                "signatures/@scope/package-name/1.0.0.sig.json",
                Immutable,
            ),
            (
                Key::package_index(&name),
                "packages/@scope/package-name/index.json",
                Mutable,
            ),
        ] {
            assert_eq!(key.as_str(), path);
            assert_eq!(key.mutability(), mutability, "{path}");
            assert_eq!(Key::parse(path), Ok(key));
        }
    }

    #[test]
    fn hostile_paths() {
        for bad in [
            "",
            "/etc/passwd",
            "a//b",
            "../x",
            "a/../b",
            "./a",
            "a\\b",
            "c:/x",
            "http://h/x",
            "a?b",
            "a#b",
            "a\nb",
            "a%2fb",
        ] {
            assert!(Key::parse(bad).is_err(), "{bad}");
        }
        assert!(Key::parse("artifacts/sha256/ab/c.tar").is_ok());
    }
}
