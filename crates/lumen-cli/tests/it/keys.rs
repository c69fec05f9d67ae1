//! Signing keys: made, listed, imported, exported, and never shown by accident.

use std::{fs, os::unix::fs::PermissionsExt as _};

use lumen_testkit::terminal::{self, Reply};

use crate::{bare, fails};

const SECRET: &str = "PRIVATE+KEY+";

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn keys_are_private_files_and_the_first_is_the_default() {
    let sandbox = bare();
    fails(
        &sandbox.run(".", &["key", "show"]).unwrap(),
        1,
        &[
            "error: there is no key",
            "hint: make one with `lumen key new`",
        ],
    );
    let made = sandbox.ok(".", &["key", "new", "ada"]).unwrap();
    assert!(made.err.contains("Created key `ada` SHA256:"), "{made:?}");
    assert!(made.err.contains(", the default"));
    let file = sandbox.path("home/lumen/keys/ada.key");
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    sandbox.ok(".", &["key", "new", "ci"]).unwrap();
    fails(
        &sandbox.run(".", &["key", "new", "ci"]).unwrap(),
        1,
        &["there is a key `ci` already", "lumen key rotate"],
    );
    fails(
        &sandbox.run(".", &["key", "new", "../x"]).unwrap(),
        1,
        &["`../x` cannot be the name of a key"],
    );
    fails(
        &sandbox.run(".", &["key", "show", "cii"]).unwrap(),
        1,
        &["there is no key `cii`", "did you mean `ci`?"],
    );
    let listed = sandbox.ok(".", &["key", "list"]).unwrap();
    let lines: Vec<&str> = listed.out.lines().collect();
    assert!(lines[0].starts_with("ada  SHA256:") && lines[0].ends_with("  default"));
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.chars().count() <= 80));
    sandbox.ok(".", &["key", "default", "ci"]).unwrap();
    let shown = sandbox.ok(".", &["--json", "key", "show"]).unwrap();
    assert!(shown.out.contains("\"name\": \"ci\""), "{}", shown.out);
    let rotated = sandbox.ok(".", &["key", "rotate"]).unwrap();
    assert!(rotated.err.contains("key `ci.2`"), "{rotated:?}");
    assert!(file.with_file_name("ci.key").is_file());
}

#[test]
fn a_secret_is_shown_only_when_asked_for() {
    let sandbox = bare();
    sandbox.ok(".", &["key", "new", "ada"]).unwrap();
    let text = sandbox.read("home/lumen/keys/ada.key").unwrap();
    let secret = text.split(SECRET).nth(1).unwrap().trim();
    // The name and the hash come first; the secret itself may have a `+`.
    let secret = secret.splitn(3, '+').nth(2).unwrap();
    for arguments in [
        &["key", "list"][..],
        &["key", "show"],
        &["key", "export"],
        &["-vv", "key", "show", "ada"],
        &["--json", "key", "export"],
        &["--json", "key", "list"],
    ] {
        let ran = sandbox.ok(".", arguments).unwrap();
        assert!(!format!("{ran:?}").contains(secret), "{ran:#?}");
    }
    let exported = sandbox.ok(".", &["key", "export", "--secret"]).unwrap();
    assert!(exported.out.starts_with(SECRET) && exported.out.contains(secret));
    // Damaged files are not quoted.
    sandbox
        .write("home/lumen/keys/ada.key", &text.replace("public ", "pub "))
        .unwrap();
    let ran = sandbox.run(".", &["key", "show"]).unwrap();
    fails(&ran, 1, &["is not a key: its second line"]);
    assert!(!ran.err.contains(secret));
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let sandbox = bare();
    sandbox.ok(".", &["key", "new", "ada"]).unwrap();
    let file = sandbox.path("home/lumen/keys/ada.key");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    fails(
        &sandbox.run(".", &["key", "export", "--secret"]).unwrap(),
        1,
        &["other users can read the key file", "mode 644", "chmod 600"],
    );
}

#[test]
fn a_passphrase_protects_the_file() {
    let sandbox = bare();
    let new = ["key", "new", "ada", "--passphrase"];
    fails(
        &sandbox.run(".", &new).unwrap(),
        1,
        &["needs a passphrase", "LUMEN_KEY_PASSPHRASE"],
    );
    let with = |arguments: &[&str], passphrase: &str| {
        let mut command = sandbox.command(".", arguments);
        command.env("LUMEN_KEY_PASSPHRASE", passphrase);
        lumen_testkit::sandbox::Ran::of(&command.output().unwrap())
    };
    assert_eq!(with(&new, "open sesame").code, Some(0));
    let text = sandbox.read("home/lumen/keys/ada.key").unwrap();
    assert!(text.contains("\nsealed ") && !text.contains(SECRET));
    let listed = sandbox.ok(".", &["key", "list"]).unwrap();
    assert!(listed.out.contains("default, passphrase"));
    let export = ["key", "export", "--secret"];
    let wrong = with(&export, "hunter2");
    fails(&wrong, 1, &["that is not the passphrase of the key `ada`"]);
    assert!(!wrong.err.contains("hunter2"));
    assert!(with(&export, "open sesame").out.starts_with(SECRET));
}

