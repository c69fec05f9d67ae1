//! The file list that a release names, compared with that of its archive.

use std::io;

use lumen_core::{
    Digest,
    digest::Hasher,
    file_list::{Lister, NotListed},
    index::FilesRef,
};

/// Why a file list is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FalseList {
    /// It is another than that of the archive.
    #[error("the file list that it names is not that of its archive")]
    Other,
    /// The archive has none.
    #[error("it names a file list, but {0}")]
    None(#[from] NotListed),
}

/// The list that is wanted of an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// None.
    No,
    /// The one that its release names.
    Named(FilesRef),
    /// The one that follows from it, which its release does not name. It may have none.
    Unnamed,
}

/// An artifact while it is read: hashed, and listed if a list is wanted.
pub struct Reading {
    wanted: Wanted,
    as_it_goes: AsItGoes,
}

enum AsItGoes {
    Hash(Hasher),
    List(Box<Lister>),
}

impl Reading {
    /// Starts to read; `named` is the list that must be its, of a plain tar only.
    pub fn new(named: Option<FilesRef>) -> Self {
        Self::of(named.map_or(Wanted::No, Wanted::Named))
    }

    /// Starts to read; a list is wanted of a plain tar only.
    pub(crate) fn of(wanted: Wanted) -> Self {
        let as_it_goes = match wanted {
            Wanted::Named(_) | Wanted::Unnamed => AsItGoes::List(Box::default()),
            Wanted::No => AsItGoes::Hash(Hasher::new()),
        };
        Self { wanted, as_it_goes }
    }

    /// Reads the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.as_it_goes {
            AsItGoes::Hash(hasher) => hasher.update(bytes),
            AsItGoes::List(lister) => lister.update(bytes),
        }
    }

    /// The digest of the bytes that it was fed, and the bytes of the list, if one is wanted: none of
    /// an archive without a list whose release names none.
    pub fn finish(self) -> (Digest, Option<Result<Vec<u8>, FalseList>>) {
        let listed = match self.as_it_goes {
            AsItGoes::Hash(hasher) => return (hasher.finish(), None),
            AsItGoes::List(lister) => lister.finish(),
        };
        let list = listed.list.map(|list| list.to_bytes());
        let list = match (self.wanted, list) {
            (Wanted::No, _) | (Wanted::Unnamed, Err(_)) => None,
            (Wanted::Unnamed, Ok(bytes)) => Some(Ok(bytes)),
            (Wanted::Named(named), Ok(bytes)) if FilesRef::of(&bytes) == named => Some(Ok(bytes)),
            (Wanted::Named(_), Ok(_)) => Some(Err(FalseList::Other)),
            (Wanted::Named(_), Err(why)) => Some(Err(why.into())),
        };
        (listed.digest, list)
    }
}

impl io::Write for Reading {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
