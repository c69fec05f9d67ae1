//! Signing keys: made, listed, imported, exported, and never shown by accident.

use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _, process::Stdio};

use lumen_testkit::{
    sandbox::{Ran, Sandbox},
    terminal::{self, Reply},
};

use crate::{as_key, bare, fails, publish, verify};

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
    let file = sandbox.path("home/.config/lumen/keys/ada.key");
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
}

#[test]
fn a_secret_is_shown_only_when_asked_for() {
    let sandbox = bare();
    sandbox.ok(".", &["key", "new", "ada"]).unwrap();
    let text = sandbox.read("home/.config/lumen/keys/ada.key").unwrap();
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
        .write(
            "home/.config/lumen/keys/ada.key",
            &text.replace("public ", "pub "),
        )
        .unwrap();
    let ran = sandbox.run(".", &["key", "show"]).unwrap();
    fails(&ran, 1, &["is not a key: its second line"]);
    assert!(!ran.err.contains(secret));
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let sandbox = bare();
    sandbox.ok(".", &["key", "new", "ada"]).unwrap();
    let file = sandbox.path("home/.config/lumen/keys/ada.key");
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
        Ran::of(&command.output().unwrap())
    };
    assert_eq!(with(&new, "open sesame").code, Some(0));
    let text = sandbox.read("home/.config/lumen/keys/ada.key").unwrap();
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
    assert!(!sandbox.path("home/.config/lumen/keys/ada.key").exists());
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

