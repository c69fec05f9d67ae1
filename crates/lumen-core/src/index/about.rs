//! What a release says about itself, beyond what installing needs.
//!
//! Version 0.1 did not know these fields, and registries of other tools may have fields of the
//! same names with other types. So a reader takes a value that it cannot read for none, and a
//! release without these fields is in the *first form*.

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::artifact::Artifact;
use crate::{
    digest::Digest,
    key::{FILE_LIST, Key},
    limits::MAX_PATH_BYTES,
    version::Version,
};

/// The version of this program, which releases compare their `lumen` with.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The fields of a release that the first form lacks.
pub(super) const ABOUT: [&str; 12] = [
    "keywords",
    "authors",
    "repository",
    "homepage",
    "documentation",
    "links",
    "readme",
    "lumen",
    "support_until",
    "source",
    "provenance",
    "files",
];

/// Those of them that a package index repeats of its newest release, and the licence.
pub(super) const SHOWN: [&str; 6] = [
    "license",
    "keywords",
    "repository",
    "homepage",
    "documentation",
    "links",
];

/// `source` of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCommit {
    /// The version control system: `git`.
    pub vcs: String,
    /// The full hash of the commit, in lower-case hexadecimal digits.
    pub commit: String,
    /// The package's folder in the repository, with `/`; none for its root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether packed files differed from the commit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dirty: bool,
}

/// The only version control system that publishers record.
const GIT: &str = "git";

/// What follows the commit in the short form, if packed files differed from it.
const DIRTY: &str = "-dirty";

impl SourceCommit {
    /// Its short form, as git writes such things: `<commit>[-dirty][:<path>]`. Nothing for a
    /// source that is not plain or has a long path.
    pub fn short(&self) -> Option<String> {
        let path = self.path.as_deref();
        let is_short = path.is_none_or(|path| path.len() <= MAX_PATH_BYTES);
        (is_short && self.is_plain()).then(|| {
            let dirty = if self.dirty { DIRTY } else { "" };
            let path = path.map(|path| format!(":{path}")).unwrap_or_default();
            format!("{}{dirty}{path}", self.commit)
        })
    }

    /// The source with this short form.
    pub fn from_short(text: &str) -> Option<Self> {
        let (commit, path) = match text.split_once(':') {
            Some((commit, path)) => (commit, Some(path.to_owned())),
            None => (text, None),
        };
        let clean = commit.strip_suffix(DIRTY);
        let source = Self {
            vcs: GIT.into(),
            commit: clean.unwrap_or(commit).into(),
            path,
            dirty: clean.is_some(),
        };
        source.short().map(|_| source)
    }

    /// Whether it has the form that publishers write.
    pub fn is_plain(&self) -> bool {
        let digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        let is_path = |path: &String| {
            let mut parts = path.split('/');
            parts.all(|part| !matches!(part, "" | "." | "..")) && !path.contains(char::is_control)
        };
        self.vcs == GIT
            && matches!(self.commit.len(), 40 | 64)
            && self.commit.bytes().all(digit)
            && self.path.as_ref().is_none_or(is_path)
    }
}

/// `files` of a release: its file list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesRef {
    /// SHA-256 of the list.
    pub hash: Digest,
    /// Its size in bytes.
    pub size: u64,
}

impl FilesRef {
    /// The reference to the list with these bytes.
    pub fn of(list: &[u8]) -> Self {
        Self {
            hash: Digest::of(list),
            size: list.len() as u64,
        }
    }

    /// Where the list is.
    pub fn key(&self) -> Key {
        Key::file_list(&self.hash)
    }
}

impl From<FilesRef> for Artifact {
    /// The list as one of the files that a release names by their contents.
    fn from(list: FilesRef) -> Self {
        Self {
            kind: FILE_LIST.into(),
            url: list.key().as_str().into(),
            hash: list.hash,
            size: list.size,
        }
    }
}

/// `provenance` of a release: an array of objects, kept as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance(pub(super) Vec<Map<String, Value>>);

