//! The command line, whose arguments may be texts from elsewhere: scripts pass them on.

use std::{ffi::OsString, io, path::Path, process::ExitCode};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use lumen_core::screen;

use super::Streams;
use crate::{
    args::{self, Cli, Command, Usage, unknown},
    json::{Answer, DEFECT, Failure, Kind, Text},
};

/// The program under the name that the compiler's package client has.
const CLIENT: &str = "wares";

/// A command line that names no command.
#[derive(Debug)]
pub struct Wrong {
    /// What is wrong with it.
    pub usage: Usage,
    /// The family of commands that it names.
    pub command: Option<String>,
    /// Whether it asks for JSON.
    pub json: bool,
}

/// Reads the command line. `Err` has the exit code: what is wrong with it, or what was asked
/// about it, has been shown; `failed` says that this could not be written, and `wrong` that
/// there is no such command.
///
/// # Errors
/// When the program has nothing else to do.
pub fn parse(
    arguments: Vec<OsString>,
    failed: impl FnOnce(Streams, io::Error) -> ExitCode,
    wrong: impl FnOnce(Wrong) -> ExitCode,
) -> Result<Cli, ExitCode> {
    let (arguments, parsed) = read(arguments);
    let json = args::asks_json(&arguments);
    let error = match parsed {
        Ok(mut cli) => {
            // An unknown command takes all words behind it as its own.
            cli.global.json |= json && matches!(cli.command, Command::External(_));
            return Ok(cli);
        }
        Err(error) => error,
    };
    let root = args::command();
    if let Some(name) = no_command(&error) {
        let family = unknown::family(&root, &arguments, name);
        return Err(wrong(Wrong {
            usage: unknown::command(&root, &family, name),
            command: args::named(&root, &arguments),
            json,
        }));
    }
    let kind = error.kind();
    let is_result = !error.use_stderr();
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    let text = told(error, &arguments);
    let plain = anstream::adapter::strip_str(&text).to_string();
    let streams = Streams::of_process();
    if !is_result {
        streams.write_err(&text);
        if json {
            let Usage { what, hints } = usage(kind, &plain);
            let failure = Failure::new(Kind::Usage, code, what, hints);
            let command = args::named(&root, &arguments);
            streams.write_answer(&Answer::of(command, Some(failure)));
        }
        return Err(ExitCode::from(code));
    }
    match json {
        true => {
            let asked = match kind {
                ErrorKind::DisplayVersion => "version",
                _ => "help",
            };
            streams.write_answer(&about(asked, plain));
        }
        false => streams.write_out(text.trim_end_matches('\n')),
    }
    Err(match streams.written() {
        Ok(()) => ExitCode::from(code),
        Err(error) => failed(streams, error),
    })
}

/// What was asked about the program, as the one object of its run.
fn about(asked: &str, text: String) -> Answer {
    let mut answer = Answer::of(Some(asked.into()), None);
    let text = text.trim_end().to_owned();
    if let Err(error) = answer.take(&Text { text }) {
        answer.error = Some(Failure::new(
            Kind::Defect,
            DEFECT,
            error.to_string(),
            Vec::new(),
        ));
    }
    answer
}

/// Writes the one object of a run that ended with a defect, which was told, if the arguments ask
/// for it.
pub fn defective(arguments: &[OsString]) {
    if !args::asks_json(arguments) {
        return;
    }
    let hint = "please report it, with what standard error says and with what you did";
    let what = "lumen has a defect";
    let failure = Failure::new(Kind::Defect, DEFECT, what, vec![hint.into()]);
    let command = args::named(&args::command(), arguments);
    Streams::of_process().write_answer(&Answer::of(command, Some(failure)));
}

/// What clap says, as a message and hints.
fn usage(kind: ErrorKind, text: &str) -> Usage {
    if kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Usage {
            what: "a command is missing".into(),
            hints: vec!["`--help` lists the commands".into()],
        };
    }
    let mut parts = text.split("\n\n").map(|part| {
        let words: Vec<&str> = part.split_whitespace().collect();
        words.join(" ")
    });
    let what = parts.next().unwrap_or_default();
    let hints = parts.filter(|part| !part.is_empty());
    Usage {
        what: what.strip_prefix("error: ").unwrap_or(&what).to_owned(),
        hints: hints
            .map(|part| part.strip_prefix("tip: ").unwrap_or(&part).to_owned())
            .collect(),
    }
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
    fn what_clap_says_is_a_message_and_hints() {
        let said = |words: &[&str]| {
            let error = read(words.iter().map(Into::into).collect()).1.unwrap_err();
            let kind = error.kind();
            usage(kind, &error.render().to_string())
        };
        let Usage { what, hints } = said(&["lumen", "pkg", "list", "--lokced"]);
        assert_eq!(what, "unexpected argument '--lokced' found");
        assert!(hints[0].starts_with("Usage: lumen pkg list"), "{hints:?}");
        let Usage { what, hints } = said(&["lumen", "pkg", "why"]);
        assert!(what.ends_with("not provided: <NAME>"), "{what}");
        assert!(!hints.is_empty());
        assert_eq!(said(&["lumen", "pkg"]).what, "a command is missing");
    }

    #[test]
    fn a_wrong_command_line_names_its_command() {
        let named = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
            args::named(&args::command(), &words)
        };
        for (line, expected) in [
            ("lumen --json i --x", Some("pkg install")),
            ("lumen pkg owner add --json", Some("pkg owner add")),
            ("lumen registry trust", Some("registry trust")),
            ("lumen run pkg2 --json", None),
        ] {
            assert_eq!(named(line).as_deref(), expected, "{line}");
        }
        let asks = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
            args::asks_json(&words)
        };
        assert!(asks("lumen pkg list --json"));
        assert!(!asks("lumen run x -- --json"));
    }

    #[test]
    fn help_is_shown_as_it_is() {
        let told = told_of(&["lumen", "--help"]);
        assert!(told.contains("Usage:"), "{told}");
    }
}
