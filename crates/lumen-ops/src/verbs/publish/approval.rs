//! Names that a registry has to give out before the publish can go on.

use lumen_core::{note::Note, trust::Subject};
use lumen_registry::{Registry, StorageError, publish::PublishError};

use crate::{
    error::{Again, ChangeError, OpsError},
    session::Session,
    signed::Asked,
    signed::ask,
};

/// Asks for a name that the registry gives out, and says what has to happen.
pub(crate) fn asked(
    session: &Session<'_>,
    registry: &Registry,
    name: Subject,
    claim: String,
    again: Again,
) -> OpsError {
    match ask_for(session, registry, name.clone(), claim) {
        Ok(()) => ChangeError::ClaimsWait {
            names: vec![name],
            again,
        }
        .into(),
        Err(error) => error,
    }
}

/// Asks for a name that the registry gives out.
///
/// # Errors
/// When it was rejected, or nothing can be asked for there.
pub(super) fn ask_for(
    session: &Session<'_>,
    registry: &Registry,
    name: Subject,
    claim: String,
) -> Result<(), OpsError> {
    let asked = match Note::parse(claim.as_bytes()) {
        Ok(note) => ask(session, registry, &note, false),
        Err(_) => {
            let subject = name;
            return Err(PublishError::NeedsApproval { subject, claim }.into());
        }
    };
    match asked {
        Ok(Asked::New(_) | Asked::Already) => Ok(()),
        Ok(Asked::Rejected(reason)) => Err(ChangeError::ClaimRejected { name, reason }.into()),
        Err(OpsError::Publish(PublishError::Storage(StorageError::ReadOnly { .. }))) => {
            let subject = name;
            Err(PublishError::NeedsApproval { subject, claim }.into())
        }
        Err(error) => Err(error),
    }
}
