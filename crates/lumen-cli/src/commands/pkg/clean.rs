//! `lumen pkg clean`.

use std::path::PathBuf;

use lumen_ops::{OpsError, report::Reporter as _, verbs::clean};
use lumen_registry::Freshness;

use crate::{
    args::RegistryArgs,
    commands::shared::session::with,
    json::{project::Cleaned, shared::path},
    ui::Ui,
};

pub fn run(manifest_path: Option<PathBuf>, ui: &Ui) -> Result<(), OpsError> {
    let session = with(
        manifest_path,
        &RegistryArgs::default(),
        Freshness::Normal,
        ui,
    )?;
    clean::clean(&session)?;
    ui.answer(&Cleaned {
        project: path(&session.project()?.root),
    });
    ui.done("Cleaned", "links and `.lumen`; lumen.lock is kept".into());
    Ok(())
}
