//! Hand-made registries that become signed, and the lock files made before.

use std::{fs, process::Command};

use lumen_testkit::sandbox::{Sandbox, tree};

use crate::{bare, fails};

/// Makes a release as the guide does it by hand, with `tar -czvf`.
fn by_hand(sandbox: &Sandbox, name: &str, versions: &[&str]) {
    for version in versions {
        let folder = format!("work/{name}-{version}");
        sandbox.package(&folder, name, version, "").unwrap();
        let tar = sandbox.path("package.tar");
        let made = Command::new("tar")
            .arg("-czf")
            .arg(&tar)
            .arg("-C")
            .arg(sandbox.path(&folder))
            .arg(".")
            .status();
        assert!(made.unwrap().success());
        let bytes = fs::read(&tar).unwrap();
        let hash = lumen_core::Digest::of(&bytes).hex();
        let url = format!("artifacts/sha256/{}/{}.tar", &hash[..2], &hash[2..]);
        let to = sandbox.path(&format!("registry/{url}"));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, &bytes).unwrap();
        let release = format!(
            r#"{{"name": "{name}", "version": "{version}", "deps": {{}}, "description": "test package",
  "artifacts": [{{"kind": "tar", "url": "{url}", "hash": "sha256:{hash}", "size": {}}}]}}"#,
            bytes.len()
        );
        let file = format!("registry/packages/{name}/{version}.json");
        sandbox.write(&file, &release).unwrap();
    }
    let listed: Vec<String> = versions.iter().map(|v| format!("\"{v}\"")).collect();
    let yanked = versions[0];
    let index = format!(
        r#"{{"name": "{name}", "versions": [{}], "yanked": {{"{yanked}": "too old"}}, "description": "test package"}}"#,
        listed.join(", ")
    );
    let file = format!("registry/packages/{name}/index.json");
    sandbox.write(&file, &index).unwrap();
}

#[test]
fn locks_from_before_install_afterwards() {
    let sandbox = bare();
    by_hand(&sandbox, "hand", &["0.9.0", "1.0.0"]);
    let index = r#"{"name": "mine", "version": "1.0.0", "packages": [{"name": "hand", "latest": "1.0.0"}]}"#;
    sandbox.write("registry/index.json", index).unwrap();
    sandbox
        .package("app", "app", "0.1.0", "[dependencies]\nhand = \"^1\"\n")
        .unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let lock = sandbox.read("app/lumen.lock").unwrap();

    let before = tree(&sandbox.path("registry")).unwrap();
    let dry = ["registry", "migrate", "registry", "--dry-run"];
    let ran = sandbox.ok(".", &dry).unwrap();
    assert!(
        ran.err.contains("1 package, 2 releases, 1 yank"),
        "{}",
        ran.err
    );
    assert_eq!(tree(&sandbox.path("registry")).unwrap(), before);
    let ran = sandbox
        .ok(".", &["registry", "migrate", "registry"])
        .unwrap();
    assert!(ran.err.contains("Fingerprint"), "{}", ran.err);
    let after = tree(&sandbox.path("registry")).unwrap();
    for (path, bytes) in before {
        if !path.ends_with("index.json") {
            assert!(after.contains(&(path.clone(), bytes)), "{path}");
        }
    }
    let again = sandbox
        .ok(".", &["registry", "migrate", "registry"])
        .unwrap();
    assert!(again.err.contains("Logged nothing"), "{}", again.err);
    sandbox.ok(".", &["registry", "check", "registry"]).unwrap();

    // The lock from before, here and on another machine.
    for fresh in [false, true] {
        if fresh {
            fs::remove_dir_all(sandbox.path("home/lumen/store")).unwrap();
            fs::remove_dir_all(sandbox.path("home/lumen/trust")).unwrap();
        }
        fs::remove_dir_all(sandbox.path("app/.lumen")).unwrap();
        sandbox.ok("app", &["pkg", "install", "--locked"]).unwrap();
        assert_eq!(sandbox.read("app/lumen.lock").unwrap(), lock);
    }
    // And a new one, which knows the registry.
    fs::remove_file(sandbox.path("app/lumen.lock")).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert!(
        sandbox
            .read("app/lumen.lock")
            .unwrap()
            .contains("trust-root")
    );
    let ran = sandbox.ok("app", &["pkg", "info", "hand@0.9.0"]).unwrap();
    assert!(ran.out.contains("too old"), "{}", ran.out);
}

