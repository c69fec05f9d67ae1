//! `lumen pkg info --provenance`: the keys that released a package, when, and its owners.

use std::{collections::BTreeMap, sync::Arc};

use lumen_core::{
    PackageName, Version,
    trust::{Bounds, LoggedRelease, PackageHistory},
};

use crate::{
    error::{OpsError, RegistryError},
    session::Session,
};

/// What the log says about a package.
#[derive(Debug)]
pub struct Provenance {
    /// All of it.
    pub history: Arc<PackageHistory>,
    /// The bounds of the times at which the releases came that were asked for.
    pub bounds: BTreeMap<Version, Bounds>,
}

/// The keys that released a package, yanked its releases and owned it. `version`: the release
/// that is asked for; `None`: all of them.
///
/// # Errors
/// When there is no such package, or the registry is unsigned or not to be believed.
pub fn provenance(
    session: &Session<'_>,
    name: &PackageName,
    version: Option<&Version>,
) -> Result<Provenance, OpsError> {
    let registry = session.registry_for(name)?;
    let provenance = session.block_on(async {
        if registry.trust().await?.is_none() {
            return Err(RegistryError::NoPublishers.into());
        }
        let history = registry.provenance(name).await?;
        let history = history.ok_or_else(|| OpsError::NoSuchRelease {
            name: name.clone(),
            version: None,
            nearest: None,
        })?;
        let asked = |found: &&Version| version.is_none_or(|version| version == *found);
        let releases = history.releases.iter().filter(|(found, _)| asked(found));
        let (versions, logged): (Vec<&Version>, Vec<&LoggedRelease>) = releases.unzip();
        let bounds = registry.bounds(&logged).await?;
        let bounds = versions.into_iter().cloned().zip(bounds).collect();
        Ok(Provenance { history, bounds })
    });
    session.save_caches();
    provenance
}
