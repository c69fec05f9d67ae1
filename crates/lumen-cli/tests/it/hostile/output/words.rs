//! What single messages make of hostile texts.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
};

use lumen_core::signing::SecretKey;
use lumen_testkit::{
    git,
    terminal::{self, Reply},
};

use super::{
    HOSTILE, INVISIBLE,
    screen::{Mode, problems, run},
    worlds,
};

/// The caret of a snippet stays below the word that is wrong, also behind escapes.
#[test]
fn a_caret_behind_escapes() {
    let world = worlds::unsigned();
    let manifest = "[package]\nname = \"app\"\nversion = \"1.0.0\"\n[dependencies]\n\"a\u{202e}\u{200b}b\" = { wrong = 1 }\n";
    fs::write(world.sandbox.path("app/lumen.toml"), manifest).unwrap();
    let shown = run(&world, "app", &["pkg", "install"], Mode::Plain).err;
    let snippet = "\
5 | \"a\\u{202e}\\u{200b}b\" = { wrong = 1 }
  |   ^^^^^^^^
";
    assert!(shown.contains(snippet), "{shown}");
}

/// A name that would fill the screen is cut, and the end of the message is still there.
#[test]
fn an_endless_text_is_cut() {
    let world = worlds::unsigned();
    let index = world.sandbox.path("registry/packages/evil/1.0.0.json");
    let release = fs::read_to_string(&index).unwrap();
    let license = "\"license\":\"MIT\"";
    let text = release.replace(
        &format!("\"license\":{}", serde_json::json!(HOSTILE)),
        &format!("\"license\":\"{}\"", "M".repeat(200_000)),
    );
    assert!(!text.contains(license) && text.len() > 200_000, "{release}");
    fs::write(index, text).unwrap();
    let shown = run(&world, "app", &["pkg", "info", "evil@1.0.0"], Mode::Plain).out;
    assert!(shown.len() < 20_000, "{}", shown.len());
    assert!(shown.contains("characters left out"), "{shown}");
    let shown = run(&world, "app", &["pkg", "info", "evil@1.0.0"], Mode::Json).out;
    assert!(shown.len() > 200_000, "data is whole");
}

