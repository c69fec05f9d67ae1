//! Which registry a package comes from, and yanking.

use lumen_testkit::sandbox::Sandbox;

use crate::{bare, fails, publish, sandbox};

/// Publishes a package into another registry of the sandbox.
fn publish_to(sandbox: &Sandbox, registry: &str, name: &str, version: &str) {
    if !sandbox.path(registry).exists() {
        sandbox.ok(".", &["registry", "init", registry]).unwrap();
    }
    let folder = format!("sources/{registry}-{}-{version}", name.replace('/', "-"));
    sandbox.package(&folder, name, version, "").unwrap();
    let url = format!("file://{}", sandbox.path(registry).display());
    sandbox
        .ok(&folder, &["pkg", "publish", "--yes", "--registry", &url])
        .unwrap();
}

#[test]
fn flag_environment_project_user() {
    let sandbox = sandbox();
    for registry in ["flag", "project", "user"] {
        publish_to(&sandbox, registry, "who", "1.0.0");
        sandbox
            .package(&format!("{registry}-marks"), registry, "1.0.0", "")
            .unwrap();
        let url = format!("file://{}", sandbox.path(registry).display());
        sandbox
            .ok(
                &format!("{registry}-marks"),
                &["pkg", "publish", "--yes", "--registry", &url],
            )
            .unwrap();
    }
    let url = |name: &str| format!("file://{}", sandbox.path(name).display());
    sandbox
        .write(
            "home/.config/lumen/config.toml",
            &format!("[registry]\ndefault = \"{}\"\n", url("user")),
        )
        .unwrap();
    let has = |project: &str, package: &str, arguments: &[&str]| {
        let mut all = vec!["pkg", "info", package];
        all.extend(arguments);
        let output = sandbox
            .command(project, &all)
            .env_remove("LUMEN_REGISTRY")
            .output()
            .unwrap();
        output.status.success()
    };
    sandbox.package("none", "none", "1.0.0", "").unwrap();
    assert!(has("none", "user", &[]) && !has("none", "project", &[]));
    let section = format!(
        "[registry]\ndefault = \"{}\"\n[registry.registries]\nlocal = \"{}\"\n",
        url("project"),
        url("flag")
    );
    sandbox.package("app", "app", "1.0.0", &section).unwrap();
    assert!(has("app", "project", &[]) && !has("app", "user", &[]));
    assert!(has("app", "flag", &["--registry", "local"]));
    assert!(has("app", "user", &["--registry", &url("user")]));
    // The sandbox's LUMEN_REGISTRY beats the project.
    assert_eq!(
        sandbox
            .run("app", &["pkg", "info", "project"])
            .unwrap()
            .code,
        Some(1)
    );
    fails(
        &sandbox
            .run("app", &["pkg", "info", "x", "--registry", "locl"])
            .unwrap(),
        1,
        &["`locl`", "did you mean `local`?"],
    );
}

#[test]
fn a_dependency_from_a_url_gets_the_name_of_that_registry() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    publish_to(&sandbox, "other", "csv", "1.0.0");
    let url = format!("file://{}", sandbox.path("other").display());
    sandbox.package("app", "app", "1.0.0", "").unwrap();
    sandbox.ok("app", &["pkg", "add", "text"]).unwrap();
    let before = sandbox.read("app/lumen.toml").unwrap();
    // Without a name, no dependency can say where it comes from.
    let add = ["pkg", "add", "csv", "--registry", &url];
    let ran = sandbox.run("app", &add).unwrap();
    fails(&ran, 1, &["has none here", "[registry.registries]", &url]);
    assert_eq!(sandbox.read("app/lumen.toml").unwrap(), before);
    let named = format!("[registry.registries]\nmore = \"{url}/\"\n");
    sandbox.package("app", "app", "1.0.0", &named).unwrap();
    sandbox.ok("app", &["pkg", "add", "text"]).unwrap();
    sandbox.ok("app", &add).unwrap();
    let manifest = sandbox.read("app/lumen.toml").unwrap();
    assert!(manifest.contains("registry = \"more\""), "{manifest}");
    let list = sandbox.ok("app", &["pkg", "list"]).unwrap().out;
    assert!(
        list.contains("csv") && list.contains("(registry more)"),
        "{list}"
    );
    // That of the default registry says nothing new, and a first package may come from anywhere.
    let default = sandbox.registry_url();
    sandbox
        .ok("app", &["pkg", "add", "text", "--registry", &default])
        .unwrap();
    sandbox.package("new", "new", "1.0.0", "").unwrap();
    sandbox.ok("new", &add).unwrap();
}

#[test]
fn a_dependency_names_its_registry_and_a_scope_is_pinned() {
    let sandbox = sandbox();
    publish_to(&sandbox, "private", "secret-lib", "1.0.0");
    publish_to(&sandbox, "private", "@org/http", "1.0.0");
    publish(&sandbox, "@org/http", "9.0.0", "");
    let url = format!("file://{}", sandbox.path("private").display());
    let more = format!(
        "[dependencies]\nsecret-lib = {{ version = \"^1\", registry = \"local\" }}\n\"@org/http\" = \"*\"\n\
         [registry.registries]\nlocal = \"{url}\"\n[registry.scopes]\n\"@org\" = \"local\"\n"
    );
    sandbox.package("app", "app", "1.0.0", &more).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let list = sandbox.ok("app", &["pkg", "list"]).unwrap().out;
    assert!(
        list.contains("@org/http   1.0.0  (registry local)"),
        "{list}"
    );
    assert!(
        list.contains("secret-lib  1.0.0  (registry local)"),
        "{list}"
    );
    let lock = sandbox.read("app/lumen.lock").unwrap();
    assert!(
        !lock.contains(
            &sandbox
                .path(".")
                .display()
                .to_string()
                .trim_end_matches('.')
                .to_owned()
        ),
        "{lock}"
    );

    sandbox
        .package(
            "lost",
            "lost",
            "1.0.0",
            &more.replace(", registry = \"local\"", ""),
        )
        .unwrap();
    fails(
        &sandbox.run("lost", &["pkg", "install"]).unwrap(),
        1,
        &["secret-lib", "local"],
    );
}

