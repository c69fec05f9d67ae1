//! Registries without signatures: checked and repaired.

use std::fs;

use lumen_testkit::{
    sandbox::{Ran, Sandbox},
    server::{Server, not_found, ok},
};

use crate::{bare, fails, publish};

fn registry() -> Sandbox {
    let sandbox = bare();
    let init = ["registry", "init", "--unsigned", "registry"];
    sandbox.ok(".", &init).unwrap();
    publish(&sandbox, "lib", "1.0.0", "");
    publish(&sandbox, "lib", "1.1.0", "");
    publish(&sandbox, "tool", "0.3.0", "");
    sandbox
        .ok(".", &["pkg", "yank", "lib@1.0.0", "--reason", "it burns"])
        .unwrap();
    sandbox
}

fn run(sandbox: &Sandbox, what: &str) -> Ran {
    sandbox.run(".", &["registry", what, "registry"]).unwrap()
}

fn edit(sandbox: &Sandbox, file: &str, from: &str, to: &str) {
    let file = format!("registry/{file}");
    let text = sandbox.read(&file).unwrap();
    assert!(text.contains(from), "{text}");
    sandbox.write(&file, &text.replacen(from, to, 1)).unwrap();
}

fn remove(sandbox: &Sandbox, file: &str) {
    fs::remove_file(sandbox.path("registry").join(file)).unwrap();
}

#[test]
fn what_follows_from_other_files_is_found_and_mended() {
    let sandbox = registry();
    let whole = |sandbox: &Sandbox| {
        let files = [
            "index.json",
            "packages/lib/index.json",
            "packages/tool/index.json",
        ];
        files.map(|file| sandbox.read(&format!("registry/{file}")).unwrap())
    };
    let ran = run(&sandbox, "check");
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{ran:#?}");
    let before = whole(&sandbox);
    type Damage = fn(&Sandbox);
    let cases: [(Damage, &str); 8] = [
        (
            |s| {
                edit(
                    s,
                    "index.json",
                    "\"package_count\": 2",
                    "\"package_count\": 7",
                )
            },
            "index.json:6:3: `package_count` is 7, and it lists 2",
        ),
        (
            |s| {
                edit(
                    s,
                    "index.json",
                    "\"latest\": \"1.1.0\"",
                    "\"latest\": \"1.0.0\"",
                )
            },
            ": the newest version of `lib` is 1.0.0, and should be 1.1.0",
        ),
        (
            |s| edit(s, "index.json", "\"name\": \"tool\"", "\"name\": \"fool\""),
            ": it lists `fool`, which is not there",
        ),
        (
            |s| {
                edit(
                    s,
                    "packages/lib/index.json",
                    "\"latest\": \"1.1.0\"",
                    "\"latest\": \"1.0.0\"",
                )
            },
            ": `latest` is 1.0.0, and should be 1.1.0",
        ),
        (
            |s| {
                let text = s.read("registry/packages/tool/index.json").unwrap();
                let (first, rest) = text.split_once("\"versions\": [").unwrap();
                let (_, rest) = rest.split_once(']').unwrap();
                let text = format!("{first}\"versions\": [{}]{rest}", "");
                s.write("registry/packages/tool/index.json", &text).unwrap();
            },
            ": it does not list 0.3.0, which is there",
        ),
        (
            |s| remove(s, "packages/tool/index.json"),
            "packages/tool/index.json: it does not exist",
        ),
        (
            |s| s.write("registry/packages/tool/index.json", "").unwrap(),
            "packages/tool/index.json:1:",
        ),
        (|s| remove(s, "index.json"), "index.json: it does not exist"),
    ];
    for (damage, finding) in cases {
        damage(&sandbox);
        let ran = run(&sandbox, "check");
        fails(&ran, 1, &["the files do not agree", "registry repair"]);
        assert!(ran.out.contains(finding), "`{finding}` is not in {ran:#?}");
        let ran = run(&sandbox, "repair");
        assert_eq!(ran.code, Some(0), "{finding}: {ran:#?}");
        let ran = run(&sandbox, "check");
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (Some(0), ""),
            "{finding}: {ran:#?}"
        );
        assert_eq!(run(&sandbox, "rebuild").out, "", "{finding}");
        let (now, before) = (whole(&sandbox), &before);
        assert_eq!(now[1..], before[1..], "{finding}");
    }
}

