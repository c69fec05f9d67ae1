//! Why a submission is refused.

use lumen_core::{
    json::JsonError,
    trust::{Subject, event::EntryError},
};

use crate::file_list::FalseList;

/// Why a submission is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmittedError {
    /// `<version>.json` is no JSON, or of another shape.
    #[error("its metadata is damaged: {0}")]
    Json(#[from] JsonError),
    /// `<version>.json` has more than readers look at, or is written in another way.
    #[error("its metadata is not written as `lumen pkg submit` writes it")]
    Form,
    /// The artifacts listed are not those submitted.
    #[error("its metadata does not list the artifacts that are submitted")]
    Artifacts,
    /// It names a file list that is not that of its archive.
    #[error("its metadata is wrong: {0}")]
    List(#[from] FalseList),
    /// No word of an owner where one is needed.
    #[error("the registry is signed, but the submission is not")]
    Unsigned,
    /// A word of an owner where it means nothing.
    #[error("the submission is signed for a registry, but this one is not signed")]
    Signed,
    /// A note is none.
    #[error("its {what} is malformed: {error}")]
    Note {
        /// `statement` or `claim`.
        what: &'static str,
        /// What is wrong.
        error: EntryError,
    },
    /// A note is about something else.
    #[error("its {what} is about something else")]
    Other {
        /// `statement` or `claim`.
        what: &'static str,
    },
    /// A note would carry more into the log than it has to.
    #[error("its {what} has {found} signatures instead of {expected}")]
    Signatures {
        /// `statement` or `claim`.
        what: &'static str,
        /// Signatures wanted.
        expected: usize,
        /// Signatures found.
        found: usize,
    },
    /// The name has no owner, and the submission does not claim it.
    #[error("`{0}` has no owner, and the submission does not claim it")]
    Unclaimed(Subject),
    /// The owners have changed since.
    #[error(
        "the owners of `{subject}` have changed since it was submitted: it names their note {found}, and note {current} is in force"
    )]
    Stale {
        /// The name or scope.
        subject: Subject,
        /// The note it names.
        found: u64,
        /// The note in force.
        current: u64,
    },
    /// The signer is not an owner.
    #[error("it is not signed by an owner of `{0}`")]
    Stranger(Subject),
    /// The key of an owner that no longer counts signed it.
    #[error("it is signed by a key that the owners of `{0}` have revoked")]
    Revoked(Subject),
}
