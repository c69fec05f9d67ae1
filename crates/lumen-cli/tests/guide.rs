//! Runs every `console` block of `docs/guide.md` and `docs/json.md` and compares what comes out.
//!
//! The blocks of a page are one session of one shell, from the first to the last, in an
//! empty home folder. In a block
//!
//! - a line that starts with `$ ` is a command; lines that start with `> ` go on with it;
//! - the lines up to the next command are what it prints, both streams together;
//! - `[..]` in such a line stands for anything, a line `...` for any lines;
//! - `/home/you` stands for the home folder.
//!
//! Commands must succeed, except in blocks that begin with ```` ```console fails ````:
//! there, the last one must fail. `UPDATE_GUIDE=1` writes what is printed into the guide
//! where it differs.

#![allow(clippy::disallowed_methods, reason = "tests are steered by variables")]
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests may fail the test"
)]

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What the guide calls the home folder.
const HOME: &str = "/home/you";

/// Ends the output of each command; followed by its exit code.
const MARK: &str = "@@ status of the command above:";

struct Step {
    /// The command, lines joined by `\n`.
    command: String,
    expected: Vec<String>,
    /// Line of the command in the guide, from 0.
    line: usize,
    fails: bool,
}

struct Outcome {
    output: Vec<String>,
    status: i32,
}

#[test]
fn every_command_of_the_guide_does_what_it_says() {
    check("guide.md");
}

#[test]
fn every_object_of_the_page_about_json_is_printed() {
    check("json.md");
}

fn check(page: &str) {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(page);
    let text = fs::read_to_string(&guide).unwrap();
    let steps = steps(&text);
    assert!(!steps.is_empty());
    let outcomes = run(&steps);
    let mut problems = String::new();
    for (step, outcome) in steps.iter().zip(&outcomes) {
        let ok = (outcome.status != 0) == step.fails && matches(&step.expected, &outcome.output);
        if !ok {
            let expected = if step.fails { "failure" } else { "success" };
            writeln!(
                problems,
                "{page}:{}: $ {}\n--- expected ({expected})\n{}\n--- printed (status {})\n{}\n",
                step.line + 1,
                step.command,
                step.expected.join("\n"),
                outcome.status,
                outcome.output.join("\n"),
            )
            .unwrap();
        }
    }
    if std::env::var_os("UPDATE_GUIDE").is_some() {
        fs::write(&guide, updated(&text, &steps, &outcomes)).unwrap();
    }
    assert!(
        outcomes.len() == steps.len(),
        "the shell ended early\n{problems}"
    );
    assert!(problems.is_empty(), "\n{problems}");
}

/// The commands of all `console` blocks, in order.
fn steps(guide: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut block: Option<bool> = None;
    for (line, text) in guide.lines().enumerate() {
        match block {
            None if text == "```console" => block = Some(false),
            None if text == "```console fails" => block = Some(true),
            None => {}
            Some(fails) if text == "```" => {
                if let Some(last) = steps.last_mut() {
                    last.fails = fails;
                }
                block = None;
            }
            Some(_) => {
                if let Some(command) = text.strip_prefix("$ ") {
                    let command = command.to_owned();
                    steps.push(Step {
                        command,
                        expected: Vec::new(),
                        line,
                        fails: false,
                    });
                } else {
                    let step = steps.last_mut().expect("a block starts with a command");
                    match text.strip_prefix('>').filter(|_| step.expected.is_empty()) {
                        Some(more) => {
                            step.command.push('\n');
                            step.command
                                .push_str(more.strip_prefix(' ').unwrap_or(more));
                        }
                        None => step.expected.push(text.to_owned()),
                    }
                }
            }
        }
    }
    steps
}

