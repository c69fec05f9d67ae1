//! `lumen pkg diff`: two releases, a release and this folder, a release and the lock.

use std::fs;

use lumen_testkit::{
    git::git,
    sandbox::Sandbox,
    server::{Server, not_found, ok},
};
use serde_json::Value;

use crate::{fails, publish, sandbox};

/// A folder with the version 1.0.0 of a package, which it publishes, and then changed to 1.1.0.
fn changed() -> Sandbox {
    let sandbox = sandbox();
    publish(&sandbox, "util", "1.0.0", "");
    sandbox
        .package("csv", "csv", "1.0.0", "keywords = [\"tables\"]\n")
        .unwrap();
    sandbox.write("csv/src/old.lm.md", "the same\n").unwrap();
    sandbox.write("csv/src/gone.lm.md", "1\n2\n").unwrap();
    sandbox.write("csv/data.bin", "\0one").unwrap();
    let ok = |arguments: &[&str]| sandbox.ok("csv", arguments).unwrap();
    ok(&["pkg", "publish", "--yes"]);
    let more = "repository = \"https://example.org/csv\"\n[dependencies]\nutil = \"^1\"\n";
    sandbox.package("csv", "csv", "1.1.0", more).unwrap();
    sandbox
        .write("csv/src/main.lm.md", "# csv\n\tfaster \n")
        .unwrap();
    fs::rename(
        sandbox.path("csv/src/old.lm.md"),
        sandbox.path("csv/src/new.lm.md"),
    )
    .unwrap();
    fs::remove_file(sandbox.path("csv/src/gone.lm.md")).unwrap();
    sandbox.write("csv/data.bin", "\0two!").unwrap();
    sandbox
}

#[track_caller]
fn shows(sandbox: &Sandbox, name: &str, arguments: &[&str]) {
    let ran = sandbox.run("csv", arguments).unwrap();
    let filters = sandbox.filters();
    insta::with_settings!({
        filters => filters.iter().map(|(text, name)| (text.as_str(), *name)),
        description => format!("lumen {}", arguments.join(" ")),
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, ran.text());
    });
}

#[test]
fn a_folder_is_compared_with_its_newest_release() {
    let sandbox = changed();
    shows(&sandbox, "diff_folder", &["pkg", "diff"]);
    shows(&sandbox, "diff_folder_stat", &["pkg", "diff", "--stat"]);
    shows(
        &sandbox,
        "diff_folder_names",
        &["pkg", "diff", "--name-only"],
    );
    // The same by its name, and from elsewhere in the workspace; with an exit code for scripts.
    let plain = sandbox.ok("csv", &["pkg", "diff"]).unwrap();
    for words in [&["csv"][..], &["csv@1.0.0"], &["1.0.0"], &["csv", "1.0.0"]] {
        let ran = sandbox
            .run("csv", &[&["pkg", "diff", "--exit-code"], words].concat())
            .unwrap();
        assert_eq!(
            (ran.code, &ran.out),
            (Some(1), &plain.out),
            "{words:?}: {ran:#?}"
        );
    }
    // What is published is what was shown.
    sandbox.ok("csv", &["pkg", "publish", "--yes"]).unwrap();
    let ran = sandbox.ok("csv", &["pkg", "diff", "--exit-code"]).unwrap();
    assert_eq!(ran.out, "");
    assert!(ran.err.contains("no file differs"), "{ran:#?}");
    let two = sandbox
        .ok(".", &["pkg", "diff", "csv@1.0.0", "csv@1.1.0"])
        .unwrap();
    assert_eq!(two.out, plain.out);
    for words in [
        &["csv", "1.0.0", "1.1.0"][..],
        &["csv@1.0.0", "1.1.0"],
        &["csv@1.0.0", "csv"],
    ] {
        let ran = sandbox
            .ok(".", &[&["pkg", "diff"], words].concat())
            .unwrap();
        assert_eq!(ran.out, plain.out, "{words:?}");
    }
}

