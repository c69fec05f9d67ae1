//! Bytes that are not what they must be.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use lumen_testkit::sandbox::Sandbox;

use crate::{bare, fails, publish, sandbox};

fn installed() -> Sandbox {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    sandbox
        .package("app", "app", "1.0.0", "[dependencies]\ntext = \"1\"\n")
        .unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    sandbox
}

/// The artifact of the only package, in one encoding.
fn artifact(sandbox: &Sandbox, extension: &str) -> PathBuf {
    let files = lumen_testkit::sandbox::tree(&sandbox.path("registry/artifacts")).unwrap();
    let name = files
        .iter()
        .map(|(name, _)| name)
        .find(|name| name.ends_with(extension))
        .unwrap();
    sandbox.path("registry/artifacts").join(name)
}

#[test]
fn verify_finds_a_changed_file_and_repairs_it() {
    let sandbox = installed();
    let file = sandbox.path("app/.lumen/packages/text/src/main.lm.md");
    let metadata = fs::metadata(&file).unwrap();
    assert_eq!(
        metadata.permissions().mode() & 0o222,
        0,
        "store files are read-only"
    );
    // As careful as an attacker: same size, same time, same mode.
    let modified = metadata.modified().unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&file, "# text 6.6.6\n").unwrap();
    fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_modified(modified)
        .unwrap();
    fs::set_permissions(&file, metadata.permissions()).unwrap();
    let ran = sandbox.run("app", &["pkg", "verify"]).unwrap();
    fails(&ran, 3, &["not as they were published: 1", "--repair"]);
    assert_eq!(ran.out, "text 1.0.0: src/main.lm.md changed\n");
    sandbox.ok("app", &["pkg", "verify", "--repair"]).unwrap();
    assert_eq!(
        sandbox.read("app/text/main.lm.md").unwrap(),
        "# text 1.0.0\n"
    );
    let proven = sandbox.ok("app", &["pkg", "verify"]).unwrap();
    assert!(
        proven.err.contains("1 re-hashed to the locked checksum"),
        "{}",
        proven.err
    );
}

#[test]
fn an_install_elsewhere_does_not_use_a_carelessly_changed_file() {
    let sandbox = installed();
    let file = sandbox.path("app/.lumen/packages/text/src/main.lm.md");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&file, "# text 6.6.6\n").unwrap();
    sandbox
        .package("other", "other", "1.0.0", "[dependencies]\ntext = \"1\"\n")
        .unwrap();
    sandbox.ok("other", &["pkg", "install"]).unwrap();
    assert_eq!(
        sandbox.read("other/text/main.lm.md").unwrap(),
        "# text 1.0.0\n"
    );
}

#[test]
fn a_wrong_artifact_is_refused_and_does_not_poison_the_next_try() {
    let sandbox = installed();
    let tar = artifact(&sandbox, ".tar");
    let good = fs::read(&tar).unwrap();
    let mut flipped = good.clone();
    flipped[600] ^= 1;
    let mut longer = good.clone();
    longer.push(0);
    let truncated = good[..good.len() / 2].to_vec();
    let cases = [
        ("flipped", flipped, "it has the hash sha256:"),
        (
            "longer",
            longer,
            "it has more than the 3072 bytes that it must have",
        ),
        (
            "truncated",
            truncated,
            "it has 1536 bytes, and must have 3072",
        ),
        ("empty", Vec::new(), "it has 0 bytes, and must have 3072"),
    ];
    for (name, bytes, difference) in cases {
        fs::remove_dir_all(sandbox.path("home/lumen")).unwrap();
        fs::write(&tar, bytes).unwrap();
        let ran = sandbox.run("app", &["pkg", "install"]).unwrap();
        let said = [
            "cannot install `text` 1.0.0",
            "is a changed artifact: ",
            difference,
        ];
        fails(&ran, 3, &said);
        fs::write(&tar, &good).unwrap();
        sandbox.ok("app", &["pkg", "install"]).unwrap();
        assert_eq!(
            sandbox.read("app/text/main.lm.md").unwrap(),
            "# text 1.0.0\n",
            "{name}"
        );
    }
}

#[test]
fn another_package_under_the_name_is_refused() {
    // Nothing is signed here, or the log would have told.
    let sandbox = bare();
    sandbox
        .ok(".", &["registry", "init", "registry", "--unsigned"])
        .unwrap();
    publish(&sandbox, "text", "1.0.0", "");
    publish(&sandbox, "other", "1.0.0", "");
    // The registry swaps the artifact, consistently, before the project knows it.
    let text = sandbox
        .read("registry/packages/other/index.json")
        .unwrap()
        .replace("\"other\"", "\"text\"");
    let release = sandbox
        .read("registry/packages/other/1.0.0.json")
        .unwrap()
        .replace("\"other\"", "\"text\"");
    let metadata = lumen_core::Digest::of(release.as_bytes()).to_string();
    let old = lumen_core::Digest::of(
        sandbox
            .read("registry/packages/other/1.0.0.json")
            .unwrap()
            .as_bytes(),
    )
    .to_string();
    sandbox
        .write(
            "registry/packages/text/index.json",
            &text.replace(&old, &metadata),
        )
        .unwrap();
    sandbox
        .write("registry/packages/text/1.0.0.json", &release)
        .unwrap();
    sandbox
        .package("fresh", "fresh", "1.0.0", "[dependencies]\ntext = \"1\"\n")
        .unwrap();
    fails(
        &sandbox.run("fresh", &["pkg", "install"]).unwrap(),
        3,
        &["cannot install `text`", "says `other 1.0.0`"],
    );
    fails(
        &sandbox.run("fresh", &["pkg", "install"]).unwrap(),
        3,
        &["says `other 1.0.0`"],
    );
}

