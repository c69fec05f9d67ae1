//! `lumen pkg vendor`.

use std::path::Path;

use lumen_ops::{OpsError, report::Reporter as _, verbs::vendor};
use lumen_registry::Freshness;
use serde_json::json;

use crate::{
    args::ProjectArgs,
    commands::shared::{session::session, text::count},
    ui::{Ui, path_json},
};

pub fn run(dir: &Path, project: &ProjectArgs, ui: &Ui) -> Result<(), OpsError> {
    let session = session(project, Freshness::Normal, ui)?;
    let packages = vendor::vendor(&session, dir)?;
    if ui.json {
        ui.print_json(&json!({ "packages": packages, "dir": path_json(dir) }));
    }
    ui.done(
        "Vendored",
        format!("{} into {}", count(packages, "package"), dir.display()),
    );
    Ok(())
}
