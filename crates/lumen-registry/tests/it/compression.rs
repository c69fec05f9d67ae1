//! Compressed answers: honest, damaged, hostile, and those nobody asked for.

use async_compression::{
    Level,
    futures::bufread::{BrotliEncoder, GzipEncoder, ZstdEncoder},
};
use futures::{AsyncReadExt as _, io::Cursor};
use lumen_core::Key;
use lumen_registry::StorageError;

use crate::{
    block_on,
    server::{Answer, Asked, Server, answer, ok},
};

pub const CODINGS: [&str; 3] = ["gzip", "br", "zstd"];

fn index() -> Key {
    Key::parse("packages/a/index.json").unwrap()
}

fn artifact(extension: &str) -> Key {
    Key::parse(&format!(
        "artifacts/sha256/ab/{}{extension}",
        "c".repeat(62)
    ))
    .unwrap()
}

pub fn compress(coding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let input = Cursor::new(bytes.to_vec());
    let level = Level::Fastest;
    let done = match coding {
        "gzip" => block_on(GzipEncoder::with_quality(input, level).read_to_end(&mut out)),
        "br" => block_on(BrotliEncoder::with_quality(input, level).read_to_end(&mut out)),
        "zstd" => block_on(ZstdEncoder::with_quality(input, level).read_to_end(&mut out)),
        other => panic!("{other}"),
    };
    done.unwrap();
    out
}

fn coded(coding: &str, body: &[u8]) -> Answer {
    answer("200 OK", &[&format!("Content-Encoding: {coding}")], body)
}

fn get(server: &Server, limit: u64) -> Result<Vec<u8>, StorageError> {
    let found = block_on(server.storage().get(&index(), limit))?;
    Ok(found.unwrap().0)
}

fn download(server: &Server, key: &Key, limit: u64) -> Result<Vec<u8>, StorageError> {
    let mut out = Vec::new();
    let size = block_on(server.storage().read_to(key, limit, &mut out))?;
    assert_eq!(size, Some(out.len() as u64));
    Ok(out)
}

/// Text that is long, and short when compressed.
pub fn text() -> Vec<u8> {
    let words = (0..5_000).map(|number| format!("\"1.0.{number}\", "));
    words.collect::<String>().into_bytes()
}

#[test]
fn each_coding_is_read() {
    for coding in CODINGS {
        let body = compress(coding, &text());
        let server = Server::start(move |_| coded(coding, &body));
        assert!(get(&server, 1 << 20).unwrap() == text(), "{coding}");
        // The limit is that of the file, not that of what was sent.
        let error = get(&server, text().len() as u64 - 1).unwrap_err();
        assert!(matches!(error, StorageError::TooLarge { .. }), "{error}");
        assert_eq!(
            get(&server, text().len() as u64).unwrap().len(),
            text().len()
        );
    }
}

#[test]
fn what_uploads_leave_on_files_is_no_coding() {
    for coding in [
        "identity",
        "aws-chunked",
        "utf-8",
        "none",
        "aws-chunked,gzip",
    ] {
        let body = match coding.contains("gzip") {
            true => compress("gzip", &text()),
            false => text(),
        };
        let server = Server::start(move |_| coded(coding, &body));
        assert!(get(&server, 1 << 20).unwrap() == text(), "{coding}");
    }
}

#[test]
fn members_in_a_row_are_one_file() {
    for coding in ["gzip", "zstd"] {
        let parts = move || [compress(coding, b"one "), compress(coding, b"two")].concat();
        let server = Server::start(move |_| coded(coding, &parts()));
        assert_eq!(get(&server, 99).unwrap(), b"one two", "{coding}");
    }
}

#[test]
fn a_file_that_does_not_shrink_may_be_as_large_as_allowed() {
    let mut noise = Vec::new();
    let mut state = 1_u64;
    while noise.len() < 100_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        noise.push((state >> 33) as u8);
    }
    for coding in CODINGS {
        let (body, expected) = (compress(coding, &noise), noise.clone());
        assert!(body.len() > expected.len() - 1000);
        let server = Server::start(move |_| coded(coding, &body));
        assert!(get(&server, 100_000).unwrap() == expected, "{coding}");
    }
}

