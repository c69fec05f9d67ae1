//! Servers that are slow, broken or want to do harm: always an error that says what happened,
//! after as many requests as were promised.

use std::time::Duration;

use lumen_core::{
    Key,
    limits::{Limit, MAX_HEAD_BYTES, MAX_HEADERS, rows},
};
use lumen_registry::{
    Location, Storage, StorageError,
    storage::{Bound, HostOptions},
};

use crate::{
    block_on,
    server::{Answer, Asked, Server, answer, impatient, ok},
};

const SILENT: &str = "the server did not answer in time";
const SLOW: &str = "the server sends less than 1228 bytes in 0.3 s";

fn index() -> Key {
    Key::parse("packages/a/index.json").unwrap()
}

/// Reads a file in both ways there are; both must fail.
fn fails(
    answer: impl Fn(&Asked) -> Answer + Clone + Send + Sync + 'static,
) -> [(String, usize); 2] {
    fails_with(&impatient(), answer)
}

/// The errors, and how often the server was asked.
fn fails_with(
    options: &HostOptions,
    answer: impl Fn(&Asked) -> Answer + Clone + Send + Sync + 'static,
) -> [(String, usize); 2] {
    let open =
        |server: &Server| Storage::open(&Location::parse(&server.url()).unwrap(), options).unwrap();
    let server = Server::start(answer.clone());
    let error = block_on(open(&server).get(&index(), 1 << 20)).unwrap_err();
    let get = (reason(&server, &error), server.asked().len());
    let server = Server::start(answer);
    let read = open(&server);
    let error = block_on(read.read_to(&index(), 1 << 20, &mut Vec::new())).unwrap_err();
    [get, (reason(&server, &error), server.asked().len())]
}

/// What happened; the message names the file, too.
fn reason(server: &Server, error: &StorageError) -> String {
    let StorageError::Transfer { file, reason } = error else {
        panic!("{error}");
    };
    assert_eq!(*file, format!("{}/packages/a/index.json", server.url()));
    assert!(error.to_string().contains(file.as_str()));
    reason.clone()
}

