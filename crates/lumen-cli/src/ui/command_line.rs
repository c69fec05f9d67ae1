//! The command line, whose arguments may be texts from elsewhere: scripts pass them on.

use std::{ffi::OsString, io, process::ExitCode};

use clap::Parser as _;
use lumen_core::screen;

use super::Streams;
use crate::args::Cli;

/// Reads the command line. `Err` has the exit code: what is wrong with it, or what was asked
/// about it, has been shown; `failed` says that this could not be written.
///
/// # Errors
/// When the program has nothing else to do.
pub fn parse(
    arguments: Vec<OsString>,
    failed: impl FnOnce(Streams, io::Error) -> ExitCode,
) -> Result<Cli, ExitCode> {
    let error = match Cli::try_parse_from(&arguments) {
        Ok(cli) => return Ok(cli),
        Err(error) => error,
    };
    let is_result = !error.use_stderr();
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    let text = told(error, &arguments);
    let streams = Streams::of_process();
    if !is_result {
        streams.write_err(&text);
        return Err(ExitCode::from(code));
    }
    streams.write_out(text.trim_end_matches('\n'));
    Err(match streams.written() {
        Ok(()) => ExitCode::from(code),
        Err(error) => failed(streams, error),
    })
}

/// What clap says. It repeats arguments as they are and has its own styles in the text, so
/// it reads them once more with escapes where one of them could steer a terminal.
fn told(error: clap::Error, arguments: &[OsString]) -> String {
    let clean = arguments.iter().map(|argument| {
        let text = argument.to_string_lossy();
        screen::line(&text).into_owned()
    });
    let clean: Vec<String> = clean.collect();
    if clean
        .iter()
        .zip(arguments)
        .all(|(clean, raw)| raw == clean.as_str())
    {
        return error.render().ansi().to_string();
    }
    match Cli::try_parse_from(&clean) {
        Err(again) => again.render().ansi().to_string(),
        // Only the raw argument is wrong.
        Ok(_) => screen::lines(&error.render().to_string()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(arguments: &[&str]) -> String {
        let arguments: Vec<OsString> = arguments.iter().map(Into::into).collect();
        let error = Cli::try_parse_from(&arguments).unwrap_err();
        anstream::adapter::strip_str(&told(error, &arguments)).to_string()
    }

    #[test]
    fn arguments_do_not_steer() {
        let told = told_of(&["lumen", "pkg", "li\u{1b}[2Jst"]);
        assert!(
            told.contains("unrecognized subcommand 'li\\u{1b}[2Jst'"),
            "{told}"
        );
        let told = told_of(&["lumen", "pkg", "list", "--x\nerror: y\u{202e}"]);
        assert!(told.contains("'--x\\nerror: y\\u{202e}'"), "{told}");
        let told = told_of(&["lumen", "--color", "\u{9b}31m", "pkg", "list"]);
        assert!(told.contains("'\\u{9b}31m'"), "{told}");
    }

    #[test]
    fn help_is_shown_as_it_is() {
        let told = told_of(&["lumen", "--help"]);
        assert!(told.contains("Usage:"), "{told}");
    }
}
