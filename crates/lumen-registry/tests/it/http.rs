//! The HTTP client against servers that stop, lie, hang and redirect.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use lumen_core::Key;
use lumen_registry::{Location, Storage, StorageError};

use crate::{
    block_on,
    server::{Answer, Asked, Server, answer, impatient, not_found, ok},
};

fn key() -> Key {
    Key::parse("packages/@org/http/1.0.0+b.json").unwrap()
}

fn get(server: &Server, limit: u64) -> Result<Option<Vec<u8>>, StorageError> {
    let storage = server.storage();
    block_on(storage.get(&key(), limit)).map(|found| found.map(|(bytes, _)| bytes))
}

fn read(server: &Server, limit: u64) -> Result<Option<Vec<u8>>, String> {
    let mut out = Vec::new();
    let found = block_on(server.storage().read_to(&key(), limit, &mut out));
    match found {
        Ok(Some(size)) => {
            assert_eq!(size, out.len() as u64);
            Ok(Some(out))
        }
        Ok(None) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn raw(text: &str) -> Answer {
    Answer::Raw(text.as_bytes().to_vec())
}

#[test]
fn a_plain_answer() {
    let server = Server::start(|_| ok(b"hello"));
    assert_eq!(get(&server, 5).unwrap().unwrap(), b"hello");
    assert_eq!(read(&server, 5), Ok(Some(b"hello".to_vec())));
    let asked = server.asked();
    assert_eq!(asked[0].path, "/packages/@org/http/1.0.0%2Bb.json");
    assert_eq!(asked[0].headers["accept-encoding"], "zstd, br, gzip");
    assert_eq!(asked[1].headers["accept-encoding"], "identity");
    assert!(asked[0].headers["user-agent"].starts_with("lumen/"));
}

#[test]
fn only_404_and_410_are_absences() {
    for status in ["404 Not Found", "410 Gone"] {
        let server = Server::start(move |_| answer(status, &[], b""));
        assert_eq!(get(&server, 9).unwrap(), None);
        assert_eq!(read(&server, 9), Ok(None));
        assert_eq!(server.asked().len(), 2);
    }
    // Status, and how often it is tried.
    for (status, tries) in [
        ("401 Unauthorized", 1),
        ("403 Forbidden", 1),
        ("400 Bad Request", 1),
        ("418 I'm a teapot", 1),
        ("204 No Content", 1),
        ("206 Partial Content", 1),
        ("304 Not Modified", 1),
        ("429 Too Many Requests", 3),
        ("500 Internal Server Error", 3),
        ("503 Service Unavailable", 3),
    ] {
        let server = Server::start(move |_| {
            raw(&format!(
                "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            ))
        });
        let error = get(&server, 9).unwrap_err();
        let number: u16 = status[..3].parse().unwrap();
        match error {
            StorageError::Denied { status, .. } => {
                assert!(matches!(number, 401 | 403) && status == number)
            }
            StorageError::Status { status, .. } => assert_eq!(status, number),
            other => panic!("{status}: {other}"),
        }
        assert_eq!(server.asked().len(), tries, "{status}");
    }
}

#[test]
fn passing_failures_are_waited_for() {
    let first_answers: [fn() -> Answer; 5] = [
        || answer("500 Oops", &[], b""),
        || answer("429 Slow down", &["Retry-After: 1"], b""),
        || raw(""),
        || raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"),
        || raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n"),
    ];
    for first in first_answers {
        let handler = move |asked: &Asked| match asked.before {
            0 | 2 => first(),
            _ => ok(b"hello"),
        };
        let server = Server::start(handler);
        assert_eq!(get(&server, 5).unwrap().unwrap(), b"hello");
        assert_eq!(read(&server, 5), Ok(Some(b"hello".to_vec())));
        assert_eq!(server.asked().len(), 4);
    }
}

#[test]
fn the_wait_that_a_server_asks_for_is_kept() {
    let server = Server::start(|asked| match asked.before {
        0 => answer("503 Busy", &["Retry-After: 1"], b""),
        _ => ok(b"hello"),
    });
    // Only that it is not shorter: a machine may be as slow as it is.
    let start = Instant::now();
    let mut options = impatient();
    options.http.longest_delay = Duration::from_secs(20);
    let storage = Storage::open(&Location::parse(&server.url()).unwrap(), &options).unwrap();
    let (found, _) = block_on(storage.get(&key(), 5)).unwrap().unwrap();
    assert_eq!(found, b"hello");
    assert!(start.elapsed().as_secs() >= 1);
}

#[test]
fn a_body_that_stays_short_is_an_error() {
    let server = Server::start(|_| raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"));
    assert!(matches!(
        get(&server, 9),
        Err(StorageError::Transfer { .. })
    ));
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn a_download_continues_where_it_broke_off() {
    let server = Server::start(
        |asked| match asked.headers.get("range").map(String::as_str) {
            None => raw("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab"),
            Some("bytes=2-") => {
                raw("HTTP/1.1 206 P\r\nContent-Range: bytes 2-5/6\r\nContent-Length: 4\r\n\r\ncd")
            }
            Some(_) => answer(
                "206 Partial Content",
                &["Content-Range: bytes 4-5/6"],
                b"ef",
            ),
        },
    );
    assert_eq!(read(&server, 6), Ok(Some(b"abcdef".to_vec())));
    // A server that knows no ranges sends everything again.
    let server = Server::start(|asked| match asked.before {
        0 => raw("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc"),
        _ => ok(b"abcdef"),
    });
    assert_eq!(read(&server, 6), Ok(Some(b"abcdef".to_vec())));
    // One that answers with another range is not believed.
    let server = Server::start(|asked| match asked.before {
        0 => raw("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc"),
        _ => answer(
            "206 Partial Content",
            &["Content-Range: bytes 0-5/6"],
            b"abcdef",
        ),
    });
    assert!(read(&server, 6).unwrap_err().contains("status 206"));
    // The file shrank.
    let server = Server::start(|asked| match asked.before {
        0 => raw("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc"),
        _ => ok(b"ab"),
    });
    assert!(read(&server, 6).unwrap_err().contains("became shorter"));
}

/// What servers, and caches in front of them, answer to a request for the rest of a file.
#[test]
fn a_range_that_is_not_answered_with_it_ends_with_the_whole_file() {
    type Rest = fn(&[u8]) -> Answer;
    let file: Vec<u8> = (0..=99).collect();
    let rests: [(&str, Rest); 6] = [
        ("the whole file", |file| ok(file)),
        ("from another start", |file| {
            answer(
                "206 Partial Content",
                &["Content-Range: bytes 40-99/100"],
                &file[40..],
            )
        }),
        ("without a range", |file| {
            answer("206 Partial Content", &[], &file[50..])
        }),
        ("a part of the rest", |file| {
            answer(
                "206 Partial Content",
                &["Content-Range: bytes 50-59/100"],
                &file[50..60],
            )
        }),
        ("no such range", |_| {
            answer(
                "416 Range Not Satisfiable",
                &["Content-Range: bytes */100"],
                b"",
            )
        }),
        ("the rest", |file| {
            answer(
                "206 Partial Content",
                &["Content-Range: bytes 50-99/100"],
                &file[50..],
            )
        }),
    ];
    for (what, rest) in rests {
        let sent = file.clone();
        let server = Server::start(
            move |asked| match (asked.before, asked.headers.get("range")) {
                (0, _) => {
                    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
                    Answer::Raw([&head[..], &sent[..50]].concat())
                }
                (_, Some(_)) => rest(&sent),
                (_, None) => ok(&sent),
            },
        );
        assert_eq!(read(&server, 100), Ok(Some(file.clone())), "{what}");
        let asked = server.asked();
        assert_eq!(asked[1].headers["range"], "bytes=50-", "{what}");
        assert!(asked.len() <= 3, "{what}: {} requests", asked.len());
    }
}

#[test]
fn nothing_is_read_beyond_the_limit() {
    const ENDLESS: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n";
    let answers: [fn() -> Answer; 3] = [
        || Answer::Endless(ENDLESS.as_bytes().to_vec(), b"x".to_vec()),
        || Answer::Endless(b"HTTP/1.0 200 OK\r\n\r\n".to_vec(), b"x".to_vec()),
        || Answer::Hang(b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n".to_vec()),
    ];
    for handler in answers {
        let server = Server::start(move |_| handler());
        let error = get(&server, 100).unwrap_err();
        assert!(
            matches!(error, StorageError::TooLarge { limit: 100, .. }),
            "{error}"
        );
        assert!(
            read(&server, 100)
                .unwrap_err()
                .contains("larger than the 100 bytes")
        );
        assert_eq!(server.asked().len(), 2);
    }
    // A body longer than it says ends where it says.
    let server = Server::start(|_| raw("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef"));
    assert_eq!(get(&server, 100).unwrap().unwrap(), b"abc");
}

#[test]
fn a_silent_server_is_left_in_time() {
    for start in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe",
    ] {
        let server = Server::start(move |_| Answer::Hang(start.into()));
        let error = get(&server, 9).unwrap_err().to_string();
        assert!(
            error.ends_with("the server did not answer in time"),
            "{error}"
        );
        assert_eq!(server.asked().len(), 3);
    }
}

#[test]
fn nobody_listens() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let location = Location::parse(&format!("http://user:secret@127.0.0.1:{port}/r")).unwrap();
    let storage = Storage::open(&location, &impatient()).unwrap();
    let error = block_on(storage.get(&key(), 9)).unwrap_err();
    assert!(matches!(error, StorageError::Unreachable { .. }), "{error}");
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot connect to 127.0.0.1:{port}: "))
    );
}

#[test]
fn a_registry_behind_https_needs_a_certificate() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let location = Location::parse(&format!("https://127.0.0.1:{port}")).unwrap();
    let error = block_on(
        Storage::open(&location, &impatient())
            .unwrap()
            .get(&key(), 9),
    )
    .unwrap_err();
    assert!(matches!(error, StorageError::Unreachable { .. }), "{error}");
    assert!(
        error.to_string().ends_with("it does not speak TLS there"),
        "{error}"
    );
}

#[test]
fn redirects() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/packages/@org/http/1.0.0%2Bb.json" => {
            answer("302 Found", &["Location: /elsewhere/x.json"], b"")
        }
        "/elsewhere/x.json" => answer("308 Permanent", &["Location: y.json"], b""),
        "/elsewhere/y.json" => ok(b"here"),
        _ => not_found(),
    });
    assert_eq!(get(&server, 9).unwrap().unwrap(), b"here");
    for (location, message) in [
        ("Location: file:///etc/passwd", "that is not HTTP"),
        ("X-Location: /", "without saying where to"),
        (
            "Location: /packages/@org/http/1.0.0%2Bb.json",
            "more than 10 times",
        ),
    ] {
        let server = Server::start(move |_| answer("301 Moved", &[location], b""));
        let error = get(&server, 9).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn credentials_are_sent_to_their_host_only() {
    let stranger = Server::start(|_| ok(b"from the other host"));
    let target = stranger.url().replace("http://", "Location: http://x:y@");
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/r/own" => answer("302 Found", &["Location: /r/other"], b""),
        "/r/other" => ok(b"own"),
        _ => answer("302 Found", &[&format!("{target}/stolen")], b""),
    });
    let url = server.url().replace("http://", "http://us%65r:pass@") + "/r";
    let storage = Storage::open(&Location::parse(&url).unwrap(), &impatient()).unwrap();
    block_on(async {
        let own = storage.get(&Key::parse("own").unwrap(), 99).await.unwrap();
        assert_eq!(own.unwrap().0, b"own");
        let foreign = storage.get(&key(), 99).await.unwrap();
        assert_eq!(foreign.unwrap().0, b"from the other host");
    });
    for asked in server.asked() {
        // RFC 7617: base64 of `user:pass`.
        assert_eq!(
            asked.headers["authorization"], "Basic dXNlcjpwYXNz",
            "{}",
            asked.path
        );
    }
    assert_eq!(stranger.asked().len(), 1);
    assert!(!stranger.asked()[0].headers.contains_key("authorization"));

    let location = Location::parse(&server.url())
        .unwrap()
        .with_token("tok", "a test");
    let storage = Storage::open(&location, &impatient()).unwrap();
    server.take();
    block_on(storage.get(&Key::parse("r/other").unwrap(), 99)).unwrap();
    assert_eq!(server.asked()[0].headers["authorization"], "Bearer tok");
}

#[test]
fn writing_is_refused() {
    let server = Server::start(|_| not_found());
    let storage = server.storage();
    block_on(async {
        for error in [
            storage.create(&key(), b"").await.unwrap_err(),
            storage.replace(&key(), None, b"").await.unwrap_err(),
            storage.list("").await.unwrap_err(),
        ] {
            assert_eq!(
                error.to_string(),
                format!("{} can only be read", server.url())
            );
        }
    });
}
