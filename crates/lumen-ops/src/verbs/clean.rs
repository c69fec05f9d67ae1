//! `lumen pkg clean`: removes what installs made in a project.

use lumen_store::link::{self, Place};

use crate::{error::OpsError, gitignore, session::Session, verbs::install};

/// Removes what installs made in the project: packages, import links, and `.lumen` if nothing of
/// other programs is in it.
///
/// # Errors
/// When the disk fails.
pub fn clean(session: &Session<'_>) -> Result<(), OpsError> {
    let (project, _lock) = session.locked_project(false)?;
    let nothing = install::nothing(session, &project, None)?;
    let ledger = session.context.environment.ledger();
    let place = Place::open(&project.root)?;
    let _whole = lumen_durable::whole();
    link::install(&place, &ledger, &nothing)?;
    gitignore::update(session, &project.root, &[], false)?;
    ledger.forget(&place)?;
    Ok(place.remove()?)
}
