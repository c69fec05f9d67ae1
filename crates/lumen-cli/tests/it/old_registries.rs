//! Registries that version 0.1 made, as every later version has to take them.

use std::{fs, path::Path};

use lumen_core::{Digest, file_list::FileList};
use lumen_testkit::sandbox::{Ran, Sandbox, tree};
use serde_json::{Value, json};

use crate::{bare, copy, verify};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/registry-0.1");

/// A sandbox with a copy of a registry.
fn sandbox(kind: &str) -> Sandbox {
    let sandbox = bare();
    copy(&Path::new(FIXTURES).join(kind), &sandbox.path("registry"));
    sandbox
}

/// Runs a command, which must succeed, as the owner of the names.
fn ok(sandbox: &Sandbox, folder: &str, arguments: &[&str]) -> Ran {
    let key = fs::read_to_string(format!("{FIXTURES}/fixture.key")).unwrap();
    let secret = key.lines().find_map(|line| line.strip_prefix("secret "));
    let mut command = sandbox.command(folder, arguments);
    let ran = Ran::of(&command.env("LUMEN_KEY", secret.unwrap()).output().unwrap());
    assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
    ran
}

/// Publishes a package as it was, or with more in its manifest.
fn publish(sandbox: &Sandbox, name: &str, version: &str, more: &str) -> Ran {
    let folder = format!("sources/{name}-{version}");
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"{version}\"\ndescription = \"A package of version 0.1\"\nlicense = \"MIT\"\nkeywords = [\"old\"]\n{more}"
    );
    sandbox
        .write(&format!("{folder}/lumen.toml"), &manifest)
        .unwrap();
    let source = format!("# {name} {version}\n");
    sandbox
        .write(&format!("{folder}/src/main.lm.md"), &source)
        .unwrap();
    ok(sandbox, &folder, &["pkg", "publish", "--yes"])
}

/// Installs `app` in a new project and home.
fn install(sandbox: &Sandbox, project: &str, registry: &str) {
    sandbox.package(project, project, "1.0.0", "").unwrap();
    let url = format!("file://{}", sandbox.path(registry).display());
    let run = |arguments: &[&str]| {
        let mut command = sandbox.command(project, arguments);
        command.env("LUMEN_HOME", sandbox.path(&format!("home-{project}")));
        command.env("LUMEN_REGISTRY", &url);
        let ran = Ran::of(&command.output().unwrap());
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
    };
    run(&["pkg", "add", "app"]);
    run(&["pkg", "verify"]);
    // With the lock alone, each release is proven.
    fs::remove_dir_all(sandbox.path(&format!("home-{project}/store"))).unwrap();
    run(&["pkg", "install", "--locked"]);
    let text = sandbox.read(&format!("{project}/.lumen/packages/text/lumen.toml"));
    assert!(text.unwrap().contains("version = \"1."));
}

fn index(sandbox: &Sandbox, registry: &str, name: &str) -> Value {
    let file = format!("{registry}/packages/{name}/index.json");
    serde_json::from_str(&sandbox.read(&file).unwrap()).unwrap()
}

#[test]
fn a_signed_registry_of_version_0_1_goes_on() {
    let sandbox = sandbox("signed");
    install(&sandbox, "before", "registry");
    ok(&sandbox, ".", &["registry", "check", "registry"]);
    ok(&sandbox, ".", &["registry", "mirror", "registry", "copy"]);
    let was = tree(&sandbox.path("registry/packages")).unwrap();
    // The same release says the same, in its old form.
    let again = publish(
        &sandbox,
        "app",
        "1.0.0",
        "\n[dependencies]\ntext = \"~1\"\n",
    );
    assert!(again.err.contains("Already published"), "{again:#?}");
    assert_eq!(tree(&sandbox.path("registry/packages")).unwrap(), was);
    ok(&sandbox, ".", &["registry", "repair", "registry"]);
    assert_eq!(tree(&sandbox.path("registry/packages")).unwrap(), was);
    let new = publish(
        &sandbox,
        "text",
        "1.2.0",
        "homepage = \"https://example.org/\"\n",
    );
    assert!(new.err.contains("Published"), "{new:#?}");
    let (text, app) = (
        index(&sandbox, "registry", "text"),
        index(&sandbox, "registry", "app"),
    );
    let release: Value =
        serde_json::from_str(&sandbox.read("registry/packages/text/1.2.0.json").unwrap()).unwrap();
    assert!(release["files"].is_object(), "{release}");
    assert_eq!(
        text["about"],
        json!({"1.2.0": {
            "keywords": ["old"],
            "homepage": "https://example.org/",
            "files": release["files"],
        }})
    );
    assert_eq!(text["published_at"].as_object().unwrap().len(), 3);
    assert_eq!(app.get("published_at"), None);
    for registry in ["registry", "copy"] {
        if registry == "copy" {
            ok(&sandbox, ".", &["registry", "mirror", "registry", "copy"]);
        }
        ok(&sandbox, ".", &["registry", "check", registry]);
        verify(&sandbox.path(registry)).unwrap();
        install(&sandbox, &format!("after-{registry}"), registry);
    }
    assert_eq!(index(&sandbox, "copy", "text"), text);
    // A lost index is made in the form of this version.
    fs::remove_file(sandbox.path("registry/packages/app/index.json")).unwrap();
    ok(&sandbox, ".", &["registry", "repair", "registry"]);
    let made = index(&sandbox, "registry", "app");
    assert!(made["published_at"]["1.0.0"].is_string(), "{made}");
    ok(&sandbox, ".", &["registry", "check", "registry"]);
}