/// Runs all commands in one shell.
fn run(steps: &[Step]) -> Vec<Outcome> {
    let home = tempfile::tempdir().unwrap();
    let home_path = home.path().canonicalize().unwrap();
    let mut script = String::from("exec 2>&1\n");
    for step in steps {
        // Printed by a builtin, so that nothing the command does can get in between.
        writeln!(script, "{}\nprintf '\\n{MARK} %s\\n' \"$?\"", step.command).unwrap();
    }
    let file = home_path.join(".script");
    fs::write(&file, script).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_lumen")).parent().unwrap();
    let mut command = Command::new("bash");
    command
        .args(["--noprofile", "--norc"])
        .arg(&file)
        .current_dir(&home_path)
        .env_clear()
        .env("PATH", path_with(program))
        .env("HOME", &home_path)
        .env(
            "EXAMPLES",
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../../examples")
                .canonicalize()
                .unwrap(),
        )
        // The guide is right whatever is committed of the examples.
        .env(
            "GIT_CEILING_DIRECTORIES",
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../..")
                .canonicalize()
                .unwrap(),
        )
        .env("LC_ALL", "C.UTF-8")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let text = text.replace(home_path.to_str().unwrap(), HOME);
    make_writable(&home_path);
    let mut outcomes = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match line.strip_prefix(MARK) {
            Some(status) => {
                // The line end that comes before the mark.
                if lines.last().is_some_and(String::is_empty) {
                    lines.pop();
                }
                let status = status.trim().parse().unwrap();
                outcomes.push(Outcome {
                    output: std::mem::take(&mut lines),
                    status,
                });
            }
            None => lines.push(line.trim_end().to_owned()),
        }
    }
    outcomes
}

fn path_with(program: &Path) -> std::ffi::OsString {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(program.to_owned()).chain(std::env::split_paths(&rest));
    std::env::join_paths(paths).unwrap()
}

/// The store's folders are read-only, and could not be deleted with the home folder.
fn make_writable(dir: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let _ = fs::set_permissions(dir, fs::Permissions::from_mode(0o755));
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let folders: Vec<PathBuf> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect();
    folders.iter().for_each(|folder| make_writable(folder));
}

/// Whether lines match a pattern of lines.
fn matches(pattern: &[String], lines: &[String]) -> bool {
    match pattern.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == "..." => {
            (0..=lines.len()).any(|skip| matches(rest, &lines[skip..]))
        }
        Some((first, rest)) => lines
            .split_first()
            .is_some_and(|(line, lines)| line_matches(first, line) && matches(rest, lines)),
    }
}

fn line_matches(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.trim_end().split("[..]");
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The guide with the output of every step that differs replaced.
fn updated(guide: &str, steps: &[Step], outcomes: &[Outcome]) -> String {
    let mut lines: Vec<String> = guide.lines().map(str::to_owned).collect();
    for (step, outcome) in steps.iter().zip(outcomes).rev() {
        if !matches(&step.expected, &outcome.output) {
            let start = step.line + step.command.matches('\n').count() + 1;
            lines.splice(
                start..start + step.expected.len(),
                outcome.output.iter().cloned(),
            );
        }
    }
    lines.join("\n") + "\n"
}

#[test]
fn patterns() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let check = |pattern, text, expected| {
        assert_eq!(
            matches(&lines(pattern), &lines(text)),
            expected,
            "{pattern}"
        )
    };
    check("a\nb", "a\nb", true);
    check("a", "a\nb", false);
    check("a [..] c", "a b c", true);
    check("a [..]c[..]", "a b c d", true);
    check("[..]s", "0.1", false);
    check("a\n...\nd", "a\nb\nc\nd", true);
    check("a\n...", "a", true);
    check("...\nd\ne", "d\nd\ne", true);
}

#[test]
fn blocks() {
    let steps = steps(
        "text\n```console\n$ a \\\n> b\nout\n> no command\n$ c\n```\n```toml\n$ d\n```\n```console fails\n$ e\n```\n",
    );
    let seen: Vec<_> = steps
        .iter()
        .map(|step| (step.command.as_str(), step.expected.len(), step.fails))
        .collect();
    assert_eq!(
        seen,
        [("a \\\nb", 2, false), ("c", 0, false), ("e", 0, true)]
    );
}
