//! The commands, one file each: arguments to options, one operation, its result to the screen.
//!
//! | folder | what |
//! |---|---|
//! | `pkg`, `registry` | `lumen pkg …` and `lumen registry …` |
//! | `key`, `trust` | `lumen key …` and `lumen trust …` |
//! | `shared` | what several commands open, count and show |

mod key;
mod pkg;
mod registry;
mod shared;
mod trust;

use std::{ffi::OsString, process::ExitCode};

use clap::CommandFactory as _;
use lumen_ops::OpsError;
use serde_json::json;

use crate::{
    args::{Cli, Command},
    external,
    report::CliError,
    ui::Ui,
};

/// Runs the command and returns its exit code.
///
/// # Errors
/// Whatever the operation fails with.
pub fn run(cli: Cli, ui: &Ui) -> Result<ExitCode, CliError> {
    match cli.command {
        Command::Pkg(command) => pkg::run(*command, ui)?,
        Command::Registry(command) => return registry::run(command, ui),
        Command::Key(command) => key::run(command, ui)?,
        Command::Trust(command) => trust::run(command, ui)?,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "lumen", &mut script);
            let script = String::from_utf8_lossy(&script);
            match ui.json {
                true => ui.print_json(&json!({ "shell": shell.to_string(), "script": script })),
                false => ui.print_file(&script),
            }
        }
        Command::External(arguments) => {
            let name = arguments
                .first()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            return match external::run(&arguments).map_err(OpsError::from)? {
                Some(code) => Ok(ExitCode::from(u8::try_from(code).unwrap_or(1))),
                None if name == "help" => {
                    ui.print(&help(&arguments));
                    Ok(ExitCode::SUCCESS)
                }
                None => {
                    let known = pkg::names();
                    let hint = match known.contains(&name) {
                        true => format!("did you mean `lumen pkg {name}`?"),
                        false => "`lumen --help` lists the commands; others need the Lumen compiler on the path".into(),
                    };
                    ui.error(&format!("there is no command `lumen {name}`"), &[hint]);
                    Ok(ExitCode::from(2))
                }
            };
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The help of the program, or of the command that the arguments after `help` name.
fn help(arguments: &[OsString]) -> String {
    let mut command = Cli::command();
    command.build();
    for name in arguments.iter().skip(1) {
        if let Some(found) = command.find_subcommand(name).cloned() {
            command = found;
        }
    }
    command.render_help().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_that_of_the_command_it_names() {
        let help = |names: &[&str]| {
            let names: Vec<OsString> = names.iter().map(OsString::from).collect();
            help(&names)
        };
        assert!(help(&["help"]).contains("Usage: lumen [OPTIONS]"));
        assert!(help(&["help", "pkg", "add"]).contains("Usage: lumen pkg add"));
        assert_eq!(help(&["help", "unknown"]), help(&["help"]));
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
        assert!(pkg::names().contains(&"publish".to_owned()));
    }
}
