//! `lumen pkg update`.

use std::time::Instant;

use lumen_ops::{OpsError, report::Reporter as _, verbs::update};
use lumen_registry::Freshness;

use super::add::{describe, written};
use crate::{
    args::{LockArgs, MemberArgs, ProjectArgs, ResolveArgs},
    commands::shared::{
        changes::{installed, show},
        session::{about, members, resolve_options},
    },
    json::project::Edited,
    ui::Ui,
};

/// What to move, and how far.
pub struct Wishes<'a> {
    /// Packages, with versions where the user asks for some.
    pub names: &'a [String],
    /// The version of the only one.
    pub precise: Option<&'a str>,
    pub breaking: bool,
    pub dry_run: bool,
}

pub fn run(
    wishes: &Wishes<'_>,
    resolve: &ResolveArgs,
    arguments: &MemberArgs,
    project: &ProjectArgs,
    ui: &Ui,
) -> Result<(), OpsError> {
    let start = Instant::now();
    let dry_run = wishes.dry_run;
    let options = resolve_options(&LockArgs::default(), dry_run, resolve)?;
    let session = about(members(arguments), project, Freshness::Revalidate, ui)?;
    let (raised, outcome) = update::update(
        &session,
        wishes.names,
        wishes.precise,
        wishes.breaking,
        &options,
    )?;
    for addition in &raised {
        ui.done(
            if dry_run { "Would raise" } else { "Raised" },
            describe(addition),
        );
    }
    ui.answer(&Edited {
        dependencies: written(&raised),
        installed: installed(&outcome, dry_run),
    });
    show(ui, &outcome, dry_run, start);
    Ok(())
}
