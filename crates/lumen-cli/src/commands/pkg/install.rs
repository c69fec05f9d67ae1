//! `lumen pkg install`.

use std::time::Instant;

use lumen_ops::{OpsError, resolve::ResolveOptions, session::Session, verbs::install};
use lumen_registry::Freshness;

use crate::{
    args::InstallArgs,
    commands::shared::{
        changes::show,
        session::{resolve_options, session},
    },
    ui::Ui,
};

pub fn run(arguments: &InstallArgs, ui: &Ui) -> Result<(), OpsError> {
    let start = Instant::now();
    let (session, options) = prepare(arguments, ui)?;
    let outcome = install::run(&session, &options)?;
    show(ui, &outcome, options.dry_run, start);
    Ok(())
}

/// The session and options of `install` and `lock`; `--frozen` is also `--offline`.
pub fn prepare<'u>(
    arguments: &InstallArgs,
    ui: &'u Ui,
) -> Result<(Session<'u>, ResolveOptions), OpsError> {
    let options = resolve_options(&arguments.lock, arguments.dry_run, &arguments.resolve)?;
    let mut project = arguments.project.clone();
    project.registry.offline |= arguments.lock.frozen;
    Ok((session(&project, Freshness::Normal, ui)?, options))
}
