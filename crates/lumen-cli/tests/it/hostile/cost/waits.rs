//! Requests and seconds.

use std::time::Duration;

use lumen_testkit::server::answer;

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

/// What `pkg lock` says of a server that answers like this for one index.
fn answered(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Ran {
    let server = world().serve_with(move |path| path.starts_with("/packages/p1/").then(&answer));
    let sandbox = bare();
    project(&sandbox, "app", "p0 = \"*\"");
    let mut command = sandbox.command("app", &["pkg", "lock"]);
    command.env("LUMEN_REGISTRY", server.url());
    command.env("LUMEN_HTTP_TIMEOUT", "1");
    Ran::of(&command.output().unwrap())
}

#[test]
fn errors_about_limits_name_them() {
    let ok_with = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n").into_bytes();
    let endless = move || Answer::Raw(ok_with("Content-Length: 1000000000\r\n"));
    fails(
        &answered(endless),
        4,
        &["is larger than", "`MAX_PACKAGE_INDEX_BYTES` is 64 MiB"],
    );
    let around = || answer("302 Found", &["Location: /packages/p1/index.json"], b"");
    fails(
        &answered(around),
        4,
        &["redirects more than", "`MAX_REDIRECTS` is 10"],
    );
    let drip = move || {
        let head = ok_with("Content-Length: 1000000\r\n");
        Answer::Drip(head, vec![b' '; 1_000_000], Duration::from_millis(20))
    };
    fails(
        &answered(drip),
        4,
        &[
            "sends less than",
            "`download-speed`",
            "LUMEN_LIMIT_DOWNLOAD_SPEED",
        ],
    );
    fails(
        &answered(|| Answer::Hang(Vec::new())),
        4,
        &[
            "did not answer in time",
            "`timeout` in [http]",
            "LUMEN_HTTP_TIMEOUT",
        ],
    );
    let many = move || Answer::Raw(ok_with(&"X: y\r\n".repeat(1000)));
    fails(
        &answered(many),
        4,
        &["message head is too large", "`MAX_HEADERS` is 100"],
    );
}
