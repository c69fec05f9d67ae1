//! `cargo xtask modules`: the modules of our crates need each other in one direction only.
//!
//! Modules that need each other in a circle can only be understood, tested and moved together.
//! So there is none, and the modules of some crates have an order besides.

mod graph;
mod scan;

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use self::{
    graph::{Level, levels},
    scan::Crate,
};
use crate::shell::root;

/// Crates whose modules are in layers, the lowest first: each may name those before it only.
const LAYERS: [(&str, &[&str]); 2] = [
    (
        "lumen-registry",
        &[
            // What needs nothing of a registry.
            "random",
            "progress",
            "variables",
            "activity",
            "signer",
            "audience",
            "selection",
            "file_list",
            "login",
            "tls",
            // Where a registry is, and reading and writing there.
            "location",
            "git",
            "storage",
            "partial",
            "write",
            // Reading: first as it comes, then verified.
            "cache",
            "refusal",
            "source",
            "logread",
            "verify",
            "reader",
            // Writing.
            "derived",
            "log",
            "publish",
            // What is done with registries.
            "loader",
            "mirror",
            "bundle",
            "failure",
            "gc",
            "relist",
            "migrate",
            "unsigned",
            "doctor",
            "stats",
            "search",
            "fuzzing",
        ],
    ),
    (
        "lumen-ops",
        &[
            // What needs nothing of a run.
            "parallel",
            "report",
            "process",
            "excludes",
            "git",
            "error",
            // What a run is given, and what it shares.
            "environment",
            "members",
            "context",
            "settings",
            "keys",
            "credentials",
            "workspace",
            "session",
            // Packages: named, looked up, packed, needed, proven, fetched, chosen.
            "graph",
            "gitignore",
            "advice",
            "names",
            "lookup",
            "pack",
            "contents",
            "inputs",
            "stale",
            "locked",
            "recheck",
            "proof",
            "fetch",
            "resolve",
            // Signed registries, and what is done with all of this.
            "signed",
            "verbs",
        ],
    ),
];

/// Shows what is wrong.
pub fn run() -> ExitCode {
    match check() {
        Ok(problems) if problems.is_empty() => {
            println!("no circle among the modules of any crate");
            ExitCode::SUCCESS
        }
        Ok(problems) => {
            for problem in problems {
                println!("{problem}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Everything that is wrong with the order of modules.
///
/// # Errors
/// When sources cannot be read.
fn check() -> io::Result<Vec<String>> {
    let mut problems = Vec::new();
    for (package, file) in roots()? {
        let all = Crate::read(&file)?;
        for (module, level) in levels(&all) {
            for circle in level.circles() {
                let text = describe(&package, &module.join("::"), circle.iter());
                problems.push(with_arrows(text, &level, &circle));
            }
            let order = LAYERS.iter().find(|(name, _)| *name == package);
            if let Some((_, order)) = order.filter(|_| module.is_empty()) {
                problems.extend(level.upward(order).iter().map(|arrow| {
                    let (from, to) = (&arrow.from, &arrow.to);
                    format!(
                        "{package}: `{from}` may not need `{to}`\n    {}",
                        arrow.example
                    )
                }));
            }
        }
    }
    Ok(problems)
}

/// The names and root files of all crates of the workspace.
fn roots() -> io::Result<Vec<(String, PathBuf)>> {
    let mut folders = vec![root().join("xtask")];
    for entry in std::fs::read_dir(root().join("crates"))? {
        folders.push(entry?.path());
    }
    folders.sort();
    let root = |folder: &Path| {
        let files = ["src/lib.rs", "src/main.rs"].map(|file| folder.join(file));
        files.into_iter().find(|file| file.is_file())
    };
    let name = |folder: &Path| Some(folder.file_name()?.to_str()?.to_owned());
    let both = |folder: &PathBuf| Some((name(folder)?, root(folder)?));
    Ok(folders.iter().filter_map(both).collect())
}

fn describe<T: AsRef<str>>(package: &str, module: &str, circle: impl Iterator<Item = T>) -> String {
    let names: Vec<String> = circle.map(|name| name.as_ref().to_owned()).collect();
    let place = match module {
        "" => package.to_owned(),
        module => format!("{package} {module}"),
    };
    format!("{place}: a circle of {}", names.join(", "))
}

/// A circle with a place for each of its arrows.
fn with_arrows(mut text: String, level: &Level, circle: &BTreeSet<String>) -> String {
    for arrow in level.arrows() {
        if circle.contains(&arrow.from) && circle.contains(&arrow.to) {
            let _ = write!(
                text,
                "\n    {} -> {}: {}",
                arrow.from, arrow.to, arrow.example
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_need_each_other_in_one_direction() {
        let problems = check().unwrap();
        assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
    }

    /// The circles of a crate, as `module: a b`.
    fn circles(source: &str) -> Vec<String> {
        let levels = levels(&Crate::of(source));
        let mut found = Vec::new();
        for (module, level) in levels {
            for circle in level.circles() {
                let names: Vec<String> = circle.into_iter().collect();
                found.push(format!("{}: {}", module.join("::"), names.join(" ")));
            }
        }
        found
    }

    #[test]
    fn circles_are_found() {
        for (source, expected) in [
            ("mod a { use crate::b::X; } mod b { pub struct X; }", &[][..]),
            (
                "mod a { use crate::b::X; pub fn f() {} } mod b { pub struct X; fn g() { crate::a::f() } }",
                &[": a b"],
            ),
            // In groups, in macros, deep inside, and by way of a third.
            (
                "mod a { use crate::{c::{d::Y}}; } mod b { fn g() { println!(\"{}\", crate::a::f()) } }
                 mod c { pub mod d { fn h() { super::super::b::g() } } }",
                &[": a b c"],
            ),
            // By the name that somebody else hands on.
            (
                "pub use a::X; mod a { use super::b::Y; pub struct X; } mod b { use crate::X; pub struct Y; }",
                &[": a b"],
            ),
            (
                "mod a { pub use crate::b::*; pub struct X; } mod b { use crate::a::X; pub struct Y; }",
                &[": a b"],
            ),
            // A name that `use` brought in.
            (
                "mod a { use crate::c; fn f() { c::d::g() } } mod c { pub mod d { pub fn g() { e::h() } use crate::c::e; }
                 pub mod e { pub fn h() { super::d::g() } } }",
                &["c: d e"],
            ),
            // A module and those below it are one.
            (
                "mod a { mod b { use super::X; } pub use b::Y; pub struct X; }",
                &[],
            ),
            // What is for tests does not count, nor do other crates.
            (
                "mod a { use crate::b::X; } mod b { pub struct X; #[cfg(test)] mod tests { use crate::a::f; }
                 #[cfg(test)] use crate::a::g; fn h() { ::a::g(); other::a::g() } }",
                &[],
            ),
            (
                "mod a { use crate::b::X; } mod b { #[cfg(not(test))] use crate::a::f; }",
                &[": a b"],
            ),
        ] {
            assert_eq!(circles(source), expected, "{source}");
        }
    }

    #[test]
    fn layers_are_kept() {
        let all = Crate::of("mod a { use crate::b::X; } mod b {} mod c { use crate::a::Y; }");
        let levels = levels(&all);
        let level = &levels[&Vec::new()];
        let upward = |order: &[&str]| level.upward(order).len();
        assert_eq!(upward(&["b", "a", "c"]), 0);
        assert_eq!(upward(&["a", "b", "c"]), 1);
        assert_eq!(upward(&["b", "c"]), 2);
    }
}
