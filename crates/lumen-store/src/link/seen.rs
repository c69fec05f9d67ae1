//! The state of the packages in a project, taken without reading a file: the next install
//! compares it with the project.
//!
//! A link is compared by its target. Of a package with files of its own, the record keeps a
//! digest over every name, kind, size, number on the disk and time of change. Files that a
//! program replaces, changes or adds have another number or another time: git, for example,
//! makes new files and cannot choose their time of change.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    io,
    path::PathBuf,
};

use lumen_core::{
    Digest, PackageName,
    digest::Hasher,
    limits::{MAX_WALK_DEPTH, rows},
    manifest::LinkMode,
};
use lumen_durable::{Folder, StatusKind, Step};

use super::{
    PACKAGES, Place, link_text, plain,
    state::{Installed, State},
};
use crate::{cas::Store, project::DOT_LUMEN};

/// Links that are worth a thread of their own to look at.
const LINKS: usize = 256;
/// Packages with files of their own that are.
const TREES: usize = 16;

/// Whether the packages of a record are in place, and nothing else is among them. `store`: the
/// files of a package whose state is another one are compared with those there.
pub(super) fn is_intact(place: &Place, state: &State, store: Option<&Store>) -> bool {
    let path = place.path.join(DOT_LUMEN).join(PACKAGES);
    let Ok(Some(folder)) = place.dot.open_inside(PACKAGES) else {
        return false;
    };
    // Folders of the recorded time have the recorded links; only where they lead may be gone.
    let mut unchanged = !state.changed.is_empty();
    for scope in scopes(state).into_iter().chain([""]) {
        match folder.status(scope) {
            Ok(Some(status)) if status.kind == StatusKind::Folder => {
                unchanged &= state.changed.get(scope) == Some(&status.touched);
            }
            // Files behind a link in the place of a scope are not ours.
            _ => return false,
        }
    }
    if !unchanged && !has_only(&folder, state).unwrap_or(false) {
        return false;
    }
    let intact = |(name, installed): &(&PackageName, &Installed)| {
        if !installed.link {
            let found = look(&folder, name, state.mode).unwrap_or_default();
            let same = found.is_some() && found.as_ref() == state.seen.get(*name);
            let has_its_files = |store| has_files(&folder, name, installed, store);
            return same || store.is_some_and(|store| has_its_files(store).unwrap_or(false));
        }
        let name = name.as_str();
        let right =
            |found: PathBuf| plain(&found) == link_text(&path.join(name), &installed.target);
        folder.leads_to_folder(name) && (unchanged || folder.link(name).is_some_and(right))
    };
    let packages: Vec<_> = state.packages.iter().collect();
    each(&packages, state.mode, |part| part.iter().all(intact))
        .into_iter()
        .all(|good| good.unwrap_or(false))
}

/// Whether a package's own files are those that the store has.
fn has_files(
    packages: &Folder,
    name: &PackageName,
    installed: &Installed,
    store: &Store,
) -> io::Result<bool> {
    let (Step::Folder(folder), Some(digest)) = (packages.descend(name.as_str())?, installed.digest)
    else {
        return Ok(false);
    };
    let drifts = store.compare(&digest, &folder)?;
    Ok(drifts.is_some_and(|drifts| drifts.is_empty()))
}

/// Notes the state of the packages in a record.
pub(super) fn note(place: &Place, state: &mut State) -> io::Result<()> {
    let Some(folder) = place.dot.open_inside(PACKAGES)? else {
        return Ok(());
    };
    let mut changed = BTreeMap::new();
    for name in scopes(state).into_iter().chain([""]) {
        if let Some(status) = folder.status(name)? {
            changed.insert(name.to_owned(), status.touched);
        }
    }
    let installed = state.packages.iter();
    let names: Vec<&PackageName> = installed
        .filter(|(_, installed)| !installed.link)
        .map(|(name, _)| name)
        .collect();
    let mode = state.mode;
    let looked = each(&names, mode, |part| {
        let seen = part.iter().map(|name| {
            let found = look(&folder, name, mode)?;
            Ok(found.map(|found| ((*name).clone(), found)))
        });
        seen.collect::<io::Result<Vec<_>>>()
    });
    let mut seen = BTreeMap::new();
    for part in looked {
        let part = part.unwrap_or_else(|| Err(io::Error::other("a thread failed")))?;
        seen.extend(part.into_iter().flatten());
    }
    state.changed = changed;
    state.seen = seen;
    Ok(())
}

