use insta::assert_snapshot;
use proptest::{collection, prelude::*};

use super::*;
use crate::tar::head;

/// The tar of these files in the one form; `bin/…` is executable.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (path, body) in files {
        let size = body.len() as u64;
        tar.extend(head(path, size, path.starts_with("bin/")));
        tar.extend_from_slice(body);
        tar.resize(tar.len() + padding(size), 0);
    }
    tar.extend(END);
    tar
}

fn listed(tar: &[u8], piece: usize) -> Listed {
    let mut lister = Lister::new();
    tar.chunks(piece).for_each(|piece| lister.update(piece));
    lister.finish()
}

fn sample() -> (Vec<u8>, FileList) {
    let long = format!("{}/main.lm", "d".repeat(120));
    let tar = tar(&[
        ("bin/a run", b"#!/bin/sh\n"),
        (&long, b""),
        ("lumen.toml", &[b'#'; 512]),
        (&"é".repeat(60), b"x"),
    ]);
    let list = listed(&tar, 512).list;
    (tar, list.unwrap_or_else(|why| panic!("{why}")))
}

#[test]
fn a_list_says_where_each_file_is() {
    let tar = tar(&[("bin/run", b"go"), ("lumen.toml", b"[package]\n")]);
    let list = listed(&tar, 1 << 20).list.unwrap();
    assert_eq!(
        (list.tar(), list.tar_size()),
        (Digest::of(&tar), tar.len() as u64)
    );
    for file in list.files() {
        let (from, to) = (file.offset as usize, (file.offset + file.size) as usize);
        assert_eq!(Digest::of(&tar[from..to]), file.digest);
    }
    assert_snapshot!(String::from_utf8(list.to_bytes()).unwrap(), @r"
    lumen/files/v1
    tar e001b002a96258dbbace599d9010e727daaa7f6cb6eea1b9e59bd0f21e4e5ee6 3072
    4cd0e21a9a0795a14ec9aa5f0e7d1abff0492565770e43eafdf1e3e8afed1f33 755 512 2 bin/run
    8a3cd5a81b3f9a621aa493d90c45f42ab571d4e42b8ae5aff351cb0a02d06d82 644 1536 10 lumen.toml
    ");
    assert_eq!(FileList::parse(&list.to_bytes()), Ok(list.clone()));
    assert_eq!(list.get("lumen.toml"), Some(&list.files()[1]));
    assert_eq!(list.get("lumen"), None);
}

#[test]
fn a_tar_is_listed_in_pieces_of_any_size() {
    let (tar, list) = sample();
    for piece in [1, 2, 511, 513, 1 << 20] {
        assert_eq!(listed(&tar, piece).list.as_ref(), Ok(&list), "{piece}");
    }
}

#[test]
fn any_other_tar_has_no_list() {
    let (good, _) = sample();
    assert!(listed(&good, 512).list.is_ok());
    // Each changed byte is either contents, or another form.
    for at in 0..good.len() {
        let mut tar = good.clone();
        tar[at] ^= 1;
        let list = listed(&tar, 512).list;
        if let Ok(list) = list {
            let file = list
                .files()
                .iter()
                .find(|file| (file.offset..file.offset + file.size).contains(&(at as u64)));
            let renamed = list.files() != sample().1.files();
            assert!(file.is_some() || renamed, "{at}");
        }
    }
    for cut in 0..good.len() {
        assert!(listed(&good[..cut], 512).list.is_err(), "{cut}");
    }
    for more in [1, 512] {
        let longer = [&good[..], &vec![0; more]].concat();
        assert!(listed(&longer, 512).list.is_err(), "{more}");
    }
    let unsorted = tar(&[("b", b""), ("a", b"")]);
    let twice = tar(&[("a", b""), ("a", b"")]);
    let outside = tar(&[("../a", b"")]);
    for bytes in [unsorted, twice, outside] {
        let refused = listed(&bytes, 512).list.unwrap_err();
        assert!(matches!(refused, NotListed::Files(_)), "{refused}");
    }
}

#[test]
fn lists_of_another_form_are_refused() {
    let list = String::from_utf8(sample().1.to_bytes()).unwrap();
    let said = |text: &str| FileList::parse(text.as_bytes()).unwrap_err().to_string();
    let lines: Vec<&str> = list.lines().collect();
    let change = |from: &str, to: &str| {
        assert!(list.contains(from), "{from}");
        said(&list.replacen(from, to, 1))
    };
    let said = [
        change("v1", "v2"),
        change("lumen/", "Lumen/"),
        change("tar ", "tar  "),
        change(" 755 512 ", " 755 1536 "),
        change(" 755 512 ", " 755 0512 "),
        change(" 755 ", " 777 "),
        change(" 512 10 ", " 512 700 "),
        change("bin/a run", "bin/../run"),
        change("bin/a run", "zzz/a run"),
        change("bin/a run", "bin\\run"),
        said(&list[..list.len() - 1]),
        said(&format!("{list}\n")),
        said(&lines[..2].join("\n")),
        said(&list.replace(&format!(" {}\n", sample().0.len()), " 1\n")),
        said(""),
    ];
    assert_snapshot!(said.join("\n"), @r"
    it has the format `lumen/files/v2`, which this version does not know
    line 1 has another form than that of a file list
    line 2 has another form than that of a file list
    line 3: its offset is 1536, but the file can only be at 512
    line 3 has another form than that of a file list
    line 3 has another form than that of a file list
    line 4: its offset is 1536, but the file can only be at 2048
    line 3: its path has a `..` component
    line 4: its path is not after the one before it
    line 3: its path has a backslash
    line 6 has another form than that of a file list
    line 7 has another form than that of a file list
    line 2 has another form than that of a file list
    its tar has 1 bytes, but a tar of these files has 5632
    line 1 has another form than that of a file list
    ");
}

proptest! {
    #[test]
    fn lists_come_back(files in collection::btree_map("[a-z][a-z/]{0,149}", collection::vec(any::<u8>(), 0..1500), 0..5), piece in 1..2000usize) {
        let files: Vec<(&str, &[u8])> = files.iter().map(|(path, body)| (path.as_str(), body.as_slice())).collect();
        let tar = tar(&files);
        let made = listed(&tar, piece);
        prop_assert_eq!(made.digest, Digest::of(&tar));
        prop_assert_eq!(made.size, tar.len() as u64);
        let expected = FileList::of(made.digest, files.iter().map(|(path, body)| {
            (*path, path.starts_with("bin/"), body.len() as u64, Digest::of(body))
        }));
        prop_assert_eq!(made.list, expected.clone().map_err(NotListed::from));
        if let Ok(list) = expected {
            prop_assert_eq!(FileList::parse(&list.to_bytes()), Ok(list));
        }
    }

    #[test]
    fn anything_can_be_read(text in any::<Vec<u8>>()) {
        let _ = FileList::parse(&text);
        let _ = listed(&text, 100);
    }

    /// What is read is written in the same way.
    #[test]
    fn a_list_has_one_form(at in any::<prop::sample::Index>(), with in "[0-9a-z \n]{0,2}") {
        let mut text = String::from_utf8(sample().1.to_bytes()).unwrap();
        let at = at.index(text.len());
        if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
            text.replace_range(at..=at, &with);
        }
        if let Ok(list) = FileList::parse(text.as_bytes()) {
            prop_assert_eq!(String::from_utf8(list.to_bytes()).unwrap(), text);
        }
    }
}
