//! Load first, solve once.
//!
//! The indexes that a resolution may look at are fetched concurrently, as requirements are
//! discovered, following for each requirement the version that will most likely be chosen;
//! then the solver runs on what is in memory. If it needs others, it asks for more, and
//! from then on the loader follows every version that some requirement accepts.

mod answers;
mod bounds;
mod choice;
mod closure;
mod entry;
mod routes;

use std::collections::BTreeMap;

use lumen_core::{
    PackageName,
    index::ReleaseSummary,
    limits::Exceeded,
    resolve::{
        Availability, Catalog, CatalogPackage, Conflict, Need, Outcome, Request, Resolution,
        resolve,
    },
};

use self::closure::Closure;
pub use self::routes::Routes;
use crate::reader::{ReadError, Registry};

/// A resolution with everything an install needs to know about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The versions chosen.
    pub resolution: Resolution,
    /// The metadata at the time of the choice, with packages that were not chosen.
    pub catalog: Catalog,
    /// For every package chosen from a registry: where its files are.
    pub chosen: BTreeMap<PackageName, Chosen>,
}

/// A release chosen from a registry.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The registry.
    pub registry: Registry,
    /// Its artifacts, the first of which is the plain tar at its content address; `metadata` is filled in.
    pub summary: ReleaseSummary,
}

/// Why there is no resolution.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A package that is needed could not be read.
    #[error("cannot load `{name}`: {error}")]
    Read {
        /// The package.
        name: PackageName,
        /// Why.
        error: ReadError,
    },
    /// A package should come from a registry, but none is configured.
    #[error("`{name}` is needed, but no registry is configured")]
    NoRegistry {
        /// The package.
        name: PackageName,
    },
    /// No choice of versions satisfies every requirement; the catalog is for [`explain`](lumen_core::explain::explain).
    #[error("no choice of versions satisfies every requirement")]
    Conflict {
        /// The conflict.
        conflict: Box<Conflict>,
        /// What was known.
        catalog: Box<Catalog>,
    },
    /// Loading or resolving costs more than the limits of the request allow.
    #[error(transparent)]
    Limit(#[from] Exceeded),
    /// The resolver asks for loaded metadata again: a defect of this program.
    #[error("the resolver asks again for what is loaded: {0:?}")]
    Stuck(Vec<Need>),
}

/// Resolves a request, loading the needed metadata from the registries.
///
/// `local` holds path, git and patched packages; they are never looked up.
/// A failure on the basis of cached metadata is only reported after the
/// servers have confirmed it.
///
/// # Errors
/// When something that is needed cannot be read, the requirements conflict, or a limit of the
/// request is passed.
pub async fn load_and_resolve(
    routes: &Routes,
    local: &BTreeMap<PackageName, CatalogPackage>,
    request: &Request,
) -> Result<Loaded, LoadError> {
    let first = attempt(routes, local, request).await;
    if !matches!(first, Err(LoadError::Conflict { .. })) {
        return first;
    }
    let stale: Vec<&Registry> = routes
        .registries()
        .filter(|registry| registry.used_unconfirmed())
        .collect();
    let mut result = first;
    if !stale.is_empty() {
        for registry in stale {
            registry.revalidate();
        }
        result = attempt(routes, local, request).await;
    }
    if let Err(LoadError::Conflict { catalog, .. }) = &mut result {
        suggest(routes, catalog).await;
    }
    result
}

async fn attempt(
    routes: &Routes,
    local: &BTreeMap<PackageName, CatalogPackage>,
    request: &Request,
) -> Result<Loaded, LoadError> {
    let mut closure = Closure::new(routes, local, request);
    closure.run().await?;
    loop {
        match resolve(closure.catalog(), request) {
            Ok(Outcome::Solved(resolution)) => return Ok(closure.finish(resolution)),
            Ok(Outcome::NeedsMore(needs)) => closure.load(needs).await?,
            Ok(Outcome::GaveUp(exceeded)) => return Err(exceeded.into()),
            Err(conflict) => {
                return Err(LoadError::Conflict {
                    conflict,
                    catalog: Box::new(closure.into_catalog()),
                });
            }
        }
    }
}

/// Adds metadata to a failed catalog that helps to explain an absent package. All of it is
/// optional.
async fn suggest(routes: &Routes, catalog: &mut Catalog) {
    let absent: Vec<PackageName> = catalog
        .packages
        .iter()
        .filter(|(_, package)| package.availability == Availability::Absent)
        .map(|(name, _)| name.clone())
        .collect();
    let mut asked: Vec<&str> = Vec::new();
    for name in &absent {
        let homes = routes.candidates(name);
        for home in &homes {
            if !asked.contains(&home.name()) {
                asked.push(home.name());
                catalog.known_names.extend(home.names().await);
            }
        }
        // No other registry needs to learn a pinned name.
        if routes.is_pinned(name) {
            continue;
        }
        let mut elsewhere = Vec::new();
        for other in routes
            .registries()
            .filter(|other| homes.iter().all(|home| home.name() != other.name()))
        {
            if let Ok(Some(_)) = other.package_index(name).await {
                elsewhere.push(other.name().to_owned());
            }
        }
        if let Some(package) = catalog.packages.get_mut(name) {
            package.elsewhere = elsewhere;
        }
    }
    catalog.known_names.sort_unstable();
    catalog.known_names.dedup();
}
