//! The command line, whose arguments may be texts from elsewhere: scripts pass them on.

use std::{ffi::OsString, io, path::Path, process::ExitCode};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use lumen_core::screen;

use super::Streams;
use crate::args::{self, Cli, Command, Usage, unknown};

/// The program under the name that the compiler's package client has.
const CLIENT: &str = "wares";

/// Reads the command line. `Err` has the exit code: what is wrong with it, or what was asked
/// about it, has been shown; `failed` says that this could not be written, and `wrong` that
/// there is no such command.
///
/// # Errors
/// When the program has nothing else to do.
pub fn parse(
    arguments: Vec<OsString>,
    failed: impl FnOnce(Streams, io::Error) -> ExitCode,
    wrong: impl FnOnce(Usage) -> ExitCode,
) -> Result<Cli, ExitCode> {
    let (arguments, parsed) = read(arguments);
    let error = match parsed {
        Ok(cli) => return Ok(cli),
        Err(error) => error,
    };
    if let Some(name) = no_command(&error) {
        let root = args::command();
        let family = unknown::family(&root, &arguments, name);
        return Err(wrong(unknown::command(&root, &family, name)));
    }
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

/// The command line as it is meant, and what it says. `help add` is `add --help`, at every
/// level; and under the name of the compiler's client, the program is `lumen pkg`.
fn read(mut arguments: Vec<OsString>) -> (Vec<OsString>, Result<Cli, clap::Error>) {
    let name = arguments.first().map(Path::new).and_then(Path::file_stem);
    if name.is_some_and(|name| name == CLIENT) {
        arguments.splice(..1, ["lumen".into(), "pkg".into()]);
    }
    let parsed = args::parse(&arguments);
    let help = match &parsed {
        Ok(Cli {
            command: Command::External(words),
            ..
        }) if words.first().is_some_and(|word| word == "help") => {
            arguments.len().checked_sub(words.len())
        }
        Err(error) if no_command(error) == Some("help") => {
            arguments.iter().position(|word| word == "help")
        }
        _ => None,
    };
    let Some(at) = help else {
        return (arguments, parsed);
    };
    arguments.remove(at);
    arguments.push("--help".into());
    let parsed = args::parse(&arguments);
    (arguments, parsed)
}

/// The word that is no command, if that is what is wrong.
fn no_command(error: &clap::Error) -> Option<&str> {
    match (error.kind(), error.get(ContextKind::InvalidSubcommand)) {
        (ErrorKind::InvalidSubcommand, Some(ContextValue::String(name))) => Some(name),
        _ => None,
    }
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
    match args::parse(&clean) {
        Err(again) => again.render().ansi().to_string(),
        // Only the raw argument is wrong.
        Ok(_) => screen::lines(&error.render().to_string()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(arguments: &[&str]) -> String {
        let (arguments, parsed) = read(arguments.iter().map(Into::into).collect());
        anstream::adapter::strip_str(&told(parsed.unwrap_err(), &arguments)).to_string()
    }

    #[test]
    fn help_is_asked_for_in_two_ways() {
        for (asked, usage) in [
            (&["lumen", "help"][..], "Usage: lumen [OPTIONS] <COMMAND>"),
            (&["lumen", "help", "add"], "Usage: lumen add "),
            (
                &["lumen", "--color", "never", "help", "pkg", "add"],
                "Usage: lumen pkg add ",
            ),
            (&["lumen", "pkg", "help", "add"], "Usage: lumen pkg add "),
            (&["lumen", "registry", "help"], "Usage: lumen registry "),
            (&["lumen", "key", "help", "new"], "Usage: lumen key new "),
            (
                &["/usr/bin/wares", "help", "i"],
                "Usage: lumen pkg install ",
            ),
            (&["wares.exe", "ls", "--help"], "Usage: lumen pkg list "),
            (&["wares"], "Usage: lumen pkg "),
        ] {
            let told = told_of(asked);
            assert!(told.contains(usage), "{asked:?}: {told}");
        }
        // The help of a command of the compiler is the compiler's.
        let (_, parsed) = read(["lumen", "help", "run"].map(OsString::from).into());
        let Ok(Cli {
            command: Command::External(words),
            ..
        }) = parsed
        else {
            panic!("{parsed:?}");
        };
        assert_eq!(words, ["run", "--help"]);
    }

    #[test]
    fn the_version_is_that_of_the_program() {
        let expected = format!("lumen {}\n", env!("CARGO_PKG_VERSION"));
        for words in [
            &["--version"][..],
            &["pkg", "-V"],
            &["pkg", "add", "--version"],
            &["i", "-V"],
            &["key", "new", "-V"],
        ] {
            assert_eq!(told_of(&[&["lumen"], words].concat()), expected);
        }
    }

    #[test]
    fn commands_work_without_their_family() {
        for (words, with) in [
            (&["add", "a"][..], &["pkg", "add", "a"][..]),
            (&["i"], &["pkg", "install"]),
            (&["uninstall", "a"], &["pkg", "remove", "a"]),
            (&["un", "a"], &["pkg", "remove", "a"]),
            (&["up"], &["pkg", "update"]),
            (&["ls"], &["pkg", "list"]),
            (
                &["publish", "--tag", "v1"],
                &["pkg", "publish", "--expect-tag", "v1"],
            ),
            (&["owner", "list", "a"], &["pkg", "owner", "list", "a"]),
        ] {
            let parsed = |words: &[&str]| {
                let line = [&["lumen"], words].concat();
                match read(line.iter().map(Into::into).collect())
                    .1
                    .unwrap()
                    .command
                {
                    Command::Verb(verb) => format!("{verb:?}"),
                    Command::Pkg(family) => match family {
                        args::Family::Verb(verb) => format!("{verb:?}"),
                        other => panic!("{other:?}"),
                    },
                    other => panic!("{other:?}"),
                }
            };
            assert_eq!(parsed(words), parsed(with));
        }
    }

    #[test]
    fn arguments_do_not_steer() {
        let told = told_of(&["lumen", "completions", "li\u{1b}[2Jst"]);
        assert!(told.contains("'li\\u{1b}[2Jst'"), "{told}");
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
