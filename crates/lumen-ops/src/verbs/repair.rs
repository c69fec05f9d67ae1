//! `lumen registry repair`: finishes the work of a killed writer.

use lumen_core::Key;
use lumen_registry::{
    Registry, Storage,
    log::{self, Finding, Waiting},
    mirror::{self, Refilled},
    publish::PublishError,
    relist, unsigned,
};

use crate::{
    error::OpsError,
    report::watch,
    session::{Purpose, Session, Which, registry_name},
    settings::DEFAULT,
};

/// The result of a repair.
#[derive(Debug, Clone)]
pub enum Repaired {
    /// A signed registry: the size of its log, the commits that readers do not see yet, and the file
    /// lists that were made again.
    Signed(u64, Option<Waiting>, Vec<Key>),
    /// An unsigned one: the files that were changed, and what is still wrong.
    Unsigned(Vec<Key>, Vec<Finding>),
}

/// Finishes what a killed writer left behind, and makes commits public that have enough
/// witnesses. Without signatures, mends the indexes as far as they follow from other files. Makes
/// lost file lists again from their archives.
///
/// # Errors
/// When there is no registry, its log is damaged, or it cannot be written.
pub fn repair(session: &Session<'_>) -> Result<Repaired, OpsError> {
    let registry = session.open(Which::Named(DEFAULT), Purpose::Write)?;
    let watch = watch(session.context.reporter);
    let repair = async |storage: &Storage| log::repair(storage, &watch).await;
    let lists = async |storage: &Storage| relist::restore(storage, &watch).await;
    let storage = registry.storage();
    session.block_on(async {
        if !log::is_signed(storage).await? {
            registry.exists().await?;
            let mut changed = mended(session, &registry).await?;
            changed.extend(storage.together(LISTS, lists).await?);
            let findings = unsigned::check(storage, &watch).await?;
            return Ok(Repaired::Unsigned(changed, findings));
        }
        let size = storage.together("Repair the registry", repair).await?;
        let made = storage.together(LISTS, lists).await?;
        Ok(Repaired::Signed(size, log::waiting(storage).await?, made))
    })
}

/// What a commit says that brings file lists back.
const LISTS: &str = "Make file lists again";

/// Mends the indexes of an unsigned registry. Returns the files that were changed.
pub(crate) async fn mended(
    session: &Session<'_>,
    registry: &Registry,
) -> Result<Vec<Key>, OpsError> {
    let watch = watch(session.context.reporter);
    let name = registry.location().map(registry_name);
    let name = name.unwrap_or_else(|| registry.name().to_owned());
    let now = session.timestamp();
    let repair = async |storage: &Storage| unsigned::repair(storage, &name, &now, &watch).await;
    let storage = registry.storage();
    Ok(storage.together("Repair the registry", repair).await?)
}

/// Brings back the files that a signed registry lost and a mirror has, given by a URL, a path or a
/// configured name; finishes first what a killed writer left behind.
///
/// # Errors
/// As [`repair`], when the registry is not signed, and when the mirror has a file that is not the
/// one in the log.
pub fn refill(session: &Session<'_>, mirror: &str) -> Result<Refilled, OpsError> {
    if let Repaired::Unsigned(..) = repair(session)? {
        return Err(PublishError::NotSigned.into());
    }
    let mirror = session.open(Which::Given(mirror), Purpose::Read)?;
    let registry = session.open(Which::Named(DEFAULT), Purpose::Write)?;
    let watch = watch(session.context.reporter);
    session.block_on(async {
        mirror.exists().await?;
        Ok(mirror::refill(&mirror, registry.storage(), &watch).await?)
    })
}

/// The commits that readers of a registry do not see yet, since witnesses must sign them first.
///
/// # Errors
/// Files that are damaged, and failures of the host.
pub fn waiting(session: &Session<'_>) -> Result<Option<Waiting>, OpsError> {
    let registry = session.open(Which::Named(DEFAULT), Purpose::Write)?;
    session.block_on(async { Ok(log::waiting(registry.storage()).await?) })
}
