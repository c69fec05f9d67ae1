//! Commands that do not exist: what people mean by the names that other programs have for it.

use std::ffi::OsString;

use lumen_core::problem::nearest;

use super::COMPILER;

/// A command line that is understood, and makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// What is wrong.
    pub what: String,
    /// What to do next.
    pub hints: Vec<String>,
}

/// What other programs call it, and what there is here.
const MEANINGS: [(&[&str], &str); 20] = [
    (
        &["audit", "advisories"],
        "there are no advisories to look at; `lumen pkg outdated` shows newer, yanked and deprecated packages, `lumen pkg verify` checks what is installed",
    ),
    (
        &["ci", "clean-install", "restore"],
        "`lumen pkg install --locked` installs exactly what lumen.lock says",
    ),
    (
        &["require", "get"],
        "`lumen pkg add` adds a dependency and installs it",
    ),
    (
        &["delete", "del", "erase"],
        "`lumen pkg remove` removes a dependency",
    ),
    (
        &["version", "bump"],
        "`lumen --version` shows that of Lumen; `lumen pkg publish --bump` raises that of a package",
    ),
    (
        &["unpublish", "revoke", "retire"],
        "a release stays; `lumen pkg yank` advises against it",
    ),
    (
        &["login", "logout", "adduser", "token", "whoami"],
        "there are no accounts; `lumen key list` lists the keys that you sign with",
    ),
    (
        &["freeze", "generate-lockfile", "shrinkwrap", "resolve"],
        "`lumen pkg lock` writes lumen.lock",
    ),
    (
        &["graph", "deps", "dependencies"],
        "`lumen pkg tree` shows what depends on what",
    ),
    (
        &["query", "find", "explore"],
        "`lumen pkg search` finds packages by words",
    ),
    (
        &["metadata"],
        "`lumen pkg list --json` and `lumen pkg tree --json` are for programs",
    ),
    (
        &["explain", "rdeps"],
        "`lumen pkg why` shows what needs a package",
    ),
    (
        &["create", "generate"],
        "`lumen pkg new` makes a package in a new folder",
    ),
    (
        &["link", "develop"],
        "`lumen pkg add NAME --path DIR` uses a package from a folder",
    ),
    (
        &["archive", "package", "bundle"],
        "`lumen pkg pack` makes the archive of a package",
    ),
    (
        &["prune", "autoremove", "dedupe"],
        "`lumen pkg install` removes what nothing needs; `lumen pkg update` chooses versions again",
    ),
    (
        &["gc", "purge"],
        "`lumen pkg cache clean` removes what no project uses; `lumen registry gc` is for registries",
    ),
    (
        &["outdate", "updates", "upgradable"],
        "`lumen pkg outdated` lists dependencies that have newer releases",
    ),
    (
        &["exec", "x", "dlx", "start", "script"],
        "packages have no scripts; `lumen run FILE` runs a program, with the Lumen compiler",
    ),
    (
        &["licenses", "license", "sbom"],
        "`lumen pkg info NAME` shows the licence of a package",
    ),
];

/// Says that there is no such command in this family of commands, and what may be meant.
pub fn command(root: &clap::Command, family: &[String], name: &str) -> Usage {
    let path: String = family.iter().map(|word| format!("{word} ")).collect();
    Usage {
        what: format!("there is no command `lumen {path}{name}`"),
        hints: vec![meant(root, family, name)],
    }
}

