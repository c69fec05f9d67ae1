//! `lumen registry repair`: finishes the work of a killed writer.

use lumen_registry::{
    Storage,
    log::{self, Waiting},
};

use crate::{
    error::OpsError,
    report::watch,
    session::{Purpose, Session, Which},
    settings::DEFAULT,
    signed::or_absent,
};

/// Finishes what a killed writer left behind, and makes commits public that have enough
/// witnesses. Returns the size of the log, and the commits that readers do not see yet.
///
/// # Errors
/// When the registry is not signed, its log is damaged, or it cannot be written.
pub fn repair(session: &Session<'_>) -> Result<(u64, Option<Waiting>), OpsError> {
    let registry = session.open(Which::Named(DEFAULT), Purpose::Write)?;
    let watch = watch(session.context.reporter);
    let repair = async |storage: &Storage| log::repair(storage, &watch).await;
    let storage = registry.storage();
    let repaired = session.block_on(async {
        let size = storage.together("Repair the registry", repair).await?;
        Ok((size, log::waiting(storage).await?))
    });
    repaired.map_err(|error| or_absent(session, &registry, error))
}

/// The commits that readers of a registry do not see yet, since witnesses must sign them first.
///
/// # Errors
/// Files that are damaged, and failures of the host.
pub fn waiting(session: &Session<'_>) -> Result<Option<Waiting>, OpsError> {
    let registry = session.open(Which::Named(DEFAULT), Purpose::Write)?;
    session.block_on(async { Ok(log::waiting(registry.storage()).await?) })
}
