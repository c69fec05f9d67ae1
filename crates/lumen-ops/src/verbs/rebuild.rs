//! `lumen registry rebuild`: files that follow from the log.

use lumen_core::Key;
use lumen_registry::{Storage, log};

use crate::{
    error::OpsError,
    report::watch,
    session::{Purpose, Session, Which},
    settings::DEFAULT,
    signed::or_absent,
};

/// Makes all files again that follow from the log. Returns those that were wrong.
///
/// # Errors
/// When the registry is not signed, its log is damaged, or it cannot be written.
pub fn rebuild(session: &Session<'_>) -> Result<Vec<Key>, OpsError> {
    let registry = session.open(Which::Named(DEFAULT), Purpose::Write)?;
    let watch = watch(session.context.reporter);
    let rebuild = async |storage: &Storage| log::rebuild(storage, &watch).await;
    let storage = registry.storage();
    let rebuilt = storage.together("Rebuild the registry", rebuild);
    let rebuilt = session.block_on(async { Ok(rebuilt.await?) });
    rebuilt.map_err(|error| or_absent(session, &registry, error))
}
