//! Whether an entry is what it was, byte for byte.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read as _},
    path::Path,
};

use fs_err as fs;
use lumen_core::{Digest, digest::Hasher};

use super::{
    RECORD, Store, TREE, check,
    record::{self, FileLine, Head, Line},
};
use crate::{
    disk::{Folder, StatusKind},
    pack::tar::Writer,
};

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
    /// Writable, or executable where it was not or the other way round.
    #[error("other permissions")]
    Mode,
}

/// What [`Store::verify`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// There is no such entry.
    Absent,
    /// Every file is as it was unpacked, and what shows it.
    Intact(Proof),
    /// These are not, sorted by path.
    Drifted(Vec<Drift>),
}

/// What shows that an entry is intact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The tree packs to exactly its identity: nothing on this machine had to be believed.
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
        let entry = self.folder(identity);
        let Some(folder) = super::optional(Folder::open(&entry))? else {
            return Ok(Verified::Absent);
        };
        let missing = |path: &str| {
            Verified::Drifted(vec![Drift {
                path: path.to_owned(),
                kind: DriftKind::Missing,
            }])
        };
        let text = folder.read(RECORD)?;
        let text = text.and_then(|(bytes, _)| String::from_utf8(bytes).ok());
        let Some((head, rest)) = text.as_deref().and_then(record::parse) else {
            return Ok(missing(""));
        };
        let Some(lines) = record::lines(rest).collect::<Option<Vec<_>>>() else {
            return Ok(missing(""));
        };
        let Some(tree) = folder.open_inside(TREE)? else {
            return Ok(missing(""));
        };
        let (drifts, actual) = compare(&tree, &entry.join(TREE), head, &lines)?;
        Ok(match drifts.is_empty() {
            false => Verified::Drifted(drifts),
            true if actual == *identity => Verified::Intact(Proof::Archive),
            true => Verified::Intact(Proof::Record),
        })
    }
}

/// Compares a tree with its record. Also returns the identity that the tree has
/// as a package, which means something only if there are no differences.
fn compare(
    tree: &Folder,
    path: &Path,
    head: Head,
    lines: &[Line<'_>],
) -> io::Result<(Vec<Drift>, Digest)> {
    let mut drifts = Vec::new();
    let mut note = |path: &str, kind| {
        let path = path.to_owned();
        drifts.push(Drift { path, kind });
    };
    let mut folders = BTreeSet::new();
    let mut files = BTreeMap::new();
    for line in lines {
        match line {
            Line::Folder(path) => {
                folders.insert(*path);
                match tree.status(path)? {
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
        match tree.status(file.path)? {
            None => note(file.path, DriftKind::Missing),
            Some(status) if status.kind != StatusKind::File || status.size != file.size => {
                note(file.path, DriftKind::Changed);
            }
            Some(status) => {
                if read(&path.join(file.path), &mut archive, &mut buffer)? != file.digest {
                    note(file.path, DriftKind::Changed);
                } else if head.modes && !check::mode_kept(&status, file.executable) {
                    note(file.path, DriftKind::Mode);
                }
            }
        }
    }
    let mut extra = Vec::new();
    find_extra(path, "", &folders, &files, &mut extra)?;
    for path in &extra {
        note(path, DriftKind::Extra);
    }
    drifts.sort();
    Ok((drifts, archive.finish()?.finish()))
}

/// Reads a file into the archive and returns its digest.
fn read(file: &Path, archive: &mut Writer<Hasher>, buffer: &mut [u8]) -> io::Result<Digest> {
    let mut file = fs::File::open(file)?;
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

/// Finds what the record does not know; what is in an unknown folder is not looked at.
fn find_extra(
    folder: &Path,
    relative: &str,
    folders: &BTreeSet<&str>,
    files: &BTreeMap<&str, FileLine<'_>>,
    found: &mut Vec<String>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let path = match relative {
            "" => name.into_owned(),
            _ => format!("{relative}/{name}"),
        };
        if folders.contains(path.as_str()) {
            if entry.file_type()?.is_dir() {
                find_extra(&entry.path(), &path, folders, files, found)?;
            }
        } else if !files.contains_key(path.as_str()) {
            found.push(path);
        }
    }
    Ok(())
}
