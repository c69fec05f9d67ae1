//! `lumen pkg lock`.

use std::time::Instant;

use lumen_ops::{OpsError, members::Members, report::Reporter as _, resolve};

use super::install::{as_asked, prepare};
use crate::{
    args::InstallArgs,
    commands::shared::{
        changes::{changes_json, seconds, show_changes},
        text::count,
    },
    json::project::Locked,
    ui::Ui,
};

pub fn run(arguments: &InstallArgs, ui: &Ui) -> Result<(), OpsError> {
    let start = Instant::now();
    let (session, options) = prepare(arguments, Members::default(), ui)?;
    let dry_run = options.dry_run;
    let (project, _lock) = session.locked_project(dry_run)?;
    let resolved = resolve::run(&session, &project, &options);
    let resolved = resolved.map_err(|error| as_asked(error, &arguments.lock))?;
    if !dry_run {
        resolve::write_lock(&project, &resolved.lock)?;
    }
    show_changes(ui, &resolved.changes);
    let packages = resolved.lock.archives().count();
    ui.answer(&Locked {
        dry_run,
        packages,
        changes: changes_json(&resolved.changes),
    });
    let verb = if dry_run { "Would lock" } else { "Locked" };
    ui.done(
        verb,
        format!("{} in {}", count(packages, "package"), seconds(start)),
    );
    Ok(())
}