#[test]
fn yanked_releases_stay_only_where_they_are_locked() {
    let sandbox = sandbox();
    for version in ["1.0.0", "1.1.0"] {
        publish(&sandbox, "text", version, "");
    }
    sandbox
        .package("app", "app", "1.0.0", "[dependencies]\ntext = \"^1\"\n")
        .unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    sandbox
        .ok(
            ".",
            &["pkg", "yank", "text@1.1.0", "--reason", "loses data"],
        )
        .unwrap();
    let info = sandbox.ok(".", &["pkg", "info", "text@1.1.0"]).unwrap();
    assert!(info.out.contains("yanked: loses data"), "{}", info.out);
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert!(
        sandbox
            .ok("app", &["pkg", "list"])
            .unwrap()
            .out
            .contains("1.1.0")
    );
    assert!(
        sandbox
            .ok("app", &["pkg", "outdated"])
            .unwrap()
            .out
            .contains("yanked: loses data")
    );
    sandbox
        .package("new", "new", "1.0.0", "[dependencies]\ntext = \"^1\"\n")
        .unwrap();
    sandbox.ok("new", &["pkg", "install"]).unwrap();
    assert!(
        sandbox
            .ok("new", &["pkg", "list"])
            .unwrap()
            .out
            .contains("1.0.0")
    );
    sandbox.ok("app", &["pkg", "update"]).unwrap();
    assert!(
        sandbox
            .ok("app", &["pkg", "list"])
            .unwrap()
            .out
            .contains("1.0.0")
    );
    sandbox.ok(".", &["pkg", "unyank", "text@1.1.0"]).unwrap();
    sandbox.ok("app", &["pkg", "update"]).unwrap();
    assert!(
        sandbox
            .ok("app", &["pkg", "list"])
            .unwrap()
            .out
            .contains("1.1.0")
    );
    fails(
        &sandbox
            .run(".", &["pkg", "yank", "text@7.0.0", "--reason", "x"])
            .unwrap(),
        1,
        &["no `text` 7.0.0"],
    );
}

#[test]
fn without_a_registry_the_error_says_how_to_name_one() {
    let sandbox = sandbox();
    sandbox
        .package("app", "app", "1.0.0", "[dependencies]\ntext = \"1\"\n")
        .unwrap();
    let output = sandbox
        .command("app", &["pkg", "install"])
        .env_remove("LUMEN_REGISTRY")
        .output()
        .unwrap();
    fails(
        &lumen_testkit::sandbox::Ran::of(&output),
        1,
        &["no registry is configured", "LUMEN_REGISTRY"],
    );
}

#[test]
fn a_registry_of_a_later_format_is_not_written_to() {
    let sandbox = sandbox();
    let index = sandbox.read("registry/index.json").unwrap();
    let later = index.replace("\"format\": 1", "\"format\": 2");
    assert_ne!(index, later);
    sandbox.write("registry/index.json", &later).unwrap();
    sandbox.package("p", "p", "1.0.0", "").unwrap();
    let ran = sandbox.run("p", &["pkg", "publish", "--yes"]).unwrap();
    fails(&ran, 1, &["the registry has format 2", "update lumen"]);
    assert!(!sandbox.path("registry/packages/p").exists());
}

#[test]
fn publishing_makes_no_registry_that_nobody_asked_for() {
    let sandbox = bare();
    sandbox.package("p", "p", "1.0.0", "").unwrap();
    std::fs::create_dir(sandbox.path("empty")).unwrap();
    sandbox.write("other/notes.txt", "mine").unwrap();
    for folder in ["empty", "other"] {
        let url = format!("file://{}", sandbox.path(folder).display());
        for more in [&[][..], &["--workspace"]] {
            let arguments = [&["pkg", "publish", "--yes", "--registry", &url], more].concat();
            let ran = sandbox.run("p", &arguments).unwrap();
            let signed = format!("`lumen registry init {url}`");
            let unsigned = format!("`lumen registry init --unsigned {url}`");
            fails(&ran, 1, &["there is no registry at", &signed, &unsigned]);
        }
        assert!(!sandbox.path(folder).join("index.json").exists());
        assert!(!sandbox.path(folder).join("packages/p").exists());
    }
    // The commands do what they say; and a registry made by hand is one.
    let publish = |folder: &str| {
        let url = format!("file://{}", sandbox.path(folder).display());
        sandbox
            .ok("p", &["pkg", "publish", "--yes", "--registry", &url])
            .unwrap();
        assert!(sandbox.path(folder).join("packages/p/1.0.0.json").exists());
    };
    sandbox
        .ok(".", &["registry", "init", "--unsigned", "empty"])
        .unwrap();
    publish("empty");
    sandbox.ok(".", &["registry", "init", "absent"]).unwrap();
    publish("absent");
    let index = "{\n  \"name\": \"local-dev\",\n  \"version\": \"1.0.0\",\n  \"packages\": []\n}\n";
    sandbox.write("half/index.json", index).unwrap();
    publish("half");
    std::fs::remove_file(sandbox.path("half/index.json")).unwrap();
    publish("half");
}
