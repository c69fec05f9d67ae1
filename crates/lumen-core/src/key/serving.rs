//! How to serve files: their types, and how long caches may keep them.
//!
//! Publishers set these headers at hosts that keep them, and `registry host` writes them
//! into the configuration of a web server.

use super::Key;

/// How a host may cache a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutability {
    /// Never changes once written.
    Immutable,
    /// Replaced by later publishes; must be revalidated.
    Mutable,
}

/// Paths of files that never change: those in a folder whose names end in a certain way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImmutablePaths {
    /// What they start with; ends with `/`.
    pub folder: &'static str,
    /// What they end with; empty: anything.
    pub ending: &'static str,
    /// The file name that changes all the same; empty: none.
    pub except: &'static str,
}

/// All files that never change. Any other may be replaced.
///
/// Partial tiles are among them: their names have their width, and a log only grows.
pub const IMMUTABLE: [ImmutablePaths; 7] = [
    whole("artifacts/"),
    ImmutablePaths {
        folder: "packages/",
        ending: ".json",
        except: "index.json",
    },
    whole("signatures/"),
    whole("log/tile/"),
    whole("log/staging/"),
    whole("map/"),
    ImmutablePaths {
        folder: "trust/",
        ending: ".note",
        except: "",
    },
];

/// Prefixes of the small files that readers and writers need to find everything else. Not
/// the contents of releases, nor files that are only kept for the record.
const METADATA: [&str; 5] = ["index.json", "packages/", "trust/", "log/", "map/"];

/// Media types by the ending of the path; the first that fits counts.
pub const CONTENT_TYPES: [(&str, &str); 4] = [
    (".json", "application/json"),
    (".tar", "application/x-tar"),
    (".tar.zst", "application/zstd"),
    (".note", TEXT),
];

const TEXT: &str = "text/plain; charset=utf-8";

const fn whole(folder: &'static str) -> ImmutablePaths {
    ImmutablePaths {
        folder,
        ending: "",
        except: "",
    }
}

impl ImmutablePaths {
    fn has(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        path.starts_with(self.folder) && path.ends_with(self.ending) && name != self.except
    }
}

impl Mutability {
    /// The `Cache-Control` of such files (RFC 9111, RFC 8246).
    ///
    /// A cache may keep a mutable file, but must revalidate it every time. So clients see a
    /// new release or a yank at once, and indexes are never older than the checkpoint.
    pub const fn cache_control(self) -> &'static str {
        match self {
            Self::Immutable => "public, max-age=31536000, immutable",
            Self::Mutable => "no-cache",
        }
    }
}

impl Key {
    /// Whether the file ever changes, which decides how long it may be kept.
    pub fn mutability(&self) -> Mutability {
        match IMMUTABLE.iter().any(|paths| paths.has(self.as_str())) {
            true => Mutability::Immutable,
            false => Mutability::Mutable,
        }
    }

    /// Whether the file is small and needed to find others, so that a host which hands out
    /// many at a time is best asked for all of them.
    pub fn is_metadata(&self) -> bool {
        let path = self.as_str();
        METADATA.iter().any(|start| path.starts_with(start)) && !path.starts_with("log/staging/")
    }

    /// The `Content-Type` of the file.
    pub fn content_type(&self) -> &'static str {
        let path = self.as_str();
        if let Some((_, kind)) = CONTENT_TYPES
            .into_iter()
            .find(|(ending, _)| path.ends_with(ending))
        {
            return kind;
        }
        let text = ["log/checkpoint", "log/head"].contains(&path) || path.starts_with("map/size/");
        match text {
            true => TEXT,
            false if path.starts_with("log/staging/") || path == "log/pending" => {
                "application/json"
            }
            false => "application/octet-stream",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("signatures/a/1.0.0.sig.json", json, Immutable),
            ("log/checkpoint", TEXT, Mutable),
            ("log/head", TEXT, Mutable),
            ("log/pending", json, Mutable),
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
}
