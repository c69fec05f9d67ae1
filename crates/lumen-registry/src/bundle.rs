//! Bundles: the files that a registry has and an earlier state of it lacks, in one file.
//!
//! A bundle has the files that a run would copy to a mirror with a certain number of
//! entries of the log. A whole bundle is for an empty mirror, and is a registry when it is
//! unpacked. A bundle is checked while it is made, and not trusted when a mirror applies
//! it: that is a run of [`crate::mirror`] whose source is the bundle with the mirror itself
//! behind it. So a bundle may travel any way; its signatures are the registry's.

use std::{io::Write, path::Path};

use lumen_core::Key;

pub use crate::storage::BundleHead as Head;

use crate::{
    mirror::{self, MirrorError, MirrorOptions, MirrorReport, Selection},
    progress::Watch,
    reader::{ReadError, Registry},
    storage::{BundleStorage, Storage},
    verify::TrustOptions,
};

/// The contents of a bundle.
#[derive(Debug, Clone, Default)]
pub struct BundleOptions {
    /// Entries of the log that the receiving mirror has; 0: nothing at all.
    pub since: u64,
    /// The packages; all of them unless patterns say otherwise.
    pub packages: Selection,
    /// Leaves out the web page and the search segments.
    pub without_page: bool,
}

/// Checks the structure of a bundle and reads its head.
///
/// # Errors
/// When it cannot be read, or is no bundle.
pub fn head(path: &Path) -> Result<Head, MirrorError> {
    Ok(BundleStorage::open(path)?.head().clone())
}

/// Writes a bundle.
///
/// # Errors
/// [`MirrorError`]. The written file is then useless.
pub async fn bundle(
    source: &Registry,
    out: &mut (dyn Write + Send),
    options: &BundleOptions,
    watch: Watch<'_>,
) -> Result<MirrorReport, MirrorError> {
    let mirror = MirrorOptions {
        packages: options.packages.clone(),
        full: false,
        without_page: options.without_page,
    };
    mirror::delta::run(source, out, (options.since, &mirror), watch).await
}

/// Brings a mirror up to date from a bundle, or makes one. A run that failed or was
/// killed is repeated.
///
/// # Errors
/// [`MirrorError`].
pub async fn unbundle(
    path: &Path,
    target: &Storage,
    trust: TrustOptions,
    watch: Watch<'_>,
) -> Result<MirrorReport, MirrorError> {
    target.check_writable()?;
    let bundle = BundleStorage::open(path)?;
    let head = bundle.head().clone();
    let ours = mirror::size(target).await?;
    let file = || path.display().to_string();
    match (head.size, ours) {
        (Some(size), Some(ours)) if ours > size => {
            let file = file();
            return Err(MirrorError::Older { file, size, ours });
        }
        (Some(_), ours) if ours.unwrap_or(0) < head.from => {
            return Err(MirrorError::Gap {
                file: file(),
                from: head.from,
                ours: ours.unwrap_or(0),
            });
        }
        _ => {}
    }
    let bundle = match head.size {
        Some(_) if ours.is_some() => bundle.over(target.clone()),
        _ => bundle,
    };
    let source = Registry::read_once(&file(), Storage::Bundle(bundle), trust);
    let options = MirrorOptions {
        packages: head.packages,
        ..MirrorOptions::default()
    };
    let report = mirror::mirror(&source, target, &options, watch).await;
    match report {
        // Without a checkpoint of its own it looked like the registry itself.
        Ok(report) if report.size != head.size => Err(MirrorError::Incomplete {
            file: file(),
            missing: Key::checkpoint().to_string(),
        }),
        report => report.map_err(|error| match error {
            // It may say less than it has.
            MirrorError::Read(ReadError::Missing { file: missing }) => MirrorError::Incomplete {
                file: file(),
                missing,
            },
            error => error,
        }),
    }
}