#[test]
fn an_unsigned_registry_of_version_0_1_goes_on_and_is_migrated() {
    let sandbox = sandbox("unsigned");
    install(&sandbox, "before", "registry");
    ok(&sandbox, ".", &["registry", "mirror", "registry", "copy"]);
    let again = publish(
        &sandbox,
        "app",
        "1.0.0",
        "\n[dependencies]\ntext = \"~1\"\n",
    );
    assert!(again.err.contains("Already published"), "{again:#?}");
    publish(
        &sandbox,
        "text",
        "1.2.0",
        "homepage = \"https://example.org/\"\n",
    );
    let text = index(&sandbox, "registry", "text");
    assert_eq!(text["homepage"], "https://example.org/");
    assert_eq!(text["yanked"], json!({"1.0.0": "too old"}));
    install(&sandbox, "after", "registry");
    ok(&sandbox, ".", &["registry", "mirror", "registry", "copy"]);
    install(&sandbox, "mirrored", "copy");
    // Its releases name no file lists: the migration makes them, as the mirror did.
    ok(&sandbox, ".", &["registry", "migrate", "registry"]);
    let made = artifacts(&sandbox, ".tar.files");
    assert!(!made.is_empty());
    let mirrored = tree(&sandbox.path("copy/artifacts")).unwrap();
    let mirrored = { mirrored.into_iter() }.filter(|(path, _)| path.ends_with(".tar.files"));
    for list in mirrored {
        assert!(made.contains(&list), "{}", list.0);
    }
    ok(&sandbox, ".", &["registry", "check", "registry"]);
    verify(&sandbox.path("registry")).unwrap();
    install(&sandbox, "migrated", "registry");
    let about = index(&sandbox, "registry", "text")["about"].clone();
    assert_eq!(about["1.2.0"]["homepage"], "https://example.org/");
}

/// The files below `artifacts/` that end like this.
fn artifacts(sandbox: &Sandbox, ending: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = tree(&sandbox.path("registry/artifacts")).unwrap();
    files.retain(|(path, _)| path.ends_with(ending));
    files
}

#[test]
fn old_releases_get_file_lists_that_nothing_signs() {
    for kind in ["signed", "unsigned"] {
        let sandbox = sandbox(kind);
        let was = tree(&sandbox.path("registry/packages")).unwrap();
        let tars = artifacts(&sandbox, ".tar");
        assert_eq!(artifacts(&sandbox, ".files"), []);
        let rebuild = ["registry", "rebuild", "registry", "--file-lists"];
        let made = ok(&sandbox, ".", &rebuild);
        let lists = artifacts(&sandbox, ".tar.files");
        assert_eq!(made.out.lines().count(), lists.len(), "{made:#?}");
        assert_eq!(lists.len(), tars.len());
        for ((tar, bytes), (path, list)) in tars.iter().zip(&lists) {
            assert_eq!(*path, format!("{tar}.files"));
            let list = FileList::parse(list).unwrap();
            assert_eq!(list.tar(), Digest::of(bytes));
            let manifest = list.get("lumen.toml").unwrap();
            let (from, to) = (manifest.offset, manifest.offset + manifest.size);
            let found = &bytes[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()];
            assert!(found.starts_with(b"[package]"), "{path}");
        }
        assert_eq!(tree(&sandbox.path("registry/packages")).unwrap(), was);
        // A wrong one is made again, and what is right stays.
        fs::write(
            sandbox.path(&format!("registry/artifacts/{}", lists[0].0)),
            "x",
        )
        .unwrap();
        let again = ok(&sandbox, ".", &rebuild);
        assert_eq!(again.out.trim(), format!("artifacts/{}", lists[0].0));
        assert_eq!(artifacts(&sandbox, ".tar.files"), lists);
        let nothing = ok(&sandbox, ".", &rebuild);
        assert!(nothing.err.contains("Made nothing"), "{nothing:#?}");
    }
    // A new release names its list, which comes back when it is lost.
    let sandbox = sandbox("signed");
    publish(&sandbox, "text", "1.2.0", "");
    let [(path, bytes)] = &artifacts(&sandbox, ".files")[..] else {
        panic!("one list");
    };
    fs::remove_file(sandbox.path(&format!("registry/artifacts/{path}"))).unwrap();
    let rebuild = ["registry", "rebuild", "registry", "--file-lists"];
    let made = ok(&sandbox, ".", &rebuild);
    assert!(
        made.out.contains(&format!("artifacts/{path}\n")),
        "{made:#?}"
    );
    let found = artifacts(&sandbox, path);
    assert_eq!(found, [(path.clone(), bytes.clone())]);
    ok(&sandbox, ".", &["registry", "check", "registry"]);
}

#[test]
fn a_lost_archive_has_no_file_list() {
    let sandbox = bare();
    copy(
        &Path::new(FIXTURES).join("unsigned"),
        &sandbox.path("registry"),
    );
    let release = "registry/packages/text/1.0.0.json";
    let text = sandbox.read(release).unwrap();
    let found: Value = serde_json::from_str(&text).unwrap();
    let tar = found["artifacts"][0]["url"].as_str().unwrap();
    fs::remove_file(sandbox.path(&format!("registry/{tar}"))).unwrap();
    let rebuild = ["registry", "rebuild", "registry", "--file-lists"];
    let told = ok(&sandbox, ".", &rebuild);
    let said = format!("`text` 1.0.0 has no file list: `{tar}` does not exist");
    assert!(told.err.contains(&said), "{told:#?}");
}
