//! `cargo xtask schemas`: writes the JSON schemas of what `--json` prints.

use std::process::ExitCode;

use crate::shell::cargo;

/// Runs the test that compares the schemas with the types, and lets it write them: the types are
/// those of a program, which no other program can use.
pub fn run() -> ExitCode {
    let test = "json::schemas::the_published_schemas_are_those_of_the_types";
    let mut command = cargo();
    command
        .args(["test", "--quiet", "-p", "lumen-cli", "--bin", "lumen", "--"])
        .args(["--exact", test])
        .env("LUMEN_WRITE_SCHEMAS", "1");
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
