//! `lumen pkg vendor`.

use std::path::Path;

use lumen_ops::{OpsError, report::Reporter as _, verbs::vendor};
use lumen_registry::Freshness;

use crate::{
    args::ProjectArgs,
    commands::shared::{session::session, text::count},
    json::{project::Vendored, shared::path},
    ui::Ui,
};

pub fn run(dir: &Path, project: &ProjectArgs, ui: &Ui) -> Result<(), OpsError> {
    let session = session(project, Freshness::Normal, ui)?;
    let packages = vendor::vendor(&session, dir)?;
    ui.answer(&Vendored {
        packages,
        dir: path(dir),
    });
    ui.done(
        "Vendored",
        format!("{} into {}", count(packages, "package"), dir.display()),
    );
    Ok(())
}
