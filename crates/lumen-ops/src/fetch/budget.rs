//! How much an install may download.

use std::sync::atomic::{AtomicU64, Ordering};

use lumen_core::limits::{Exceeded, Limit, Limits};

use super::download::Download;
use crate::error::OpsError;

/// What an install may still download.
pub(super) struct Budget {
    limits: Limits,
    /// Bytes that were announced, and those of artifacts that were not.
    spent: AtomicU64,
}

impl Budget {
    /// Checks all sizes that were announced before anything is asked for.
    pub(super) fn new(limits: &Limits, downloads: &[Download]) -> Result<Self, OpsError> {
        let mut sum = 0_u64;
        for download in downloads {
            let size = download.announced();
            let what = || format!("its artifact has {size} bytes");
            let checked = limits.check(Limit::ArtifactBytes, size, what);
            checked.map_err(|exceeded| OpsError::Fetch {
                name: download.name.clone(),
                version: download.package.version.clone(),
                source: Box::new(exceeded.into()),
            })?;
            sum = sum.saturating_add(size);
        }
        let what = || format!("{} packages to download have {sum} bytes", downloads.len());
        limits.check(Limit::InstallBytes, sum, what)?;
        Ok(Self {
            limits: *limits,
            spent: AtomicU64::new(sum),
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
