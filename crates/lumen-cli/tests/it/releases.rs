//! What a release says: its `<version>.json`.

use std::fs;

use lumen_testkit::sandbox::{Ran, Sandbox};
use serde_json::{Value, json};

use crate::{bare, publish, sandbox};

/// The file of a release in the sandbox's registry.
fn release(sandbox: &Sandbox, name: &str, version: &str) -> Value {
    let file = format!("registry/packages/{name}/{version}.json");
    serde_json::from_str(&sandbox.read(&file).unwrap()).unwrap()
}

#[test]
fn constraints_are_published_in_canonical_form() {
    let sandbox = sandbox();
    publish(&sandbox, "lib", "1.2.0", "");
    publish(&sandbox, "util", "0.3.1", "");
    let needs = "[dependencies]\nlib = \"!=1.1, ~1\"\nutil = \"0.3\"\n";
    publish(&sandbox, "app", "1.0.0", needs);
    assert_eq!(
        release(&sandbox, "app", "1.0.0")["deps"],
        json!({
            "lib": "<1.1.0 >=1.0.0 <2.0.0 || >=1.2.0 >=1.0.0 <2.0.0",
            "util": "^0.3.0",
        })
    );
    // The package's own file says what its author typed.
    sandbox.package("user", "user", "1.0.0", "").unwrap();
    sandbox.ok("user", &["pkg", "add", "app"]).unwrap();
    let manifest = sandbox.read("user/.lumen/packages/app/lumen.toml").unwrap();
    assert!(manifest.contains("lib = \"!=1.1, ~1\""), "{manifest}");
    sandbox.ok("user", &["pkg", "verify"]).unwrap();
}

#[test]
fn a_release_with_typed_constraints_says_the_same() {
    let sandbox = bare();
    let init = ["registry", "init", "registry", "--unsigned"];
    sandbox.ok(".", &init).unwrap();
    publish(&sandbox, "lib", "1.2.0", "");
    publish(&sandbox, "app", "1.0.0", "[dependencies]\nlib = \"1\"\n");
    // As version 0.1 published it.
    let file = sandbox.path("registry/packages/app/1.0.0.json");
    let text = fs::read_to_string(&file).unwrap();
    let typed = text.replace("\"^1.0.0\"", "\"1\"");
    assert_ne!(typed, text);
    fs::write(&file, &typed).unwrap();
    let arguments = ["pkg", "publish", "--yes"];
    let again = sandbox.ok("sources/app-1.0.0", &arguments).unwrap();
    assert!(again.err.contains("Already published"), "{again:#?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), typed);
    // With another range it is another release.
    let other = "[dependencies]\nlib = \"~1.2\"\n";
    let folder = "sources/app-1.0.0";
    sandbox.package(folder, "app", "1.0.0", other).unwrap();
    let refused = sandbox.run(folder, &arguments).unwrap();
    crate::fails(&refused, 1, &["`app` 1.0.0 exists"]);
}

/// A manifest that says everything.
const ALL: &str = r#"repository = "https://example.org/app.git"
homepage = "https://example.org/"
documentation = "https://docs.example.org/app"
keywords = ["web", "http"]
authors = ["Ada <ada@example.org>"]
categories = ["network"]
readme = "./README.md"
lumen = "0.1.0"
support-until = "2031-12-31"
links = { changelog = "https://example.org/changes" }
"#;

#[test]
fn a_release_says_what_its_manifest_says() {
    let sandbox = sandbox();
    sandbox
        .write("sources/app-1.0.0/README.md", "# app\n")
        .unwrap();
    publish(&sandbox, "app", "1.0.0", ALL);
    let mut expected = json!({
        "keywords": ["web", "http"],
        "authors": ["Ada <ada@example.org>"],
        "repository": "https://example.org/app.git",
        "homepage": "https://example.org/",
        "documentation": "https://docs.example.org/app",
        "links": {"changelog": "https://example.org/changes"},
        "readme": "README.md",
        "lumen": "0.1.0",
        "support_until": "2031-12-31",
    });
    let said = release(&sandbox, "app", "1.0.0");
    expected["files"] = said["files"].clone();
    assert!(said["files"]["hash"].is_string(), "{said}");
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(said[field], *value, "{field}");
    }
    // The next release says less, and the last something else.
    publish(&sandbox, "app", "1.1.0", "keywords = [\"web\"]\n");
    publish(
        &sandbox,
        "app",
        "1.2.0",
        "keywords = [\"tools\"]\nhomepage = \"http://a.example\"\n",
    );
    let index = sandbox.read("registry/packages/app/index.json").unwrap();
    let index: Value = serde_json::from_str(&index).unwrap();
    assert_eq!(index["about"]["1.0.0"], expected);
    assert_eq!(index["about"]["1.1.0"]["keywords"], json!(["web"]));
    assert_eq!(index["about"]["1.1.0"]["homepage"], Value::Null);
    let list = &release(&sandbox, "app", "1.2.0")["files"];
    // The size may be that of the list before.
    assert_eq!(index["about"]["1.2.0"]["files"]["hash"], list["hash"]);
    let mut change = index["about"]["1.2.0"].clone();
    change.as_object_mut().unwrap().remove("files");
    let expected = json!({"keywords": ["tools"], "homepage": "http://a.example"});
    assert_eq!(change, expected);
    assert_eq!(index["license"], "MIT");
    assert_eq!(index["keywords"], json!(["tools"]));
    assert_eq!(index["homepage"], "http://a.example");
    assert_eq!(index.get("repository"), None);
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        let time = release(&sandbox, "app", version)["published_at"].clone();
        assert_eq!(index["published_at"][version], time);
    }
    // The index gives each file back, and an install needs none of them.
    let files = ["1.0.0", "1.1.0", "1.2.0"].map(|version| {
        let path = sandbox.path(&format!("registry/packages/app/{version}.json"));
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        (path, bytes)
    });
    sandbox.package("user", "user", "1.0.0", "").unwrap();
    sandbox.ok("user", &["pkg", "add", "app@=1.0.0"]).unwrap();
    sandbox
        .ok(".", &["registry", "repair", "registry"])
        .unwrap();
    for (path, bytes) in files {
        assert_eq!(fs::read(path).unwrap(), bytes);
    }
    sandbox.ok(".", &["registry", "check", "registry"]).unwrap();
    crate::verify(&sandbox.path("registry")).unwrap();
    let info = sandbox.ok("user", &["pkg", "info", "app@1.0.0"]).unwrap();
    for said in [
        "https://example.org/app.git",
        "https://docs.example.org/app",
        "changelog",
    ] {
        assert!(info.out.contains(said), "{info:#?}");
    }
    // What the index says of releases is checked like the rest of it.
    let path = sandbox.path("registry/packages/app/index.json");
    let text = fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("\"http://a.example\"", "\"http://b.example\""),
        (
            "\"published_at\":{\"1.0.0\":\"2",
            "\"published_at\":{\"1.0.0\":\"1",
        ),
    ] {
        let forged = text.replacen(from, to, 1);
        assert_ne!(forged, text);
        fs::write(&path, forged).unwrap();
        let ran = sandbox
            .run(".", &["registry", "check", "registry"])
            .unwrap();
        crate::fails(&ran, 3, &[]);
        assert!(
            ran.out.contains("packages/app/index.json")
                || ran.err.contains("packages/app/index.json")
        );
    }
}

