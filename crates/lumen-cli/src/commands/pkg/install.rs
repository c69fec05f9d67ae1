//! `lumen pkg install`.

use std::time::Instant;

use lumen_ops::{
    OpsError,
    members::{Dev, Members},
    resolve::ResolveOptions,
    session::Session,
    verbs::install,
};
use lumen_registry::Freshness;

use crate::{
    args::{DevArgs, InstallArgs, LockArgs, MemberArgs},
    commands::shared::{
        changes::{installed, show},
        session::{about, members, resolve_options},
    },
    ui::Ui,
};

pub fn run(
    dev: &DevArgs,
    chosen: &MemberArgs,
    arguments: &InstallArgs,
    ui: &Ui,
) -> Result<(), OpsError> {
    let start = Instant::now();
    let (session, mut options) = prepare(arguments, members(chosen), ui)?;
    options.dev = match (dev.no_dev, dev.only_dev) {
        (true, _) => Dev::Without,
        (_, true) => Dev::Only,
        _ => Dev::With,
    };
    let outcome = install::run(&session, &options);
    let outcome = outcome.map_err(|error| as_asked(error, &arguments.lock))?;
    ui.answer(&installed(&outcome, options.dry_run));
    show(ui, &outcome, options.dry_run, start);
    Ok(())
}

/// The session and options of `install` and `lock`; `--frozen` is also `--offline`.
pub fn prepare<'u>(
    arguments: &InstallArgs,
    members: Members,
    ui: &'u Ui,
) -> Result<(Session<'u>, ResolveOptions), OpsError> {
    let options = resolve_options(&arguments.lock, arguments.dry_run, &arguments.resolve)?;
    let mut project = arguments.project.clone();
    project.registry.offline |= arguments.lock.frozen;
    let freshness = match arguments.refresh {
        true => Freshness::Revalidate,
        false => Freshness::Normal,
    };
    Ok((about(members, &project, freshness, ui)?, options))
}

/// The error as it is about the flag that the user gave.
pub fn as_asked(error: OpsError, lock: &LockArgs) -> OpsError {
    match error {
        OpsError::Locked { reason } if lock.frozen => OpsError::Frozen { reason },
        error => error,
    }
}
