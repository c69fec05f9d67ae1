//! `lumen registry mirror`.

use lumen_ops::{
    OpsError,
    report::Reporter as _,
    verbs::mirror::{self, Request},
};
use lumen_registry::Freshness;

use crate::{
    commands::shared::{
        copied::{mirrored_json, mirrored_line},
        session::alone,
    },
    ui::Ui,
};

pub fn run(request: &Request, ui: &Ui) -> Result<(), OpsError> {
    let mirrored = mirror::run(&alone(Freshness::Revalidate, ui)?, request)?;
    ui.answer(&mirrored_json(&mirrored));
    ui.done("Mirrored", mirrored_line(&mirrored));
    if let Some(some) = &mirrored.report.selection {
        let patterns = some.patterns().join(", ");
        ui.hints(&[format!(
            "the mirror only has packages that match {patterns}"
        )]);
    }
    Ok(())
}