#[test]
fn what_is_too_long_or_no_url_is_not_published() {
    let sandbox = sandbox();
    let long = format!("\"https://example.org/{}\"", "x".repeat(2048));
    let many: Vec<String> = (0..11).map(|n| format!("\"word-{n}\"")).collect();
    let links: Vec<String> = (0..17)
        .map(|n| format!("l{n} = \"https://a.example\""))
        .collect();
    for (line, said) in [
        (
            "repository = \"git@example.org:app\"".to_owned(),
            "`repository` is not an http or https URL",
        ),
        (
            "homepage = \"javascript:alert(1)\"".into(),
            "`homepage` is not an http or https URL",
        ),
        (
            "documentation = \"https://u:p@a.example\"".into(),
            "`documentation` is not an http or https URL",
        ),
        (
            format!("homepage = {long}"),
            "the URL of `homepage` has 2068 bytes",
        ),
        (
            format!("keywords = [{}]", many.join(", ")),
            "`keywords` has 11 items",
        ),
        (
            format!("keywords = [\"{}\"]", "k".repeat(65)),
            "this text of `keywords` has 65 bytes",
        ),
        ("keywords = [\" \"]".into(), "`keywords` has an empty text"),
        (
            "authors = [\"a\\nb\"]".into(),
            "this text of `authors` has a control character",
        ),
        (
            format!("links = {{ {} }}", links.join(", ")),
            "`links` has 17 items",
        ),
        (
            "links = { Changes = \"https://a.example\" }".into(),
            "`Changes` is not the name of a link",
        ),
        (
            "readme = \"READ.md\"".into(),
            "the read-me `READ.md` is not among the packed files",
        ),
    ] {
        sandbox
            .package("app", "app", "1.0.0", &format!("{line}\n"))
            .unwrap();
        let ran = sandbox.run("app", &["pkg", "publish", "--yes"]).unwrap();
        crate::fails(&ran, 1, &[said, "lumen.toml:6"]);
        // The package can be used, if not published.
        sandbox.ok("app", &["pkg", "install"]).unwrap();
    }
    for (line, said) in [
        ("lumen = \"1\"", "`1` is not a version"),
        (
            "support-until = \"2031-02-30\"",
            "`2031-02-30` is not a date",
        ),
    ] {
        sandbox
            .package("app", "app", "1.0.0", &format!("{line}\n"))
            .unwrap();
        let ran = sandbox.run("app", &["pkg", "publish", "--yes"]).unwrap();
        crate::fails(&ran, 1, &[said, "lumen.toml:6"]);
    }
}

