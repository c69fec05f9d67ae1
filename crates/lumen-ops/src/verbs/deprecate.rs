//! `lumen pkg deprecate` and `undeprecate`.

use lumen_core::{
    PackageName,
    trust::{Action, Subject},
};
use lumen_registry::publish;

use crate::{
    error::{InputError, OpsError},
    session::Session,
    signed,
    signed::Said,
    signed::say,
};

/// Advises against a package, or takes that back.
///
/// # Errors
/// When the package does not exist, this user does not own it, or the registry cannot be written.
pub fn deprecate(
    session: &Session<'_>,
    name: &PackageName,
    action: Action,
) -> Result<Said, OpsError> {
    if matches!(&action, Action::Deprecate { reason, .. } if reason.trim().is_empty()) {
        return Err(InputError::NoReason.into());
    }
    let registry = signed::open_for(session, &Subject::owner_of(name))?;
    let verb = match action {
        Action::Undeprecate { .. } => "Undeprecate",
        _ => "Deprecate",
    };
    let change = publish::Change {
        name: name.clone(),
        action,
        now: session.timestamp(),
        signer: Some(session.signer()?),
        last_seen: registry.info.seen(),
    };
    let storage = registry.registry.storage();
    Ok(say(session, storage, &format!("{verb} {name}"), &change)?.into())
}
