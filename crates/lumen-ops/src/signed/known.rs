//! The owners of names that this machine remembers.

use lumen_core::trust::{NoteRef, Subject};
use lumen_registry::{ReadError, Registry, verify::known};

use crate::{error::OpsError, session::Session};

/// The same for an open registry, after a change that this user signed.
pub(crate) fn accept_note(
    session: &Session<'_>,
    registry: &Registry,
    name: &Subject,
    note: NoteRef,
) -> Result<(), OpsError> {
    let dir = session.context.environment.trust_dir();
    // It may be read elsewhere than it is written to.
    let read = session.location(registry.name()).ok();
    for place in registry.location().into_iter().chain(&read) {
        known::accept(&dir, &place.url(), name, note).map_err(ReadError::from)?;
    }
    Ok(())
}
