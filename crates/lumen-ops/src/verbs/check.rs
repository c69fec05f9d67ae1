//! `lumen registry check`: every file against the log.

use lumen_registry::log::{self, Finding};

use crate::{
    error::OpsError,
    report::watch,
    session::{Purpose, Session, Which},
    settings::DEFAULT,
    signed::or_absent,
};

/// Checks every file of a signed registry against its log. Returns what is wrong.
///
/// # Errors
/// When the registry is not signed, or the host fails.
pub fn check(session: &Session<'_>) -> Result<Vec<Finding>, OpsError> {
    let registry = session.open(Which::Named(DEFAULT), Purpose::Write)?;
    let watch = watch(session.context.reporter);
    let checked = session.block_on(async { Ok(log::check(registry.storage(), &watch).await?) });
    checked.map_err(|error| or_absent(session, &registry, error))
}
