//! Commands that are not Lumen's own: `lumen-<command>` on the path, else the next `lumen` there.
//!
//! The Lumen compiler is a program called `lumen` too; `lumen run x` reaches it
//! whichever of the two comes first on the path.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use crate::environment;

/// Runs the command in another program. Returns its exit code, or `None` when there is none.
///
/// # Errors
/// When the program cannot be started.
pub fn run(arguments: &[OsString]) -> std::io::Result<Option<i32>> {
    let Some((name, rest)) = arguments.split_first() else {
        return Ok(None);
    };
    let path = environment::variables().raw("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = env::split_paths(path).collect();
    let subcommand = format!(
        "lumen-{}{}",
        name.to_string_lossy(),
        env::consts::EXE_SUFFIX
    );
    let mut command = if let Some(program) = find(&dirs, &subcommand, None) {
        let mut command = Command::new(program);
        command.args(rest);
        command
    } else {
        let own = env::current_exe().and_then(|path| path.canonicalize()).ok();
        let compiler = format!("lumen{}", env::consts::EXE_SUFFIX);
        let Some(program) = find(&dirs, &compiler, own.as_deref()) else {
            return Ok(None);
        };
        let mut command = Command::new(program);
        command.args(arguments);
        command
    };
    // A process ended by a signal has no code.
    command
        .status()
        .map(|status| Some(status.code().unwrap_or(70)))
}

/// The first program of that name on the path that is not `except`.
fn find(dirs: &[PathBuf], name: &str, except: Option<&Path>) -> Option<PathBuf> {
    let candidates = dirs
        .iter()
        .map(|dir| dir.join(name))
        .filter(|path| is_program(path));
    let is_other = |path: &PathBuf| {
        except.is_none_or(|except| path.canonicalize().is_ok_and(|path| path != except))
    };
    candidates.into_iter().find(is_other)
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}
