//! `lumen registry rebuild`: files that follow from the log.

use lumen_core::Key;
use lumen_registry::{Storage, log};

use crate::{
    error::OpsError,
    report::watch,
    session::{Purpose, Session, Which},
    settings::DEFAULT,
    verbs::repair::mended,
};

/// Makes all files again that follow from the log or, without signatures, from the releases.
/// Returns those that were wrong.
///
/// # Errors
/// When there is no registry, its log is damaged, or it cannot be written.
pub fn rebuild(session: &Session<'_>) -> Result<Vec<Key>, OpsError> {
    let registry = session.open(Which::Named(DEFAULT), Purpose::Write)?;
    let watch = watch(session.context.reporter);
    let rebuild = async |storage: &Storage| log::rebuild(storage, &watch).await;
    let storage = registry.storage();
    session.block_on(async {
        if !log::is_signed(storage).await? {
            registry.exists().await?;
            return mended(session, &registry).await;
        }
        Ok(storage.together("Rebuild the registry", rebuild).await?)
    })
}
