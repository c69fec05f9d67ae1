//! What a run waits for, and for how long.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use lumen_testkit::{
    sandbox::{Ran, Sandbox},
    server::{Answer, Server, answer, not_found, ok},
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
