//! Archives that say something else of themselves than the release, signed or made by hand.

use lumen_core::{Digest, index::Release};
use lumen_testkit::{
    sandbox::{Ran, Sandbox},
    world::{World, key},
};

use super::lock::{block, edit};
use crate::{bare, fails};

const DEPS: &[(&str, &str)] = &[("util", "^1.0")];

/// A registry whose owner signed `text` 1.0.0, which needs `util` ^1.0 by its metadata, and
/// has this `lumen.toml` in its archive; and a project that needs it.
fn signed(manifest: &str, change: impl FnOnce(&mut Release)) -> Sandbox {
    let mut world = World::new("example/1f");
    let owner = key("owner", 7);
    for package in ["util", "text"] {
        world.claim(package, &owner);
    }
    world.publish_files("util", "1.0.0", &[], "# util\n", &owner);
    let files = [("lumen.toml", manifest), ("src/main.lm.md", "# text\n")];
    world.publish_archive(("text", "1.0.0", DEPS), &files, change, &owner);
    world.seal();
    let sandbox = bare();
    world.write_to(&sandbox.path("registry"));
    app(&sandbox);
    sandbox
}

fn app(sandbox: &Sandbox) {
    let needs = "[dependencies]\ntext = \"^1\"\n";
    sandbox.package("app", "app", "0.1.0", needs).unwrap();
}

fn toml(name: &str, version: &str, more: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"{version}\"\n\n{more}")
}

/// Not installed: neither when it is downloaded, nor from the store afterwards, nor by a lock.
fn refused(sandbox: &Sandbox, said: &str) {
    let said = [
        "cannot install `text` 1.0.0",
        "its archive contradicts the release",
        said,
    ];
    for arguments in [&["pkg", "install"][..], &["pkg", "install"]] {
        fails(&sandbox.run("app", arguments).unwrap(), 3, &said);
        assert!(!sandbox.path("app/.lumen/packages").exists());
        assert!(!sandbox.path("app/lumen.lock").exists());
    }
    sandbox.ok("app", &["pkg", "lock"]).unwrap();
    for machine in ["home/lumen", "other"] {
        let mut command = sandbox.command("app", &["pkg", "install", "--locked"]);
        command.env("LUMEN_HOME", sandbox.path(machine));
        fails(&Ran::of(&command.output().unwrap()), 3, &said);
        assert!(!sandbox.path("app/.lumen/packages").exists());
    }
}

#[test]
fn an_archive_of_another_release() {
    let util = "[dependencies]\nutil = \"^1.0\"\n";
    let sandbox = signed(&toml("other", "1.0.0", util), |_| {});
    refused(&sandbox, "its own lumen.toml says `other 1.0.0`");
    let sandbox = signed(&toml("text", "1.0.1", util), |_| {});
    refused(&sandbox, "its own lumen.toml says `text 1.0.1`");
}

#[test]
fn an_archive_with_other_dependencies() {
    let with = |more: &str| signed(&toml("text", "1.0.0", more), |_| {});
    refused(&with(""), "does not need `util`, but the release does");
    refused(
        &with("[dependencies]\nutil = \"^1.0\"\nevil = \"1\"\n"),
        "needs `evil`, but the release does not",
    );
    refused(
        &with("[dependencies]\nutil = \"^2\"\n"),
        "needs `util` ^2, but the release needs ^1.0",
    );
    refused(
        &with("[dependencies]\nutil = { version = \"^1.0\", features = [\"fast\"] }\n"),
        "needs `util` with other options or features than the release",
    );
    refused(
        &with("[dependencies]\nutil = \"^1.0\"\n[features]\nfast = []\n"),
        "has another feature `fast` than the release",
    );
}

#[test]
fn an_archive_whose_manifest_has_another_hash() {
    let manifest = toml("text", "1.0.0", "[dependencies]\nutil = \"^1.0\"\n");
    let sandbox = signed(&manifest, |release| {
        let hash = Digest::of(b"another");
        release.integrity.as_mut().unwrap().manifest_hash = Some(hash.into());
    });
    refused(&sandbox, "its own lumen.toml has the hash sha256:");
}

#[test]
fn what_means_the_same_is_the_same() {
    let manifest = toml(
        "text",
        "1.0.0",
        "[dependencies]\nutil = \">=1.0.0, <2.0.0\"\n",
    );
    let sandbox = signed(&manifest, |_| {});
    let ran = sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert!(!ran.err.contains("warning"), "{ran:#?}");
    assert_eq!(sandbox.read("app/text/main.lm.md").unwrap(), "# text\n");
}

