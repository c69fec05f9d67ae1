//! `lumen pkg update`.

use std::time::Instant;

use lumen_ops::{OpsError, report::Reporter as _, verbs::update};
use lumen_registry::Freshness;

use super::add::describe;
use crate::{
    args::{LockArgs, ProjectArgs, ResolveArgs},
    commands::shared::{
        changes::show,
        session::{resolve_options, session},
    },
    ui::Ui,
};

pub fn run(
    names: &[String],
    breaking: bool,
    dry_run: bool,
    resolve: &ResolveArgs,
    project: &ProjectArgs,
    ui: &Ui,
) -> Result<(), OpsError> {
    let start = Instant::now();
    let options = resolve_options(&LockArgs::default(), dry_run, resolve)?;
    let session = session(project, Freshness::Revalidate, ui)?;
    let (raised, outcome) = update::update(&session, names, breaking, &options)?;
    for addition in &raised {
        ui.done(
            if dry_run { "Would raise" } else { "Raised" },
            describe(addition),
        );
    }
    show(ui, &outcome, dry_run, start);
    Ok(())
}
