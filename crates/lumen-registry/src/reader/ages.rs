//! When releases came, for limits on their age.

use std::collections::BTreeMap;

use lumen_core::{
    Version,
    index::PackageIndex,
    trust::{Bounds, LoggedRelease, text::seconds},
};

use super::{ReadError, Registry};
use crate::verify::evidence::Question;

impl Registry {
    /// From when on the ages of a package's releases count, as precisely as it takes to compare
    /// them with some moments in seconds since 1970; nothing without such a moment. A release
    /// that is not listed has no time.
    ///
    /// # Errors
    /// When the evidence cannot be read, or the log is not in order.
    pub async fn released(
        &self,
        index: &PackageIndex,
        limits: &[i64],
    ) -> Result<BTreeMap<Version, Bounds>, ReadError> {
        if limits.is_empty() {
            return Ok(BTreeMap::new());
        }
        let Some(view) = self.view().await? else {
            let published = index.releases.iter().filter_map(|(version, release)| {
                let time: jiff::Timestamp = release.published_at.as_deref()?.parse().ok()?;
                Some((version.clone(), Bounds::unproven(time.as_second())))
            });
            return Ok(published.collect());
        };
        let Some(history) = view.history(&index.name) else {
            return Ok(BTreeMap::new());
        };
        let questions: Vec<Question> = limits.iter().copied().map(Question::Since).collect();
        let evidence = view.evidence(&questions).await?;
        let roots = view.newest_roots();
        let bounds = |logged: &LoggedRelease| evidence.bounds(roots, (logged.index, own(logged)));
        let releases = history.releases.iter();
        let released = releases.map(|(version, logged)| (version.clone(), bounds(logged)));
        Ok(released.collect())
    }

    /// The bounds of the times at which releases of a signed registry came, in their order;
    /// nothing for an unsigned one.
    ///
    /// # Errors
    /// As [`Registry::released`].
    pub async fn bounds(&self, releases: &[&LoggedRelease]) -> Result<Vec<Bounds>, ReadError> {
        let Some(view) = self.view().await? else {
            return Ok(Vec::new());
        };
        let questions = releases.iter();
        let questions: Vec<Question> = questions.map(|r| Question::Entry(r.index)).collect();
        let evidence = view.evidence(&questions).await?;
        let roots = view.newest_roots();
        let releases = releases.iter();
        let bounds = releases.map(|logged| evidence.bounds(roots, (logged.index, own(logged))));
        Ok(bounds.collect())
    }
}

/// The time in a statement; its form was checked when it was read.
fn own(logged: &LoggedRelease) -> i64 {
    seconds(&logged.time).unwrap_or(i64::MAX)
}
