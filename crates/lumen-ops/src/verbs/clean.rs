//! `lumen pkg clean`: removes what installs made in a project.

use std::collections::BTreeMap;

use lumen_store::link::{self, Place, Plan};

use crate::{error::OpsError, gitignore, session::Session};

/// Removes what installs made in the project: links, import links and `.lumen`.
///
/// # Errors
/// When the disk fails.
pub fn clean(session: &Session<'_>) -> Result<(), OpsError> {
    let (project, _lock) = session.locked_project(false)?;
    let settings = session.settings()?;
    let nothing = Plan {
        mode: settings.link,
        import_root: settings.import_root.to_string_lossy().replace('\\', "/"),
        packages: BTreeMap::new(),
        facts: BTreeMap::new(),
    };
    let ledger = session.context.environment.ledger();
    let place = Place::open(&project.root)?;
    link::install(&place, &ledger, &nothing)?;
    gitignore::update(session, &project.root, &[], false)?;
    ledger.forget(&place)?;
    Ok(place.remove()?)
}