#[test]
fn a_passphrase_is_asked_for_in_a_terminal_and_not_shown() {
    if !terminal::is_available() {
        lumen_testkit::skip::missing("python3");
        return;
    }
    let sandbox = bare();
    let answer = |arguments: &[&str], replies: &[(&str, &str)]| {
        let replies: Vec<Reply<'_>> = replies
            .iter()
            .map(|&(to, typed)| Reply {
                to,
                typed,
                hidden: true,
            })
            .collect();
        let ran = terminal::converse(&sandbox.command(".", arguments), &replies).unwrap();
        assert_eq!(ran.err, "", "{ran:#?}");
        for reply in &replies {
            assert!(!ran.out.contains(reply.typed), "{ran:#?}");
        }
        ran
    };
    let new = ["key", "new", "ada", "--passphrase"];
    let (first, again) = ("New passphrase for the key `ada`: ", "Once more: ");
    let differ = answer(&new, &[(first, "open sesame"), (again, "open barley")]);
    assert_eq!(differ.code, Some(1), "{differ:#?}");
    assert!(differ.out.contains("the two passphrases differ"));
    assert!(!sandbox.path("home/lumen/keys/ada.key").exists());
    let made = answer(&new, &[(first, "open sesame"), (again, "open sesame")]);
    assert_eq!(made.code, Some(0), "{made:#?}");
    let export = ["key", "export", "--secret"];
    let prompt = "Passphrase of the key `ada`: ";
    let wrong = answer(&export, &[(prompt, "hunter2")]);
    assert_eq!(wrong.code, Some(1), "{wrong:#?}");
    assert!(
        wrong
            .out
            .contains("that is not the passphrase of the key `ada`")
    );
    let right = answer(&export, &[(prompt, "open sesame")]);
    assert!(right.out.contains(SECRET), "{right:#?}");
    // It signs with it, too, asking once.
    let init = ["registry", "init", "registry"];
    let founded = answer(&init, &[(prompt, "open sesame")]);
    assert_eq!(founded.code, Some(0), "{founded:#?}");
}

#[test]
fn what_cannot_be_undone_is_asked_for() {
    if !terminal::is_available() {
        lumen_testkit::skip::missing("python3");
        return;
    }
    let sandbox = crate::sandbox();
    sandbox.package("text", "text", "1.0.0", "").unwrap();
    let publish = sandbox.command("text", &["pkg", "publish"]);
    let accept = sandbox.command(".", &["trust", "accept", "registry/"]);
    for (command, done) in [(publish, "Published"), (accept, "Accepted")] {
        for (typed, code) in [("n", 1), ("", 1), ("y", 0)] {
            let reply = Reply {
                to: "[y/N] ",
                typed,
                hidden: false,
            };
            let ran = terminal::converse(&command, &[reply]).unwrap();
            assert_eq!(ran.code, Some(code), "{ran:#?}");
            assert_eq!(ran.out.contains(done), code == 0, "{ran:#?}");
        }
    }
}

#[test]
fn a_key_travels() {
    let sandbox = bare();
    sandbox.ok(".", &["key", "new", "ada"]).unwrap();
    let secret = sandbox.ok(".", &["key", "export", "--secret"]).unwrap();
    sandbox.write("there/ada.txt", &secret.out).unwrap();
    let import = ["key", "import", "ada.txt", "--name", "ada2"];
    fails(
        &sandbox.run("there", &import).unwrap(),
        1,
        &["other users can read the key file `ada.txt`"],
    );
    let file = sandbox.path("there/ada.txt");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    sandbox.ok("there", &import).unwrap();
    let listed = sandbox.ok(".", &["--json", "key", "list"]).unwrap();
    let listed: Vec<&str> = listed
        .out
        .lines()
        .filter(|line| line.contains("fingerprint"))
        .collect();
    assert_eq!((listed.len(), listed[0]), (2, listed[1]));
    sandbox.write("there/readme.txt", "no key\n").unwrap();
    let file = sandbox.path("there/readme.txt");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fails(
        &sandbox
            .run("there", &["key", "import", "readme.txt"])
            .unwrap(),
        1,
        &["`readme.txt` is not a key"],
    );
}