#[test]
fn broken_registry_json_points_at_the_place() {
    let sandbox = installed();
    sandbox
        .write(
            "registry/packages/text/index.json",
            "{\n  \"name\": \"text\",\n  \"versions\": [\"1.0.0\",]\n}\n",
        )
        .unwrap();
    let ran = sandbox.run("app", &["pkg", "update"]).unwrap();
    fails(&ran, 4, &["registry/packages/text/index.json:3:", "^"]);
    fails(
        &sandbox.run(".", &["pkg", "info", "text"]).unwrap(),
        4,
        &["index.json:3:"],
    );
}

#[test]
fn manifests_with_errors_say_where() {
    let sandbox = sandbox();
    sandbox
        .write(
            "app/lumen.toml",
            "[package]\nname = \"App\"\nversion = \"1.0\"\n[dependancies]\nx = \"^^1\"\n",
        )
        .unwrap();
    let ran = sandbox.run("app", &["pkg", "install"]).unwrap();
    fails(
        &ran,
        1,
        &[
            "lumen.toml:2:",
            "lumen.toml:3:",
            "^",
            "did you mean [dependencies]?",
        ],
    );
}

#[test]
fn unpack_does_not_blame_the_archive_for_the_folder() {
    let sandbox = bare();
    sandbox.package("app", "app", "1.0.0", "").unwrap();
    sandbox.ok("app", &["pkg", "pack"]).unwrap();
    sandbox.write("app/full/file", "mine").unwrap();
    sandbox.write("app/file", "mine").unwrap();
    for out in ["full", "file", "file/below"] {
        let arguments = ["pkg", "unpack", "dist/app-1.0.0.tar", "--out", out];
        let ran = sandbox.run("app", &arguments).unwrap();
        fails(
            &ran,
            1,
            &["is not an empty folder", "choose an empty folder"],
        );
        assert!(!ran.err.contains("damaged"), "{ran:#?}");
    }
    assert_eq!(sandbox.read("app/full/file").unwrap(), "mine");
}

#[test]
fn unpack_leaves_nothing_of_a_refused_archive() {
    let sandbox = sandbox();
    sandbox.package("p", "p", "1.0.0", "").unwrap();
    sandbox.ok("p", &["pkg", "pack"]).unwrap();
    sandbox
        .ok("p", &["pkg", "unpack", "dist/p-1.0.0.tar", "--out", "out"])
        .unwrap();
    assert_eq!(sandbox.read("p/out/src/main.lm.md").unwrap(), "# p 1.0.0\n");
    let mut bytes = fs::read(sandbox.path("p/dist/p-1.0.0.tar")).unwrap();
    bytes.extend_from_slice(b"more");
    fs::write(sandbox.path("p/bad.tar"), bytes).unwrap();
    let ran = sandbox
        .run("p", &["pkg", "unpack", "bad.tar", "--out", "bad"])
        .unwrap();
    fails(&ran, 3, &["cannot unpack `bad.tar`"]);
    assert!(!sandbox.path("p/bad").exists());
}

#[test]
fn secrets_are_not_published_by_mistake() {
    let sandbox = sandbox();
    let include = "include = [\"src\", \".*\"]\n";
    sandbox.package("p", "p", "1.0.0", include).unwrap();
    sandbox.write("p/.env", "TOKEN=x").unwrap();
    let ran = sandbox.run("p", &["pkg", "publish", "--yes"]).unwrap();
    fails(&ran, 1, &["`.env`", "look like secrets", "exclude"]);
    assert!(!sandbox.path("registry/packages/p").exists());
}

#[test]
fn a_home_that_cannot_be_used_is_said_and_loses_nothing() {
    let sandbox = installed();
    let lock = sandbox.read("app/lumen.lock").unwrap();
    fs::remove_dir_all(sandbox.path("app/.lumen")).unwrap();
    sandbox.write("file", "").unwrap();
    let mut command = sandbox.command("app", &["pkg", "install"]);
    command.env("LUMEN_HOME", sandbox.path("file"));
    let ran = lumen_testkit::sandbox::Ran::of(&command.output().unwrap());
    fails(&ran, 4, &["file/store", "set LUMEN_HOME"]);
    assert_eq!(sandbox.read("app/lumen.lock").unwrap(), lock);
    sandbox.ok("app", &["pkg", "install"]).unwrap();
}

#[test]
fn lock_files_that_are_none_are_refused_in_words() {
    let sandbox = installed();
    let lock = sandbox.path("app/lumen.lock");
    for (bytes, said) in [
        (&b"\xff\xfe\0"[..], "is not UTF-8 text"),
        (b"version = 99\n", "newer"),
        (b"<<<<<<< HEAD\n=======\n>>>>>>> x\n", "lumen.lock:1:"),
        (b"[[package]]\n", "lumen.lock:"),
    ] {
        fs::write(&lock, bytes).unwrap();
        fails(
            &sandbox.run("app", &["pkg", "install"]).unwrap(),
            1,
            &[said, "hint:"],
        );
        assert_eq!(fs::read(&lock).unwrap(), bytes);
    }
}
