//! That the registries which come first do not have the name of a package from an upstream.
//!
//! A name is that of the first registry that has it. A lock may say that a package is from a
//! registry behind that one, where somebody else has the name. So a package from an upstream
//! counts only when the registries in front of it are shown not to have the name: by the map
//! where they are signed, by what they list where they are not.

use lumen_core::{
    PackageName, Version,
    lockfile::{LockedSource, Lockfile},
};
use lumen_registry::{Location, Registry};

use super::{
    Asked,
    memory::{Fact, Memory},
};
use crate::{
    error::{FetchError, OpsError},
    inputs,
    session::Session,
    settings::DEFAULT,
    stale::Wanted,
};

/// A package from an upstream that was not proven on this machine yet.
pub(super) struct Behind {
    pub(super) name: PackageName,
    version: Version,
    /// The registry that the lock has it from.
    pub(super) registry: String,
    /// The registries that come first.
    before: Vec<Registry>,
    fact: Fact,
}

/// The packages of a lock that are from an upstream, but for those proven before.
///
/// # Errors
/// When a registry that comes first is not configured.
pub(super) fn of(
    session: &Session<'_>,
    lock: &Lockfile,
    asked: &Asked<'_>,
    memory: &Memory,
) -> Result<Vec<Behind>, OpsError> {
    let settings = session.settings()?;
    if settings.upstreams.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = Wanted {
        project: asked.project,
        locals: asked.locals,
        settings,
        routes: &inputs::routes(asked.project)?,
    };
    let mut all = Vec::new();
    for (name, package) in &lock.packages {
        let LockedSource::Registry(registry) = &package.source else {
            continue;
        };
        let order = wanted.registries_of(name);
        let before = order.split(|other| other == registry).next();
        let before = before.unwrap_or_default().iter();
        let before = before.filter(|name| **name != DEFAULT || settings.default.is_some());
        let before = before.map(|name| session.registry(name));
        let before = before.collect::<Result<Vec<_>, _>>()?;
        if before.is_empty() {
            continue;
        }
        let from = session.registry(registry)?;
        let places: Vec<String> = before.iter().chain([&from]).map(place).collect();
        let fact = Fact::behind(name, package, &places);
        if !memory.has(&fact) {
            all.push(Behind {
                name: name.clone(),
                version: package.version.clone(),
                registry: registry.clone(),
                before,
                fact,
            });
        }
    }
    Ok(all)
}

fn place(registry: &Registry) -> String {
    let url = registry.location().map(Location::url);
    url.unwrap_or_else(|| registry.name().to_owned())
}

impl Behind {
    /// Proves that no registry that comes first has the name.
    ///
    /// # Errors
    /// [`FetchError::Shadowed`] when one has it, and when one cannot be read; then also that
    /// registry.
    pub(super) async fn prove(&self) -> Result<Fact, (OpsError, Registry)> {
        for registry in &self.before {
            let found = registry.find(&self.name).await;
            let found = found.map_err(|error| (error.into(), registry.clone()))?;
            if found.is_some() {
                let error = OpsError::Fetch {
                    name: self.name.clone(),
                    version: self.version.clone(),
                    source: Box::new(FetchError::Shadowed {
                        registry: self.registry.clone(),
                        first: registry.name().to_owned(),
                    }),
                };
                return Err((error, registry.clone()));
            }
        }
        Ok(self.fact)
    }
}
