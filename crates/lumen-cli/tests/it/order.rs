//! Several registries behind each other, and registries with two addresses.

use lumen_testkit::{nginx::Nginx, sandbox::Sandbox};

use crate::{bare, fails, sandbox};

fn url(sandbox: &Sandbox, registry: &str) -> String {
    format!("file://{}", sandbox.path(registry).display())
}

/// Makes a registry and publishes packages into it.
fn registry(sandbox: &Sandbox, registry: &str, kind: &[&str], packages: &[(&str, &str)]) {
    let init = [&["registry", "init", registry], kind].concat();
    sandbox.ok(".", &init).unwrap();
    for release in packages {
        publish_to(sandbox, registry, release);
    }
}

fn publish_to(sandbox: &Sandbox, registry: &str, (name, version): &(&str, &str)) {
    let folder = format!("sources/{registry}-{name}-{version}");
    sandbox.package(&folder, name, version, "").unwrap();
    let url = url(sandbox, registry);
    let publish = ["pkg", "publish", "--yes", "--registry", &url];
    sandbox.ok(&folder, &publish).unwrap();
}

/// A project with a registry in front and one behind it; the sandbox's own is not asked.
fn project(sandbox: &Sandbox, front: &str, dependencies: &[&str]) {
    let dependencies: String = dependencies
        .iter()
        .map(|name| format!("{name} = \"*\"\n"))
        .collect();
    let more = format!(
        "[dependencies]\n{dependencies}[registry]\ndefault = \"work\"\nupstreams = [\"public\"]\n\
         [registry.registries]\nwork = \"{front}\"\npublic = \"{}\"\n",
        url(sandbox, "public")
    );
    sandbox.package("app", "app", "1.0.0", &more).unwrap();
}

fn run(sandbox: &Sandbox, folder: &str, arguments: &[&str]) -> lumen_testkit::sandbox::Ran {
    let mut command = sandbox.command(folder, arguments);
    let output = command.env_remove("LUMEN_REGISTRY").output().unwrap();
    lumen_testkit::sandbox::Ran::of(&output)
}