#[test]
fn what_follows_from_nothing_is_said_and_kept() {
    type Damage = fn(&Sandbox);
    let cases: [(Damage, &str, &str); 4] = [
        (
            |s| remove(s, "packages/lib/1.1.0.json"),
            "packages/lib/index.json:",
            ": it lists 1.1.0, but `packages/lib/1.1.0.json` does not exist",
        ),
        (
            |s| {
                edit(
                    s,
                    "packages/lib/1.1.0.json",
                    "\"name\": \"lib\"",
                    "\"name\": \"lub\"",
                )
            },
            "packages/lib/1.1.0.json:2:",
            "the file's `name` is `lub`",
        ),
        (
            |s| edit(s, "packages/lib/index.json", "\"name\"", "nonsense"),
            "packages/lib/index.json:2:",
            "",
        ),
        (
            |s| {
                let found = lumen_testkit::sandbox::tree(&s.path("registry/artifacts")).unwrap();
                let (path, _) = found.first().unwrap();
                s.write(&format!("registry/artifacts/{path}"), "x").unwrap();
            },
            "artifacts/",
            "it has another size or hash",
        ),
    ];
    for (damage, file, what) in cases {
        let sandbox = registry();
        damage(&sandbox);
        let files = || lumen_testkit::sandbox::tree(&sandbox.path("registry")).unwrap();
        let before = files();
        let found = run(&sandbox, "check");
        assert_eq!(found.code, Some(1), "{found:#?}");
        assert!(
            found.out.contains(file) && found.out.contains(what),
            "{found:#?}"
        );
        fails(&run(&sandbox, "repair"), 1, &["1 problem left", what]);
        assert_eq!(files(), before, "{file}");
    }
}

#[test]
fn a_folder_that_is_no_registry_is_not_repaired_into_one() {
    let sandbox = bare();
    fs::create_dir(sandbox.path("empty")).unwrap();
    for what in ["check", "repair", "rebuild"] {
        let ran = sandbox.run(".", &["registry", what, "empty"]).unwrap();
        assert_ne!(ran.code, Some(0), "{what}: {ran:#?}");
    }
    assert!(
        fs::read_dir(sandbox.path("empty"))
            .unwrap()
            .next()
            .is_none()
    );
}

#[test]
fn a_registry_behind_a_web_server_is_checked_by_its_indexes() {
    let sandbox = registry();
    let root = sandbox.path("registry");
    let server = Server::start(move |asked| {
        let path = asked.path.split('?').next().unwrap_or_default();
        match fs::read(root.join(path.trim_start_matches('/'))) {
            Ok(bytes) => ok(&bytes),
            Err(_) => not_found(),
        }
    });
    let check = || {
        sandbox
            .run(".", &["registry", "check", &server.url()])
            .unwrap()
    };
    let ran = check();
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.err.contains("that the indexes name agree"), "{ran:#?}");
    remove(&sandbox, "packages/lib/1.1.0.json");
    let ran = check();
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    let finding = "it lists 1.1.0, but `packages/lib/1.1.0.json` does not exist";
    assert!(ran.out.contains(finding), "{ran:#?}");
    // A page for everything.
    let server = Server::start(|_| ok(b"<!doctype html><p>hello"));
    let ran = sandbox
        .run(".", &["registry", "check", &server.url()])
        .unwrap();
    assert_ne!(ran.code, Some(0));
    let said = ran.out.clone() + &ran.err;
    assert!(
        said.contains("this is a web page, not a registry"),
        "{ran:#?}"
    );
}
