//! From a resolution to a lock: what it takes from checkouts and registries, gathered.

use std::{collections::BTreeMap, path::Path};

use lumen_core::{
    PackageName,
    lockfile::{LockedRegistry, LockedSource, Lockfile},
    manifest::without_credentials,
    plan::{self, Source},
    problem::Problem,
};
use lumen_registry::{Location, loader::Loaded};
use lumen_store::{
    pack::{self, Note, NoteReason, PackOptions},
    project::{LOCKFILE, Project},
};

use crate::{
    error::OpsError,
    fetch,
    inputs::{self, Inputs},
    session::Session,
};

/// The lock of what was loaded. Packages from git are put into the store.
pub(super) fn lock(
    session: &Session<'_>,
    project: &Project,
    inputs: &Inputs,
    loaded: &Loaded,
) -> Result<Lockfile, OpsError> {
    let mut registries = BTreeMap::new();
    let mut sources = BTreeMap::new();
    for name in loaded.resolution.packages.keys() {
        if inputs.locals.contains_key(name) {
            continue;
        }
        let source = if let Some(package) = inputs.git.get(name) {
            let packed = pack_folder(&package.dir)?;
            warn_of_lacking(session, name, &packed.notes);
            Source::Git {
                source: LockedSource::Git {
                    url: without_credentials(&package.url),
                    reference: package.reference.clone(),
                    commit: package.checkout.commit.clone(),
                },
                checksum: fetch::insert_folder(&*session.store()?, &packed)?,
                size: packed.tar.len() as u64,
            }
        } else if let Some(chosen) = loaded.chosen.get(name) {
            let registry = &chosen.registry;
            let locked = LockedRegistry {
                origin: registry.location().and_then(Location::origin),
                trust: registry.trusted(),
            };
            registries.insert(registry.name().to_owned(), locked);
            Source::Registry {
                name: registry.name(),
                release: &chosen.summary,
                owners: registry.owners_seen(name),
            }
        } else {
            continue;
        };
        sources.insert(name.clone(), source);
    }
    let locals = inputs.locals.iter();
    let locals = locals.map(|(name, local)| (name.clone(), inputs::local(project, local)));
    Ok(plan::lock(
        &loaded.resolution,
        &locals.collect(),
        project.nameless().map(|root| inputs::local(project, root)),
        &sources,
        registries,
    ))
}

pub(super) fn pack_folder(dir: &Path) -> Result<pack::Packed, OpsError> {
    // Nothing is published here, so a test key in the repository is no leak.
    let options = PackOptions {
        compress: false,
        is_own: false,
        ..PackOptions::default()
    };
    Ok(pack::pack(dir, &options)?)
}

/// Warns about files that a package from a git repository lacks: git alone does not fetch them, or
/// no archive can have them.
pub(super) fn warn_of_lacking(session: &Session<'_>, name: &PackageName, notes: &[Note]) {
    let lacks = |note: &&Note| {
        use NoteReason::{DanglingLink, Pointer, Special, Submodule};
        matches!(note.reason, DanglingLink | Pointer | Special | Submodule)
    };
    for note in notes.iter().filter(lacks) {
        let what = format!(
            "`{}` of the git package `{name}` is {}",
            note.path, note.reason
        );
        let hint = match note.reason {
            NoteReason::Pointer | NoteReason::Submodule => {
                "it is installed without it; ask its author to publish it, or to commit the files"
            }
            _ => "it is installed without it; tell its author",
        };
        let problem = Problem::warning(what).hint(hint);
        session.context.reporter.warn(problem);
    }
}

/// Writes the lock file if its text changes; returns the text.
///
/// # Errors
/// Any I/O error; the old file is then still there.
pub fn write_lock(project: &Project, lock: &Lockfile) -> Result<String, OpsError> {
    let text = lock.render();
    if changes(project, &text) {
        project.write(&project.root.join(LOCKFILE), &text)?;
    }
    Ok(text)
}

/// Says whether the lock file and the edited manifests may be written, before one of them is.
///
/// # Errors
/// When one of them leads out of the project or is read-only.
pub(crate) fn check_writes(project: &Project, lock: &Lockfile) -> Result<(), OpsError> {
    for file in project.edited.keys() {
        project.check_write(file)?;
    }
    if changes(project, &lock.render()) {
        project.check_write(&project.root.join(LOCKFILE))?;
    }
    Ok(())
}

fn changes(project: &Project, text: &str) -> bool {
    let old = project.lock.as_ref().map(|(_, old)| &**old);
    old != Some(text)
}
