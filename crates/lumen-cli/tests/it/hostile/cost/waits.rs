//! Requests and seconds.

use std::time::Duration;

use super::*;

/// A world that takes some requests.
fn world() -> Files {
    let mut files = Files::default();
    files.package("p0", &[("1.0.0", json!({"p1": "*", "p2": "*"}))]);
    files.package("p1", &[("1.0.0", json!({}))]);
    files.package("p2", &[("1.0.0", json!({}))]);
    files
}

/// What `pkg lock` says on a machine that knows nothing of the registry.
fn lock(url: &str, limits: &[(&str, &str)]) -> Ran {
    let sandbox = bare();
    project(&sandbox, "app", "p0 = \"*\"");
    run(&sandbox, url, &["pkg", "lock"], limits)
}

#[test]
fn requests_of_a_run() {
    let server = world().serve();
    let ran = lock(&server.url(), &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let count = server.take().len();
    let ran = lock(&server.url(), &[("REQUESTS", &count.to_string())]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(server.take().len(), count);
    let below = (count - 1).to_string();
    fails(
        &lock(&server.url(), &[("REQUESTS", &below)]),
        4,
        &[
            &format!("was asked {count} times; the limit `requests` is {below}"),
            "LUMEN_LIMIT_REQUESTS",
        ],
    );
    assert_eq!(server.take().len(), count - 1);
}

#[test]
fn a_drip_is_left_for_good() {
    let server = world().serve_with(|path| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n".to_vec();
        let slowly = || vec![b' '; 1_000_000];
        path.starts_with("/packages/p1/")
            .then(|| Answer::Drip(head, slowly(), Duration::from_millis(10)))
    });
    let limits = [("DOWNLOAD_SECONDS", "1"), ("DOWNLOAD_SPEED", "64 KiB")];
    fails(
        &lock(&server.url(), &limits),
        4,
        &[
            "bytes of a file in ",
            "the limit `download-seconds` is 1 s",
            "LUMEN_LIMIT_DOWNLOAD_SECONDS",
        ],
    );
    // It is not asked again: that would take as long.
    let asked = server
        .take()
        .into_iter()
        .filter(|path| path.starts_with("/packages/p1/"));
    assert_eq!(asked.count(), 1);
    let server = world().serve();
    let ran = lock(&server.url(), &[("DOWNLOAD_SECONDS", "60")]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}
