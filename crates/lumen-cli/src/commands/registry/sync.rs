//! `lumen registry sync`.

use std::process::ExitCode;

use lumen_ops::{OpsError, report::Reporter as _, verbs::sync};
use lumen_registry::Freshness;
use serde_json::json;

use crate::{
    args::RegistryArgs,
    commands::shared::{
        copied::{mirrored_json, mirrored_line},
        session::with,
    },
    report,
    ui::Ui,
};

/// Brings mirrors up to date. The code is that of the first that failed.
pub fn run(names: &[String], ui: &Ui) -> Result<ExitCode, OpsError> {
    let mut code = ExitCode::SUCCESS;
    let mut failed = false;
    let mut rows = Vec::new();
    let done = sync::run(
        &with(None, &RegistryArgs::default(), Freshness::Revalidate, ui)?,
        names,
        |name, mirror, outcome| match outcome {
            Ok(mirrored) => {
                ui.done("Mirrored", format!("{name}: {}", mirrored_line(&mirrored)));
                rows.push(json!({ "name": name, "mirrored": mirrored_json(&mirrored) }));
            }
            Err(error) => {
                let what = format!("`{}` to `{}`", mirror.from, mirror.to);
                ui.done("Failed", format!("{name}: {what}"));
                let shown = report::show_error(ui, &error);
                if !std::mem::replace(&mut failed, true) {
                    code = shown;
                }
                rows.push(json!({ "name": name, "error": report::error_json(&error) }));
            }
        },
    );
    if ui.json && !rows.is_empty() {
        ui.print_json(&rows.into());
    }
    done.map(|()| code)
}
