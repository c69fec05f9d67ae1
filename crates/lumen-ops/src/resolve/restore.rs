//! Git packages of a lock, back in the store.

use lumen_core::{
    PackageName,
    lockfile::{LockedPackage, LockedSource, Lockfile},
};
use lumen_store::cas::{Check, Store};

use super::lock::{pack_folder, warn_of_lacking};
use crate::{
    error::{OpsError, PackageError},
    fetch,
    git::{self, GitError, Place},
    inputs,
    proof::{
        self,
        memory::{Fact, Memory},
    },
    session::Session,
};

/// Makes sure that each git package of a lock is in the store and is what its commit has:
/// packed again from the clone, unless that was done on this machine before.
pub(crate) fn restore_git(session: &Session<'_>, lock: &Lockfile) -> Result<(), OpsError> {
    let is_git = |package: &LockedPackage| matches!(package.source, LockedSource::Git { .. });
    if !lock.packages.values().any(is_git) {
        return Ok(());
    }
    let store = session.store()?;
    let mut memory = Memory::read(&session.context.environment.home)?;
    for (name, package) in &lock.packages {
        let (Some(fact), Some(checksum)) = (Fact::git(name, package), package.checksum) else {
            continue;
        };
        let is_there = store.get(&checksum, Check::Quick)?.is_some();
        if is_there && memory.has(&fact) {
            continue;
        }
        match restore(session, &store, name, package) {
            // Offline, it cannot be fetched, and it is here already.
            Err(OpsError::Git(GitError::Offline { .. })) if is_there => continue,
            restored => restored?,
        }
        memory.add(fact);
    }
    proof::save(session, &mut memory);
    Ok(())
}

/// Packs a git package of a lock from the clone, and puts it into the store.
fn restore(
    session: &Session<'_>,
    store: &Store,
    name: &PackageName,
    package: &LockedPackage,
) -> Result<(), OpsError> {
    let LockedSource::Git {
        url,
        reference,
        commit,
    } = &package.source
    else {
        return Ok(());
    };
    let home = &session.context.environment.home;
    let settings = session.settings()?;
    let ca_file = settings.http.ca_file.as_deref();
    let authorities = git::authorities(home, ca_file, url)?;
    let place = Place {
        home,
        variables: &session.context.environment.variables,
        authorities: authorities.as_deref(),
        offline: session.is_offline(),
        netrc: session.may_use_netrc(url),
        limits: session.settings()?.limits,
    };
    let checkout = git::checkout(&place, url, reference, Some(commit))?;
    let found = inputs::folder_of(&checkout.dir, name, &session.context.surroundings())?;
    let dir = found.ok_or_else(|| OpsError::GitPackage {
        name: name.clone(),
        url: url.clone(),
    })?;
    let packed = pack_folder(&dir)?;
    if let Some(checksum) = package.checksum.filter(|locked| *locked != packed.digest) {
        return Err(PackageError::GitChanged {
            name: name.clone(),
            commit: commit.to_string(),
            found: Box::new(packed.digest),
            locked: Box::new(checksum),
        }
        .into());
    }
    warn_of_lacking(session, name, &packed.notes);
    fetch::insert_folder(store, &packed)?;
    Ok(())
}
