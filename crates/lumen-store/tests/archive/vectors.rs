//! Every file of `tests/data/tar`.

use std::path::Path;

use lumen_store::{
    archive::{EntryType, Field, Rule},
    portable::Clash,
};

use super::{read, refused};

fn bytes(file: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tar");
    std::fs::read(folder.join(file)).unwrap()
}

#[test]
fn accepted() {
    let check = |file: &str, files: &[&str]| {
        assert_eq!(read(&bytes(file)).expect(file).names(), files, "{file}");
    };
    check("simple.tar", &["a", "b", "c"]);
    // Sixteen zero blocks where GNU tar writes seventeen: two are enough.
    check("simple_missing_last_header.tar", &["a", "b", "c"]);
    let folder = format!(
        "this_is_a_folder_with_a_name_that_just_keeps_going{}",
        "_on_and_on_and_on_it_is_a_very_very_long_folder_name"
    );
    check("7z_long_path.tar", &[&format!("{folder}/test.txt")]);
}

/// Readers were fooled by these into applying a pax size to a later entry too. Read
/// rightly nothing is wrong with them: contents may look like headers.
#[test]
fn accepted_with_the_right_entries() {
    let check = |file: &str, expected: &[(&str, usize)]| {
        let contents = read(&bytes(file)).expect(file);
        let files = contents
            .files
            .iter()
            .map(|(path, bytes, _)| (path.as_str(), bytes.len()));
        assert_eq!(files.collect::<Vec<_>>(), expected, "{file}");
    };
    check(
        "pax-phantom-entry.tar",
        &[("file_a", 512), ("file_b", 1536)],
    );
    check(
        "pax-hidden-entry.tar",
        &[("file_a", 1536), ("file_b", 0), ("hidden", 73)],
    );
}

#[test]
fn refused_with_a_rule() {
    let check = |file: &str, entry: Option<&str>, rule: Rule| {
        refused(file, &bytes(file), entry, rule);
    };
    // `13 path=name` without its line feed.
    check(
        "diff-014-unterminated-pax.tar",
        Some("PaxHeaders/x"),
        Rule::PaxRecord,
    );
    // A pax header, then the end, then an entry that a lenient reader renames.
    check(
        "diff-024-pending-pax-boundary.tar",
        Some("PaxHeaders/x"),
        Rule::ExtensionPending,
    );
    check(
        "diff-039-truncated-entry-body.tar",
        Some("aaa"),
        Rule::Truncated,
    );
    check(
        "duplicate_dirs.tar",
        Some("some_dir/"),
        Rule::Clash(Clash::Duplicate),
    );
    // The name starts with NUL; more bytes follow it.
    check("empty_filename.tar", None, Rule::Hidden(Field::Name));
    check("link.tar", Some("lnk"), Rule::Type(EntryType::Symlink));
    // The pax size is not the header's: an entry for one reader is contents for another.
    check(
        "pax-header-precedence.tar",
        Some("blob.bin"),
        Rule::SizeConflict,
    );
    check(
        "pax-overrides-extension-header.tar",
        Some("@LongLink"),
        Rule::ExtensionTwice,
    );
    check("sparse-1.tar", Some("a.big"), Rule::Type(EntryType::Sparse));
    check(
        "sparse-large.tar",
        Some("huge"),
        Rule::Type(EntryType::Sparse),
    );
}

#[test]
fn all_are_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tar");
    let count = std::fs::read_dir(folder).unwrap().filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .ends_with(".tar")
    });
    assert_eq!(count.count(), 15);
}
