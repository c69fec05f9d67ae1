//! Why a submission is refused.

use lumen_core::{
    limits::rows,
    submission::{MANIFEST, RELEASE, SubmissionError, TAR, ZST},
};
use lumen_store::archive::ArchiveError;

/// Why a submission is refused before any rights are checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// The folder does not exist.
    #[error("there is no such folder")]
    NoFolder,
    /// There is no `submission.json`.
    #[error("there is no `{MANIFEST}`")]
    Nothing,
    /// Too many in one place.
    #[error("there are too many submissions; {}", rows::MAX_SUBMISSIONS)]
    TooMany,
    /// `submission.json` is refused.
    #[error(transparent)]
    Manifest(#[from] SubmissionError),
    /// A file is not there.
    #[error("`{0}` is missing")]
    Missing(String),
    /// A file is a link or something else that is no file.
    #[error("`{0}` is not a file")]
    NotFile(String),
    /// A file has other bytes than listed.
    #[error("`{0}` is not as `{MANIFEST}` lists it")]
    Changed(String),
    /// A note is not text.
    #[error("`{0}` is not text")]
    NotText(String),
    /// The archive is refused.
    #[error("`{TAR}`: {0}")]
    Archive(ArchiveError),
    /// The tar is compressed.
    #[error("`{TAR}` is compressed")]
    Compressed,
    /// The compressed archive is refused.
    #[error("`{ZST}`: {0}")]
    CompressedArchive(ArchiveError),
    /// The two archives differ.
    #[error("`{ZST}` does not decompress to `{TAR}`")]
    Different,
    /// The archive has no `lumen.toml`.
    #[error("the archive has no `lumen.toml`")]
    NoToml,
    /// Its `lumen.toml` has errors.
    #[error("the archive's `lumen.toml`: {0}")]
    Toml(String),
    /// Its `lumen.toml` says that it is not to be published.
    #[error("the archive's `lumen.toml` says `publish = false`")]
    NotPublished,
    /// The metadata says something else than its `lumen.toml`.
    #[error("`{RELEASE}` does not say what the archive's `lumen.toml` says: {0} differs")]
    Disagrees(&'static str),
    /// The metadata has a source that is none.
    #[error("`{RELEASE}` has a `source` that is no commit of git")]
    Source,
    /// The metadata is about another release.
    #[error("`{MANIFEST}` is about another release than `{RELEASE}`")]
    Other,
    /// It is for another registry.
    #[error("it is for the registry `{found}`, not for `{expected}`")]
    Registry {
        /// This registry.
        expected: String,
        /// The one it is for.
        found: String,
    },
}