#[test]
fn what_is_missing_is_named_before_publishing() {
    let sandbox = sandbox();
    let made = sandbox.ok(".", &["pkg", "new", "app"]).unwrap();
    let missing = "description, license, repository, readme and keywords";
    assert!(
        made.err.contains(&format!("Missing {missing}")),
        "{made:#?}"
    );
    let arguments = ["pkg", "publish", "--dry-run"];
    sandbox
        .package("lib", "lib", "1.0.0", "keywords = [\"a\"]\n")
        .unwrap();
    let tried = sandbox.ok("lib", &arguments).unwrap();
    assert!(
        tried
            .err
            .contains("Missing `lib` has no repository and readme"),
        "{tried:#?}"
    );
    sandbox.write("lib/README.md", "# lib\n").unwrap();
    sandbox
        .package("lib", "lib", "1.0.0", &ALL.replace("./README", "README"))
        .unwrap();
    let tried = sandbox.ok("lib", &arguments).unwrap();
    assert!(!tried.err.contains("Missing"), "{tried:#?}");
}

#[test]
fn a_release_for_a_later_lumen_is_neither_chosen_nor_installed() {
    let sandbox = bare();
    let init = ["registry", "init", "registry", "--unsigned"];
    sandbox.ok(".", &init).unwrap();
    publish(&sandbox, "app", "1.0.0", "");
    publish(&sandbox, "app", "1.1.0", "lumen = \"99.1.0\"\n");
    sandbox.package("user", "user", "1.0.0", "").unwrap();
    let added = sandbox.ok("user", &["pkg", "add", "app@^1.0.0"]).unwrap();
    assert!(added.err.contains("app 1.0.0"), "{added:#?}");
    let ran = sandbox.run("user", &["pkg", "add", "app@^1.1.0"]).unwrap();
    crate::fails(&ran, 1, &["it needs Lumen 99.1.0 or later"]);
    // An index that does not say so, and a lock that has it.
    let path = sandbox.path("registry/packages/app/index.json");
    let text = fs::read_to_string(&path).unwrap();
    let silent = text.replace(",\n      \"lumen\": \"99.1.0\"", "");
    assert_ne!(silent, text);
    fs::write(&path, silent).unwrap();
    let ran = sandbox.run("user", &["pkg", "add", "app@^1.1.0"]).unwrap();
    let said = ["cannot install `app` 1.1.0: it needs Lumen 99.1.0 or later"];
    crate::fails(&ran, 1, &said);
    assert!(ran.err.contains("hint: install a later Lumen"), "{ran:#?}");
    let installed = sandbox.read("user/.lumen/packages/app/lumen.toml").unwrap();
    assert!(installed.contains("1.0.0"), "{installed}");
}

#[test]
fn versions_that_differ_after_plus_only_are_refused() {
    for init in [
        &["registry", "init", "registry"][..],
        &["registry", "init", "registry", "--unsigned"],
    ] {
        let sandbox = bare();
        sandbox.ok(".", init).unwrap();
        publish(&sandbox, "app", "1.0.0+linux", "");
        for (version, other) in [("1.0.0", "1.0.0+linux"), ("1.0.0+mac", "1.0.0+linux")] {
            sandbox.package("app", "app", version, "").unwrap();
            let said = format!("`app` {version} cannot be published beside {other}");
            for arguments in [
                &["pkg", "publish", "--yes"][..],
                &["pkg", "publish", "--workspace", "--dry-run"],
            ] {
                crate::fails(&sandbox.run("app", arguments).unwrap(), 1, &[&said]);
            }
            let inbox = sandbox.path("inbox").display().to_string();
            sandbox
                .ok("app", &["pkg", "submit", "--out", &inbox])
                .unwrap();
            let place = format!("inbox/app/{version}");
            let ran = sandbox.run(".", &["registry", "ingest", &place]).unwrap();
            crate::fails(&ran, 1, &[&said]);
            assert!(
                !sandbox
                    .path(&format!("registry/packages/app/{version}.json"))
                    .exists()
            );
        }
        // The same again is the same, and pre-releases are others.
        publish(&sandbox, "app", "1.0.0+linux", "");
        publish(&sandbox, "app", "1.0.0-rc.1+linux", "");
    }
    let sandbox = sandbox();
    let long = format!("1.0.0-{}", "a".repeat(123));
    sandbox.package("app", "app", &long, "").unwrap();
    let ran = sandbox.run("app", &["pkg", "publish", "--yes"]).unwrap();
    crate::fails(
        &ran,
        1,
        &[
            "the version has 129 bytes",
            "the limit `MAX_VERSION_BYTES` is 128 bytes",
            "lumen.toml:3",
        ],
    );
}

