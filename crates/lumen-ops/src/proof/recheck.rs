//! The checks of installs, once more and without a network.

use std::collections::BTreeMap;

use lumen_core::{
    PackageName,
    index::Described,
    lockfile::{LockedPackage, LockedSource, Lockfile},
};
use lumen_store::cas::Entry;

use super::{Asked, archives, compare, memory::Memory, order};
use crate::{
    error::{FetchError, OpsError},
    recheck::{Checked, Signature, is_missing},
    session::Session,
};

/// The result for an installed package and its release.
#[derive(Debug)]
pub enum Agreement {
    /// They agree.
    Good,
    /// This machine lacks the necessary data.
    Unchecked {
        /// What is missing.
        reason: String,
    },
    /// They contradict each other.
    Bad(Box<FetchError>),
}

/// Compares the packages of a lock that are in the store with their releases and with the
/// order of the registries, by the data on this machine.
///
/// # Errors
/// When the disk fails, or the registries are not configured as the lock needs them.
pub fn recheck(
    session: &Session<'_>,
    lock: &Lockfile,
    asked: &Asked<'_>,
    entries: &BTreeMap<PackageName, Entry>,
    checked: &BTreeMap<PackageName, Checked>,
) -> Result<BTreeMap<PackageName, Agreement>, OpsError> {
    let described = archives::read(entries.iter())?;
    let mut found = BTreeMap::new();
    for (name, described) in &described {
        let Some(package) = lock.packages.get(name) else {
            continue;
        };
        let agreement = match agrees(name, package, described, checked.get(name)) {
            Ok(agreement) => agreement,
            Err(OpsError::Fetch { source, .. }) => Agreement::Bad(source),
            Err(error) => return Err(error),
        };
        found.insert(name.clone(), agreement);
    }
    let memory = Memory::read(&session.context.environment.home)?;
    // Where a registry is not configured, packages of it can be verified all the same.
    let behind = order::of(session, lock, asked, &memory).unwrap_or_default();
    for behind in behind {
        let shadowed = session.block_on(async { Ok(behind.shadowed(session).await) })?;
        let agreement = match shadowed {
            Ok(None) => continue,
            Ok(Some(error)) => Agreement::Bad(Box::new(error)),
            Err((OpsError::Read(error), registry)) if is_missing(&error, &registry) => {
                let registry = registry.name();
                let reason =
                    format!("this machine does not know whether `{registry}` has the name");
                Agreement::Unchecked { reason }
            }
            Err((error, _)) => Agreement::Unchecked {
                reason: error.to_string(),
            },
        };
        let slot = found.get_mut(&behind.name);
        if let Some(slot @ (Agreement::Good | Agreement::Unchecked { .. })) = slot {
            *slot = agreement;
        }
    }
    Ok(found)
}

fn agrees(
    name: &PackageName,
    package: &LockedPackage,
    described: &Described,
    checked: Option<&Checked>,
) -> Result<Agreement, OpsError> {
    let contradiction = |contradiction| Agreement::Bad(Box::new(FetchError::from(contradiction)));
    if let Err(error) = described.is_of(name, &package.version) {
        return Ok(contradiction(error));
    }
    let Some(Checked { signature, release }) = checked else {
        return Ok(Agreement::Good);
    };
    let Some(release) = release else {
        return Ok(match (&package.source, signature) {
            (LockedSource::Registry(_), Signature::None | Signature::Good { .. }) => {
                let reason = "this machine does not have its release".into();
                Agreement::Unchecked { reason }
            }
            // That says it already, or there is no release.
            _ => Agreement::Good,
        });
    };
    if matches!(signature, Signature::Good { .. }) {
        compare(name, package, release)?;
    }
    Ok(match described.agrees(release) {
        Ok(()) => Agreement::Good,
        Err(error) => contradiction(error),
    })
}