/// What a git host says while it refuses a push.
#[test]
fn a_git_host_speaks() {
    let mut world = worlds::unsigned();
    let repository = world.sandbox.path("registry.git");
    git::bare(&repository).unwrap();
    let url = format!("git+file://{}", repository.display());
    world.environment.push(("LUMEN_REGISTRY", url.clone()));
    let hook = repository.join("hooks/pre-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(repository.join("said"), HOSTILE).unwrap();
    let script = "#!/bin/sh\ncat \"$GIT_DIR/said\" >&2\nexit 1\n";
    fs::write(&hook, script).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    for mode in [Mode::Colour, Mode::Json] {
        let shown = run(&world, ".", &["registry", "init", &url], mode);
        assert_ne!(shown.code, Some(0));
        assert!(shown.err.contains("refused the push"), "{}", shown.err);
        assert!(shown.err.contains("x"), "{}", shown.err);
    }
}

/// What is signed for others is shown first: all of it, in lines that pass for none of ours.
#[test]
fn a_proposal_is_shown_before_it_is_signed() {
    let mut world = worlds::signed();
    let mallory = SecretKey::from_seed(&format!("m{INVISIBLE}"), [9; 32]).unwrap();
    let key = mallory.public().to_string();
    let add = [
        "pkg",
        "owner",
        "add",
        "evil",
        &key,
        "--admin",
        "--out",
        "more.note",
    ];
    assert_eq!(run(&world, ".", &add, Mode::Plain).code, Some(0));
    let proposed = world.sandbox.read("more.note").unwrap();
    assert!(proposed.contains(INVISIBLE), "{proposed}");
    world.environment.retain(|(name, _)| *name == "LUMEN_KEY");
    let shown = run(
        &world,
        ".",
        &["pkg", "owner", "sign", "more.note"],
        Mode::Plain,
    );
    assert_eq!(shown.code, Some(0), "{}", shown.err);
    let (text, _) = proposed.split_once("\n\n").unwrap();
    let lines: Vec<&str> = shown
        .err
        .lines()
        .filter_map(|line| line.strip_prefix("           | "))
        .collect();
    let escaped = |line: &str| -> String {
        let visible = |c: char| match u32::from(c) {
            0x200b | 0x200d | 0x202e | 0x2060 | 0x2066 => c.escape_unicode().to_string(),
            _ => c.to_string(),
        };
        line.chars().map(visible).collect()
    };
    let expected: Vec<String> = text.lines().map(escaped).collect();
    assert_eq!(lines, expected, "{}", shown.err);
}

/// Questions and progress are only on a terminal.
#[test]
fn a_question_on_a_terminal() {
    if !terminal::is_available() {
        lumen_testkit::skip::missing("python3");
        return;
    }
    let world = worlds::signed();
    let asks = [
        (vec!["trust", "accept", HOSTILE], "[y/N]", "n"),
        (
            vec!["key", "new", "fourth", "--passphrase"],
            "New passphrase",
            "p",
        ),
    ];
    for (words, to, typed) in asks {
        let mut command = world.sandbox.command(".", &words);
        command.env("TERM", "xterm");
        let again = Reply {
            to: "Once more",
            typed,
            hidden: true,
        };
        let first = Reply {
            to,
            typed,
            hidden: to != "[y/N]",
        };
        let replies = if first.hidden {
            vec![first, again]
        } else {
            vec![first]
        };
        let shown = terminal::converse(&command, &replies).unwrap().out;
        // The terminal itself writes CR LF.
        let shown = shown.replace("\r\n", "\n");
        let wrong = problems(&shown, true);
        assert!(wrong.is_empty(), "{wrong:?} in {shown:?}");
    }
}

/// A path is any bytes, JSON is not: no panic, and nothing raw.
#[test]
fn paths_that_are_no_text() {
    let world = worlds::unsigned();
    for (at, (words, field)) in [
        (["pkg", "pack", "--out"], "file"),
        (["pkg", "vendor", "--no-progress"], "dir"),
        (["registry", "bundle", "registry"], "file"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = [&b"h\xff\x1b\xe2\x80\xae"[..], at.to_string().as_bytes()].concat();
        let folder = if words[0] == "pkg" { "app" } else { "." };
        let mut command = world.sandbox.command(folder, &["--json"]);
        let output = command
            .args(words)
            .arg(OsStr::from_bytes(&name))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{said}");
        let shown = String::from_utf8(output.stdout).unwrap();
        for text in [&shown, &said] {
            assert!(problems(text, false).is_empty(), "{text}");
        }
        let value: serde_json::Value = serde_json::from_str(&shown).unwrap();
        let path = value[field].as_str().unwrap();
        assert!(path.contains("h\u{fffd}\u{1b}\u{202e}"), "{path:?}");
    }
}

/// Texts of others in files that we write: a reviewer of the lock sees what is in it.
#[test]
fn what_is_written_for_people_deceives_nobody() {
    let world = worlds::unsigned();
    let folder = format!("lib{INVISIBLE}");
    world.sandbox.package(&folder, "lib", "1.0.0", "").unwrap();
    let needs = format!(
        "[dependencies]\nlib = {{ path = \"../{folder}\" }}\n[install]\nimport-root = \"a[b]\"\n"
    );
    world
        .sandbox
        .package("mine", "mine", "1.0.0", &needs)
        .unwrap();
    fs::write(
        world.sandbox.path("mine/.gitignore"),
        "# lumen: made by `lumen pkg install`\n",
    )
    .unwrap();
    let install = run(&world, "mine", &["pkg", "install"], Mode::Plain);
    assert_eq!(install.code, Some(0), "{}", install.err);
    let lock = world.sandbox.read("mine/lumen.lock").unwrap();
    assert!(
        lock.contains("\\u202E") && problems(&lock, false).is_empty(),
        "{lock}"
    );
    let again = run(&world, "mine", &["pkg", "install", "--locked"], Mode::Plain);
    assert_eq!(again.code, Some(0), "{}", again.err);
    let ignored = world.sandbox.read("mine/.gitignore").unwrap();
    assert!(ignored.contains("/a\\[b\\]/lib\n"), "{ignored}");
}

/// A hint is copied into a shell, and the address in it may come from a project.
#[test]
fn a_command_to_copy_runs_nothing_else() {
    let world = worlds::unsigned();
    let place = world.sandbox.path("no$(id);x").display().to_string();
    let manifest = format!(
        "[package]\nname = \"app\"\nversion = \"1.0.0\"\n[dependencies]\nevil = \"1\"\n[registry]\ndefault = \"file://{place}\"\n"
    );
    fs::write(world.sandbox.path("app/lumen.toml"), manifest).unwrap();
    let mut command = world.sandbox.command("app", &["pkg", "update"]);
    let output = command.env_remove("LUMEN_REGISTRY").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains(&format!("lumen registry init '{place}'")),
        "{said}"
    );
}
