//! Registries that lead the client to what only it can reach.

use lumen_testkit::{
    sandbox::Ran,
    server::{Answer, Asked, Server, answer, not_found, ok},
};

use crate::{bare, fails};

/// What a service of this machine says to whoever reaches it.
const SECRET: &str = "{\"AccessKeyId\": \"hunter2\", \"name\": \"hunter3\"}";

/// A service of this machine that trusts whoever reaches it.
fn service() -> Server {
    Server::start(|_| ok(SECRET.as_bytes()))
}

/// A registry on the internet, as a proxy shows it, which redirects every request to this.
fn registry(location: &str) -> Server {
    let location = format!("Location: {location}");
    Server::start(
        move |asked: &Asked| match asked.path.starts_with("http://registry.example/") {
            true => answer("302 Found", &[&location], b""),
            // A proxy would get it; nobody should ask one for this.
            false => ok(SECRET.as_bytes()),
        },
    )
}

/// `pkg info lib` from a registry on the internet.
fn info(registry: &Server, no_proxy: &str) -> Ran {
    let sandbox = bare();
    let default = "[registry]\ndefault = \"http://registry.example/r\"\n";
    sandbox.package("app", "app", "1.0.0", default).unwrap();
    let output = sandbox
        .command("app", &["pkg", "info", "lib"])
        .env_remove("LUMEN_REGISTRY")
        .env("HTTP_PROXY", registry.url())
        .env("NO_PROXY", no_proxy)
        .output()
        .unwrap();
    Ran::of(&output)
}

#[test]
fn no_redirect_leads_inside() {
    let service = service();
    let port = service.url().rsplit(':').next().unwrap().to_owned();
    // What the client connects to itself, and what it would ask the proxy for.
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "10.0.0.1",
        "172.16.3.4",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[fe80::1]",
    ] {
        for no_proxy in ["", "127.0.0.1,localhost,::1"] {
            let registry = registry(&format!("http://{host}:{port}/secret"));
            let ran = info(&registry, no_proxy);
            fails(&ran, 4, &["inside of this network"]);
            assert!(!format!("{ran:?}").contains("hunter"), "{ran:#?}");
            let paths = registry.take();
            assert!(
                paths
                    .iter()
                    .all(|path| path.starts_with("http://registry.example/")),
                "{paths:?}"
            );
        }
    }
    assert_eq!(service.take(), [""; 0]);
}

#[test]
fn no_redirect_leads_inside_by_a_name() {
    let service = service();
    let target = service.url().replace("127.0.0.1", "localhost");
    let registry = registry(&format!("{target}/secret"));
    let ran = info(&registry, "localhost");
    fails(&ran, 4, &["inside of this network", "localhost"]);
    assert_eq!(service.take(), [""; 0]);
}

#[test]
fn a_registry_inside_may_lead_inside() {
    let files = |asked: &Asked| -> Answer {
        match asked.path.as_str() {
            "/packages/lib/index.json" => {
                ok(br#"{"name": "lib", "versions": ["1.0.0"], "yanked": {}}"#)
            }
            "/packages/lib/1.0.0.json" => {
                ok(br#"{"name": "lib", "version": "1.0.0", "deps": {}, "artifacts": []}"#)
            }
            _ => not_found(),
        }
    };
    let store = Server::start(files);
    let target = store.url().replace("127.0.0.1", "localhost");
    let front = Server::start(move |asked| {
        answer(
            "302 Found",
            &[&format!("Location: {target}{}", asked.path)],
            b"",
        )
    });
    let sandbox = bare();
    let mut command = sandbox.command(".", &["pkg", "info", "lib"]);
    let ran = Ran::of(&command.env("LUMEN_REGISTRY", front.url()).output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(!store.take().is_empty());
}

#[test]
fn nothing_that_a_host_sent_is_printed() {
    let (sandbox, service) = (bare(), service());
    // A service that answers everything, and one that is led to for the index alone.
    let target = service.url();
    let unsigned = Server::start(
        move |asked: &Asked| match asked.path.contains("/packages/") {
            true => answer("302 Found", &[&format!("Location: {target}/secret")], b""),
            false => not_found(),
        },
    );
    for service in [&service, &unsigned] {
        let default = format!("[registry]\ndefault = \"{}\"\n", service.url());
        sandbox.package("app", "app", "1.0.0", &default).unwrap();
        for arguments in [
            &["pkg", "info", "lib"][..],
            &["pkg", "add", "lib"],
            &["--json", "pkg", "info", "lib"],
        ] {
            let mut command = sandbox.command("app", arguments);
            let ran = Ran::of(&command.env_remove("LUMEN_REGISTRY").output().unwrap());
            assert!(matches!(ran.code, Some(3 | 4)), "{ran:#?}");
            assert!(!format!("{ran:?}").contains("hunter"), "{ran:#?}");
        }
    }
    // A page says that it is one.
    let page = Server::start(|_| ok(b"<!doctype html><title>hunter2</title>"));
    let mut command = sandbox.command(".", &["pkg", "info", "lib"]);
    let ran = Ran::of(&command.env("LUMEN_REGISTRY", page.url()).output().unwrap());
    fails(&ran, 4, &["this is a web page, not a registry"]);
    assert!(!ran.err.contains("hunter"), "{ran:#?}");
}
