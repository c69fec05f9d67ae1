//! `lumen pkg remove`.

use std::time::Instant;

use lumen_ops::{OpsError, report::Reporter as _, verbs::remove};
use lumen_registry::Freshness;

use crate::{
    args::{LockArgs, MemberArgs, ProjectArgs, ResolveArgs},
    commands::shared::{
        changes::{installed, show},
        session::{about, members, resolve_options},
    },
    ui::Ui,
};

pub fn run(
    names: &[String],
    dry_run: bool,
    arguments: &MemberArgs,
    project: &ProjectArgs,
    ui: &Ui,
) -> Result<(), OpsError> {
    let start = Instant::now();
    let options = resolve_options(&LockArgs::default(), dry_run, &ResolveArgs::default())?;
    let session = about(members(arguments), project, Freshness::Normal, ui)?;
    let outcome = remove::remove(&session, names, &options)?;
    for name in names {
        ui.done(
            if dry_run { "Would drop" } else { "Removed" },
            format!("`{name}`"),
        );
    }
    ui.answer(&installed(&outcome, dry_run));
    show(ui, &outcome, dry_run, start);
    Ok(())
}