/// The hunks are a patch that other programs understand.
#[test]
fn the_lines_are_a_patch() {
    let sandbox = changed();
    sandbox.ok("csv", &["pkg", "publish", "--yes"]).unwrap();
    let json = |arguments: &[&str]| -> Value {
        let ran = sandbox
            .ok(".", &[&["--json", "pkg", "diff"], arguments].concat())
            .unwrap();
        serde_json::from_str(&ran.out).unwrap()
    };
    let found = json(&["csv@1.0.0", "csv@1.1.0"]);
    let files = found["files"].as_array().unwrap();
    assert_eq!(files.len(), 5, "{found:#}");
    assert_eq!(files[0]["path"], "lumen.toml");
    let main = files
        .iter()
        .find(|file| file["path"] == "src/main.lm.md")
        .unwrap();
    assert_eq!((&main["added"], &main["removed"]), (&2.into(), &1.into()));
    sandbox
        .write("old/src/main.lm.md", "# csv 1.0.0\n")
        .unwrap();
    let patch = main["patch"].as_str().unwrap();
    sandbox
        .write(
            "old/p",
            &format!("--- a/src/main.lm.md\n+++ b/src/main.lm.md\n{patch}"),
        )
        .unwrap();
    git(&sandbox.path("old"), &["apply", "p"]).unwrap();
    assert_eq!(
        sandbox.read("old/src/main.lm.md").unwrap(),
        "# csv\n\tfaster \n"
    );
    let kinds: Vec<&str> = files
        .iter()
        .map(|file| file["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["changed", "changed", "removed", "changed", "renamed"]
    );
    assert_eq!(files[1]["compared"], "binary");
    let names = json(&["csv@1.0.0", "csv@1.1.0", "--name-only"]);
    assert!(names["files"][0].get("patch").is_none(), "{names:#}");
    assert_eq!(names["manifest"].as_array().unwrap().len(), 3, "{names:#}");
}

/// Beside a locked version, the later one is the new one; without the network, the store and the
/// cache have all that is needed.
#[test]
fn a_release_is_compared_with_the_locked_version() {
    let sandbox = sandbox();
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        publish(&sandbox, "csv", version, "");
    }
    let folder = sandbox.path("registry");
    let server = Server::start(move |asked| {
        let path = asked.path.split('?').next().unwrap_or_default();
        fs::read(folder.join(path.trim_start_matches('/'))).map_or_else(|_| not_found(), |b| ok(&b))
    });
    let url = server.url();
    let run = |arguments: &[&str]| {
        let ran = sandbox
            .run("app", &[arguments, &["--registry", &url]].concat())
            .unwrap();
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
        ran
    };
    let needs = "[dependencies]\ncsv = \"=1.1.0\"\n";
    sandbox.package("app", "app", "0.1.0", needs).unwrap();
    run(&["pkg", "install"]);
    for (words, expected) in [
        (&["csv"][..], "csv 1.1.0 (locked) with csv 2.0.0: "),
        (&["csv@2.0.0"], "csv 1.1.0 (locked) with csv 2.0.0: "),
        (&["csv@1.0.0"], "csv 1.0.0 with csv 1.1.0 (locked): "),
        (
            &["csv@1.1.0"],
            "csv 1.1.0 (locked) with csv 1.1.0: no file differs",
        ),
    ] {
        let ran = run(&[&["pkg", "diff"], words].concat());
        assert!(ran.err.contains(expected), "{words:?}: {ran:#?}");
    }
    let online = run(&["pkg", "diff", "csv@2.0.0"]);
    assert!(
        online.out.contains("-# csv 1.1.0\n+# csv 2.0.0\n"),
        "{online:#?}"
    );
    let _ = server.take();
    let offline = run(&["pkg", "diff", "csv@2.0.0", "--offline"]);
    assert_eq!(online.out, offline.out);
    assert_eq!(server.take(), Vec::<String>::new());
}

#[test]
fn what_cannot_be_compared_is_told() {
    let sandbox = sandbox();
    publish(&sandbox, "csv", "1.0.0", "");
    sandbox.package("app", "app", "0.1.0", "").unwrap();
    for (folder, words, code, said) in [
        (
            ".",
            &["csv@1.0.0"][..],
            1,
            &["nothing to compare it with", "lumen pkg diff csv@1.0.0"][..],
        ),
        ("app", &["csv@1.0.0"], 1, &["nothing to compare it with"]),
        (
            "app",
            &["csv@1.0.0", "csv@1.0.1"],
            1,
            &["1.0.1", "did you mean `1.0.0`"],
        ),
        ("app", &["cvs", "csv"], 1, &["did you mean `csv`"]),
        (
            "app",
            &["csv", "1.0.0", "1.0.0", "1.0.0"],
            1,
            &["3 are named", "name two releases"],
        ),
        ("app", &["csv@^1", "csv"], 1, &["is not a release"]),
        ("app", &[], 1, &["app"]),
        (".", &[], 1, &["lumen.toml"]),
        (
            "app",
            &["csv", "csv", "--stat", "--name-only"],
            2,
            &["--name-only"],
        ),
    ] {
        let ran = sandbox
            .run(folder, &[&["pkg", "diff"], words].concat())
            .unwrap();
        fails(&ran, code, said);
    }
}

