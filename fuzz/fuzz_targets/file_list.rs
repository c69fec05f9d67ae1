//! File lists: what is read is written again alike, and the list of a tar says what the strict
//! reader finds in it.

#![no_main]

use std::io;

use libfuzzer_sys::fuzz_target;
use lumen_core::{
    Digest,
    digest::Hasher,
    file_list::{FileList, Lister},
};
use lumen_store::archive::{ArchiveError, Body, FileEntry, Limits, Sink, read};

/// Path, whether executable, bytes and digest of each file, in order.
#[derive(Default)]
struct Found(Vec<(String, bool, u64, Digest)>);

impl Sink for Found {
    fn folder(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn file(&mut self, entry: FileEntry<'_>, body: &mut dyn Body) -> Result<(), ArchiveError> {
        let mut hasher = Hasher::new();
        while let Some(piece) = body.next()? {
            hasher.update(piece);
        }
        let FileEntry {
            path,
            executable,
            size,
        } = entry;
        self.0
            .push((path.to_owned(), executable, size, hasher.finish()));
        Ok(())
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(list) = FileList::parse(bytes) {
        assert_eq!(list.to_bytes(), bytes);
    }
    let mut lister = Lister::new();
    lister.update(bytes);
    let Ok(list) = lister.finish().list else {
        return;
    };
    assert_eq!(FileList::parse(&list.to_bytes()).as_ref(), Ok(&list));
    let mut found = Found::default();
    if read(bytes, None, &Limits::default(), &mut found).is_err() {
        return;
    }
    let listed = list
        .files()
        .iter()
        .map(|file| (file.path.clone(), file.executable, file.size, file.digest));
    assert_eq!(found.0, listed.collect::<Vec<_>>());
});
