//! Hosts of git dependencies and registries: where they lead git, and what git shows them.

use lumen_testkit::{
    git::{GitServer, git},
    sandbox::{Ran, Sandbox},
    server::{Server, answer},
};

use crate::{bare, fails};

const CONFIG: &str = "home/.config/lumen/config.toml";

/// A repository with the package `text` in the folder `hosted`.
fn hosted() -> Sandbox {
    let sandbox = bare();
    sandbox.package("hosted/text", "text", "1.0.0", "").unwrap();
    let repository = sandbox.path("hosted/text");
    for arguments in [
        &["init", "--quiet"][..],
        &["add", "."],
        &["commit", "-qm", "one"],
    ] {
        git(&repository, arguments).unwrap();
    }
    sandbox
}

/// Installs a dependency from a repository, in a new project.
fn install(sandbox: &Sandbox, project: &str, url: &str) -> Ran {
    let more = format!("[dependencies]\ntext = {{ git = \"{url}\" }}\n");
    sandbox.package(project, "app", "1.0.0", &more).unwrap();
    sandbox.run(project, &["pkg", "install"]).unwrap()
}

#[test]
fn no_host_leads_git_to_another_one() {
    let sandbox = hosted();
    let [host, other] = [(), ()].map(|()| GitServer::serve(&sandbox.path("hosted")).unwrap());
    let port = other.url().rsplit(':').next().unwrap().to_owned();
    let repository = format!("{}/text/.git", host.url());
    // To a service of this machine, as a name and as a number.
    for (n, inside) in ["localhost", "127.0.0.2", "[::1]"].iter().enumerate() {
        host.redirect(&format!("http://{inside}:{port}"));
        let said = ["redirects to another address", "write the new address"];
        let ran = install(&sandbox, &format!("app-{n}"), &repository);
        fails(&ran, 4, &said);
        let registry = format!("git+{repository}");
        let arguments = ["pkg", "info", "text", "--registry", &registry];
        fails(&sandbox.run(".", &arguments).unwrap(), 4, &said);
    }
    assert_eq!(other.requests(), 0);
}

#[test]
fn a_repository_that_moved_on_its_host_is_found() {
    let sandbox = hosted();
    let [host, other] = [(), ()].map(|()| GitServer::serve(&sandbox.path("hosted")).unwrap());
    host.redirect(&other.url());
    let repository = format!("{}/text/.git", host.url());
    let ran = install(&sandbox, "app", &repository);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(
        sandbox.read("app/text/main.lm.md").unwrap(),
        "# text 1.0.0\n"
    );
    // The lock has the address that people wrote.
    assert!(
        sandbox
            .read("app/lumen.lock")
            .unwrap()
            .contains(&repository)
    );
    // Credentials of the URL go to their address only.
    other.requests();
    let with_password = repository.replace("//", "//user:secret@");
    let ran = install(&sandbox, "other-app", &with_password);
    assert_ne!(ran.code, Some(0), "{ran:#?}");
    assert!(!format!("{ran:?}").contains("secret"), "{ran:#?}");
    assert_eq!(other.requests(), 0);
}

#[test]
fn what_netrc_says_is_not_shown_to_hosts_of_dependencies() {
    // The user `any` with the password `hunter2`, and the same of the user `named`.
    const ANY: &str = "Basic YW55Omh1bnRlcjI=";
    const NAMED: &str = "Basic bmFtZWQ6aHVudGVyMg==";
    let sandbox = bare();
    let server = Server::start(|_| {
        answer(
            "401 Unauthorized",
            &["WWW-Authenticate: Basic realm=\"x\""],
            b"",
        )
    });
    let shown = || -> Vec<String> {
        let asked = server.asked().into_iter();
        let shown = asked.filter_map(|asked| asked.headers.get("authorization").cloned());
        let shown = shown.collect();
        server.take();
        shown
    };
    let entry = "login any password hunter2";
    sandbox
        .write("home/.netrc", &format!("default {entry}\n"))
        .unwrap();
    let url = format!("{}/text.git", server.url());
    let registry = format!("git+{url}");
    let default = format!("[registry]\ndefault = \"{registry}\"\n");
    sandbox.package("asks", "asks", "1.0.0", &default).unwrap();
    let ask = || {
        let mut command = sandbox.command("asks", &["pkg", "info", "text"]);
        let output = command.env_remove("LUMEN_REGISTRY").output().unwrap();
        fails(&Ran::of(&output), 4, &["denied"]);
    };
    fails(&install(&sandbox, "app", &url), 4, &["denied"]);
    ask();
    let seen = shown();
    assert!(
        !seen.is_empty() && !seen.iter().any(|shown| shown == ANY),
        "{seen:?}"
    );
    // What the user wrote for the host is for the host, but does not go over plain HTTP.
    let machine = format!("machine 127.0.0.1 login named password hunter2\ndefault {entry}\n");
    sandbox.write("home/.netrc", &machine).unwrap();
    fails(&install(&sandbox, "more", &url), 4, &["denied"]);
    ask();
    assert!(server.asked().len() >= 2);
    let is_secret = |shown: &String| [NAMED, ANY].contains(&shown.as_str());
    let seen = shown();
    assert!(!seen.iter().any(is_secret), "{seen:?}");
    // The user goes there already.
    let config = format!("[registry.registries]\nwork = \"{}/r\"\n", server.url());
    sandbox.write(CONFIG, &config).unwrap();
    fails(&install(&sandbox, "own", &url), 4, &["denied"]);
    ask();
    let seen = shown();
    assert!(
        seen.iter().filter(|shown| *shown == NAMED).count() >= 2,
        "{seen:?}"
    );
    assert!(!seen.iter().any(|shown| shown == ANY), "{seen:?}");
}
