//! `lumen pkg fetch`: every package of a lock into the store, without a project.

use std::path::Path;

use lumen_core::{limits::MAX_LOCKFILE_BYTES, lockfile::Lockfile};
use lumen_store::project::{LOCKFILE, files};

use crate::{
    error::{OpsError, PackageError},
    fetch, resolve,
    session::Session,
};

/// What was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled {
    /// Packages of the lock that are in the store now.
    pub packages: usize,
    /// Those that were not before.
    pub downloaded: usize,
}

/// Puts every package of the lock file into the store, and proves that it was released. The
/// lock file is enough: a layer of a container image can have it alone. Whether it fits the
/// project is for `install` to say.
///
/// # Errors
/// When there is no lock file, its registry is not configured, or a package cannot be had.
pub fn run(session: &Session<'_>) -> Result<Filled, OpsError> {
    let lock = lock(session)?;
    session.bind_to_lock();
    resolve::restore_git(session, &lock)?;
    let fetched = fetch::run(session, &session.store()?, &lock, None, None)?;
    session.save_caches();
    session.tell_first_use()?;
    Ok(Filled {
        packages: fetched.entries.len(),
        downloaded: fetched.downloaded,
    })
}

/// The lock of the project, or the one here or in a folder above, if there is no manifest.
fn lock(session: &Session<'_>) -> Result<Lockfile, OpsError> {
    let options = &session.context.options;
    if let Some(project) = session.workspace()?.project.clone() {
        let lock = project.lock.as_ref().map(|(lock, _)| lock.clone());
        return lock.ok_or_else(|| PackageError::NoLock.into());
    }
    let folders = options.working_dir.ancestors();
    let is_there = |folder: &&Path| folder.join(LOCKFILE).is_file();
    let folder = { folders }.find(is_there).ok_or(PackageError::NoLock)?;
    let bytes = files::read(folder, &folder.join(LOCKFILE), MAX_LOCKFILE_BYTES as u64)?;
    let bytes = bytes.ok_or(PackageError::NoLock)?;
    let text = String::from_utf8_lossy(&bytes);
    Lockfile::parse(LOCKFILE, &text).map_err(|problem| OpsError::Problems(vec![problem]))
}
