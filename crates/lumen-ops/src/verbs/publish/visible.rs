//! Whether readers see a release: right after it was written, and where caches or witnesses
//! stand between.

use std::time::{Duration, Instant};

use lumen_registry::{Storage, log, progress::nobody, publish::PublishError};

use super::Outcome;
use crate::{error::OpsError, session::Purpose, session::Session, session::Which};

/// Waits until a release can be read where everybody reads the registry, for this long since
/// `start`, and looks once more at the end. If it waits for witnesses, it is made public as soon
/// as enough of them signed.
///
/// # Errors
/// When it cannot be read by then: the error of the last try, or that it is not there.
pub fn wait(
    session: &Session<'_>,
    registry: &str,
    outcome: &Outcome,
    (start, longest): (Instant, Duration),
) -> Result<(), OpsError> {
    const FIRST: Duration = Duration::from_millis(500);
    const LONGEST: Duration = Duration::from_secs(15);
    let (name, version) = (&outcome.release.name, &outcome.release.version);
    let mut pause = FIRST;
    loop {
        let left = longest.saturating_sub(start.elapsed());
        if outcome.lacking.is_some() {
            let writable = session.open(Which::Named(registry), Purpose::Write)?;
            let finish = async |storage: &Storage| log::recover(storage, &nobody).await;
            let storage = writable.storage();
            session.block_on(async {
                Ok(storage
                    .together("Publish what was witnessed", finish)
                    .await?)
            })?;
        }
        let handle = session.open(Which::Named(registry), Purpose::ReadAgain)?;
        let seen = session.block_on(async {
            let index = handle.package_index(name).await?;
            Ok(index.is_some_and(|index| index.versions.contains(version)))
        });
        if matches!(seen, Ok(true)) {
            return Ok(());
        }
        if left.is_zero() {
            seen?;
            return Err(OpsError::NotSeen {
                name: name.clone(),
                version: version.clone(),
                location: session.location(registry)?.to_string(),
                seconds: start.elapsed().as_secs(),
                lacking: outcome.lacking,
            });
        }
        std::thread::sleep(pause.min(longest.saturating_sub(start.elapsed())));
        pause = (pause * 2).min(LONGEST);
    }
}

/// Reads releases as other users will; a CDN may lag. A release that waits for witnesses cannot
/// be read yet.
pub(crate) fn read_back(
    session: &Session<'_>,
    registry: &str,
    published: &[Outcome],
) -> Result<(), OpsError> {
    let handle = session.open(Which::Named(registry), Purpose::Write)?;
    session.block_on(async {
        let public = |published: &&Outcome| published.lacking.is_none();
        for published in published.iter().filter(public) {
            let (name, version) = (&published.release.name, &published.release.version);
            let metadata = Some(published.metadata);
            let seen = handle.release(name, version, metadata).await?;
            let index = handle.package_index(name).await?;
            let listed = index.is_some_and(|index| index.versions.contains(version));
            if seen.is_none() || !listed {
                return Err(PublishError::UnknownVersion {
                    name: name.clone(),
                    version: version.clone(),
                    versions: Vec::new(),
                }
                .into());
            }
        }
        Ok(())
    })
}
