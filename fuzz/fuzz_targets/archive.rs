//! Archives: what the strict reader accepts has safe names only, and packing it again gives the same.

#![no_main]

use std::{collections::BTreeMap, io};

use libfuzzer_sys::fuzz_target;
use lumen_core::tar;
use lumen_store::{
    archive::{ArchiveError, Body, FileEntry, Limits, Sink, read},
    portable::check_path,
};

/// Less than people may have, so that a run is short. The rules are the same.
const LIMITS: Limits = Limits {
    unpacked: 256 << 10,
    ratio: 0,
    entries: 64,
    depth: 16,
    path: 256,
    extension: 4 << 10,
};

/// What an archive holds: path to bytes and executable, and folders.
#[derive(Default, PartialEq, Eq, Debug)]
struct Contents {
    files: BTreeMap<String, (Vec<u8>, bool)>,
    folders: Vec<String>,
}

impl Sink for Contents {
    fn folder(&mut self, path: &str) -> io::Result<()> {
        self.folders.push(path.to_owned());
        Ok(())
    }

    fn file(&mut self, entry: FileEntry<'_>, body: &mut dyn Body) -> Result<(), ArchiveError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next()? {
            bytes.extend_from_slice(chunk);
        }
        assert_eq!(bytes.len() as u64, entry.size);
        let old = self
            .files
            .insert(entry.path.to_owned(), (bytes, entry.executable));
        assert!(old.is_none(), "{:?} twice", entry.path);
        Ok(())
    }
}

fn contents(bytes: &[u8]) -> Result<Contents, ArchiveError> {
    let mut contents = Contents::default();
    read(bytes, None, &LIMITS, &mut contents)?;
    Ok(contents)
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(found) = contents(bytes) else { return };
    let mut packed = Vec::new();
    for (path, (bytes, executable)) in &found.files {
        assert_eq!(
            check_path(path, LIMITS.path, LIMITS.depth),
            Ok(()),
            "{path:?}"
        );
        let size = bytes.len() as u64;
        packed.extend(tar::head(path, size, *executable));
        packed.extend(bytes);
        packed.resize(packed.len() + tar::padding(size), 0);
    }
    packed.extend(tar::END);
    let again = contents(&packed).expect("what was accepted, packed again");
    assert_eq!(again.files, found.files);
});
