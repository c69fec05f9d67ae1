//! What a registry has of a release before it is published; nothing is written.

use lumen_core::trust::Subject;
use lumen_registry::publish::{self, PublishError};

use super::{Outcome, Prepared, target::Target};
use crate::error::OpsError;

/// What a registry has of a release.
#[derive(Debug)]
pub(super) enum Seen {
    /// No release of this version.
    Missing,
    /// The identical release, or what an interrupted publish left of it.
    There,
    /// The identical release, of a package that belongs to others.
    Others(Box<Outcome>),
}

/// Looks whether a release is there, and whether it may be published.
///
/// # Errors
/// What publishing it would say, and failures of the host.
pub(super) fn look(target: &Target<'_>, prepared: &Prepared) -> Result<Seen, OpsError> {
    let (session, registry) = (target.session, &target.registry);
    let now = session.timestamp();
    let release = prepared.release(&now)?;
    let (name, version) = (&release.name, &release.version);
    session.block_on(async {
        let roots = registry.roots().await?;
        let is_listed = async || {
            let index = registry.package_index(name).await?;
            Ok::<_, OpsError>(index.is_some_and(|index| index.versions.contains(version)))
        };
        let existing = match publish::existing(registry.storage(), &release).await {
            Err(PublishError::VersionExists { name, version, .. })
                if roots.is_some() && !is_listed().await? =>
            {
                return Err(PublishError::Unreleased { name, version }.into());
            }
            other => other?,
        };
        let may_publish = match (&roots, &target.writer.0) {
            (Some(roots), Some(signer)) => {
                let owners = registry.owners(&Subject::owner_of(name)).await?;
                let owners = owners.ok_or(PublishError::NotSigned)?;
                let size = registry.trust().await?.map_or(0, |info| info.size);
                publish::may_publish(roots, &owners, size, name, &**signer, &now)
            }
            _ => Ok(()),
        };
        match (existing, may_publish) {
            (Some(existing), Err(PublishError::NotOwner { .. } | PublishError::LogKey { .. }))
                if is_listed().await? =>
            {
                Ok(Seen::Others(Box::new(existing.into())))
            }
            (_, Err(error)) => Err(error.into()),
            (Some(_), Ok(())) => Ok(Seen::There),
            (None, Ok(())) => Ok(Seen::Missing),
        }
    })
}
