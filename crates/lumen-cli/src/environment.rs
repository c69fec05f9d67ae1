//! The one place that reads the environment of the process and the folder that it runs in.

use std::{
    env, io,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use etcetera::BaseStrategy as _;
use lumen_ops::{
    OpsError,
    settings::{Environment, Folders},
};
use lumen_registry::variables::Variables;

/// The variables of the process, read once.
#[expect(clippy::disallowed_methods, reason = "the one place that reads them")]
pub fn variables() -> &'static Variables {
    static READ: OnceLock<Variables> = OnceLock::new();
    READ.get_or_init(|| env::vars_os().collect())
}

/// Runs everything in another folder, also other programs.
///
/// # Errors
/// When it is no folder that can be entered.
pub fn enter(dir: &Path) -> Result<(), OpsError> {
    env::set_current_dir(dir).map_err(|source| {
        let what = format!("cannot run in `{}`: {source}", dir.display());
        OpsError::Io(io::Error::new(source.kind(), what))
    })
}

/// The folder that the program runs in.
///
/// # Errors
/// When it does not exist any more.
#[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
pub fn working_dir() -> Result<PathBuf, OpsError> {
    Ok(env::current_dir()?)
}

/// A path of the command line, absolute.
///
/// # Errors
/// As [`working_dir`].
pub fn absolute(path: &Path) -> Result<PathBuf, OpsError> {
    Ok(working_dir()?.join(path))
}

/// What the environment says of the user's folders and of Lumen's.
///
/// # Errors
/// When no home folder can be found, or a variable makes no sense.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks the system"
)]
pub fn read() -> Result<Environment, OpsError> {
    let strategy = etcetera::choose_base_strategy().ok();
    let folders = Folders {
        working: working_dir()?,
        home: strategy.as_ref().map(|all| all.home_dir().to_owned()),
        config: strategy.as_ref().map(|all| all.config_dir()),
        data: strategy.as_ref().map(|all| all.data_dir()),
        temporary: env::temp_dir(),
    };
    Environment::of(variables(), &folders)
}
