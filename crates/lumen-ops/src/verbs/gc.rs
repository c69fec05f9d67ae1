//! `lumen registry gc`.

use std::time::{Duration, SystemTime};

use lumen_registry::{
    ReadError,
    gc::{self, GcOptions, GcReport},
};

use crate::{
    error::OpsError,
    report::watch,
    session::{Purpose, Session, Which},
    settings::DEFAULT,
};

/// Removes files that nothing has referred to for `grace`, or only finds them.
///
/// # Errors
/// When the registry is damaged or cannot be written.
pub fn run(session: &Session<'_>, grace: Duration, dry_run: bool) -> Result<GcReport, OpsError> {
    let registry = session.open(Which::Named(DEFAULT), Purpose::Write)?;
    let options = GcOptions {
        dry_run,
        grace,
        now: SystemTime::now(),
    };
    let watch = watch(session.context.reporter);
    session.block_on(async {
        // A registry that readers refuse can be cleaned up.
        if let Err(error @ ReadError::NoRegistry { .. }) = registry.exists().await {
            return Err(error.into());
        }
        Ok(gc::gc(registry.storage(), &options, &watch).await?)
    })
}