#[test]
fn what_is_broken_is_said_and_nothing_written() {
    let sandbox = bare();
    by_hand(&sandbox, "hand", &["0.9.0", "1.0.0"]);
    sandbox
        .write("registry/packages/hand/1.0.0.json", "{}")
        .unwrap();
    let before = tree(&sandbox.path("registry")).unwrap();
    let ran = sandbox
        .run(".", &["registry", "migrate", "registry"])
        .unwrap();
    fails(
        &ran,
        1,
        &["packages/hand/1.0.0.json", "nothing was written"],
    );
    let who = ["registry", "migrate", "registry", "--owner", "nobody"];
    fails(&sandbox.run(".", &who).unwrap(), 1, &["who is to own what"]);
    assert_eq!(tree(&sandbox.path("registry")).unwrap(), before);
}

#[test]
fn archives_that_no_install_would_take_are_not_signed() {
    let sandbox = bare();
    by_hand(&sandbox, "hand", &["0.9.0", "1.0.0"]);
    // The archive of 1.0.0 under the name of another version.
    let release = sandbox.read("registry/packages/hand/1.0.0.json").unwrap();
    let other = release.replacen("1.0.0", "0.9.0", 1);
    sandbox
        .write("registry/packages/hand/0.9.0.json", &other)
        .unwrap();
    let everything =
        || ["registry", "home"].map(|part| tree(&sandbox.path(part)).unwrap_or_default());
    let before = everything();
    let said = [
        "packages/hand/0.9.0.json",
        "the archive of `hand` 0.9.0 contradicts the release",
        "its own lumen.toml says `hand 1.0.0`, but the release is `hand 0.9.0`",
    ];
    for more in [&["--dry-run"][..], &["--yes"]] {
        let arguments = [&["registry", "migrate", "registry"][..], more].concat();
        let ran = sandbox.run(".", &arguments).unwrap();
        fails(
            &ran,
            1,
            &["packages/hand/0.9.0.json", "nothing was written"],
        );
        for text in said {
            assert!(format!("{}{}", ran.out, ran.err).contains(text), "{text}");
        }
        assert_eq!(everything(), before, "{more:?}");
    }
    // Mended, it can be signed and installed.
    fs::remove_file(sandbox.path("registry/packages/hand/0.9.0.json")).unwrap();
    by_hand(&sandbox, "hand", &["0.9.0", "1.0.0"]);
    let arguments = ["registry", "migrate", "registry", "--dry-run"];
    let before = everything();
    let ran = sandbox.ok(".", &arguments).unwrap();
    assert!(ran.err.contains("a new key owns all names"), "{}", ran.err);
    assert_eq!(everything(), before);
    sandbox
        .ok(".", &["registry", "migrate", "registry"])
        .unwrap();
    let needs = "[dependencies]\nhand = \"^1\"\n";
    sandbox.package("app", "app", "0.1.0", needs).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
}

#[test]
fn a_dry_run_refuses_a_key_that_may_not_sign() {
    let sandbox = bare();
    by_hand(&sandbox, "hand", &["0.9.0", "1.0.0"]);
    sandbox
        .ok(".", &["registry", "migrate", "registry"])
        .unwrap();
    by_hand(&sandbox, "more", &["0.9.0", "1.0.0"]);
    fs::remove_dir_all(sandbox.path("home")).unwrap();
    let before = tree(&sandbox.path("registry")).unwrap();
    for key in ["a key is needed to write to it", "add-log-key"] {
        for more in [&["--dry-run"][..], &["--yes"]] {
            let arguments = [&["registry", "migrate", "registry"][..], more].concat();
            let ran = sandbox.run(".", &arguments).unwrap();
            assert_eq!(ran.code, Some(1), "{key} {more:?}: {}", ran.err);
            assert!(ran.err.contains(key), "{key} {more:?}: {}", ran.err);
        }
        if key == "a key is needed to write to it" {
            sandbox.ok(".", &["key", "new"]).unwrap();
        }
    }
    assert_eq!(tree(&sandbox.path("registry")).unwrap(), before);
}