/// Runs `pkg publish` as in a CI job.
fn publish_in_ci(sandbox: &Sandbox, folder: &str, more: &[&str]) -> Ran {
    let arguments = [&["pkg", "publish", "--yes"], more].concat();
    let mut command = sandbox.command(folder, &arguments);
    Ran::of(&command.env("CI", "true").output().unwrap())
}

#[test]
fn dependencies_that_users_cannot_get_are_told() {
    let sandbox = sandbox();
    publish(&sandbox, "lib", "1.2.0", "");
    publish(&sandbox, "old", "1.0.0", "");
    sandbox
        .ok(".", &["pkg", "yank", "old@1.0.0", "--reason", "bad"])
        .unwrap();
    let needs = |text: &str| {
        let more = format!("[dependencies]\n{text}\n");
        sandbox.package("app", "app", "1.0.0", &more).unwrap();
    };
    for (text, said) in [
        (
            "none = \"^1\"",
            "the registry `default` has no package `none`",
        ),
        (
            "lib = \"^2\"",
            "the registry `default` has no `lib` ^2.0.0; its newest is 1.2.0",
        ),
        ("old = \"^1\"", "the registry `default` has no `old` ^1.0.0"),
    ] {
        needs(text);
        let warned = sandbox.ok("app", &["pkg", "publish", "--dry-run"]).unwrap();
        let warning = format!("warning: {said}");
        assert!(warned.err.contains(&warning), "{warned:#?}");
        assert!(warned.err.contains("lumen.toml:7"), "{warned:#?}");
        let refused = publish_in_ci(&sandbox, "app", &[]);
        crate::fails(
            &refused,
            1,
            &[&format!("error: {said}"), "--allow-missing-dependencies"],
        );
        assert!(!sandbox.path("registry/packages/app").exists());
    }
    let allowed = publish_in_ci(&sandbox, "app", &["--allow-missing-dependencies"]);
    assert_eq!(allowed.code, Some(0), "{allowed:#?}");
    assert!(!allowed.err.contains("has no"), "{allowed:#?}");
    // Without CI, the command is the answer.
    sandbox
        .package("more", "more", "1.0.0", "[dependencies]\nnone = \"1\"\n")
        .unwrap();
    let warned = sandbox.ok("more", &["pkg", "publish", "--yes"]).unwrap();
    assert!(warned.err.contains("has no package `none`"), "{warned:#?}");
    needs("lib = \"^1.2\"");
    sandbox
        .package("app", "app", "1.1.0", "[dependencies]\nlib = \"^1.2\"\n")
        .unwrap();
    assert_eq!(publish_in_ci(&sandbox, "app", &[]).code, Some(0));
}

#[test]
fn dependencies_are_sought_where_users_get_them() {
    let sandbox = sandbox();
    let other = format!("file://{}", sandbox.path("other").display());
    sandbox.ok(".", &["registry", "init", "other"]).unwrap();
    sandbox.package("text", "@org/text", "1.0.0", "").unwrap();
    sandbox
        .ok("text", &["pkg", "publish", "--yes", "--registry", &other])
        .unwrap();
    let needs = "[dependencies]\n\"@org/text\" = \"^1\"\n";
    sandbox.package("app", "app", "1.0.0", needs).unwrap();
    crate::fails(
        &publish_in_ci(&sandbox, "app", &[]),
        1,
        &["has no package `@org/text`"],
    );
    let scoped = format!(
        "{needs}[registry.registries]\nother = \"{other}\"\n[registry.scopes]\n\"@org\" = \"other\"\n"
    );
    sandbox.package("app", "app", "1.0.0", &scoped).unwrap();
    let ran = publish_in_ci(&sandbox, "app", &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    // Packages of a workspace are published together.
    sandbox
        .write("all/lumen.toml", "[workspace]\nmembers = [\"*\"]\n")
        .unwrap();
    sandbox
        .package("all/a", "a", "1.0.0", "[dependencies]\nb = \"^1.0.0\"\n")
        .unwrap();
    sandbox.package("all/b", "b", "1.0.0", "").unwrap();
    crate::fails(
        &publish_in_ci(&sandbox, "all/a", &[]),
        1,
        &["has no package `b`"],
    );
    let ran = publish_in_ci(&sandbox, "all", &["--workspace"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}
