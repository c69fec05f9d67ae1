//! `lumen registry sync`.

use std::process::ExitCode;

use lumen_ops::{OpsError, report::Reporter as _, verbs::sync};
use lumen_registry::Freshness;

use crate::{
    args::RegistryArgs,
    commands::shared::{
        copied::{mirrored_json, mirrored_line},
        session::with,
    },
    json::registry::{Synced, Synchronised},
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
                rows.push(Synchronised::Good {
                    name: name.to_owned(),
                    mirrored: mirrored_json(&mirrored),
                });
            }
            Err(error) => {
                let what = format!("`{}` to `{}`", mirror.from, mirror.to);
                ui.done("Failed", format!("{name}: {what}"));
                let shown = report::show_error(ui, &error);
                if !std::mem::replace(&mut failed, true) {
                    code = shown;
                }
                rows.push(Synchronised::Failed {
                    name: name.to_owned(),
                    error: Box::new(report::failure_of(&error)),
                });
            }
        },
    );
    ui.answer(&Synced { mirrors: rows });
    done.map(|()| code)
}
