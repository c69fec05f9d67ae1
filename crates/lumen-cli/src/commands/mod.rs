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

use std::process::ExitCode;

use lumen_ops::OpsError;

use crate::{
    args::{self, Cli, Command, unknown},
    external,
    json::Completions,
    report::CliError,
    ui::Ui,
};

/// Runs the command and returns its exit code.
///
/// # Errors
/// Whatever the operation fails with.
pub fn run(cli: Cli, ui: &Ui) -> Result<ExitCode, CliError> {
    match cli.command {
        Command::Pkg(command) => return pkg::run(command, ui),
        Command::Verb(command) => return pkg::run_verb(*command, ui),
        Command::Registry(command) => return registry::run(command, ui),
        Command::Key(command) => key::run(command, ui)?,
        Command::Trust(command) => trust::run(command, ui)?,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut args::command(), "lumen", &mut script);
            let script = String::from_utf8_lossy(&script);
            match ui.json {
                true => ui.answer(&Completions {
                    shell: shell.to_string(),
                    script: script.into_owned(),
                }),
                false => ui.print_file(&script),
            }
        }
        Command::External(arguments) => {
            if let Some(code) = external::run(&arguments).map_err(OpsError::from)? {
                return Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)));
            }
            let name = arguments.first().map(|name| name.to_string_lossy());
            let unknown = unknown::command(&args::command(), &[], &name.unwrap_or_default());
            return Err(unknown.into());
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use crate::args;

    #[test]
    fn the_command_line_is_well_formed() {
        args::command().debug_assert();
    }
}
