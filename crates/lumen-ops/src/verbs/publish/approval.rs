//! Names that a registry has to give out before the publish can go on.

use lumen_core::{note::Note, trust::Subject};
use lumen_registry::{Registry, StorageError, publish::PublishError};

use crate::{error::OpsError, session::Session, signed::Asked, signed::ask};

/// Asks for a name that the registry gives out, and says what has to happen.
pub(crate) fn asked(
    session: &Session<'_>,
    registry: &Registry,
    name: Subject,
    claim: String,
    then: &str,
) -> OpsError {
    match ask_for(session, registry, name.clone(), claim) {
        Ok(()) => waiting(&[name], then),
        Err(error) => error,
    }
}

/// What has to happen when claims wait.
pub(super) fn waiting(names: &[Subject], then: &str) -> OpsError {
    let list = |quote: &str| {
        let names = names.iter().map(|name| format!("{quote}{name}{quote}"));
        names.collect::<Vec<_>>()
    };
    let (names, missing, claims) = match names.len() {
        1 => (
            list("`"),
            "has no owner, and the registry must approve its claim",
            "the claim waits",
        ),
        _ => (
            list("`"),
            "have no owners, and the registry must approve their claims",
            "the claims wait",
        ),
    };
    let approve: Vec<String> = list("")
        .iter()
        .map(|name| format!("`lumen registry approve {name}`"))
        .collect();
    OpsError::user(
        format!("{} {missing}", names.join(", ")),
        format!(
            "{claims} there: the holder of a names key runs {}; then {then}",
            approve.join(", ")
        ),
    )
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
        Ok(Asked::Rejected(reason)) => {
            let because = match reason.as_str() {
                "" => String::new(),
                reason => format!(": {reason}"),
            };
            Err(OpsError::user(
                format!("the registry rejected the claim of `{name}`{because}"),
                format!("`lumen pkg owner claim {name}` asks again"),
            ))
        }
        Err(OpsError::Publish(PublishError::Storage(StorageError::ReadOnly { .. }))) => {
            let subject = name;
            Err(PublishError::NeedsApproval { subject, claim }.into())
        }
        Err(error) => Err(error),
    }
}