fn meant(root: &clap::Command, family: &[String], name: &str) -> String {
    let of_packages = family.is_empty() || family == ["pkg"];
    let meaning = MEANINGS.iter().find(|(words, _)| words.contains(&name));
    if family.is_empty() && name == "cache" {
        return "`lumen pkg cache` is about that of Lumen; the Lumen compiler, which has `lumen cache`, is not on the path".into();
    }
    if COMPILER.contains(&name) && family.is_empty() {
        return format!(
            "`lumen {name}` is a command of the Lumen compiler, which is not on the path"
        );
    }
    if let (true, Some((_, meaning))) = (of_packages, meaning) {
        return (*meaning).into();
    }
    if COMPILER.contains(&name) && of_packages {
        return format!("`lumen {name}` is a command of the Lumen compiler");
    }
    let mut here = root;
    for word in family {
        here = here.find_subcommand(word).unwrap_or(here);
    }
    let known = here
        .get_subcommands()
        .flat_map(clap::Command::get_name_and_visible_aliases);
    let path: String = family.iter().map(|word| format!("{word} ")).collect();
    match nearest(name, known) {
        Some(known) => format!("did you mean `lumen {path}{known}`?"),
        None => {
            let others = match family.is_empty() {
                true => "; others need the Lumen compiler on the path",
                false => "",
            };
            format!("`lumen {path}--help` lists the commands{others}")
        }
    }
}

/// The families of commands that a command line names, before the word that is no command.
pub fn family(root: &clap::Command, arguments: &[OsString], unknown: &str) -> Vec<String> {
    let (mut here, mut family) = (root, Vec::new());
    for word in arguments.iter().skip(1).filter_map(|word| word.to_str()) {
        if let Some(below) = here.find_subcommand(word) {
            family.push(below.get_name().to_owned());
            here = below;
        } else if word == unknown {
            break;
        }
    }
    family
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Family, command as root},
        *,
    };

    #[test]
    fn commands_are_found_by_their_meaning() {
        let find = |family: &[&str], name: &str| {
            let family: Vec<String> = family.iter().map(|word| (*word).to_owned()).collect();
            meant(&root(), &family, name)
        };
        for (family, name, expected) in [
            (&["pkg"][..], "audit", "no advisories"),
            (&[], "audit", "no advisories"),
            (&["pkg"], "version", "lumen --version"),
            (&["pkg"], "ci", "install --locked"),
            (
                &["pkg"],
                "run",
                "`lumen run` is a command of the Lumen compiler",
            ),
            (&[], "run", "not on the path"),
            (&[], "cache", "`lumen pkg cache`"),
            (&["pkg"], "instal", "did you mean `lumen pkg install`?"),
            (&[], "publsh", "did you mean `lumen publish`?"),
            (
                &["registry"],
                "chekc",
                "did you mean `lumen registry check`?",
            ),
            (
                &["registry", "trust"],
                "audit",
                "`lumen registry trust --help`",
            ),
            (&[], "xyzzy-plugh", "`lumen --help` lists the commands"),
        ] {
            let meant = find(family, name);
            assert!(meant.contains(expected), "{family:?} {name}: {meant}");
        }
    }

    #[test]
    fn no_meaning_hides_a_command_and_all_name_commands() {
        let (root, mut named) = (root(), 0);
        for (words, meaning) in MEANINGS {
            for word in words {
                for family in ["lumen", "pkg"] {
                    let here = root.find_subcommand(family).unwrap_or(&root);
                    assert!(here.find_subcommand(word).is_none(), "{word} is a command");
                }
            }
            let quoted = meaning.split('`').skip(1).step_by(2);
            for command in quoted.filter_map(|text| text.strip_prefix("lumen ")) {
                let words: Vec<&str> = command.split(' ').collect();
                let known =
                    words
                        .iter()
                        .try_fold(&root, |here, word| match here.find_subcommand(word) {
                            Some(below) => Some(below),
                            None => {
                                (!here.has_subcommands() || word.starts_with('-')).then_some(here)
                            }
                        });
                let is_compiler = words.first().is_some_and(|word| COMPILER.contains(word));
                assert!(known.is_some() || is_compiler, "`lumen {command}`");
                named += 1;
            }
        }
        assert!(named > MEANINGS.len(), "{named}");
    }

    #[test]
    fn the_compiler_keeps_its_commands() {
        for name in COMPILER {
            assert!(root().find_subcommand(name).is_none(), "{name}");
        }
        assert!(Family::verbs().contains(&"publish".to_owned()));
    }
}