fn head(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

#[test]
fn drips_end_in_time() {
    let pause = Duration::from_millis(20);
    let body = || vec![b'x'; 100_000];
    let drips: [fn() -> Vec<u8>; 3] = [
        || head("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
        || head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n186A0\r\n"),
        || head("HTTP/1.0 200 OK\r\n\r\n"),
    ];
    for start in drips {
        let found = fails(move |_| Answer::Drip(start(), body(), pause));
        assert_eq!(found, [(SLOW.to_owned(), 3), (SLOW.to_owned(), 3)]);
    }
    // Headers, too.
    let found = fails(move |_| Answer::Drip(head("HTTP/1.1 200 OK\r\nX: "), body(), pause));
    assert_eq!(found, [(SILENT.to_owned(), 3), (SILENT.to_owned(), 3)]);
}

#[test]
fn a_slow_line_is_no_drip() {
    let slow = |_: &Asked| {
        let start = head("HTTP/1.1 200 OK\r\nContent-Length: 150\r\n\r\n");
        Answer::Drip(start, vec![b'x'; 150], Duration::from_millis(10))
    };
    // In 0.3 s one file gets 30 bytes at most, which is too little.
    let mut options = impatient();
    options.http.limits.set(Limit::DownloadSpeed, 1_600);
    for (why, asked) in fails_with(&options, slow) {
        assert_eq!(why, "the server sends less than 120 bytes in 0.3 s");
        assert_eq!(asked, 3);
    }
    // In a second, 60 files get 15 times as much as they must: a busy machine may slow them down.
    options.http.read_timeout = Duration::from_secs(1);
    let server = Server::start(slow);
    let location = Location::parse(&server.url()).unwrap();
    let storage = Storage::open(&location, &options).unwrap();
    block_on(async {
        let reads = (0..60).map(async |number| {
            let key = Key::parse(&format!("packages/p{number}/index.json")).unwrap();
            let (bytes, _) = storage.get(&key, 999).await.unwrap().unwrap();
            assert_eq!(bytes, [b'x'; 150]);
        });
        futures::future::join_all(reads).await;
    });
}

#[test]
fn small_pieces_are_put_together() {
    let whole: Vec<u8> = (0..5000).map(|number| number as u8).collect();
    let expected = whole.clone();
    let server = Server::start(move |_| {
        let mut chunked = head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for byte in &whole {
            chunked.extend(b"1\r\n");
            chunked.push(*byte);
            chunked.extend(b"\r\n");
        }
        chunked.extend(b"0\r\n\r\n");
        Answer::Raw(chunked)
    });
    let storage = server.storage();
    let (bytes, _) = block_on(storage.get(&index(), 5000)).unwrap().unwrap();
    assert!(bytes == expected);
    let mut out = Vec::new();
    block_on(storage.read_to(&index(), 5000, &mut out)).unwrap();
    assert!(out == expected);
}

#[test]
fn slow_redirects_have_the_time_of_one_answer() {
    let mut options = impatient();
    options.http.connect_timeout = Duration::from_millis(300);
    let found = fails_with(&options, |asked| {
        // Each of them is in time.
        std::thread::sleep(Duration::from_millis(200));
        answer("302 Found", &[&format!("Location: {}x", asked.path)], b"")
    });
    for (reason, asked) in found {
        assert_eq!(reason, SILENT);
        // Three tries, none of them to the end of the redirects.
        assert!((3..15).contains(&asked), "{asked}");
    }
}

#[test]
fn endless_answers_that_are_no_file() {
    for (start, again, expected) in [
        (
            "HTTP/1.1 200 OK\r\n",
            "X-A: b\r\n",
            "message head is too large",
        ),
        ("HTTP/1.1 200 OK\r\nX-A: ", "b", "message head is too large"),
        ("HTTP/1.1 200 ", "OK", "message head is too large"),
        ("", "\r\n", "message head is too large"),
        ("", "x", "invalid HTTP version parsed"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "1;x",
            "chunk extensions over limit",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            "X-A: b\r\n",
            "chunk trailers count overflow",
        ),
    ] {
        let found = fails(move |_| Answer::Endless(head(start), head(again)));
        assert_eq!(found, [(expected.to_owned(), 3), (expected.to_owned(), 3)]);
    }
    // Announcing an answer again and again is none.
    let found = fails(|_| {
        let announced = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(1000);
        Answer::Drip(Vec::new(), announced.into_bytes(), Duration::from_millis(1))
    });
    assert_eq!(found, [(SILENT.to_owned(), 3), (SILENT.to_owned(), 3)]);
}

#[test]
fn answers_that_make_no_sense() {
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (text, expected) in [
        ("garbage\r\n\r\n", "invalid HTTP version"),
        ("\0\0\0\0\0\0\0\0", "invalid HTTP version"),
        ("HTTP/9.9 200 OK\r\n\r\n", "invalid HTTP version"),
        ("HTTP/1.1 abc OK\r\n\r\n", "invalid HTTP status-code"),
        ("HTTP/1.1 200 OK\r\nNo colon\r\n\r\n", "invalid HTTP header"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "invalid content-length",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "invalid content-length",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999999\r\n\r\n",
            "invalid content-length",
        ),
        (&format!("{CHUNKED}zz\r\n"), "Invalid chunk size"),
        (&format!("{CHUNKED}-1\r\nx\r\n"), "Invalid chunk size"),
        (
            &format!("{CHUNKED}FFFFFFFFFFFFFFFFFF\r\nx\r\n"),
            "invalid chunk size",
        ),
        (
            &format!("{CHUNKED}3\r\nabcdef\r\n0\r\n\r\n"),
            "Invalid chunk body",
        ),
    ] {
        let text = head(text);
        for (reason, asked) in fails(move |_| Answer::Raw(text.clone())) {
            assert!(reason.starts_with(expected), "{expected}: {reason}");
            assert_eq!(asked, 3, "{expected}");
        }
    }
    // Less than was announced.
    let short = || head("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
    let closed: fn(Vec<u8>) -> Answer = Answer::Raw;
    let broken: fn(Vec<u8>) -> Answer = Answer::Reset;
    let ends = [
        (closed, "end of file before message length reached"),
        (broken, "Connection reset by peer"),
    ];
    for (end, expected) in ends {
        for (reason, asked) in fails(move |_| end(short())) {
            assert!(reason.starts_with(expected), "{expected}: {reason}");
            assert_eq!(asked, 3);
        }
    }
}

#[test]
fn every_tenth_answer_breaks() {
    let server = Server::start(|asked| {
        let number: usize = asked.path.rsplit('/').next().unwrap()[1..].parse().unwrap();
        match (number % 10, asked.before) {
            (0, 0) => Answer::Reset(head("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")),
            (5, 0) => Answer::Reset(Vec::new()),
            _ => ok(b"hello"),
        }
    });
    let storage = server.storage();
    block_on(async {
        let reads = (0..100).map(async |number| {
            let key = Key::parse(&format!("artifacts/n{number}")).unwrap();
            let mut out = Vec::new();
            storage.read_to(&key, 5, &mut out).await.unwrap();
            assert_eq!(out, b"hello");
        });
        futures::future::join_all(reads).await;
    });
    assert_eq!(server.asked().len(), 120);
}

/// A connection that breaks again and again ends a download only when nothing gets through.
#[test]
fn a_download_that_goes_on_is_not_given_up() {
    let whole: Vec<u8> = (0..1_000_000_u32)
        .map(|number| (number / 7) as u8)
        .collect();
    let (body, expected) = (whole.clone(), whole);
    let server = Server::start(move |asked| {
        let range = asked
            .headers
            .get("range")
            .map_or("bytes=0-", String::as_str);
        let start: usize = range["bytes=".len()..range.len() - 1].parse().unwrap();
        let end = (start + 50_000).min(body.len());
        let text = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{}/{1}\r\nContent-Length: {}\r\n\r\n",
            body.len() - 1,
            body.len() - start,
        );
        let text = match start {
            0 => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()),
            _ => text,
        };
        Answer::Reset([text.as_bytes(), &body[start..end]].concat())
    });
    let mut out = Vec::new();
    let size = block_on(server.storage().read_to(&index(), 1_000_000, &mut out)).unwrap();
    assert_eq!((size, out == expected), (Some(1_000_000), true));
    assert!(server.asked().len() >= 20);
}

#[test]
fn heads_of_answers_have_limits() {
    let read = |head: String| {
        let server = Server::start(move |_| Answer::Raw(head.clone().into_bytes()));
        let read = block_on(server.storage().get(&index(), 1 << 20));
        read.map(|found| found.is_some())
            .map_err(|error| error.bounds())
    };
    let beyond = vec![
        Bound::Fixed(rows::MAX_HEADERS),
        Bound::Fixed(rows::MAX_HEAD_BYTES),
    ];
    let fields = |count: usize| {
        let more = "X: y\r\n".repeat(count - 1);
        read(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{more}\r\n"
        ))
    };
    assert_eq!(fields(MAX_HEADERS), Ok(true));
    assert_eq!(fields(MAX_HEADERS + 1), Err(beyond.clone()));
    // A server may send some more than that before it is noticed.
    let bytes = |count: usize| {
        let long = "y".repeat(count);
        read(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: {long}\r\n\r\n"
        ))
    };
    assert_eq!(bytes(MAX_HEAD_BYTES as usize - 1000), Ok(true));
    assert_eq!(bytes(MAX_HEAD_BYTES as usize * 2), Err(beyond));
}
