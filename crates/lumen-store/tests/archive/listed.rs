//! A file list says of an archive what the strict reader finds in it.

use lumen_core::{Digest, file_list::Lister, tar};
use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::Index,
};

use super::read;

/// Compares the list of a tar with what an install unpacks; says whether there is a list.
fn agree(bytes: &[u8]) -> bool {
    let mut lister = Lister::new();
    lister.update(bytes);
    let Ok(list) = lister.finish().list else {
        return false;
    };
    // Names that clash are refused by the reader alone; then nothing is installed.
    let Ok(contents) = read(bytes) else {
        return true;
    };
    let listed = list.files().iter().map(|file| {
        let from = usize::try_from(file.offset).unwrap();
        let to = from + usize::try_from(file.size).unwrap();
        assert_eq!(Digest::of(&bytes[from..to]), file.digest);
        (file.path.clone(), bytes[from..to].to_vec(), file.executable)
    });
    assert_eq!(contents.files, listed.collect::<Vec<_>>());
    true
}

fn packed(files: impl IntoIterator<Item = (String, Vec<u8>, bool)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (path, body, executable) in files {
        let size = body.len() as u64;
        bytes.extend(tar::head(&path, size, executable));
        bytes.extend(body);
        bytes.resize(bytes.len() + tar::padding(size), 0);
    }
    bytes.extend(tar::END);
    bytes
}

#[test]
fn a_packed_archive_has_a_list() {
    let file = |path: &str, body: &str| (path.to_owned(), body.as_bytes().to_vec(), true);
    let long = "d/".repeat(60) + &"e".repeat(120);
    let files = [file("a", ""), file(&long, "x"), file("lumen.toml", "#")];
    assert!(agree(&packed(files)));
}

proptest! {
    #[test]
    fn a_changed_archive_says_one_thing(
        files in btree_map("[a-c]{1,2}(/[a-c]{1,3}){0,2}|[a-b]{101,140}", (vec(0..3u8, 0..600), any::<bool>()), 1..4),
        changes in vec((any::<Index>(), any::<u8>()), 0..3),
        cut in proptest::option::of(any::<Index>()),
    ) {
        let files = files.into_iter().map(|(path, (body, executable))| (path, body, executable));
        let mut bytes = packed(files);
        prop_assert!(agree(&bytes));
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        agree(&bytes);
    }
}
