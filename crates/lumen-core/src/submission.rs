//! Submissions: releases signed by an owner without write access, for a publisher who has it.
//!
//! A submission is a folder. `submission.json` lists its files and is written last; the
//! statement and the claim are the notes that the log will have, and cover the rest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    digest::Digest,
    json::{self, JsonError},
    limits::{Row, rows},
    name::{NameError, PackageName},
    version::Version,
};

/// The version of this format.
pub const FORMAT: u64 = 1;

/// The list of the other files.
pub const MANIFEST: &str = "submission.json";

/// `<version>.json` as it will be in the registry.
pub const RELEASE: &str = "release.json";

/// The plain tar.
pub const TAR: &str = "artifact.tar";

/// The same tree, compressed.
pub const ZST: &str = "artifact.tar.zst";

/// The statement of an owner that the release is theirs.
pub const STATEMENT: &str = "statement.note";

/// The first ownership note of the name, if it has no owner yet.
pub const CLAIM: &str = "claim.note";

/// What `submission.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// [`FORMAT`].
    pub format: u64,
    /// The origin of the signed registry it is for; none for an unsigned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// The package.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// The files beside this one.
    pub files: BTreeMap<String, SubmittedFile>,
}

/// A file of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmittedFile {
    /// SHA-256 of its bytes.
    pub hash: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// Why a `submission.json` is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmissionError {
    /// It is no JSON, or of another shape.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It was made by a later version.
    #[error("it has format {0}; this version reads format {FORMAT}")]
    Format(u64),
    /// The name cannot be published.
    #[error("`{name}` cannot be published: {error}")]
    Name {
        /// The name.
        name: PackageName,
        /// The rule it breaks.
        error: NameError,
    },
    /// A file that no submission has.
    #[error("it lists `{0}`, which is no part of a submission")]
    Unknown(String),
    /// A file that every submission has, or every signed one.
    #[error("it does not list `{0}`")]
    Missing(&'static str),
    /// A note in a submission to an unsigned registry.
    #[error("it lists `{0}`, but not which signed registry it is for")]
    Unexpected(&'static str),
    /// A file is larger than it may be.
    #[error("it lists `{file}` with {size} bytes; {limit}")]
    TooLarge {
        /// The file.
        file: String,
        /// Its size.
        size: u64,
        /// Its limit.
        limit: Row,
    },
}

/// The limit of a file in bytes, if a submission may have it.
fn limit(file: &str) -> Option<Row> {
    match file {
        RELEASE => Some(rows::MAX_RELEASE_BYTES),
        TAR | ZST => Some(rows::MAX_SUBMITTED_ARTIFACT_BYTES),
        STATEMENT | CLAIM => Some(rows::MAX_SUBMITTED_NOTE_BYTES),
        _ => None,
    }
}

impl SubmittedFile {
    /// The entry for these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            hash: Digest::of(bytes),
            size: bytes.len() as u64,
        }
    }
}

impl Submission {
    /// Parses and checks a `submission.json`.
    ///
    /// # Errors
    /// On the first thing that a submission must not be.
    pub fn parse(bytes: &[u8]) -> Result<Self, SubmissionError> {
        #[derive(Deserialize)]
        struct Head {
            format: u64,
        }
        let head: Head = json::parse(bytes)?;
        if head.format != FORMAT {
            return Err(SubmissionError::Format(head.format));
        }
        let submission: Self = json::parse_checked(bytes)?;
        submission.check()?;
        Ok(submission)
    }

    fn check(&self) -> Result<(), SubmissionError> {
        // A name that is read may be longer; this one is to be published.
        PackageName::parse_publishable(self.name.as_str()).map_err(|error| {
            SubmissionError::Name {
                name: self.name.clone(),
                error,
            }
        })?;
        for (file, SubmittedFile { size, .. }) in &self.files {
            let (file, size) = (file.clone(), *size);
            match limit(&file) {
                None => return Err(SubmissionError::Unknown(file)),
                Some(limit) if size > limit.value => {
                    return Err(SubmissionError::TooLarge { file, size, limit });
                }
                Some(_) => {}
            }
        }
        let has = |file: &str| self.files.contains_key(file);
        if let Some(missing) = [RELEASE, TAR].into_iter().find(|file| !has(file)) {
            return Err(SubmissionError::Missing(missing));
        }
        let note = [STATEMENT, CLAIM].into_iter().find(|file| has(file));
        match (&self.registry, note) {
            (Some(_), _) if !has(STATEMENT) => Err(SubmissionError::Missing(STATEMENT)),
            (None, Some(note)) => Err(SubmissionError::Unexpected(note)),
            _ => Ok(()),
        }
    }

    /// The bytes of `submission.json`.
    pub fn to_bytes(&self) -> Vec<u8> {
        json::to_bytes(&json!(self))
    }

    /// The folder that a submission goes into among others: `<name>/<version>`.
    pub fn folder(&self) -> String {
        format!("{}/{}", self.name, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submission(registry: Option<&str>, files: &[&str]) -> Submission {
        let file = |file: &&str| ((*file).to_owned(), SubmittedFile::of(file.as_bytes()));
        Submission {
            format: FORMAT,
            registry: registry.map(str::to_owned),
            name: PackageName::parse("@org/http").unwrap(),
            version: Version::new(1, 2, 3),
            files: files.iter().map(file).collect(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for submission in [
            submission(None, &[RELEASE, TAR]),
            submission(Some("r/1"), &[RELEASE, TAR, ZST, STATEMENT, CLAIM]),
        ] {
            let bytes = submission.to_bytes();
            assert_eq!(Submission::parse(&bytes), Ok(submission));
        }
        let folder = submission(None, &[]).folder();
        assert_eq!(folder, "@org/http/1.2.3");
    }

    #[test]
    fn what_is_refused() {
        let parse = |submission: Submission| Submission::parse(&submission.to_bytes());
        let refused = |registry, files: &[&str]| {
            let error = parse(submission(registry, files)).unwrap_err();
            error.to_string()
        };
        for (registry, files, said) in [
            (None, &[TAR][..], "it does not list `release.json`"),
            (None, &[RELEASE], "it does not list `artifact.tar`"),
            (
                Some("r"),
                &[RELEASE, TAR],
                "it does not list `statement.note`",
            ),
            (
                None,
                &[RELEASE, TAR, CLAIM],
                "it lists `claim.note`, but not which signed registry it is for",
            ),
            (
                None,
                &[RELEASE, TAR, "../../x"],
                "it lists `../../x`, which is no part of a submission",
            ),
        ] {
            assert_eq!(refused(registry, files), said);
        }
        let mut large = submission(None, &[RELEASE, TAR]);
        let tar = large.files.get_mut(TAR).unwrap();
        tar.size = rows::MAX_SUBMITTED_ARTIFACT_BYTES.value + 1;
        assert!(matches!(
            parse(large),
            Err(SubmissionError::TooLarge { .. })
        ));
        let mut later = submission(None, &[RELEASE, TAR]);
        later.format = 2;
        assert_eq!(parse(later), Err(SubmissionError::Format(2)));
        let bytes = submission(None, &[RELEASE, TAR]).to_bytes();
        let named = |name: &str| {
            let text = String::from_utf8_lossy(&bytes).replace("@org/http", name);
            Submission::parse(text.as_bytes())
        };
        let long = "a".repeat(65);
        assert!(matches!(named(&long), Err(SubmissionError::Name { .. })));
        assert!(matches!(named("Upper"), Err(SubmissionError::Json(_))));
        assert!(matches!(named("a/../b"), Err(SubmissionError::Json(_))));
    }
}
