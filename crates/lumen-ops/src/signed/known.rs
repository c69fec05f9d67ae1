//! What this machine remembers of the owners of names.

use lumen_core::trust::{NoteRef, Subject};
use lumen_registry::{ReadError, Registry, verify::known};

use crate::{error::OpsError, session::Session};

/// The same for a registry at hand, by somebody who has a part in it.
pub(crate) fn accept_note(
    session: &Session<'_>,
    registry: &Registry,
    name: &Subject,
    note: NoteRef,
) -> Result<(), OpsError> {
    let dir = session.environment.trust_dir();
    // It may be read elsewhere than it is written to.
    let read = session.location(registry.name()).ok();
    for place in registry.location().into_iter().chain(&read) {
        known::accept(&dir, &place.url(), name, note).map_err(ReadError::from)?;
    }
    Ok(())
}