/// A registry made by hand as in the hosting guide, with `text` 1.0.0: `pack` makes
/// `package.tar`, `more` goes into the release.
fn by_hand(pack: &str, more: &str) -> Sandbox {
    let sandbox = bare();
    sandbox.package("text", "text", "1.0.0", "").unwrap();
    let script = format!(
        r#"set -e
{pack} > /dev/null
hash=$(sha256sum package.tar | cut -d' ' -f1); size=$(stat -c %s package.tar)
head=$(echo $hash | cut -c1-2); tail=$(echo $hash | cut -c3-)
mkdir -p registry/artifacts/sha256/$head registry/packages/text
mv package.tar registry/artifacts/sha256/$head/$tail.tar
echo '{{"packages": []}}' > registry/index.json
echo '{{"name": "text", "versions": ["1.0.0"]}}' > registry/packages/text/index.json
cat > registry/packages/text/1.0.0.json << END
{{"name": "text", "version": "1.0.0", "deps": {{}}, {more}
 "artifacts": [{{"kind": "tar", "url": "artifacts/sha256/$head/$tail.tar", "hash": "sha256:$hash", "size": $size}}]}}
END
"#
    );
    let mut bash = std::process::Command::new("bash");
    let bash = bash.args(["-c", &script]).current_dir(sandbox.path("."));
    assert!(bash.status().unwrap().success());
    app(&sandbox);
    sandbox
}

/// Step 2 of the guide, and what its workflow in step 5 does.
const WHOLE: &str = "tar -czvf package.tar -C text/ .";
const SOURCES_ONLY: &str = "cd text && tar -czvf ../package.tar src/ && cd ..";

fn warns_once(sandbox: &Sandbox, warning: &str) {
    let ran = sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert_eq!(ran.err.matches("warning").count(), 1, "{ran:#?}");
    assert!(ran.err.contains(warning), "{ran:#?}");
    assert_eq!(
        sandbox.read("app/text/main.lm.md").unwrap(),
        "# text 1.0.0\n"
    );
    std::fs::remove_dir_all(sandbox.path("app/.lumen")).unwrap();
    let again = sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert!(!again.err.contains("warning"), "{again:#?}");
    std::fs::remove_file(sandbox.path("app/lumen.lock")).unwrap();
    let again = sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert!(!again.err.contains("warning"), "{again:#?}");
}

#[test]
fn hand_made_archives_without_a_manifest_are_tolerated_with_a_warning() {
    warns_once(
        &by_hand(SOURCES_ONLY, ""),
        "warning: `text` 1.0.0: its archive has no lumen.toml, so it does not say which package it is",
    );
    warns_once(
        &by_hand(
            WHOLE,
            r#""integrity": {"manifest_hash": "sha256:def456..."},"#,
        ),
        "warning: `text` 1.0.0: its manifest_hash is `sha256:def456...`, which is no digest",
    );
}

#[test]
fn hand_made_digests_that_are_wrong_are_not_tolerated() {
    let zeros = format!(
        r#""integrity": {{"manifest_hash": "sha256:{}"}},"#,
        "0".repeat(64)
    );
    for (pack, said) in [
        (WHOLE, "its own lumen.toml has the hash sha256:"),
        (
            SOURCES_ONLY,
            "it has no lumen.toml, but the release has the hash of one",
        ),
    ] {
        let sandbox = by_hand(pack, &zeros);
        let ran = sandbox.run("app", &["pkg", "install"]).unwrap();
        fails(&ran, 3, &["cannot install `text` 1.0.0", said]);
        assert!(!sandbox.path("app/.lumen/packages").exists());
    }
}

#[test]
fn another_package_of_the_store_under_the_name() {
    // Nothing is signed here, so the lock's checksum is all there is.
    let sandbox = by_hand(WHOLE, "");
    sandbox.package("evil", "evil", "1.0.0", "").unwrap();
    let url = sandbox.registry_url();
    let publish = ["pkg", "publish", "--yes", "--registry", &url];
    sandbox.ok("evil", &publish).unwrap();
    let needs = "[dependencies]\nevil = \"1\"\n";
    sandbox.package("other", "other", "0.1.0", needs).unwrap();
    sandbox.ok("other", &["pkg", "install"]).unwrap();
    let evil = block(&sandbox.read("other/lumen.lock").unwrap(), "evil");
    sandbox.ok("app", &["pkg", "lock"]).unwrap();
    edit(&sandbox, |lock| {
        let text = block(&lock, "text");
        lock.replace(&text, &evil.replace("\"evil\"", "\"text\""))
    });
    let ran = sandbox.run("app", &["pkg", "install", "--locked"]).unwrap();
    fails(&ran, 3, &["its own lumen.toml says `evil 1.0.0`"]);
    assert!(!sandbox.path("app/.lumen/packages").exists());
}
