//! Choosing one version of every package.
//!
//! The solver is PubGrub (`solver`). Every package's usable versions are numbered in the
//! order in which they are tried, so that a requirement is a few runs of numbers and the
//! pre-release rule is exact (`matching`, `set`); features are virtual packages (`nodes`, `problem`).
//! Locked versions are tried first and yanked ones do not exist unless locked: a lock
//! file changes choices, and never makes a conflict.

mod activate;
mod catalog;
pub(crate) mod conflict;
mod features;
mod matching;
mod needs;
pub(crate) mod nodes;
mod problem;
mod request;
pub(crate) mod set;
pub(crate) mod solver;
mod table;

use std::collections::HashMap;

pub use activate::activate;
pub use catalog::{
    Availability, Catalog, CatalogPackage, CatalogVersion, Contents, Deferred, ReleaseContents,
};
pub use conflict::Conflict;
pub use request::{Need, Order, Origin, Outcome, Request, Resolution, Resolved, Root};
pub(crate) use table::{Exclusion, exclusion};
pub use table::{is_old_enough, is_out_of_reach};

use nodes::{Kind, Known, Tables};
use solver::{Answer, Budget};

use crate::{
    limits::{EXPLAIN_CHECKS, Exceeded, Limit},
    name::PackageName,
};

/// Chooses versions for everything the roots need.
///
/// Deterministic and pure: it reports packages that are missing from the catalog as
/// [`Outcome::NeedsMore`], as many as possible at once.
///
/// # Errors
/// When no choice of versions satisfies every requirement. Contents that are not loaded
/// count as satisfiable, so this is final.
pub fn resolve(catalog: &Catalog, request: &Request) -> Result<Outcome, Box<Conflict>> {
    let mut tables = Tables::new(catalog, request);
    run(request, &mut tables)
}

/// [`resolve`], deciding in an arbitrary order given by the seed; to test that verdicts do not depend on it.
#[doc(hidden)]
pub fn resolve_shuffled(
    catalog: &Catalog,
    request: &Request,
    seed: u64,
) -> Result<Outcome, Box<Conflict>> {
    let mut tables = Tables::new(catalog, request);
    tables.shuffle = Some(seed);
    run(request, &mut tables)
}

/// A solution, if one is found within a number of decisions without loading more.
pub(crate) fn resolve_quickly(
    catalog: &Catalog,
    request: &Request,
    decisions: u64,
) -> Option<Resolution> {
    let mut tables = Tables::new(catalog, request);
    let checks = EXPLAIN_CHECKS;
    let budget = Budget { decisions, checks };
    let Answer::Solved(picks) = solver::solve(&mut tables, budget) else {
        return None;
    };
    match outcome(request, &tables, &picks) {
        Outcome::Solved(resolution) => Some(resolution),
        Outcome::NeedsMore(_) | Outcome::GaveUp(_) => None,
    }
}

fn run(request: &Request, tables: &mut Tables<'_>) -> Result<Outcome, Box<Conflict>> {
    let limit = Limit::ResolveSteps;
    let budget = Budget {
        decisions: u64::MAX,
        checks: request.limits.get(limit),
    };
    match solver::solve(tables, budget) {
        Answer::Solved(picks) => Ok(outcome(request, tables, &picks)),
        Answer::Conflict(facts) => Err(Box::new(Conflict::new(tables, facts))),
        Answer::GaveUp => Ok(Outcome::GaveUp(Exceeded {
            limit,
            allowed: budget.checks,
            what: "no choice of versions was found, nor a proof that there is none".into(),
        })),
    }
}

/// Turns the solver's picks into versions, or into what must be loaded first.
fn outcome(request: &Request, tables: &Tables<'_>, picks: &[(u32, u32)]) -> Outcome {
    let mut chosen = HashMap::new();
    let mut needs = Vec::new();
    for (node, index) in picks {
        let Kind::Package(number) = tables.kind(*node) else {
            continue;
        };
        let package = &tables.packages[number as usize];
        let version = package.version(*index);
        if let Some(version) = version {
            chosen.insert(package.name.as_str(), version);
        }
        if let Known::NotLoaded = tables.contents(number, *index) {
            needs.push(Need {
                name: package.name.clone(),
                version: version.map(|version| version.version.clone()),
            });
        }
    }
    if !needs.is_empty() {
        needs.sort();
        return Outcome::NeedsMore(needs);
    }
    let find = |name: &PackageName| chosen.get(name.as_str()).copied();
    Outcome::Solved(activate::activate_with(request, find))
}
