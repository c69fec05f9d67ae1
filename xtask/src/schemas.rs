//! `cargo xtask schemas`: writes the JSON schemas of the output of `--json`.

use std::process::ExitCode;

use crate::shell::{self, cargo};

/// Runs the test that compares the schemas with the types, and lets it write them: the types are
/// those of a program, which no other program can use.
pub fn run() -> ExitCode {
    let test = "json::schemas::the_published_schemas_are_those_of_the_types";
    let mut command = cargo();
    command
        .args(["test", "--quiet", "-p", "lumen-cli", "--bin", "lumen", "--"])
        .args(["--exact", test])
        .env("LUMEN_WRITE_SCHEMAS", "1");
    match shell::run(&mut command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
