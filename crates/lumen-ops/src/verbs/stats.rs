//! `lumen registry stats`.

use lumen_registry::{
    Location,
    stats::{self, Stats, StatsError},
};

use crate::{
    error::{OpsError, RegistryError},
    report::watch,
    session::{Purpose, Session, Which},
    settings::DEFAULT,
};

/// Counts what a registry has. Returns also where it is.
///
/// # Errors
/// When it cannot be read, or is not to be believed.
pub fn run(session: &Session<'_>) -> Result<(Location, Stats), OpsError> {
    let registry = session.open(Which::Named(DEFAULT), Purpose::Write)?;
    let location = session.publish_location(DEFAULT)?;
    let watch = watch(session.context.reporter);
    session.block_on(async { Ok(registry.exists().await?) })?;
    let counted = session.block_on(async { Ok(stats::stats(&registry, &watch).await) })?;
    let counted = counted.map_err(|error| match error {
        StatsError::Read(error) => OpsError::Read(error),
        error => RegistryError::Stats(error).into(),
    })?;
    Ok((location, counted))
}
