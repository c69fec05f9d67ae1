//! `lumen registry repair`.

use lumen_ops::{OpsError, report::Reporter as _, verbs::repair};
use serde_json::json;

use crate::{
    args::Target,
    commands::shared::{
        session::target,
        waiting::{tell_waiting, waiting_json},
    },
    ui::Ui,
};

pub fn run(registry: &Target, ui: &Ui) -> Result<(), OpsError> {
    let (size, waiting) = repair::repair(&target(registry, ui)?)?;
    if ui.json {
        let waiting = waiting.as_ref().map(waiting_json);
        ui.print_json(&json!({ "size": size, "waiting": waiting }));
    }
    let what = match &waiting {
        None => format!("the registry shows all {size} entries of its log"),
        Some(_) => format!("all {size} entries of the log are finished"),
    };
    ui.done("Repaired", what);
    if let Some(waiting) = &waiting {
        tell_waiting(waiting, ui);
    }
    Ok(())
}
