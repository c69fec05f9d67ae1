//! `lumen pkg info`: what a registry says about a package.

use std::sync::Arc;

use lumen_core::{
    index::{PackageIndex, Release},
    version,
};

use crate::{
    advice,
    error::OpsError,
    lookup::{no_such_package, no_such_version, package_index},
    names,
    session::Session,
};

/// What a registry knows about a package.
#[derive(Debug)]
pub struct Info {
    /// Where it was asked.
    pub registry: String,
    /// All releases.
    pub index: Arc<PackageIndex>,
    /// The release asked for, else the latest; none when there is no latest.
    pub release: Option<Release>,
}

/// Looks a package up: `name`, or `name@version`.
///
/// # Errors
/// When there is no such package or version, or the registry cannot be read.
pub fn info(session: &Session<'_>, text: &str) -> Result<Info, OpsError> {
    let (name, version) = match names::parse_release(text) {
        Ok((name, version)) => (name, Some(version)),
        Err(_) if !text.chars().skip(1).any(|c| c == '@') => (names::parse_name(text)?, None),
        Err(error) => return Err(error),
    };
    let registry = session.registry_for(&name)?;
    let index = package_index(session, &registry, &name)?
        .ok_or_else(|| no_such_package(session, &registry, &name))?;
    if let Some(version) = version
        .as_ref()
        .filter(|version| !index.versions.contains(version))
    {
        return Err(no_such_version(&index, version.clone()));
    }
    let latest = || version::latest(&index.versions, |version| index.is_yanked(version)).cloned();
    let release = match version.or_else(latest) {
        Some(version) => {
            let expected = index
                .releases
                .get(&version)
                .and_then(|release| release.metadata);
            session
                .block_on(async { Ok(registry.release(&name, &version, expected).await?) })?
                .map(|(release, _)| release)
        }
        None => None,
    };
    session.save_caches();
    if let Some(by) = registry.first_seen_override(&name) {
        session.context.reporter.warn(advice::overridden(&by));
    }
    let location = registry
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    Ok(Info {
        registry: location,
        index,
        release,
    })
}
