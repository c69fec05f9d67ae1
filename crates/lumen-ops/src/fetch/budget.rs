//! How much an install may download.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use lumen_core::{
    PackageName, Version,
    limits::{Exceeded, Limit, Limits},
};
use lumen_store::cas::Entry;

use crate::error::OpsError;

/// A package to download, and the size of its artifact in bytes as it was announced.
pub(super) struct Announced<'d> {
    pub(super) name: &'d PackageName,
    pub(super) version: &'d Version,
    pub(super) size: u64,
}

/// What an install may still download.
pub(super) struct Budget {
    limits: Limits,
    /// Bytes that were announced, and those of artifacts that were not.
    spent: AtomicU64,
    /// Bytes of the files of the packages that are in the store.
    unpacked: AtomicU64,
    /// Those files.
    files: AtomicU64,
}

impl Budget {
    /// Checks all sizes that were announced before anything is asked for.
    pub(super) fn new(
        limits: &Limits,
        downloads: &[Announced<'_>],
        present: &BTreeMap<PackageName, Entry>,
    ) -> Result<Self, OpsError> {
        let mut sum = 0_u64;
        for download in downloads {
            let size = download.size;
            let what = || format!("its artifact has {size} bytes");
            let checked = limits.check(Limit::ArtifactBytes, size, what);
            checked.map_err(|exceeded| OpsError::Fetch {
                name: download.name.clone(),
                version: download.version.clone(),
                source: Box::new(exceeded.into()),
            })?;
            sum = sum.saturating_add(size);
        }
        let what = || match downloads.len() {
            1 => format!("the package to download has {sum} bytes"),
            count => format!("{count} packages to download have {sum} bytes"),
        };
        limits.check(Limit::InstallBytes, sum, what)?;
        Ok(Self {
            limits: *limits,
            spent: AtomicU64::new(sum),
            unpacked: AtomicU64::new(present.values().map(Entry::unpacked).sum()),
            files: AtomicU64::new(present.values().map(Entry::files).sum()),
        })
    }

    /// The largest artifact that may come when its size was not announced, in bytes.
    pub(super) fn left(&self) -> u64 {
        let spent = self.spent.load(Ordering::Relaxed);
        let left = self.limits.get(Limit::InstallBytes).saturating_sub(spent);
        left.min(self.limits.get(Limit::ArtifactBytes))
    }

    /// Counts an artifact whose size was not announced.
    pub(super) fn spend(&self, size: u64) -> Result<(), Exceeded> {
        let sum = self.spent.fetch_add(size, Ordering::Relaxed) + size;
        let what = || format!("{sum} bytes were downloaded");
        self.limits.check(Limit::InstallBytes, sum, what)
    }

    /// Counts the files of a package that was unpacked.
    pub(super) fn unpack(&self, entry: &Entry) -> Result<(), Exceeded> {
        let add = |sum: &AtomicU64, more| sum.fetch_add(more, Ordering::Relaxed) + more;
        let bytes = add(&self.unpacked, entry.unpacked());
        let files = add(&self.files, entry.files());
        let what = || format!("the packages up to this one unpack to {bytes} bytes");
        self.limits
            .check(Limit::InstallUnpackedBytes, bytes, what)?;
        let what = || format!("the packages up to this one have {files} files");
        self.limits.check(Limit::InstallFiles, files, what)
    }

    /// Why an artifact of more bytes than were left is not downloaded.
    pub(super) fn exceeded(&self, left: u64) -> Exceeded {
        let limit = match left < self.limits.get(Limit::ArtifactBytes) {
            true => Limit::InstallBytes,
            false => Limit::ArtifactBytes,
        };
        Exceeded {
            limit,
            allowed: self.limits.get(limit),
            what: format!("its artifact has more than {left} bytes"),
        }
    }
}
