//! `lumen registry rebuild`: files that follow from the log, and file lists.

use lumen_core::Key;
use lumen_registry::{
    Storage, log,
    relist::{self, Relisted},
};

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

/// Makes the missing and the wrong file lists of all releases from their archives. A list that no
/// release names is not signed, and marked so by its name.
///
/// # Errors
/// When the registry cannot be read or written, or its host does not list files.
pub fn file_lists(session: &Session<'_>) -> Result<Relisted, OpsError> {
    let registry = session.open(Which::Named(DEFAULT), Purpose::Write)?;
    session.block_on(async { Ok(registry.exists().await?) })?;
    let watch = watch(session.context.reporter);
    let relist = async |storage: &Storage| relist::relist(storage, &watch).await;
    let relisted = registry.storage().together("Make file lists", relist);
    session.block_on(async { Ok(relisted.await?) })
}
