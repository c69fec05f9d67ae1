//! Every limit, at the limit and one beyond.

use std::io::{self, Read};

use lumen_store::{
    archive::{self, ArchiveError, Body, FileEntry, Limits, Rule, Sink, Summary},
    portable::PathRule,
};

use super::builder::{Header, Tar, records, zstd};

/// Looks at nothing.
struct Ignore;

impl Sink for Ignore {
    fn folder(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn file(&mut self, _: FileEntry<'_>, _: &mut dyn Body) -> Result<(), ArchiveError> {
        Ok(())
    }
}

fn read(input: impl Read, size: Option<u64>, limits: &Limits) -> Result<Summary, Rule> {
    match archive::read(input, size, limits, &mut Ignore) {
        Ok(summary) => Ok(summary),
        Err(ArchiveError::Refused(refusal)) => Err(refusal.rule),
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
fn check(tar: Tar, expected: Result<(), Rule>) {
    let bytes = tar.end();
    let size = Some(bytes.len() as u64);
    let read = read(&bytes[..], size, &Limits::default());
    assert_eq!(read.map(drop), expected);
}

/// A tar of one file of zeros, without holding it in memory.
fn zeros(size: u64) -> impl Read {
    let octal = format!("{size:011o}\0");
    let header = Header::file("x", 0).set(124, octal.as_bytes()).sum();
    let body = size.next_multiple_of(512) + 1024;
    io::Cursor::new(header).chain(io::repeat(0).take(body))
}

#[test]
fn unpacked_bytes() {
    let limits = Limits::default();
    let limit = 512 << 20;
    let over = Err(Rule::Unpacked { limit });
    assert_eq!(
        read(zeros(limit), None, &limits).map(|s| s.unpacked),
        Ok(limit)
    );
    assert_eq!(read(zeros(limit + 1), None, &limits), over);
    let small = Some((512 << 20) / 20);
    assert_eq!(read(zeros(limit + 1), small, &limits), over);
    // Twenty times the compressed size, once that is more.
    let limit = 20 * ((512 << 20) / 20 + 1);
    let larger = Some(limit / 20);
    assert_eq!(
        read(zeros(limit), larger, &limits).map(|s| s.unpacked),
        Ok(limit)
    );
    assert_eq!(
        read(zeros(limit + 1), larger, &limits),
        Err(Rule::Unpacked { limit })
    );
}

#[test]
fn unpacked_bytes_of_many_files() {
    let limits = Limits {
        unpacked: 1000,
        ..Limits::default()
    };
    let tar = |last: usize| {
        zstd(
            &Tar::new()
                .file("a", [1; 600])
                .file("b", vec![2; last])
                .end(),
        )
    };
    let check = |last, expected| {
        assert_eq!(
            read(&tar(last)[..], Some(50), &limits).map(|s| s.unpacked),
            expected
        );
    };
    check(400, Ok(1000));
    check(401, Err(Rule::Unpacked { limit: 1000 }));
    assert_eq!(limits.unpacked_for(Some(51)), 1020);
    assert_eq!(limits.unpacked_for(Some(u64::MAX)), u64::MAX);
}

/// Headers cost bytes too: a bomb of them ends before it is read.
#[test]
fn bytes_beside_the_files() {
    let limits = Limits {
        unpacked: 1000,
        entries: 10,
        ..Limits::default()
    };
    let tar = Tar::new().file("a", "x").raw(vec![0; 2 << 20]);
    let result = read(&tar.end()[..], None, &limits);
    assert_eq!(result, Err(Rule::Unpacked { limit: 1000 }));
}

#[test]
fn entries() {
    let tar = |count: usize| {
        (0..count).fold(Tar::new(), |tar, n| match n % 2 {
            0 => tar.file(format!("f{n}"), ""),
            _ => tar.folder(format!("d{n}/")),
        })
    };
    check(tar(65_536), Ok(()));
    check(tar(65_537), Err(Rule::Entries { limit: 65_536 }));
}

#[test]
fn implied_folders() {
    // 2,048 files in 32 folders each.
    let tar = |count: usize, tar: Tar| {
        (0..count).fold(tar, |tar, n| {
            tar.file(format!("{n}/{}f", "d/".repeat(31)), "")
        })
    };
    check(tar(2048, Tar::new()), Ok(()));
    let one_more = Tar::new().folder("one-more");
    check(tar(2048, one_more), Err(Rule::Entries { limit: 65_536 }));
}

#[test]
fn depth() {
    let path = |folders: usize| "d/".repeat(folders) + "f";
    check(Tar::new().long(path(63)).file("x", ""), Ok(()));
    check(
        Tar::new().long(path(64)).file("x", ""),
        Err(Rule::Path(PathRule::Deep { limit: 64 })),
    );
    check(Tar::new().long("d/".repeat(64)).folder("x"), Ok(()));
    check(
        Tar::new().long("d/".repeat(65)).folder("x"),
        Err(Rule::Path(PathRule::Deep { limit: 64 })),
    );
}

#[test]
fn path_length() {
    let path = |length: usize| {
        let folders = format!("{}/", "d".repeat(127)).repeat(7);
        let file = "f".repeat(length - folders.len());
        folders + &file
    };
    let over = Err(Rule::Path(PathRule::Long { limit: 1024 }));
    let pax = |length| {
        Tar::new()
            .pax(&[&format!("path={}", path(length))])
            .file("x", "")
    };
    let gnu = |length| Tar::new().long(path(length)).file("x", "");
    check(pax(1024), Ok(()));
    check(pax(1025), over.clone());
    check(gnu(1024), Ok(()));
    check(gnu(1025), over);
    // The leading `./` and the trailing `/` do not count.
    check(
        Tar::new().long(format!("./{}/", path(1024))).folder("x"),
        Ok(()),
    );
}

#[test]
fn component_length() {
    let tar = |length: usize| Tar::new().long("f".repeat(length)).file("x", "");
    check(tar(255), Ok(()));
    check(tar(256), Err(Rule::Path(PathRule::Component)));
}

#[test]
fn extension_headers() {
    let pax = |length: usize| {
        let body = records(&[&format!("comment={}", "c".repeat(length - 15))]);
        assert_eq!(body.len(), length);
        Tar::new().pax_raw(body).file("x", "")
    };
    let over = Err(Rule::ExtensionSize { limit: 65_536 });
    check(pax(65_536), Ok(()));
    check(pax(65_537), over.clone());
    let gnu = |length: usize| Tar::new().long("n".repeat(length - 1)).file("x", "");
    check(gnu(65_536), Err(Rule::Path(PathRule::Component)));
    check(gnu(65_537), over.clone());
    let global = |length: usize| {
        let body = records(&[&format!("comment={}", "c".repeat(length - 15))]);
        Tar::new()
            .entry(Header::of(b'g', "g", length), body)
            .file("x", "")
    };
    check(global(65_536), Ok(()));
    check(global(65_537), over);
}
