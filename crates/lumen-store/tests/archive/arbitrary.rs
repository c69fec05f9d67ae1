//! No bytes make the reader panic, and what it accepts is always safe.

use std::collections::HashSet;

use lumen_store::portable::{check_path, fold};
use proptest::{collection::vec, prelude::*, sample::Index};

use super::{
    builder::{Header, Tar, gzip, zstd},
    read,
};

/// Reads, and checks that everything delivered may be written to a disk.
fn check(bytes: &[u8]) {
    let Ok(contents) = read(bytes) else { return };
    let mut seen = HashSet::new();
    let paths = contents.names().into_iter();
    for path in paths.chain(contents.folders.iter().map(String::as_str)) {
        assert_eq!(check_path(path, 1024, 64), Ok(()), "{path:?}");
        let folded: Vec<_> = path.split('/').map(fold).collect();
        assert!(seen.insert(folded.join("/")), "{path:?} twice");
    }
    for (path, ..) in &contents.files {
        if let Some((folder, _)) = path.rsplit_once('/') {
            assert!(
                contents.folders.iter().any(|made| made == folder),
                "{path:?}"
            );
        }
    }
}

/// A header with some fields from a list of nasty values.
fn header() -> impl Strategy<Value = Header> {
    let name = prop::sample::select(vec![
        &b"a"[..],
        b"a/b",
        b"./a",
        b"A",
        b"../a",
        b"/a",
        b"a/",
        b"",
        b"a//b",
        b"\xff",
        b"a\0b",
        b".",
        b"nul",
        b"d/e/f",
    ]);
    let flag = prop::sample::select(vec![
        b'0', b'0', b'0', b'5', b'5', b'x', b'L', b'g', b'2', 0, b'7',
    ]);
    let size = prop::sample::select(vec![
        &b"00000000000\0"[..],
        b"00000000001\0",
        b"00000001000\0",
        b"00000000016\0",
        b"77777777777\0",
        b"           0",
        b"\x80\0\0\0\0\0\0\0\0\0\0\x01",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ]);
    let magic = prop::sample::select(vec![
        b"ustar\x0000",
        b"ustar\x0000",
        b"ustar  \0",
        b"\0\0\0\0\0\0\0\0",
    ]);
    (name, flag, size, magic).prop_map(|(name, flag, size, magic)| {
        Header::of(flag, name, 0).set(124, size).set(257, magic)
    })
}

fn blocks() -> impl Strategy<Value = Vec<u8>> {
    let body = prop::sample::select(vec![
        b"13 path=a/b/c\n".to_vec(),
        b"10 size=1\n".to_vec(),
        b"10 path=a\n".to_vec(),
        b"12 mtime=17\n".to_vec(),
        vec![0; 512],
        vec![1; 512],
        b"a/long/name\0".to_vec(),
        b"x".to_vec(),
    ]);
    let block = prop_oneof![
        6 => header().prop_map(|header| header.sum().to_vec()),
        1 => header().prop_map(|header| header.0.to_vec()),
        4 => body.prop_map(|body| Tar::new().raw(body).pad().0),
        1 => vec(any::<u8>(), 512),
    ];
    vec(block, 0..12).prop_map(|blocks| Tar::new().raw(blocks.concat()).end())
}

/// A good archive of several forms.
fn good() -> Vec<u8> {
    Tar::new()
        .folder("./")
        .file("./lumen.toml", "[package]\nname = \"x\"\n")
        .pax(&["path=src/größe.lm", "mtime=1.5", "size=3"])
        .file("src/x", "abc")
        .long("d/".repeat(60) + "f")
        .file("d/d", vec![7; 1500])
        .folder("empty/")
        .end()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..3000)) {
        check(&bytes);
        check(&[&b"\x1f\x8b\x08"[..], &bytes].concat());
        check(&[&b"\x28\xb5\x2f\xfd"[..], &bytes].concat());
        check(&gzip(&bytes));
    }

    #[test]
    fn any_blocks(bytes in blocks()) {
        check(&bytes);
        check(&zstd(&bytes));
    }

    #[test]
    fn changed_bytes(
        encoding in 0..3_u8,
        changes in vec((any::<Index>(), any::<u8>()), 1..6),
        cut in prop::option::weighted(0.2, any::<Index>()),
    ) {
        let mut bytes = match encoding {
            0 => good(),
            1 => gzip(&good()),
            _ => zstd(&good()),
        };
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        check(&bytes);
    }

    /// Headers are only interesting with a right checksum.
    #[test]
    fn changed_headers(changes in vec((0..6_usize, 0..512_usize, any::<u8>()), 1..4)) {
        let mut bytes = good();
        for (block, at, byte) in changes {
            let start = block * 512;
            let header: &[u8; 512] = bytes[start..start + 512].try_into().unwrap();
            let header = Header(*header).set(at, &[byte]).sum();
            bytes[start..start + 512].copy_from_slice(&header);
        }
        check(&bytes);
    }
}
