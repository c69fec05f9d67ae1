//! Proofs that the registries before an upstream do not have the name of a package from there.
//!
//! A name belongs to the first registry that has it. A lock may take a package from a later
//! registry, where another owner has the name. So a package from an upstream counts only
//! after a proof that the registries before it do not have the name: by the map of a signed
//! registry, or by the lists of an unsigned one.

use lumen_core::{
    Digest, PackageName,
    lockfile::{LockedPackage, LockedSource, Lockfile},
};
use lumen_registry::{Location, Registry};

use super::{
    Asked,
    memory::{Fact, Memory},
};
use crate::{
    error::{FetchError, OpsError},
    inputs,
    session::{Purpose, Session, Which},
    settings::DEFAULT,
    stale::Wanted,
};

/// A package from an upstream that was not proven on this machine yet.
pub(super) struct Behind {
    pub(super) name: PackageName,
    pub(super) package: LockedPackage,
    /// The registry that the lock has it from.
    pub(super) registry: String,
    /// The registries that come first.
    before: Vec<Registry>,
    /// The registry that the lock has it from, opened.
    from: Registry,
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
        settings: &settings,
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
        let behind = Behind {
            name: name.clone(),
            package: package.clone(),
            registry: registry.clone(),
            before,
            from,
        };
        if !memory.has(&behind.fact(session, lock)?) {
            all.push(behind);
        }
    }
    Ok(all)
}

/// The identity of a registry: its fingerprint, wherever it is read, or the URL of an
/// unsigned one.
fn identity(
    session: &Session<'_>,
    lock: &Lockfile,
    registry: &Registry,
) -> Result<String, OpsError> {
    let root: Option<Digest> = match registry.trusted() {
        Some(trusted) => Some(trusted.root),
        None => session.known_signed(registry)?,
    };
    // As for releases: the lock identifies a place that was never asked, and cannot be asked now.
    let locked = || {
        let locked = lock.registries.get(registry.name())?.trust.as_ref()?;
        session.is_offline().then_some(locked.root)
    };
    if let Some(root) = root.or_else(locked) {
        return Ok(root.to_string());
    }
    let url = registry.location().map(Location::url);
    Ok(url.unwrap_or_else(|| registry.name().to_owned()))
}

impl Behind {
    /// The fact to remember once it is proven.
    fn fact(&self, session: &Session<'_>, lock: &Lockfile) -> Result<Fact, OpsError> {
        let registries = self.before.iter().chain([&self.from]);
        let identities = registries.map(|registry| identity(session, lock, registry));
        let identities = identities.collect::<Result<Vec<_>, _>>()?;
        Ok(Fact::behind(&self.name, &self.package, &identities))
    }

    /// Whether a registry that comes first has the name, as far as this machine has them.
    ///
    /// # Errors
    /// With the registry that is not here.
    pub(super) async fn shadowed(
        &self,
        session: &Session<'_>,
    ) -> Result<Option<FetchError>, (OpsError, Registry)> {
        for registry in &self.before {
            let here = session.open(
                Which::Named(registry.name()),
                Purpose::ReadOffline { with_lock: true },
            );
            let here = here.map_err(|error| (error, registry.clone()))?;
            let found = here.find(&self.name).await;
            if found.map_err(|error| (error.into(), here))?.is_some() {
                return Ok(Some(self.shadowed_by(registry)));
            }
        }
        Ok(None)
    }

    fn shadowed_by(&self, first: &Registry) -> FetchError {
        FetchError::Shadowed {
            registry: self.registry.clone(),
            first: first.name().to_owned(),
        }
    }

    /// Proves that no registry that comes first has the name.
    ///
    /// # Errors
    /// [`FetchError::Shadowed`] when one has it, and when one cannot be read; then also that
    /// registry.
    pub(super) async fn prove(
        &self,
        session: &Session<'_>,
        lock: &Lockfile,
    ) -> Result<Fact, (OpsError, Registry)> {
        for registry in &self.before {
            let found = registry.find(&self.name).await;
            let found = found.map_err(|error| (error.into(), registry.clone()))?;
            if found.is_some() {
                let error = OpsError::Fetch {
                    name: self.name.clone(),
                    version: self.package.version.clone(),
                    source: Box::new(self.shadowed_by(registry)),
                };
                return Err((error, registry.clone()));
            }
        }
        let fact = self.fact(session, lock);
        fact.map_err(|error| (error, self.from.clone()))
    }
}
