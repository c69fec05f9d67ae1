//! The newest state of a registry, which may be ahead of what readers see.

use lumen_core::{
    PackageName,
    trust::{OwnersHistory, PackageHistory, RootHistory, Subject},
};
use lumen_registry::{StorageError, log, publish::PublishError};

use super::{Signed, owners};
use crate::{error::OpsError, session::Session};

/// The state that the next change goes on from: with the commits that wait for witnesses.
pub(crate) struct Newest {
    /// The root notes.
    pub roots: RootHistory,
    /// Entries of the log.
    pub size: u64,
    /// The owners of the requested subject; no owners without one.
    pub owners: OwnersHistory,
}

/// The newest state of a registry, and the owners of a subject in it.
///
/// # Errors
/// When it cannot be read or is not trustworthy.
pub(crate) fn newest(
    session: &Session<'_>,
    signed: &Signed,
    subject: Option<&Subject>,
) -> Result<Newest, OpsError> {
    let unclaimed = || OwnersHistory::unclaimed(Subject::Root);
    let ahead = session.block_on(async {
        let Some(public) = signed.info.seen() else {
            return Ok(None);
        };
        let state = match log::state_ahead(signed.registry.storage(), &public).await {
            // A user without write access proposes changes of the public state.
            Err(PublishError::Storage(StorageError::ReadOnly { .. })) => None,
            state => state?,
        };
        let Some(state) = state else { return Ok(None) };
        Ok(Some(Newest {
            owners: match subject {
                Some(subject) => state.owners(subject).await?,
                None => unclaimed(),
            },
            size: state.size(),
            roots: state.roots,
        }))
    })?;
    match ahead {
        Some(newest) => Ok(newest),
        None => Ok(Newest {
            roots: signed.roots.clone(),
            size: signed.info.size,
            owners: match subject {
                Some(subject) => owners(session, signed, subject)?,
                None => unclaimed(),
            },
        }),
    }
}

/// The newest history of a package, with the commits that wait for witnesses; one without events
/// if the log has nothing about it.
///
/// # Errors
/// As [`newest`].
pub(crate) fn newest_package(
    session: &Session<'_>,
    signed: &Signed,
    name: &PackageName,
) -> Result<PackageHistory, OpsError> {
    session.block_on(async {
        if let Some(public) = signed.info.seen() {
            let state = match log::state_ahead(signed.registry.storage(), &public).await {
                Err(PublishError::Storage(StorageError::ReadOnly { .. })) => None,
                state => state?,
            };
            if let Some(state) = state {
                return Ok(state.package(name).await?);
            }
        }
        let found = signed.registry.provenance(name).await?;
        Ok(match found {
            Some(history) => PackageHistory::clone(&history),
            None => {
                let owner = Subject::owner_of(name);
                let owners = signed.registry.owners(&owner).await?;
                let owners = owners.unwrap_or_else(|| OwnersHistory::unclaimed(owner));
                PackageHistory::new(name.clone(), owners)
            }
        })
    })
}