#[test]
fn keys_come_from_standard_input_and_go_for_ever() {
    let sandbox = bare();
    let import = |typed: &[u8], name: &str| {
        let mut command = sandbox.command(".", &["key", "import", "-", "--name", name]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may have had enough before.
        let _ = child.stdin.take().unwrap().write_all(typed);
        Ran::of(&child.wait_with_output().unwrap())
    };
    sandbox.ok(".", &["key", "new", "ada"]).unwrap();
    let secret = sandbox.ok(".", &["key", "export", "--secret"]).unwrap().out;
    let imported = import(secret.as_bytes(), "again");
    assert_eq!(imported.code, Some(0), "{imported:#?}");
    for nothing in [&b""[..], b"no key\n", &[0xff; 10], &[b'x'; 1 << 20]] {
        let ran = import(nothing, "none");
        fails(&ran, 1, &["`standard input` is not a key"]);
    }

    let remove = |name: &str| sandbox.run(".", &["key", "remove", name, "--yes"]).unwrap();
    fails(
        &sandbox.run(".", &["key", "remove", "again"]).unwrap(),
        1,
        &["nothing was removed", "lumen key export NAME --secret"],
    );
    fails(
        &sandbox.run(".", &["key", "remove", "ad"]).unwrap(),
        1,
        &["there is no key `ad`", "did you mean `ada`?"],
    );
    fails(
        &remove("ad"),
        1,
        &["there is no key `ad`", "did you mean `ada`?"],
    );
    fails(&remove("../ada"), 1, &["cannot be the name of a key"]);
    fails(
        &remove("ada"),
        1,
        &[
            "`ada` is the default key",
            "hint: choose another one first, such as `lumen key default again`",
        ],
    );
    // What cannot be read can still be removed.
    sandbox
        .write("home/.config/lumen/keys/again.key", "damaged\n")
        .unwrap();
    assert_eq!(remove("again").code, Some(0));
    assert_eq!(remove("ada").code, Some(0));
    assert_eq!(sandbox.ok(".", &["key", "list"]).unwrap().out, "");
    sandbox.ok(".", &["key", "new", "new"]).unwrap();
    assert!(
        sandbox
            .ok(".", &["key", "list"])
            .unwrap()
            .out
            .ends_with("default\n")
    );
}

/// Puts the keys where an older Lumen had them.
fn as_before(sandbox: &Sandbox) {
    fs::create_dir_all(sandbox.path("home/lumen")).unwrap();
    fs::rename(
        sandbox.path("home/.config/lumen/keys"),
        sandbox.path("home/lumen/keys"),
    )
    .unwrap();
}

#[test]
fn keys_do_not_move_with_the_store_and_the_caches() {
    let sandbox = crate::sandbox();
    assert!(sandbox.path("home/.config/lumen/keys").is_dir());
    assert!(!sandbox.path("home/lumen/keys").exists());
    fs::remove_dir_all(sandbox.path("home/lumen")).unwrap();
    publish(&sandbox, "text", "1.0.0", "");
}

#[test]
fn keys_that_lie_beside_the_store_are_used_and_told_of_until_they_are_moved() {
    let sandbox = crate::sandbox();
    as_before(&sandbox);
    sandbox.package("text", "text", "1.0.0", "").unwrap();
    let told = [
        "warning: keys lie in `",
        "/home/lumen/keys`, with the store and the caches",
        "hint: `lumen key move` moves them to `",
        "/home/.config/lumen/keys`",
    ];
    let names: Vec<String> = [&["key", "list"][..], &["key", "show"], &["key", "export"]]
        .map(|command| {
            let ran = sandbox.ok(".", command).unwrap();
            for text in told {
                assert!(ran.err.contains(text), "{ran:#?}");
            }
            assert_eq!(ran.err.matches("warning").count(), 1, "{ran:#?}");
            ran.out
        })
        .into();
    let published = sandbox.ok("text", &["pkg", "publish", "--yes"]).unwrap();
    assert_eq!(published.err.matches(told[0]).count(), 1, "{published:#?}");

    let moved = sandbox.ok(".", &["key", "move"]).unwrap();
    assert!(moved.err.contains("Moved key `"), "{moved:#?}");
    assert!(!sandbox.path("home/lumen/keys").exists());
    let listed = sandbox.ok(".", &["key", "list"]).unwrap();
    assert_eq!((&listed.out, listed.err.as_str()), (&names[0], ""));
    assert!(
        sandbox
            .ok(".", &["key", "move"])
            .unwrap()
            .err
            .contains("Moved nothing")
    );
    publish(&sandbox, "other", "1.0.0", "");
}

#[test]
fn two_keys_of_one_name_are_both_kept() {
    let sandbox = bare();
    sandbox.ok(".", &["key", "new", "ada"]).unwrap();
    let before = sandbox.ok(".", &["key", "export"]).unwrap().out;
    as_before(&sandbox);
    fs::create_dir_all(sandbox.path("aside")).unwrap();
    fs::rename(sandbox.path("home/lumen/keys"), sandbox.path("aside/keys")).unwrap();
    sandbox.ok(".", &["key", "new", "ada"]).unwrap();
    let own = sandbox.ok(".", &["key", "export"]).unwrap().out;
    fs::rename(sandbox.path("aside/keys"), sandbox.path("home/lumen/keys")).unwrap();
    assert_ne!(before, own);

    // The own folder wins, and says so.
    let shown = sandbox.ok(".", &["key", "export"]).unwrap();
    assert_eq!(shown.out, own);
    assert!(
        shown
            .err
            .contains("has keys, too, which are not the default any more: `ada`"),
        "{shown:#?}"
    );
    fails(
        &sandbox
            .run(".", &["key", "remove", "ada", "--yes"])
            .unwrap(),
        1,
        &["there is another key `ada`"],
    );
    let clash = sandbox.run(".", &["key", "move"]).unwrap();
    fails(
        &clash,
        1,
        &[
            "there is another key `ada`: `",
            "home/lumen/keys/ada.key`",
            "`lumen key move ada --name ada.old`",
        ],
    );
    sandbox
        .ok(".", &["key", "move", "ada", "--name", "ada.old"])
        .unwrap();
    let vkey = |name: &str| sandbox.ok(".", &["key", "export", name]).unwrap().out;
    let half = |vkey: &str| vkey.splitn(3, '+').nth(2).unwrap().to_owned();
    assert_eq!((vkey("ada"), half(&vkey("ada.old"))), (own, half(&before)));
    assert!(
        sandbox
            .ok(".", &["key", "list"])
            .unwrap()
            .out
            .starts_with("ada      SHA256:")
    );
}

/// The commands that the hints in this output name.
fn commands(ran: &Ran) -> Vec<Vec<String>> {
    let hints = ran.err.lines().filter(|line| line.starts_with("hint: "));
    let quoted = hints.flat_map(|hint| hint.split('`').skip(1).step_by(2));
    let commands = quoted.filter_map(|text| text.strip_prefix("lumen "));
    commands
        .map(|command| command.split(' ').map(str::to_owned).collect())
        .collect()
}

/// Runs every command that a hint names as it stands there, and those that its own hints name.
fn follow(sandbox: &Sandbox, said: &Ran, works: &mut impl FnMut(), done: &mut Vec<Vec<String>>) {
    for command in commands(said) {
        let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        let ran = sandbox.ok(".", &arguments).unwrap();
        works();
        done.push(command.clone());
        follow(sandbox, &ran, works, done);
    }
}

#[test]
fn a_key_is_rotated_by_following_the_hints() {
    let sandbox = crate::sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    publish(&sandbox, "@org/http", "1.0.0", "");
    let old = sandbox.ok(".", &["key", "export"]).unwrap().out;
    let mut version = 1;
    let mut works = || {
        publish(&sandbox, "text", &format!("1.{version}.0"), "");
        publish(&sandbox, "@org/http", &format!("1.{version}.0"), "");
        version += 1;
    };
    let said = sandbox.ok(".", &["key", "rotate"]).unwrap();
    works();
    let mut followed = Vec::new();
    follow(&sandbox, &said, &mut works, &mut followed);
    let verbs: Vec<String> = followed
        .iter()
        .map(|command| command[..3].join(" "))
        .collect();
    for verb in [
        "registry trust rotate",
        "pkg owner add",
        "key default",
        "pkg owner remove",
        "registry trust remove-log-key",
    ] {
        assert!(
            verbs.iter().any(|done| done.starts_with(verb)),
            "{verb}: {followed:?}"
        );
    }
    // The old key counts nowhere any more.
    let half = old.trim().splitn(3, '+').nth(2).unwrap();
    for list in [
        &["registry", "trust", "show"][..],
        &["pkg", "owner", "list", "text"],
        &["pkg", "owner", "list", "@org"],
    ] {
        let list = [&["--json"][..], list].concat();
        let shown = sandbox.ok(".", &list).unwrap();
        assert!(!shown.out.contains(half), "{shown:#?}");
    }
    verify(&sandbox.path("registry")).unwrap();
}

#[test]
fn a_rotation_that_the_new_key_signs_says_how_to_go_on() {
    let sandbox = crate::sandbox();
    sandbox.ok(".", &["key", "new", "next"]).unwrap();
    let old = sandbox.ok(".", &["--json", "key", "show"]).unwrap().out;
    let old: serde_json::Value = serde_json::from_str(&old).unwrap();
    let rotate = ["registry", "trust", "rotate", "next"];
    let refused = as_key(&sandbox, "next", &rotate);
    fails(&refused, 1, &["cannot take its own place"]);
    let expected = format!(
        "run `lumen key default {}`, then this again",
        old["name"].as_str().unwrap()
    );
    assert!(refused.err.contains(&expected), "{refused:#?}");
}
