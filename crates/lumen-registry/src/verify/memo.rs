//! Files in which this machine remembers registries: where they are, and their errors.

use std::{
    io,
    path::{Path, PathBuf},
};

use lumen_core::{Digest, trust::Subject};
use lumen_durable::Lock;

use super::{Reverted, SeenBy, TrustError};

/// The file of a registry.
pub fn path(dir: &Path, url: &str) -> PathBuf {
    dir.join(format!("{}.json", &Digest::of(url.as_bytes()).hex()[..16]))
}

pub(super) fn lock(dir: &Path, path: &Path) -> Result<Lock, TrustError> {
    let file = path.with_extension("lock");
    lumen_durable::create_dir_all(dir)
        .and_then(|()| Lock::exclusive(&file))
        .map_err(|error| unusable(&file, error))
}

pub(super) fn unusable(path: &Path, error: io::Error) -> TrustError {
    TrustError::State {
        file: path.display().to_string(),
        reason: error.to_string(),
        disk: Some(error.kind()),
    }
}

pub(super) fn damaged(path: &Path, error: impl std::fmt::Display) -> TrustError {
    TrustError::State {
        file: path.display().to_string(),
        reason: error.to_string(),
        disk: None,
    }
}

/// Checks that a note that was seen before is shown at its number: the same one, where its
/// hash was kept.
///
/// # Errors
/// [`TrustError::Reverted`].
pub(super) fn unreverted(
    subject: &Subject,
    (seq, seen): (u64, Option<Digest>),
    shown: Option<Digest>,
    by: SeenBy,
) -> Result<(), TrustError> {
    match shown {
        Some(shown) if seen.is_none_or(|seen| seen == shown) => Ok(()),
        shown => Err(TrustError::Reverted(Box::new(Reverted {
            subject: subject.clone(),
            seq,
            seen,
            shown,
            by,
        }))),
    }
}
