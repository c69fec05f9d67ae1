//! An archive onto the disk, whole or not at all.

use std::{
    io::{self, Read},
    path::Path,
};

use crate::archive::{ArchiveError, Limits, Refusal, Summary};

/// Why an archive was not unpacked; nothing is left behind.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The archive breaks a rule.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The folder holds something already.
    #[error("`{}` is not empty", .0.display())]
    Occupied(std::path::PathBuf),
    /// The input or the disk failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<ArchiveError> for UnpackError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Refused(refusal) => Self::Refused(refusal),
            ArchiveError::Input(error) | ArchiveError::Sink(error) => Self::Io(error),
        }
    }
}

/// Unpacks an archive into `dir`, which must be absent or empty; files are writable by their owner.
///
/// # Errors
/// On a refusal or an I/O error; nothing is left in or beside `dir`.
pub fn unpack(
    _input: impl Read,
    _compressed_size: Option<u64>,
    _limits: &Limits,
    _dir: &Path,
) -> Result<Summary, UnpackError> {
    Err(UnpackError::Io(io::ErrorKind::Unsupported.into()))
}