/// Why this version of Lumen cannot use a release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsupported {
    /// It asks for a later one.
    #[error("it needs Lumen {needed} or later, and this is Lumen {VERSION}")]
    Newer {
        /// The oldest version that can use it.
        needed: Version,
    },
    /// It asks for something that is no version.
    #[error("it needs Lumen `{needed}`, which this Lumen, {VERSION}, does not understand")]
    Unknown {
        /// The text.
        needed: String,
    },
}

/// Whether this version of Lumen can use a release with this `lumen`.
///
/// # Errors
/// Why it cannot.
pub fn supported(lumen: Option<&str>) -> Result<(), Unsupported> {
    let Some(text) = lumen else {
        return Ok(());
    };
    let needed = Version::parse(text).map_err(|_| Unsupported::Unknown {
        needed: text.chars().take(64).collect(),
    })?;
    match Version::parse(VERSION) {
        Ok(own) if own < needed => Err(Unsupported::Newer { needed }),
        _ => Ok(()),
    }
}

/// A value of the right type, or none.
pub(super) fn lenient<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: DeserializeOwned + Default,
    D: Deserializer<'de>,
{
    let value = Value::deserialize(from)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// A text; another value as its JSON, so that what it asks for is not lost.
pub(super) fn as_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{index::Release, json};

    #[test]
    fn a_release_asks_for_a_version_of_lumen() {
        assert_eq!(supported(None), Ok(()));
        assert_eq!(supported(Some("0.0.1")), Ok(()));
        assert_eq!(supported(Some(VERSION)), Ok(()));
        let said = |text| supported(Some(text)).unwrap_err().to_string();
        assert!(said("99.0.0").starts_with("it needs Lumen 99.0.0 or later, and this is"));
        assert!(said("soon").starts_with("it needs Lumen `soon`, which this Lumen"));
    }

    #[test]
    fn values_of_other_tools_are_left_out() {
        let read = |more: &str| -> Release {
            let text = format!(r#"{{"name": "a", "version": "1.0.0", {more}}}"#);
            json::parse(text.as_bytes()).unwrap()
        };
        let odd = read(
            r#""keywords": "one", "repository": {"type": "git"}, "links": [], "readme": 3,
               "source": "here", "provenance": {}, "authors": null, "support_until": {}"#,
        );
        assert!(odd.is_first_form(), "{odd:?}");
        // What a release asks of its readers is never dropped.
        assert_eq!(read(r#""lumen": 2"#).lumen.as_deref(), Some("2"));
        assert_eq!(read(r#""lumen": null"#).lumen, None);
        let good = read(r#""provenance": [{"x": 1}], "keywords": ["one"]"#);
        assert!(!good.is_first_form());
        assert!(
            String::from_utf8(good.to_bytes())
                .unwrap()
                .contains("\"x\": 1")
        );
    }

    #[test]
    fn a_commit_has_a_form() {
        let source = |commit: &str, path: Option<&str>| SourceCommit {
            vcs: "git".into(),
            commit: commit.into(),
            path: path.map(str::to_owned),
            dirty: false,
        };
        let commit = "0123456789abcdef0123456789abcdef01234567";
        assert!(source(commit, None).is_plain());
        assert!(source(commit, Some("libs/text")).is_plain());
        assert!(!source(commit, Some("../x")).is_plain());
        assert!(!source(&commit[1..], None).is_plain());
        assert!(!source(&commit.to_uppercase(), None).is_plain());
    }

    #[test]
    fn a_commit_has_a_short_form() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let long = format!("{commit}:{}", "d/".repeat(512) + "e");
        for (text, is_read) in [
            (commit.to_owned(), true),
            (format!("{commit}-dirty"), true),
            (format!("{commit}:libs/text"), true),
            (format!("{commit}-dirty:a:b"), true),
            (format!("{commit}:"), false),
            (format!("{commit}:../x"), false),
            (format!("{commit}+dirty"), false),
            (commit[1..].to_owned(), false),
            (long, false),
            (String::new(), false),
        ] {
            let source = SourceCommit::from_short(&text);
            assert_eq!(source.is_some(), is_read, "{text}");
            if let Some(source) = source {
                assert_eq!(source.short(), Some(text));
            }
        }
    }
}
