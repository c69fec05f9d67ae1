//! Development tasks: `cargo xtask demo`, `test`, `modules`, `schemas`, `fuzz` and
//! `resolve-suite`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a development tool talks to the terminal, and reads its environment"
)]

mod checks;
mod demo;
mod fuzz;
mod modules;
mod resolve_suite;
mod schemas;
mod shell;
mod timed;

use std::{path::PathBuf, process::ExitCode};

const HELP: &str = "\
Development tasks.

  cargo xtask demo                  a registry, packages and a project in target/demo
  cargo xtask test [STEP...]        everything that must hold before a change is merged
  cargo xtask modules               whether modules need each other in one direction only
  cargo xtask schemas               writes docs/schemas from the types of the command line
  cargo xtask fuzz [TARGET...] [--runs N]  fuzzing, with the nightly toolchain
  cargo xtask resolve-suite FILE... the resolver against suites of recorded cases

Steps of `test`, in order: tools fmt clippy deny test doc demo fuzz
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let task = args.next();
    let rest: Vec<String> = args.collect();
    match task.as_deref() {
        Some("demo") if rest.is_empty() => demo::run(),
        Some("test") => checks::run(&rest),
        Some("modules") if rest.is_empty() => modules::run(),
        Some("schemas") if rest.is_empty() => schemas::run(),
        Some("fuzz") => fuzz::run(&rest),
        // How `test` starts each test program.
        Some("timed") => timed::program(&rest),
        Some("resolve-suite") => {
            let files: Vec<PathBuf> = rest.iter().map(PathBuf::from).collect();
            resolve_suite::run(&files)
        }
        Some("help" | "--help" | "-h") => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        _ => {
            eprint!("{HELP}");
            ExitCode::from(2)
        }
    }
}