pub(super) fn scopes(state: &State) -> BTreeSet<&str> {
    let names = state.packages.keys();
    names.filter_map(PackageName::scope).collect()
}

/// Does something with parts of a list, by several threads. `None`: one of them failed.
fn each<T: Sync, R: Send>(
    list: &[T],
    mode: LinkMode,
    work: impl Fn(&[T]) -> R + Sync,
) -> Vec<Option<R>> {
    let least = match mode {
        LinkMode::Symlink => LINKS,
        _ => TREES,
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = list.len().div_ceil(threads).max(least);
    let work = &work;
    std::thread::scope(|scope| {
        let mut parts = list.chunks(share);
        let own = parts.next().unwrap_or_default();
        let others: Vec<_> = parts.map(|part| scope.spawn(move || work(part))).collect();
        let own = Some(work(own));
        let others = others.into_iter().map(|thread| thread.join().ok());
        [own].into_iter().chain(others).collect()
    })
}

/// Whether there is nothing but packages of the record.
fn has_only(folder: &Folder, state: &State) -> io::Result<bool> {
    let mut expected: BTreeMap<&str, BTreeSet<OsString>> = BTreeMap::new();
    for name in state.packages.keys() {
        let scope = name.scope().unwrap_or_default();
        if !scope.is_empty() {
            expected.entry("").or_default().insert(scope.into());
        }
        expected
            .entry(scope)
            .or_default()
            .insert(name.bare().into());
    }
    expected.entry("").or_default();
    for (scope, names) in expected {
        let Step::Folder(inner) = folder.descend(scope)? else {
            return Ok(false);
        };
        if !inner.names()?.iter().eq(&names) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The state of a package with files of its own; `None`: it is no folder.
fn look(packages: &Folder, name: &PackageName, mode: LinkMode) -> io::Result<Option<Digest>> {
    let Step::Folder(folder) = packages.descend(name.as_str())? else {
        return Ok(None);
    };
    let mut hasher = Hasher::new();
    walk(&folder, mode, MAX_WALK_DEPTH, &mut hasher)?;
    Ok(Some(hasher.finish()))
}

/// `depth`: how many folders below this one it may enter.
fn walk(folder: &Folder, mode: LinkMode, depth: usize, hasher: &mut Hasher) -> io::Result<()> {
    let names = folder.names()?;
    hasher.update(&(names.len() as u64).to_le_bytes());
    for name in names {
        let bytes = name.as_encoded_bytes();
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
        let Some(status) = folder.status(&name)? else {
            // Removed right now: it was there, so this is no state that was recorded.
            return Err(io::ErrorKind::NotFound.into());
        };
        hasher.update(&[status.kind as u8, u8::from(status.executable == Some(true))]);
        hasher.update(&status.number.to_le_bytes());
        if status.kind == StatusKind::Folder {
            if let Some(inner) = folder.open_inside(&name)? {
                let Some(depth) = depth.checked_sub(1) else {
                    let path = inner.path().display();
                    let what = format!(
                        "`{path}` lies too many folders deep; {}",
                        rows::MAX_WALK_DEPTH
                    );
                    return Err(io::Error::new(io::ErrorKind::InvalidData, what));
                };
                walk(&inner, mode, depth, hasher)?;
            }
            continue;
        }
        hasher.update(&status.size.to_le_bytes());
        // A file that is the store's is touched whenever another project gets it, too. It stays
        // the same one, which no other file can be as long as the store has it.
        let touched = match mode {
            LinkMode::Hardlink => status.changed,
            _ => status.touched,
        };
        for (seconds, nanoseconds) in [status.changed, touched] {
            hasher.update(&seconds.to_le_bytes());
            hasher.update(&nanoseconds.to_le_bytes());
        }
    }
    Ok(())
}
