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

/// An artifact while it is read: hashed, and listed if its release names a list.
pub struct Reading {
    named: Option<FilesRef>,
    as_it_goes: AsItGoes,
}

enum AsItGoes {
    Hash(Hasher),
    List(Box<Lister>),
}

impl Reading {
    /// Starts to read; `named` is the list that must be its, of a plain tar only.
    pub fn new(named: Option<FilesRef>) -> Self {
        let as_it_goes = match named {
            Some(_) => AsItGoes::List(Box::default()),
            None => AsItGoes::Hash(Hasher::new()),
        };
        Self { named, as_it_goes }
    }

    /// Reads the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.as_it_goes {
            AsItGoes::Hash(hasher) => hasher.update(bytes),
            AsItGoes::List(lister) => lister.update(bytes),
        }
    }

    /// The digest of the bytes that it was fed, and the bytes of the list, if the release names one.
    pub fn finish(self) -> (Digest, Option<Result<Vec<u8>, FalseList>>) {
        let listed = match self.as_it_goes {
            AsItGoes::Hash(hasher) => return (hasher.finish(), None),
            AsItGoes::List(lister) => lister.finish(),
        };
        let compare = |named| match listed.list.map(|list| list.to_bytes()) {
            Ok(bytes) if FilesRef::of(&bytes) == named => Ok(bytes),
            Ok(_) => Err(FalseList::Other),
            Err(why) => Err(why.into()),
        };
        (listed.digest, self.named.map(compare))
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
