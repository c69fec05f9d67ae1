//! Claims that wait in a registry for its names keys.

use lumen_core::{
    Key,
    note::Note,
    trust::queue::{Claim, claims},
};
use lumen_registry::{
    Registry, Storage, StorageError,
    publish::{PublishError, queue},
};

use crate::{error::OpsError, session::Session, signed::Change, signed::Proposal};

/// The state of a claim that needs approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// It waits there now.
    New(Key),
    /// One like it waits there already.
    Already,
    /// One like it was rejected, for this reason.
    Rejected(String),
}

/// Leaves a claim in the registry, unless the same keys claim the name already. A rejected
/// one is left `again` if that is wanted.
///
/// # Errors
/// When the registry cannot be read or written.
pub(crate) fn ask(
    session: &Session<'_>,
    registry: &Registry,
    claim: &Note,
    again: bool,
) -> Result<Asked, OpsError> {
    let roots = session.block_on(async { Ok(registry.roots().await?) })?;
    let read = session.block_on(async { Ok(queue::read(registry.storage()).await) })?;
    let files = match read {
        Ok(queued) => queued.files,
        // Without a listing, the claim may be stored twice.
        Err(PublishError::Storage(StorageError::ReadOnly { .. })) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let text = claim.to_text();
    let (Some(roots), Ok(own)) = (roots, Proposal::parse(&text)) else {
        return Ok(Asked::New(put(session, registry, claim)?));
    };
    let same = |other: &&Claim| match &own.change {
        Change::Owners(own) => {
            other.claim.name == own.name
                && other.claim.admins == own.admins
                && other.claim.publishers == own.publishers
        }
        Change::Root(_) | Change::Moderation(_) => false,
    };
    let claims = claims(files.iter().map(Vec::as_slice), roots.current());
    let earlier: Vec<&Claim> = claims.iter().filter(same).collect();
    if earlier.iter().any(|claim| claim.rejected.is_none()) {
        return Ok(Asked::Already);
    }
    match earlier.last().and_then(|claim| claim.rejected.as_ref()) {
        Some(rejection) if !again => Ok(Asked::Rejected(rejection.reason.clone())),
        _ => Ok(Asked::New(put(session, registry, claim)?)),
    }
}

/// Leaves a note in the queue of a registry. Returns its key.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn put(
    session: &Session<'_>,
    registry: &Registry,
    note: &Note,
) -> Result<Key, OpsError> {
    let text = note.to_text();
    let put = async |storage: &Storage| queue::put(storage, &text).await;
    let storage = registry.storage();
    session.block_on(async { Ok(storage.together("Ask for a name", put).await?) })
}
