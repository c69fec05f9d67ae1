//! What a run waits for, and for how long.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use lumen_testkit::{
    sandbox::{Ran, Sandbox},
    server::{Answer, Server, answer, not_found, ok},
    terminal,
};

use crate::{bare, fails, sandbox};

/// Packages of the project.
const PACKAGES: usize = 12;

/// Publishes packages, and makes a project that needs them all and one that needs one of them.
fn packages(sandbox: &Sandbox) {
    let members = "[workspace]\nmembers = [\"m/*\"]\n";
    sandbox.write("ws/lumen.toml", members).unwrap();
    let mut needed = String::from("[dependencies]\n");
    for number in 0..PACKAGES {
        let (folder, name) = (format!("ws/m/p{number}"), format!("p{number}"));
        sandbox.package(&folder, &name, "1.0.0", "").unwrap();
        needed.push_str(&format!("{name} = \"^1\"\n"));
    }
    let publish = ["pkg", "publish", "--workspace", "--yes"];
    sandbox.ok("ws", &publish).unwrap();
    sandbox.package("app", "app", "1.0.0", &needed).unwrap();
    let one = "[dependencies]\np0 = \"^1\"\n";
    sandbox.package("one", "one", "1.0.0", one).unwrap();
}

/// The registry of a sandbox behind a web server.
fn serve(root: PathBuf, other: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> Server {
    Server::start(move |asked| {
        let path = asked.path.split('?').next().unwrap_or_default();
        if let Some(other) = other(path) {
            return other;
        }
        match fs::read(root.join(path.trim_start_matches('/'))) {
            Ok(bytes) => ok(&bytes),
            Err(_) => not_found(),
        }
    })
}

fn install(sandbox: &Sandbox, folder: &str, url: &str) -> Ran {
    let mut command = sandbox.command(folder, &["pkg", "install"]);
    command.env("LUMEN_REGISTRY", url);
    Ran::of(&command.output().unwrap())
}

fn down() -> Answer {
    answer("503 Service Unavailable", &[], b"down")
}

#[test]
fn a_registry_that_is_down_costs_the_tries_of_one_package() {
    for is_signed in [true, false] {
        let sandbox = bare();
        let init: &[&str] = match is_signed {
            true => &["registry", "init", "registry"],
            false => &["registry", "init", "--unsigned", "registry"],
        };
        sandbox.ok(".", init).unwrap();
        packages(&sandbox);
        let is_down = Arc::new(AtomicBool::new(true));
        let down_now = Arc::clone(&is_down);
        let server = serve(sandbox.path("registry"), move |_| {
            down_now.load(Ordering::Relaxed).then(down)
        });
        let tries = |folder: &str| {
            fails(&install(&sandbox, folder, &server.url()), 4, &["503"]);
            server.take().len()
        };
        let one = tries("one");
        let many = tries("app");
        assert!(
            many <= one + PACKAGES,
            "{many} requests, {one} for one package"
        );
        // The same for what is locked, when the server goes down before the artifacts.
        is_down.store(false, Ordering::Relaxed);
        let lock = |folder: &str| {
            let mut command = sandbox.command(folder, &["pkg", "lock"]);
            command.env("LUMEN_REGISTRY", server.url());
            assert!(command.output().unwrap().status.success());
        };
        lock("one");
        lock("app");
        is_down.store(true, Ordering::Relaxed);
        server.take();
        let one = tries("one");
        let many = tries("app");
        assert!(
            many <= one + PACKAGES,
            "{many} requests, {one} for one package"
        );
    }
}

#[test]
fn artifacts_that_do_not_come_share_the_tries() {
    let sandbox = sandbox();
    packages(&sandbox);
    let server = serve(sandbox.path("registry"), |path| {
        path.starts_with("/artifacts/").then(down)
    });
    let tries = |folder: &str| {
        fails(&install(&sandbox, folder, &server.url()), 4, &["503"]);
        let asked = server.take();
        let artifacts = asked.iter().filter(|path| path.starts_with("/artifacts/"));
        artifacts.count()
    };
    let one = tries("one");
    assert!((1..=3).contains(&one), "{one}");
    let many = tries("app");
    assert!(
        many <= one + PACKAGES,
        "{many} requests, {one} for one package"
    );
}

/// An install from a slow server, on a terminal.
fn on_terminal(sandbox: &Sandbox, url: &str, more: &[&str]) -> Ran {
    let arguments = [&["pkg", "install"], more].concat();
    let mut command = sandbox.command("one", &arguments);
    command.env("LUMEN_REGISTRY", url).env("TERM", "xterm");
    terminal::converse(&command, &[]).unwrap()
}

#[test]
fn what_takes_long_is_shown_on_a_terminal_only() {
    if !terminal::is_available() {
        lumen_testkit::skip::missing("python3");
        return;
    }
    let sandbox = sandbox();
    packages(&sandbox);
    let root = sandbox.path("registry");
    let files = root.clone();
    let server = serve(root, move |path| {
        if path.ends_with("p0/index.json") {
            thread::sleep(Duration::from_millis(900));
        }
        if !path.starts_with("/artifacts/") {
            return None;
        }
        let bytes = fs::read(files.join(path.trim_start_matches('/'))).ok()?;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", bytes.len());
        let (first, rest) = bytes.split_at(bytes.len() - 12);
        let first = [head.as_bytes(), b"Connection: close\r\n\r\n", first].concat();
        Some(Answer::Drip(
            first,
            rest.to_vec(),
            Duration::from_millis(100),
        ))
    });
    let host = server.url().replace("http://", "");
    let shown = on_terminal(&sandbox, &server.url(), &[]).out;
    for text in [
        format!("Resolving waiting for {host}"),
        "Fetching [>".to_owned(),
        " B/s".to_owned(),
        "Installed".to_owned(),
    ] {
        assert!(shown.contains(&text), "`{text}` is not in {shown}");
    }
    let again = || {
        for path in [
            "home/lumen/store",
            "home/lumen/cache",
            "one/lumen.lock",
            "one/.lumen",
        ] {
            let path = sandbox.path(path);
            let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        }
    };
    again();
    let ran = install(&sandbox, "one", &server.url());
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(
        !ran.err.contains("Fetching") && !ran.err.contains('\r'),
        "{ran:#?}"
    );
    // What is asked and decided, and what it took.
    again();
    let told = |option: &str| {
        let mut command = sandbox.command("one", &["pkg", "install", option]);
        command.env("LUMEN_REGISTRY", server.url());
        Ran::of(&command.output().unwrap()).err
    };
    let told_once = told("-v");
    for text in [
        "Resolving all versions: there is no lock".to_owned(),
        format!("Asked GET {}/packages/p0/index.json: 200\n", server.url()),
        "Found 0 in the store, 1 to download".to_owned(),
    ] {
        assert!(told_once.contains(&text), "`{text}` is not in {told_once}");
    }
    assert!(!told_once.contains("Timed"), "{told_once}");
    again();
    let told_twice = told("-vv");
    assert!(told_twice.contains("p0/index.json: 200, "), "{told_twice}");
    assert!(told_twice.contains("Timed resolving: "), "{told_twice}");
}

#[test]
fn a_host_that_is_tried_again_is_named() {
    if !terminal::is_available() {
        lumen_testkit::skip::missing("python3");
        return;
    }
    let sandbox = sandbox();
    packages(&sandbox);
    let server = Server::start(|_| down());
    let host = server.url().replace("http://", "");
    let shown = on_terminal(&sandbox, &server.url(), &[]).out;
    for number in [2, 3] {
        let text = format!("waiting for {host}, try {number} of 3");
        assert!(shown.contains(&text), "`{text}` is not in {shown}");
    }
    let quiet = on_terminal(&sandbox, &server.url(), &["--quiet"]).out;
    assert!(!quiet.contains("waiting for"), "{quiet}");
}

#[test]
fn a_host_that_asks_for_patience_is_one_that_is_down() {
    let sandbox = sandbox();
    packages(&sandbox);
    let busy = Arc::new(AtomicBool::new(false));
    let is_busy = Arc::clone(&busy);
    let server = serve(sandbox.path("registry"), move |_| {
        let refusal = || answer("429 Too Many Requests", &[], b"");
        is_busy.load(Ordering::Relaxed).then(refusal)
    });
    let ran = install(&sandbox, "one", &server.url());
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    busy.store(true, Ordering::Relaxed);
    fs::remove_file(sandbox.path("one/lumen.lock")).unwrap();
    let ran = install(&sandbox, "one", &server.url());
    fails(
        &ran,
        4,
        &["status 429", "asks for patience", "`--stale-if-error`"],
    );
    let arguments = ["pkg", "install", "--stale-if-error"];
    let mut command = sandbox.command("one", &arguments);
    let ran = Ran::of(
        &command
            .env("LUMEN_REGISTRY", server.url())
            .output()
            .unwrap(),
    );
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}

#[test]
fn refresh_asks_again_for_what_is_cached() {
    let sandbox = sandbox();
    packages(&sandbox);
    let root = sandbox.path("registry");
    let files = root.clone();
    let server = serve(root, move |path| {
        let bytes = fs::read(files.join(path.trim_start_matches('/'))).ok()?;
        Some(answer("200 OK", &["Cache-Control: max-age=86400"], &bytes))
    });
    let asked = |options: &[&str]| {
        let _ = fs::remove_file(sandbox.path("one/lumen.lock"));
        server.take();
        let arguments = [&["pkg", "install"], options].concat();
        let mut command = sandbox.command("one", &arguments);
        command.env("LUMEN_REGISTRY", server.url());
        let ran = Ran::of(&command.output().unwrap());
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        server.take().contains(&"/log/checkpoint".to_owned())
    };
    assert!(asked(&[]));
    assert!(!asked(&[]));
    assert!(asked(&["--refresh"]));
}
