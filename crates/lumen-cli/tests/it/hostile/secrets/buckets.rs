//! URLs of buckets that lead elsewhere.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    sync::{Arc, Mutex},
};

use lumen_testkit::{
    sandbox::Ran,
    server::{Asked, Server, answer},
};

use crate::{bare, fails};

/// A proxy that lets nobody through and writes down whom it was asked for: what the program
/// would have connected to.
struct Exit {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Exit {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut line = String::new();
                let _ = BufReader::new(stream.try_clone().unwrap()).read_line(&mut line);
                log.lock().unwrap().push(line.trim_end().to_owned());
                let _ = stream.write_all(b"HTTP/1.1 502 Nobody\r\nContent-Length: 0\r\n\r\n");
            }
        });
        Self { port, asked }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

/// `pkg info lib` in a project whose default registry is this, with credentials for all clouds.
fn info(exit: &Exit, default: &str) -> Ran {
    let sandbox = bare();
    let registry = format!("[registry]\ndefault = '{default}'\n");
    sandbox.package("app", "app", "1.0.0", &registry).unwrap();
    let proxy = format!("http://127.0.0.1:{}", exit.port);
    let output = sandbox
        .command("app", &["pkg", "info", "lib"])
        .env_remove("LUMEN_REGISTRY")
        .env("HTTPS_PROXY", &proxy)
        .env("HTTP_PROXY", &proxy)
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "hunter2")
        .env("AWS_SESSION_TOKEN", "hunter3")
        .env("AZURE_STORAGE_ACCOUNT_NAME", "account")
        .env("AZURE_STORAGE_SAS_TOKEN", "sv=1&sig=hunter4")
        .env("LUMEN_HTTP_TIMEOUT", "5")
        .output()
        .unwrap();
    Ran::of(&output)
}

#[test]
fn parts_of_a_bucket_url_name_no_host() {
    let exit = Exit::start();
    for (url, said) in [
        ("s3://bucket?region=evil.example/x", "cannot be a region"),
        (
            "s3://bucket?region=evil.example%3A8443%2Fx",
            "cannot be a region",
        ),
        ("s3://bucket?region=evil.example%23", "cannot be a region"),
        ("s3://bucket?region=x@evil.example/", "cannot be a region"),
        ("s3://bucket?region=eu.evil.example", "cannot be a region"),
        ("s3://bucket?region=EU-WEST-1", "cannot be a region"),
        ("s3://bucket?Region=x", "is not known"),
        (
            "s3://bucket?virtual_hosted_style_request=true",
            "is not known",
        ),
        ("r2://evil.example%2Fx/bucket", "cannot be an account"),
        ("r2://evil.example%23/bucket", "cannot be an account"),
        ("r2://account/buck%3Fet", "cannot be the name of a bucket"),
        ("gs://evil%2Fx", "cannot be the name of a bucket"),
        ("az://..%2Fx", "cannot be the name of a container"),
        (
            "s3://bucket?endpoint=https://s3.amazonaws.com@evil.example",
            "must have no user",
        ),
    ] {
        let ran = info(&exit, url);
        fails(&ran, 1, &[said]);
        assert_eq!(exit.take(), [""; 0], "{url}");
    }
}

#[test]
fn honest_buckets_are_asked_at_their_service() {
    let exit = Exit::start();
    for (url, host) in [
        (
            "s3://my.bucket/reg?region=eu-west-1",
            "s3.eu-west-1.amazonaws.com:443",
        ),
        ("s3://bucket", "s3.us-east-1.amazonaws.com:443"),
        ("r2://0a1b2c/bucket", "0a1b2c.r2.cloudflarestorage.com:443"),
        ("az://$web/reg", "account.blob.core.windows.net:443"),
    ] {
        fails(&info(&exit, url), 4, &["cannot connect"]);
        let asked = exit.take();
        let expected = format!("CONNECT {host} HTTP/1.1");
        assert!(!asked.is_empty(), "{url}");
        assert!(asked.iter().all(|line| *line == expected), "{asked:?}");
    }
}

#[test]
fn an_endpoint_of_a_project_is_told_nothing_and_the_user_why() {
    let denied = "<Error><Code>AccessDenied</Code></Error>";
    let server = Server::start(move |_| answer("403 Forbidden", &[], denied.as_bytes()));
    let endpoint = server.url().replace(':', "%3A").replace('/', "%2F");
    let url = format!("s3://bucket/reg?endpoint={endpoint}");
    let sandbox = bare();
    let registry = format!("[registry.registries]\nwork = '{url}'\n[registry]\ndefault = 'work'\n");
    sandbox.package("app", "app", "1.0.0", &registry).unwrap();
    let info = |variables: &[(&str, &str)]| {
        let mut command = sandbox.command("app", &["pkg", "info", "lib"]);
        command.env_remove("LUMEN_REGISTRY");
        command
            .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "hunter2");
        let ran = Ran::of(&command.envs(variables.iter().copied()).output().unwrap());
        let asked = server.asked();
        server.take();
        let signed = |asked: &Asked| asked.headers.contains_key("authorization");
        (ran, asked.iter().all(signed), asked.iter().any(signed))
    };
    let (ran, _, any) = info(&[]);
    assert!(!any);
    fails(
        &ran,
        4,
        &[
            "the project names the endpoint",
            "LUMEN_REGISTRIES_<NAME>_URL",
        ],
    );
    // What the advice says works.
    let (_, all, any) = info(&[("LUMEN_REGISTRIES_WORK_URL", &url)]);
    assert!(all && any);
}
