//! `lumen pkg deprecate` and `undeprecate`.

use lumen_core::{
    PackageName,
    trust::{Action, Subject},
};
use lumen_registry::{Registry, publish};

use crate::{
    error::{ChangeError, InputError, OpsError},
    lookup::{no_such_package, package_index},
    session::Session,
    signed::{self, Said, say},
};

/// Advises against a package, or takes that back.
///
/// # Errors
/// When the package or the one in its place does not exist, both are the same, this user does not
/// own it, or the registry cannot be written.
pub fn deprecate(
    session: &Session<'_>,
    name: &PackageName,
    action: Action,
) -> Result<Said, OpsError> {
    if matches!(&action, Action::Deprecate { reason, .. } if reason.trim().is_empty()) {
        return Err(InputError::NoReason.into());
    }
    let registry = signed::open_for(session, &Subject::owner_of(name))?;
    if let Action::Deprecate {
        replacement: Some(other),
        ..
    } = &action
    {
        check_replacement(session, &registry.registry, name, other)?;
    }
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

/// Fails for a replacement that users cannot get.
fn check_replacement(
    session: &Session<'_>,
    registry: &Registry,
    name: &PackageName,
    replacement: &PackageName,
) -> Result<(), OpsError> {
    if replacement == name {
        return Err(ChangeError::OwnReplacement(name.clone()).into());
    }
    match package_index(session, registry, replacement)? {
        Some(_) => Ok(()),
        None => Err(no_such_package(session, registry, replacement)),
    }
}