fn install(sandbox: &Sandbox) -> String {
    let ran = run(sandbox, "app", &["pkg", "install"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    run(sandbox, "app", &["pkg", "list"]).out
}

#[test]
fn the_first_registry_that_has_a_package_provides_it_alone() {
    for kind in [&[][..], &["--unsigned"]] {
        let sandbox = bare();
        registry(&sandbox, "work", kind, &[("both", "1.0.0")]);
        let packages = [("both", "9.0.0"), ("common", "2.0.0")];
        registry(&sandbox, "public", kind, &packages);
        project(&sandbox, &url(&sandbox, "work"), &["both", "common"]);
        let list = install(&sandbox);
        assert!(list.contains("both    1.0.0"), "{list}");
        assert!(list.contains("common  2.0.0"), "{list}");
        let lock = sandbox.read("app/lumen.lock").unwrap();
        assert!(lock.contains("public"), "{lock}");

        let info = run(&sandbox, "app", &["pkg", "info", "common"]);
        assert!(info.out.contains("2.0.0"), "{info:#?}");
        let search = run(&sandbox, "app", &["pkg", "search", "o"]);
        for found in ["both", "common"] {
            assert!(search.out.contains(found), "{search:#?}");
        }
        assert!(!search.out.contains("9.0.0"), "{search:#?}");

        // The name appears in front: a lock stays, and only an update moves.
        publish_to(&sandbox, "work", &("common", "1.0.0"));
        assert!(install(&sandbox).contains("common  2.0.0"));
        let add = run(&sandbox, "app", &["pkg", "add", "both@1.0.0"]);
        assert_eq!(add.code, Some(0), "{add:#?}");
        assert!(install(&sandbox).contains("common  2.0.0"));
        let update = run(&sandbox, "app", &["pkg", "update", "common"]);
        assert_eq!(update.code, Some(0), "{update:#?}");
        assert!(update.err.contains("`common`"), "{update:#?}");
        assert!(update.err.contains("`public`"), "{update:#?}");
        assert!(install(&sandbox).contains("common  1.0.0"));
    }
}

#[test]
fn what_no_registry_has_is_missed_in_all_of_them() {
    let sandbox = bare();
    registry(&sandbox, "work", &[], &[]);
    registry(&sandbox, "public", &[], &[("common", "2.0.0")]);
    project(&sandbox, &url(&sandbox, "work"), &["comon"]);
    let said = ["`comon`", "`public`", "did you mean `common`"];
    fails(&run(&sandbox, "app", &["pkg", "install"]), 1, &said);
}

#[test]
fn a_registry_that_fails_or_refuses_hides_those_behind_it() {
    let sandbox = bare();
    registry(&sandbox, "public", &[], &[("common", "2.0.0")]);
    project(&sandbox, &url(&sandbox, "nowhere"), &["common"]);
    let ran = run(&sandbox, "app", &["pkg", "install"]);
    fails(&ran, 4, &["nowhere"]);

    // A map that does not prove the absence of a name is no absence either.
    registry(&sandbox, "work", &[], &[("other", "1.0.0")]);
    let nodes = sandbox.path("work/map");
    for folder in std::fs::read_dir(nodes).unwrap() {
        let folder = folder.unwrap();
        if folder.file_name() != "size" {
            std::fs::remove_dir_all(folder.path()).unwrap();
        }
    }
    project(&sandbox, &url(&sandbox, "work"), &["common"]);
    let ran = run(&sandbox, "app", &["pkg", "install"]);
    fails(&ran, 3, &["work"]);
    assert!(!sandbox.path("app/lumen.lock").exists());
}

#[test]
fn published_in_one_place_and_read_in_another() {
    if !Nginx::is_installed() {
        lumen_testkit::skip::missing("nginx");
        return;
    }
    let sandbox = sandbox();
    let server = Nginx::serve(&sandbox.path("registry"), "/").unwrap();
    let (read, publish) = (server.url(), url(&sandbox, "registry"));
    let more = format!(
        "[registry]\ndefault = \"work\"\n[registry.registries]\n\
         work = {{ read = \"{read}\", publish = \"{publish}\" }}\n"
    );
    sandbox.package("text", "text", "1.0.0", &more).unwrap();
    let ran = run(&sandbox, "text", &["pkg", "publish", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let yank = ["pkg", "yank", "text@1.0.0", "--reason", "wrong"];
    assert_eq!(run(&sandbox, "text", &yank).code, Some(0));
    let unyank = ["pkg", "unyank", "text@1.0.0"];
    assert_eq!(run(&sandbox, "text", &unyank).code, Some(0));

    let more = format!("[dependencies]\ntext = \"^1\"\n{more}");
    sandbox.package("app", "app", "1.0.0", &more).unwrap();
    assert!(install(&sandbox).contains("text  1.0.0"));
    let lock = sandbox.read("app/lumen.lock").unwrap();
    assert!(lock.contains(&read) && !lock.contains(&publish), "{lock}");

    // Whoever made the registry knows its root, so another one at either place is refused.
    sandbox.ok(".", &["registry", "init", "other"]).unwrap();
    let other = more.replace(&publish, &url(&sandbox, "other"));
    sandbox.package("text2", "text2", "1.0.0", &other).unwrap();
    let ran = run(&sandbox, "text2", &["pkg", "publish", "--yes"]);
    fails(&ran, 3, &["fingerprint"]);
}

#[test]
fn what_is_cached_does_while_a_registry_is_away() {
    for kind in [&[][..], &["--unsigned"]] {
        let sandbox = bare();
        registry(&sandbox, "public", kind, &[("common", "1.0.0")]);
        if !Nginx::is_installed() {
            lumen_testkit::skip::missing("nginx");
            return;
        }
        let server = Nginx::serve(&sandbox.path("public"), "/").unwrap();
        let more = format!(
            "[dependencies]\ncommon = \"1\"\n[registry]\ndefault = \"{}\"\n",
            server.url()
        );
        sandbox.package("app", "app", "1.0.0", &more).unwrap();
        let update = ["pkg", "update"];
        let stale = ["pkg", "update", "--stale-if-error"];
        let installed = |ran: &lumen_testkit::sandbox::Ran| {
            assert_eq!(ran.code, Some(0), "{ran:#?}");
            run(&sandbox, "app", &["pkg", "list"]).out
        };
        assert!(installed(&run(&sandbox, "app", &update)).contains("1.0.0"));
        // While it is there, it is asked.
        publish_to(&sandbox, "public", &("common", "1.1.0"));
        let ran = run(&sandbox, "app", &stale);
        assert!(installed(&ran).contains("1.1.0"));
        assert!(!ran.err.contains("warning"), "{ran:#?}");
        drop(server);
        let lock = sandbox.read("app/lumen.lock").unwrap();
        fails(&run(&sandbox, "app", &update), 4, &["cannot connect"]);
        let ran = run(&sandbox, "app", &stale);
        assert!(installed(&ran).contains("1.1.0"));
        let warning = ["warning: cannot connect", "what is in the cache"];
        assert!(warning.iter().all(|it| ran.err.contains(it)), "{ran:#?}");
        assert_eq!(sandbox.read("app/lumen.lock").unwrap(), lock);
        // What is not there cannot be made up for.
        let add = ["pkg", "add", "unknown", "--stale-if-error"];
        let ran = run(&sandbox, "app", &add);
        assert!(!matches!(ran.code, Some(0)), "{ran:#?}");
    }
}

#[test]
fn a_name_that_appears_in_front_is_not_advised() {
    let sandbox = bare();
    registry(&sandbox, "work", &[], &[("other", "1.0.0")]);
    registry(&sandbox, "public", &[], &[("mine", "1.0.0")]);
    project(&sandbox, &url(&sandbox, "work"), &["mine"]);
    let text = sandbox.read("app/lumen.toml").unwrap();
    let text = text.replace("mine = \"*\"", "mine = \"^1\"");
    sandbox.write("app/lumen.toml", &text).unwrap();
    install(&sandbox);
    publish_to(&sandbox, "work", &("mine", "5.0.0"));
    let ran = run(&sandbox, "app", &["pkg", "update"]);
    fails(
        &ran,
        1,
        &[
            "is in registry `default` now, which comes before `public`",
            "registry = \"public\"",
        ],
    );
    assert!(!ran.err.contains("change `mine`"), "{ran:#?}");
}
