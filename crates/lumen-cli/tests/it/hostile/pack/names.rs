//! Names that mean something else as a path, in a shell, as an option or beside other files.

use crate::{fails, publish, sandbox};

const NAMES: [&str; 17] = [
    "~",
    "-rf",
    "--help",
    "a..b",
    "index",
    "node_modules",
    "node-modules",
    "src",
    "@src/main",
    "@node_modules/x",
    "@root/x",
    "_x",
    "Upper",
    "a+b",
    "wow!",
    "x.",
    "@-x/a",
];

#[test]
fn a_manifest_cannot_ask_for_them() {
    let sandbox = sandbox();
    for name in NAMES {
        for source in [
            "\"1\"",
            "{ path = \"../x\" }",
            "{ git = \"https://example.org/x\" }",
        ] {
            let more = format!("[dependencies]\n\"{name}\" = {source}\n");
            sandbox.package("app", "app", "1.0.0", &more).unwrap();
            let ran = sandbox.run("app", &["pkg", "install"]).unwrap();
            fails(&ran, 1, &["lumen.toml:", &format!("\"{name}\" = ")]);
            assert!(!sandbox.path("app/.lumen").exists(), "{name}");
        }
    }
}

#[test]
fn imports_have_no_place_among_the_files_of_tools() {
    let sandbox = sandbox();
    for root in [".git/hooks", ".lumen/packages", "src/.GIT", "../elsewhere"] {
        let more = format!("[install]\nimport-root = \"{root}\"\n");
        sandbox.package("app", "app", "1.0.0", &more).unwrap();
        let ran = sandbox.run("app", &["pkg", "install"]).unwrap();
        fails(&ran, 1, &["lumen.toml:7:15", "`import-root`"]);
    }
}

#[test]
fn the_command_line_cannot_name_them() {
    let sandbox = sandbox();
    sandbox.package("app", "app", "1.0.0", "").unwrap();
    for name in NAMES {
        for verb in ["add", "info"] {
            let ran = sandbox.run("app", &["pkg", verb, "--", name]).unwrap();
            fails(&ran, 1, &[&format!("`{name}`")]);
            assert!(!ran.err.contains("the registry has no"), "{ran:#?}");
        }
    }
}

#[test]
fn a_package_cannot_have_them() {
    let sandbox = sandbox();
    for name in NAMES {
        sandbox.package("p", name, "1.0.0", "").unwrap();
        for verb in ["pack", "publish"] {
            let ran = sandbox.run("p", &["pkg", verb, "--dry-run"]).unwrap();
            fails(&ran, 1, &["lumen.toml:2:"]);
        }
    }
}

#[test]
fn a_lock_file_cannot_bring_them_in() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    let dependency = "[dependencies]\ntext = \"1\"\n";
    sandbox.package("app", "app", "1.0.0", dependency).unwrap();
    sandbox.ok("app", &["pkg", "lock"]).unwrap();
    let lock = sandbox.read("app/lumen.lock").unwrap();
    assert!(lock.contains("name = \"text\""), "{lock}");
    for name in ["~", "-rf", "a..b", "node_modules", "src"] {
        let changed = lock.replace("\"text\"", &format!("\"{name}\""));
        sandbox.write("app/lumen.lock", &changed).unwrap();
        let ran = sandbox.run("app", &["pkg", "install", "--locked"]).unwrap();
        fails(&ran, 1, &["lumen.lock:"]);
        assert!(!sandbox.path("app/.lumen/packages").exists(), "{name}");
    }
}

#[test]
fn a_registry_made_by_hand_says_which_name_is_wrong() {
    let sandbox = crate::bare();
    let index = r#"{"name": "hand", "packages": [{"name": "~"}]}"#;
    sandbox.write("registry/index.json", index).unwrap();
    for (name, deps) in [("good", r#"{"-rf": "1.0.0"}"#), ("node_modules", "{}")] {
        let folder = format!("registry/packages/{name}");
        let index = format!(r#"{{"name": "{name}", "versions": ["1.0.0"]}}"#);
        sandbox
            .write(&format!("{folder}/index.json"), &index)
            .unwrap();
        let release = format!(r#"{{"name": "{name}", "version": "1.0.0", "deps": {deps}}}"#);
        sandbox
            .write(&format!("{folder}/1.0.0.json"), &release)
            .unwrap();
    }
    sandbox
        .package("app", "app", "1.0.0", "[dependencies]\ngood = \"1.0.0\"\n")
        .unwrap();
    let ran = sandbox.run("app", &["pkg", "install"]).unwrap();
    assert_ne!(ran.code, Some(0), "{ran:#?}");
    assert!(
        ran.err.contains("must start and end with a letter"),
        "{ran:#?}"
    );
    let ran = sandbox.run("app", &["pkg", "search", "x"]).unwrap();
    assert_ne!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.err.contains("`~` is not a package name"), "{ran:#?}");
}
