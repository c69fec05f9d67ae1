//! `lumen pkg info --provenance`: the keys that released a package, and its owners.

use std::sync::Arc;

use lumen_core::{PackageName, trust::PackageHistory};

use crate::{
    error::{OpsError, RegistryError},
    session::Session,
};

/// The keys that released a package, yanked its releases and owned it.
///
/// # Errors
/// When there is no such package, or the registry is unsigned or not to be believed.
pub fn provenance(
    session: &Session<'_>,
    name: &PackageName,
) -> Result<Arc<PackageHistory>, OpsError> {
    let registry = session.registry_for(name)?;
    session.block_on(async {
        if registry.trust().await?.is_none() {
            return Err(RegistryError::NoPublishers.into());
        }
        let history = registry.provenance(name).await?;
        history.ok_or_else(|| OpsError::NoSuchRelease {
            name: name.clone(),
            version: None,
            nearest: None,
        })
    })
}
