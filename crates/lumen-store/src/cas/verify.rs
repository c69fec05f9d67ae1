//! Whether an entry is unchanged, byte for byte.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read as _},
};

use lumen_core::{Digest, digest::Hasher};
use lumen_durable::{Folder, Status, StatusKind};

use super::{
    RECORD, Store, TREE, check,
    record::{self, FileLine, Line},
};
use crate::pack::tar::Writer;

/// A difference between a tree and its record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Drift {
    /// Path within the package, with `/`; empty for the package itself.
    pub path: String,
    /// What is different.
    pub kind: DriftKind,
}

/// What is different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum DriftKind {
    /// Other contents, or another kind of thing.
    #[error("changed")]
    Changed,
    /// Not there; for the package itself, the record.
    #[error("missing")]
    Missing,
    /// There, but not in the record.
    #[error("not part of the package")]
    Extra,
    /// Writable, executable where it was not or the other way round, or not readable.
    #[error("other permissions")]
    Mode,
}

/// What [`Store::verify`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// There is no such entry.
    Absent,
    /// Every file is as it was unpacked, with the proof.
    Intact(Proof),
    /// These are not, sorted by path.
    Drifted(Vec<Drift>),
}

/// The proof that an entry is intact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The tree packs to exactly its identity: the check trusts nothing on this machine.
    Archive,
    /// The tree agrees with the record made when it was unpacked from an archive of another form.
    Record,
}

impl Store {
    /// Reads every file of an entry and compares it with the record, and the whole with the identity.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn verify(&self, identity: &Digest) -> io::Result<Verified> {
        let Some(folder) = super::optional(Folder::open(&self.folder(identity)))? else {
            return Ok(Verified::Absent);
        };
        let missing = || {
            Ok(Verified::Drifted(vec![Drift {
                path: String::new(),
                kind: DriftKind::Missing,
            }]))
        };
        let Some(tree) = folder.open_inside(TREE)? else {
            return missing();
        };
        let Some((drifts, actual)) = compare(&folder, &tree, check::mode_kept)? else {
            return missing();
        };
        Ok(match drifts.is_empty() {
            false => Verified::Drifted(drifts),
            true if actual == *identity => Verified::Intact(Proof::Archive),
            true => Verified::Intact(Proof::Record),
        })
    }

    /// Reads every file of a copy of an entry and compares it with the entry's record; a copy
    /// may be writable. `None`: there is no record.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn compare(&self, identity: &Digest, copy: &Folder) -> io::Result<Option<Vec<Drift>>> {
        let Some(folder) = super::optional(Folder::open(&self.folder(identity)))? else {
            return Ok(None);
        };
        let kept =
            |status: &Status, executable| status.executable.is_none_or(|found| found == executable);
        let compared = compare(&folder, copy, kept)?;
        Ok(compared.map(|(drifts, _)| drifts))
    }
}

/// Compares a tree with the record of an entry. Also returns the identity that the tree has
/// as a package, which means something only if there are no differences. `None`: there is no
/// record that can be understood.
fn compare(
    entry: &Folder,
    tree: &Folder,
    mode_kept: impl Fn(&Status, bool) -> bool,
) -> io::Result<Option<(Vec<Drift>, Digest)>> {
    let text = entry.read(RECORD)?;
    let text = text.and_then(|(bytes, _)| String::from_utf8(bytes).ok());
    let Some((head, rest)) = text.as_deref().and_then(record::parse) else {
        return Ok(None);
    };
    let Some(lines) = record::lines(rest).collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    let mut drifts = Vec::new();
    let mut note = |path: &str, kind| {
        let path = path.to_owned();
        drifts.push(Drift { path, kind });
    };
    let mut folders = BTreeSet::new();
    let mut files = BTreeMap::new();
    for line in &lines {
        match line {
            Line::Folder(path) => {
                folders.insert(*path);
                let Some(status) = permitted(tree.status(path))? else {
                    note(path, DriftKind::Mode);
                    continue;
                };
                match status {
                    None => note(path, DriftKind::Missing),
                    Some(status) if status.kind != StatusKind::Folder => {
                        note(path, DriftKind::Changed);
                    }
                    Some(_) => {}
                }
            }
            Line::File(file) => {
                files.insert(file.path, *file);
            }
        }
    }
    let mut archive = Writer::new(Hasher::new());
    let mut buffer = vec![0; 64 << 10];
    for file in files.values() {
        archive.file(file.path, file.size, file.executable)?;
        let Some(status) = permitted(tree.status(file.path))? else {
            note(file.path, DriftKind::Mode);
            continue;
        };
        match status {
            None => note(file.path, DriftKind::Missing),
            Some(status) if status.kind != StatusKind::File || status.size != file.size => {
                note(file.path, DriftKind::Changed);
            }
            Some(status) => match permitted(tree.open_file(file.path))? {
                None => note(file.path, DriftKind::Mode),
                Some(None) => note(file.path, DriftKind::Changed),
                Some(Some(open)) => {
                    if read(open, file.size, &mut archive, &mut buffer)? != file.digest {
                        note(file.path, DriftKind::Changed);
                    } else if head.modes && !mode_kept(&status, file.executable) {
                        note(file.path, DriftKind::Mode);
                    }
                }
            },
        }
    }
    let mut extra = Vec::new();
    find_extra(tree, "", &folders, &files, &mut extra)?;
    for (path, kind) in &extra {
        note(path, *kind);
    }
    drifts.sort();
    drifts.dedup();
    Ok(Some((drifts, archive.finish()?.finish())))
}

/// `None` where the user lacks the right.
fn permitted<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(None),
        result => result.map(Some),
    }
}

/// Reads a file of a known size into the archive and returns its digest; of one that grows
/// meanwhile, no more than that and one byte are read.
fn read(
    file: File,
    size: u64,
    archive: &mut Writer<Hasher>,
    buffer: &mut [u8],
) -> io::Result<Digest> {
    let mut file = file.take(size + 1);
    let mut hasher = Hasher::new();
    loop {
        let count = file.read(buffer)?;
        if count == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(&buffer[..count]);
        archive.body(&buffer[..count])?;
    }
}

/// Finds files and folders that the record does not list, and those that cannot be read; does
/// not look into an unknown folder.
fn find_extra(
    folder: &Folder,
    relative: &str,
    folders: &BTreeSet<&str>,
    files: &BTreeMap<&str, FileLine<'_>>,
    found: &mut Vec<(String, DriftKind)>,
) -> io::Result<()> {
    for name in folder.names()? {
        let text = name.to_string_lossy();
        let path = match relative {
            "" => text.into_owned(),
            _ => format!("{relative}/{text}"),
        };
        if folders.contains(path.as_str()) {
            match permitted(folder.open_inside(&name))? {
                Some(Some(inner)) => find_extra(&inner, &path, folders, files, found)?,
                Some(None) => {}
                None => found.push((path, DriftKind::Mode)),
            }
        } else if !files.contains_key(path.as_str()) {
            found.push((path, DriftKind::Extra));
        }
    }
    Ok(())
}
