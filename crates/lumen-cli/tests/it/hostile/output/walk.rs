//! Every command, in every hostile world, in every mode.

use std::collections::BTreeSet;

use lumen_testkit::sandbox::Sandbox;

use super::{
    HOSTILE,
    commands::{COMMANDS, Command, OWN},
    screen::{MODES, Mode, Shown, run},
    worlds::{self, World},
};
use crate::bare;

/// The paths of all commands, as the program's help lists them.
fn commands_of_help(sandbox: &Sandbox, path: &[&str], all: &mut BTreeSet<String>) {
    let help = sandbox.ok(".", &[path, &["--help"]].concat()).unwrap().out;
    let below: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        // A description that is continued starts further right.
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    if below.is_empty() {
        all.insert(path.join(" "));
    }
    for name in below {
        commands_of_help(sandbox, &[path, &[name]].concat(), all);
    }
}

/// How often each command is run.
#[derive(Clone, Copy)]
enum Modes {
    All,
    /// Each in one mode, and neighbours in different ones.
    InTurn,
}

impl Modes {
    fn of(self, at: usize) -> Vec<Mode> {
        match self {
            Self::All => MODES.to_vec(),
            Self::InTurn => vec![MODES[at % MODES.len()]],
        }
    }
}

fn all_commands() -> impl Iterator<Item = &'static Command> {
    COMMANDS.iter().chain(&OWN)
}

#[test]
fn every_command_is_in_the_table() {
    let mut there = BTreeSet::new();
    commands_of_help(&bare(), &[], &mut there);
    let walked: BTreeSet<String> = all_commands()
        .map(|(name, ..)| (*name).to_owned())
        .collect();
    assert!(there.len() > 60, "{there:?}");
    assert_eq!(there, walked);
}

/// Runs all commands, and returns what each showed.
fn walk(world: &World, modes: Modes) -> Vec<(&'static str, Shown)> {
    let (mut all, mut misspelt) = (Vec::new(), Vec::new());
    for (at, (name, arguments, folder)) in all_commands().enumerate() {
        let path: Vec<&str> = name.split(' ').collect();
        for mode in modes.of(at) {
            let words = [&path, *arguments].concat();
            let place = |word| {
                if word == "registry" {
                    world.registry.as_str()
                } else {
                    word
                }
            };
            // The first word may be the family of commands.
            let words: Vec<&str> = words[..1]
                .iter()
                .copied()
                .chain(words[1..].iter().map(|word| place(*word)))
                .collect();
            let shown = run(world, folder, &words, mode);
            if shown.code == Some(2) {
                misspelt.push(format!("{words:?}: {}", shown.err));
            }
            all.push((*name, shown));
        }
    }
    assert!(misspelt.is_empty(), "{misspelt:#?}");
    all
}

/// The commands that showed something hostile: as an escape.
fn showed(all: &[(&'static str, Shown)]) -> BTreeSet<&'static str> {
    let escapes = ["\\u{202e}", "\\u202e", "\\u{200d}", "\\u{1b}", "\\u{9b}"];
    let escaped = |text: &str| escapes.iter().any(|escape| text.contains(escape));
    let shown = all
        .iter()
        .filter(|(_, shown)| escaped(&shown.out) || escaped(&shown.err));
    shown.map(|(name, _)| *name).collect()
}

/// That these commands, at least, showed something hostile: else the world is too kind.
fn expect(all: &[(&'static str, Shown)], commands: &[&str]) {
    let showed = showed(all);
    for command in commands {
        let said = all.iter().filter(|(name, _)| name == command);
        let said: Vec<_> = said.map(|(_, shown)| (&shown.out, &shown.err)).collect();
        assert!(
            showed.contains(command),
            "`{command}` showed nothing hostile: {said:#?}"
        );
    }
}

#[test]
fn texts_of_an_unsigned_registry() {
    let all = walk(&worlds::unsigned(), Modes::All);
    expect(
        &all,
        &[
            "pkg info",
            "pkg search",
            "pkg outdated",
            "pkg pack",
            "pkg unpack",
            "registry stats",
        ],
    );
}

#[test]
fn texts_of_a_signed_registry() {
    let all = walk(&worlds::signed(), Modes::All);
    expect(
        &all,
        &[
            "pkg info",
            "pkg outdated",
            "pkg owner list",
            "registry watch",
            "registry trust show",
        ],
    );
}

#[test]
fn files_of_a_damaged_registry() {
    let indexes = [
        "index.json",
        "packages/evil/index.json",
        "packages/evil/1.0.0.json",
    ];
    let all = walk(&worlds::damaged(&indexes), Modes::InTurn);
    expect(&all, &["pkg info", "pkg search"]);
    let all = walk(
        &worlds::damaged(&["log/checkpoint", "log/head"]),
        Modes::InTurn,
    );
    expect(&all, &["pkg unpack"]);
}

#[test]
fn manifests_and_locks_of_a_cloned_project() {
    let all = walk(&worlds::project(false), Modes::InTurn);
    expect(&all, &["pkg install", "pkg list", "pkg publish"]);
    let all = walk(&worlds::project(true), Modes::InTurn);
    expect(&all, &["pkg install", "pkg list", "pkg pack"]);
}

#[test]
fn answers_of_a_server() {
    for redirects in [false, true] {
        walk(&worlds::server(redirects), Modes::InTurn);
    }
}

#[test]
fn names_in_arguments_and_variables() {
    let sandbox = worlds::unsigned();
    let hostile = HOSTILE.to_owned();
    let (registry, manifest) = (["--registry", &hostile], ["--manifest-path", &hostile]);
    let (mut runs, mut escaped) = (0, 0);
    for (name, ..) in all_commands() {
        let path: Vec<&str> = name.split(' ').collect();
        for more in [
            &[hostile.as_str()][..],
            &[&hostile, &hostile],
            &registry,
            &manifest,
            &["--x"],
        ] {
            for mode in Modes::InTurn.of(runs) {
                let shown = run(&sandbox, "app", &[&path, more].concat(), mode);
                escaped += usize::from(shown.err.contains("\\u{1b}"));
            }
            runs += 1;
        }
    }
    assert!(escaped > runs / 3, "{escaped} of {runs}");
}
