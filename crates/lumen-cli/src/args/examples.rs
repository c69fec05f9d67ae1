//! Examples of every command, for its help. A test parses each of them.

use clap::Command;

/// The path of a command, and its examples.
type Examples = (&'static str, &'static [&'static str]);

/// One row each, in the order of the help.
const EXAMPLES: [Examples; 80] = [
    ("pkg init", &["lumen init", "lumen init --name my-utils"]),
    ("pkg new", &["lumen new my-utils", "lumen new @org/http"]),
    (
        "pkg add",
        &[
            "lumen add csv",
            "lumen add csv@^1.2 --dev",
            "lumen add ../csv",
        ],
    ),
    ("pkg remove", &["lumen remove csv"]),
    (
        "pkg install",
        &["lumen install", "lumen install --locked --no-dev"],
    ),
    (
        "pkg update",
        &[
            "lumen update",
            "lumen update csv",
            "lumen update csv --precise 1.2.0",
        ],
    ),
    ("pkg fetch", &["lumen fetch"]),
    ("pkg lock", &["lumen lock", "lumen lock --locked"]),
    ("pkg list", &["lumen list", "lumen list --json"]),
    (
        "pkg tree",
        &["lumen tree --depth 2", "lumen tree --invert csv"],
    ),
    ("pkg why", &["lumen why csv"]),
    (
        "pkg outdated",
        &["lumen outdated", "lumen outdated --exit-code"],
    ),
    (
        "pkg info",
        &["lumen info csv", "lumen info csv@1.2.0 --provenance"],
    ),
    (
        "pkg diff",
        &[
            "lumen diff csv@1.0.0 csv@1.1.0",
            "lumen diff csv 1.0.0 1.1.0 --stat",
            "lumen diff csv@1.1.0",
            "lumen diff",
        ],
    ),
    ("pkg search", &["lumen search csv parser"]),
    (
        "pkg pack",
        &["lumen pack --dry-run", "lumen pack --out archives"],
    ),
    ("pkg unpack", &["lumen unpack csv-1.2.0.tar --out csv"]),
    (
        "pkg publish",
        &[
            "lumen publish --dry-run",
            "lumen publish --bump patch",
            "lumen publish --workspace --yes",
        ],
    ),
    (
        "pkg submit",
        &["lumen submit --out ../registry/submissions"],
    ),
    (
        "pkg yank",
        &["lumen yank csv@1.2.0 --reason 'loses the last line'"],
    ),
    ("pkg unyank", &["lumen unyank csv@1.2.0"]),
    (
        "pkg deprecate",
        &["lumen deprecate csv --reason 'no longer kept up' --replacement csv2"],
    ),
    ("pkg undeprecate", &["lumen undeprecate csv"]),
    ("pkg owner list", &["lumen pkg owner list csv"]),
    ("pkg owner claim", &["lumen pkg owner claim @org"]),
    (
        "pkg owner add",
        &[
            "lumen pkg owner add csv bob.pub",
            "lumen pkg owner add csv bob.pub --admin",
        ],
    ),
    ("pkg owner remove", &["lumen pkg owner remove csv bob"]),
    (
        "pkg owner transfer",
        &["lumen pkg owner transfer csv bob.pub"],
    ),
    (
        "pkg owner revoke",
        &[
            "lumen pkg owner revoke csv bob",
            "lumen pkg owner revoke csv bob --from 42",
        ],
    ),
    ("pkg owner threshold", &["lumen pkg owner threshold @org 2"]),
    ("pkg owner sign", &["lumen pkg owner sign proposal.note"]),
    ("pkg owner apply", &["lumen pkg owner apply proposal.note"]),
    ("pkg vendor", &["lumen vendor", "lumen vendor third-party"]),
    ("pkg verify", &["lumen verify", "lumen verify --repair"]),
    ("pkg clean", &["lumen clean"]),
    ("pkg cache info", &["lumen pkg cache info"]),
    ("pkg cache clean", &["lumen pkg cache clean"]),
    (
        "registry init",
        &[
            "lumen registry init ./registry",
            "lumen registry init s3://bucket/registry",
        ],
    ),
    (
        "registry host",
        &["lumen registry host nginx ./registry --server-name packages.example.org"],
    ),
    (
        "registry ci",
        &["lumen registry ci github --source https://example.org/lumen.git"],
    ),
    (
        "registry doctor",
        &["lumen registry doctor https://packages.example.org"],
    ),
    ("registry trust show", &["lumen registry trust show"]),
    (
        "registry trust add-key",
        &["lumen registry trust add-key bob.pub --out root.note"],
    ),
    (
        "registry trust remove-key",
        &["lumen registry trust remove-key bob"],
    ),
    (
        "registry trust set-threshold",
        &["lumen registry trust set-threshold 2"],
    ),
    (
        "registry trust add-log-key",
        &["lumen registry trust add-log-key ci.pub"],
    ),
    (
        "registry trust remove-log-key",
        &["lumen registry trust remove-log-key ci"],
    ),
    (
        "registry trust add-witness",
        &["lumen registry trust add-witness witness.pub --quorum 1"],
    ),
    (
        "registry trust remove-witness",
        &["lumen registry trust remove-witness witness"],
    ),
    (
        "registry trust add-moderator",
        &["lumen registry trust add-moderator mia.pub --threshold 2"],
    ),
    (
        "registry trust remove-moderator",
        &["lumen registry trust remove-moderator mia"],
    ),
    (
        "registry trust policy",
        &[
            "lumen registry trust policy open",
            "lumen registry trust policy approve --key names.pub",
        ],
    ),
    (
        "registry trust rotate",
        &["lumen registry trust rotate new.pub --old ada"],
    ),
    (
        "registry trust expire",
        &["lumen registry trust expire 2027-12-31T00:00:00Z"],
    ),
    (
        "registry trust sign",
        &["lumen registry trust sign root.note"],
    ),
    (
        "registry trust apply",
        &["lumen registry trust apply root.note"],
    ),
    (
        "registry approve",
        &["lumen registry approve", "lumen registry approve csv"],
    ),
    ("registry check", &["lumen registry check ./registry"]),
    ("registry repair", &["lumen registry repair ./registry"]),
    ("registry rebuild", &["lumen registry rebuild ./registry"]),
    ("registry watch", &["lumen registry watch --follow"]),
    (
        "registry witness",
        &["lumen registry witness https://packages.example.org"],
    ),
    (
        "registry mirror",
        &["lumen registry mirror https://packages.example.org ./copy"],
    ),
    (
        "registry sync",
        &["lumen registry sync", "lumen registry sync office"],
    ),
    (
        "registry bundle",
        &["lumen registry bundle ./registry news.bundle --since 120"],
    ),
    (
        "registry unbundle",
        &["lumen registry unbundle news.bundle ./copy"],
    ),
    ("registry stats", &["lumen registry stats ./registry"]),
    ("registry gc", &["lumen registry gc ./registry --dry-run"]),
    (
        "registry migrate",
        &["lumen registry migrate ./registry --dry-run"],
    ),
    (
        "registry ingest",
        &["lumen registry ingest submissions --dry-run"],
    ),
    (
        "key new",
        &["lumen key new", "lumen key new ci --passphrase"],
    ),
    ("key list", &["lumen key list"]),
    ("key show", &["lumen key show ada"]),
    ("key default", &["lumen key default ada"]),
    (
        "key import",
        &["lumen key import ada.key", "lumen key import - --name ci"],
    ),
    (
        "key export",
        &["lumen key export ada", "lumen key export ada --secret"],
    ),
    ("key rotate", &["lumen key rotate ada"]),
    ("key move", &["lumen key move"]),
    ("key remove", &["lumen key remove ada"]),
    ("completions", &["lumen completions bash"]),
];

/// Those of `lumen trust`, whose values are long.
const TRUST: [Examples; 4] = [
    ("trust list", &["lumen trust list"]),
    (
        "trust accept",
        &["lumen trust accept https://packages.example.org"],
    ),
    (
        "trust pin",
        &[
            "lumen trust pin https://packages.example.org sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ],
    ),
    (
        "trust forget",
        &["lumen trust forget https://packages.example.org"],
    ),
];

/// Adds the examples to the help of every command that has some.
pub fn added(command: Command) -> Command {
    below(command, "")
}

fn below(command: Command, path: &str) -> Command {
    let command = match find(path) {
        Some(examples) => command.after_help(text(examples)),
        None => command,
    };
    command.mut_subcommands(|command| {
        let name = command.get_name().to_owned();
        let path = match path {
            "" => name,
            path => format!("{path} {name}"),
        };
        below(command, &path)
    })
}

/// The examples of a command; those of `pkg` have them at top level, too.
fn find(path: &str) -> Option<&'static [&'static str]> {
    let with_family = format!("pkg {path}");
    let mut rows = EXAMPLES.iter().chain(&TRUST);
    let found = rows.find(|(of, _)| *of == path || *of == with_family);
    found.map(|(_, examples)| *examples)
}

fn text(examples: &[&str]) -> String {
    let lines: Vec<String> = examples.iter().map(|line| format!("  {line}")).collect();
    format!("Examples:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{command, parse},
        *,
    };

    /// The paths of all commands that have none below them.
    fn leaves(command: &Command, path: &str, found: &mut Vec<String>) {
        let mut has_more = false;
        for below in command.get_subcommands() {
            has_more = true;
            let name = below.get_name();
            let path = match path {
                "" => name.to_owned(),
                path => format!("{path} {name}"),
            };
            leaves(below, &path, found);
        }
        if !has_more {
            found.push(path.to_owned());
        }
    }

    /// The words of a line, as a shell sees them.
    fn words(line: &str) -> Vec<String> {
        let mut words = Vec::new();
        for (at, part) in line.split('\'').enumerate() {
            match at % 2 {
                0 => words.extend(part.split_whitespace().map(str::to_owned)),
                _ => words.push(part.to_owned()),
            }
        }
        words
    }

    #[test]
    fn every_command_has_examples() {
        let mut all = Vec::new();
        leaves(&command(), "", &mut all);
        assert!(all.len() > 100, "{all:?}");
        for path in all {
            let mut here = command();
            for name in path.split(' ') {
                here = here.find_subcommand(name).unwrap().clone();
            }
            let help = here.render_help().to_string();
            assert!(help.contains("Examples:\n  lumen "), "{path}: {help}");
        }
    }

    #[test]
    fn every_example_is_of_its_command_and_parses() {
        for (path, examples) in EXAMPLES.iter().chain(&TRUST) {
            let short = path.strip_prefix("pkg ").unwrap_or(path);
            for example in *examples {
                let is_its = |path: &str| {
                    let rest = example
                        .strip_prefix("lumen ")
                        .and_then(|rest| rest.strip_prefix(path));
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
                };
                assert!(is_its(path) || is_its(short), "{path}: {example}");
                if let Err(error) = parse(words(example)) {
                    panic!("{example}: {error}");
                }
            }
        }
    }
}