/// Streams without an end: of much from little, and of nothing from much.
#[test]
fn bombs_end_at_the_limit() {
    // One deflate block with the same byte for ever, and empty ones.
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let zeros = compress("gzip", &vec![0; 8 << 20]);
    // A frame with a window of 128 KiB, and blocks of as many equal bytes (RFC 8878 section 3.1.1).
    let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x38];
    let run = [0x02, 0x00, 0x10, b'x'];
    for (coding, start, more) in [
        ("gzip", &[][..], &zeros[..]),
        ("gzip", &gzip, &[0, 0, 0, 0xff, 0xff]),
        ("zstd", &zstd, &run),
        // Skippable frames (RFC 8878 section 3.1.2).
        ("zstd", &[], &[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]),
    ] {
        let head = format!("HTTP/1.0 200 OK\r\nContent-Encoding: {coding}\r\n\r\n");
        let (start, more) = ([head.as_bytes(), start].concat(), more.to_vec());
        let server = Server::start(move |_| Answer::Endless(start.clone(), more.clone()));
        let error = get(&server, 1 << 20).unwrap_err();
        assert!(matches!(error, StorageError::TooLarge { limit, .. } if limit == 1 << 20));
        let error = download(&server, &artifact(".tar"), 1 << 20).unwrap_err();
        assert!(matches!(error, StorageError::TooLarge { limit, .. } if limit == 1 << 20));
        assert_eq!(server.asked().len(), 2, "{coding}");
    }
    // A long body is not even begun.
    let server = Server::start(|_| {
        Answer::Hang(
            "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 99999999\r\n\r\n".into(),
        )
    });
    let error = get(&server, 1 << 20).unwrap_err();
    assert!(matches!(error, StorageError::TooLarge { .. }), "{error}");
}

#[test]
fn where_the_compressed_copy_is_bad_the_file_itself_is_asked_for() {
    let cut = |coding: &str| compress(coding, &text())[..300].to_vec();
    // A frame whose window would need 128 MiB.
    let window = [
        &[0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3][..],
        &[0x02, 0, 0x10, b'x'],
    ]
    .concat();
    let mut bad: Vec<(&'static str, Vec<u8>)> = vec![
        ("zstd", window),
        ("gzip", b"<html>not gzip</html>".to_vec()),
        ("zstd", b"<html>not zstd</html>".to_vec()),
    ];
    bad.extend(CODINGS.map(|coding| (coding, cut(coding))));
    for (coding, body) in bad {
        let server = Server::start(
            move |asked| match asked.headers["accept-encoding"].as_str() {
                "identity" => ok(b"plain"),
                _ => coded(coding, &body),
            },
        );
        assert_eq!(get(&server, 1 << 20).unwrap(), b"plain", "{coding}");
        assert_eq!(server.asked().len(), 2);
    }
    let server = Server::start(|_| coded("gzip", b"<html>not gzip</html>"));
    let error = get(&server, 1 << 20).unwrap_err().to_string();
    assert!(
        error.contains("the compressed answer cannot be read: "),
        "{error}"
    );
}

#[test]
fn other_codings_are_named() {
    for coding in ["deflate", "gzip, br", "aes128gcm"] {
        let server = Server::start(move |_| coded(coding, b"x"));
        let expected = format!("the server compresses it as `{coding}`, which was not asked for");
        for error in [
            get(&server, 9).unwrap_err(),
            download(&server, &artifact(".tar"), 9).unwrap_err(),
        ] {
            assert!(error.to_string().ends_with(&expected), "{error}");
        }
        assert_eq!(server.asked().len(), 2);
    }
}

#[test]
fn an_artifact_that_is_compressed_all_the_same_is_read() {
    for coding in CODINGS {
        // Breaks off in the middle, at first; no range is asked for, as nobody knows of what.
        let whole = compress(coding, &text());
        let handler = move |asked: &Asked| {
            assert!(!asked.headers.contains_key("range"));
            assert_eq!(asked.headers["accept-encoding"], "identity");
            let half = match asked.before {
                0 => &whole[..whole.len() / 2],
                _ => &whole[..],
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
                whole.len()
            );
            Answer::Raw([head.as_bytes(), half].concat())
        };
        let server = Server::start(handler);
        let found = download(&server, &artifact(".tar"), text().len() as u64).unwrap();
        assert!(found == text(), "{coding}");
        assert_eq!(server.asked().len(), 2, "{coding}");
    }
}

#[test]
fn the_name_of_an_artifact_is_not_how_it_is_sent() {
    let server = Server::start(|_| coded("zstd", &compress("zstd", b"tar")));
    let found = download(&server, &artifact(".tar.zst"), 99).unwrap();
    assert_eq!(found, compress("zstd", b"tar"));
    let server = Server::start(|_| coded("gzip", &compress("gzip", b"zst")));
    let found = download(&server, &artifact(".tar.zst"), 99).unwrap();
    assert_eq!(found, b"zst");
    // A file that is stored compressed has its own length on the way.
    for coding in CODINGS {
        let stored = compress(coding, b"made with tar -cz");
        let (sent, size) = (stored.clone(), stored.len() as u64);
        let server = Server::start(move |_| coded(coding, &sent));
        let found = download(&server, &artifact(".tar"), size).unwrap();
        assert_eq!(found, stored, "{coding}");
    }
}