/// What a package contains does not steer the screen, looks like no line of ours, and costs a
/// bounded amount.
#[test]
fn hostile_contents_are_only_shown() {
    let sandbox = sandbox();
    sandbox.package("evil", "evil", "1.0.0", "").unwrap();
    let write = |path: &str, text: &str| sandbox.write(&format!("evil/{path}"), text).unwrap();
    let ok = |arguments: &[&str]| sandbox.ok("evil", arguments).unwrap();
    for number in 0..2_000 {
        write(&format!("many/{number}"), "1");
    }
    ok(&["pkg", "publish", "--yes"]);
    sandbox.package("evil", "evil", "1.1.0", "").unwrap();
    let steering = "\u{1b}[2J\u{1b}]0;title\u{7}\u{202e}txet\r+++ evil@1.1.0/fine\u{2028}+fine\n";
    write("steer.txt", steering);
    write("long.txt", &"x".repeat(1 << 20));
    write("tabs.txt", &"\t".repeat(1 << 20));
    write("large.txt", &"a\n".repeat((1 << 20) + 1));
    write("latin.txt", "plain\n");
    fs::write(sandbox.path("evil/latin.txt"), b"caf\xe9\n").unwrap();
    for number in 0..2_000 {
        write(&format!("many/{number}"), "2");
    }
    let ran = ok(&["pkg", "diff"]);
    let raw = |c: char| c.is_control() && c != '\n' || "\u{202e}\u{2028}".contains(c);
    assert!(
        !ran.out.contains(raw),
        "{:?}",
        ran.out.chars().find(|c| raw(*c))
    );
    // The line of the file is one line.
    let shown =
        "+\\u{1b}[2J\\u{1b}]0;title\\u{7}\\u{202e}txet\\r+++ evil@1.1.0/fine\\u{2028}+fine\n";
    assert!(ran.out.contains(shown), "{}", &ran.out[..2_000]);
    let longest = ran.out.lines().map(str::len).max().unwrap();
    assert!(longest < 20_000, "{longest}");
    assert!(
        ran.out.contains("characters left out"),
        "a long line was not cut"
    );
    for said in [
        "large.txt (new, too large to compare by lines: nothing -> ",
        "latin.txt (new, no text: ",
    ] {
        assert!(ran.out.contains(said), "{said}");
    }
    assert_eq!(ran.out.matches("+2\n").count(), 2_000);
    let names = ok(&["pkg", "diff", "--name-only"]);
    assert_eq!(names.out.lines().count(), 2_007);
    let json = ok(&["--json", "pkg", "diff"]);
    assert!(
        !json.out.contains(raw),
        "{:?}",
        json.out.chars().find(|c| raw(*c))
    );
    let json: Value = serde_json::from_str(&json.out).unwrap();
    let steer = json["files"]
        .as_array()
        .unwrap()
        .iter()
        .find(|file| file["path"] == "steer.txt");
    assert_eq!(
        steer.unwrap()["patch"],
        format!("@@ -0,0 +1 @@\n+{steering}")
    );
}

/// A file of the store that was changed is not shown as what was released.
#[test]
fn a_changed_file_of_the_store_is_not_shown() {
    let sandbox = sandbox();
    publish(&sandbox, "csv", "1.0.0", "");
    publish(&sandbox, "csv", "1.1.0", "");
    let arguments = ["pkg", "diff", "csv", "1.0.0", "1.1.0"];
    let honest = sandbox.ok(".", &arguments).unwrap();
    let folder = sandbox.path("home/lumen/store/sha256");
    let is_it = |text: &[u8]| text == b"# csv 1.1.0\n";
    let files = lumen_testkit::sandbox::tree(&folder).unwrap();
    let (path, _) = files.into_iter().find(|(_, bytes)| is_it(bytes)).unwrap();
    let path = folder.join(path);
    let times = fs::metadata(&path).unwrap();
    let mut open = times.permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut open, 0o644);
    fs::set_permissions(&path, open).unwrap();
    fs::write(&path, "# csv 9.9.9\n").unwrap();
    fs::set_permissions(&path, times.permissions()).unwrap();
    let file = fs::File::open(&path).unwrap();
    file.set_modified(times.modified().unwrap()).unwrap();
    let ran = sandbox.run(".", &arguments).unwrap();
    // Either the change is seen at once and the package fetched again, or its bytes tell.
    match ran.code {
        Some(0) => assert_eq!(ran.out, honest.out),
        _ => fails(
            &ran,
            1,
            &[
                "in the store of this machine was changed",
                "lumen pkg cache clean",
            ],
        ),
    }
}
