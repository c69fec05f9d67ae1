//! Running other programs and saying so.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The root of the repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// The cargo that runs this program.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Whether a program starts and succeeds; its output is thrown away.
pub fn works(program: impl AsRef<OsStr>, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    succeeds(command.args(args))
}

/// Whether a command starts and succeeds; its output is thrown away.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs a command with its output on the terminal.
///
/// # Errors
/// When it cannot be started or fails; the message names it.
pub fn run(command: &mut Command) -> io::Result<()> {
    let name = display(command);
    let status = command
        .status()
        .map_err(|error| io::Error::new(error.kind(), format!("cannot run `{name}`: {error}")))?;
    match status.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("`{name}` failed ({status})"))),
    }
}

/// The command as one would type it, without the path of the program.
pub fn display(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_stem().unwrap_or(program.as_os_str());
    let words = std::iter::once(program).chain(command.get_args());
    words
        .map(|word| quoted(&word.to_string_lossy()))
        .collect::<Vec<_>>()
        .join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=@:,^~+".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_as_one_types_them() {
        let mut command = Command::new("/a/b/lumen");
        command.args(["pkg", "yank", "a@1.0.0", "--reason", "it's broken"]);
        assert_eq!(
            display(&command),
            r"lumen pkg yank a@1.0.0 --reason 'it'\''s broken'"
        );
    }
}
