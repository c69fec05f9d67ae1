//! Standard output that takes nothing: a full disk, and a reader that is gone.

use std::{
    fs::{File, OpenOptions},
    path::Path,
    process::Stdio,
};

use lumen_testkit::sandbox::{Ran, Sandbox};

use crate::{fails, publish, sandbox};

/// A command of each kind of output: lines, wrapped text, files for other programs, JSON, JSON
/// line by line, secrets, and what the command line itself answers.
const COMMANDS: [&[&str]; 21] = [
    &["pkg", "list"],
    &["pkg", "tree"],
    &["pkg", "why", "text"],
    &["pkg", "info", "text"],
    &["pkg", "search", "text"],
    &["pkg", "owner", "list", "text"],
    &["--json", "pkg", "install"],
    &["registry", "stats"],
    &["registry", "watch"],
    &["registry", "trust", "show"],
    &[
        "registry",
        "host",
        "nginx",
        "--server-name",
        "example.org",
        "--plain-http",
    ],
    &["trust", "list"],
    &["key", "list"],
    &["key", "export"],
    &["key", "export", "--secret"],
    &["--json", "key", "export", "--secret"],
    &["completions", "bash"],
    &["help", "pkg", "add"],
    &["--help"],
    &["pkg", "install", "--help"],
    &["--version"],
];

fn world() -> Sandbox {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    let needs = "[dependencies]\ntext = \"^1\"\n";
    sandbox.package("app", "app", "0.1.0", needs).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    sandbox
}

/// Runs a command with this standard output, standard error as it is.
fn into(sandbox: &Sandbox, arguments: &[&str], out: impl Into<Stdio>) -> Ran {
    let mut command = sandbox.command("app", arguments);
    command.stdout(out).stderr(Stdio::piped());
    Ran::of(&command.spawn().unwrap().wait_with_output().unwrap())
}

#[test]
fn a_result_that_is_lost_is_an_error() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        lumen_testkit::skip::missing("/dev/full");
        return;
    }
    let sandbox = world();
    let open = || OpenOptions::new().write(true).open(full).unwrap();
    for command in COMMANDS {
        sandbox.ok("app", command).unwrap();
        let ran = into(&sandbox, command, open());
        fails(
            &ran,
            4,
            &["error: cannot write the result to standard output: No space"],
        );
        fails(&ran, 4, &["hint: free some space"]);
    }
    // Another error is told as ever.
    let ran = into(&sandbox, &["--json", "pkg", "info", "nothing"], open());
    fails(&ran, 1, &["`nothing`"]);
    assert!(!ran.err.contains("standard output"), "{ran:#?}");
}

#[test]
fn a_reader_that_is_gone_ends_a_command_quietly() {
    let sandbox = world();
    let closed = || std::io::pipe().unwrap().1;
    for command in COMMANDS {
        let ran = into(&sandbox, command, closed());
        let told = ran.err.lines().filter(|line| !line.is_empty()).count();
        assert_eq!(ran.code, Some(0), "{command:?}: {ran:#?}");
        assert!(!ran.err.contains("error") && told <= 1, "{ran:#?}");
    }
    // So does one that would go on for ever.
    let follow = ["registry", "watch", "registry", "--follow"];
    let mut command = sandbox.command(".", &follow);
    command.stdout(closed());
    assert_eq!(Ran::of(&command.output().unwrap()).code, Some(0));
}

#[test]
fn talk_that_is_lost_changes_nothing() {
    let sandbox = world();
    let mut command = sandbox.command("app", &["pkg", "list"]);
    let talk: Stdio = match OpenOptions::new().write(true).open("/dev/full") {
        Ok(full) => full.into(),
        Err(_) => std::io::pipe().unwrap().1.into(),
    };
    let listed = sandbox.path("listed");
    command.stdout(File::create(&listed).unwrap()).stderr(talk);
    assert!(command.status().unwrap().success());
    let ran = sandbox.ok("app", &["pkg", "list"]).unwrap();
    assert_eq!(std::fs::read_to_string(listed).unwrap(), ran.out);
}
