//! `lumen registry rebuild`.

use lumen_core::Key;
use lumen_ops::{
    OpsError,
    report::Reporter as _,
    verbs::{rebuild, repair},
};
use serde_json::json;

use crate::{
    args::Target,
    commands::shared::{session::target, text::count, waiting::tell_waiting},
    ui::Ui,
};

pub fn run(registry: &Target, ui: &Ui) -> Result<(), OpsError> {
    let session = target(registry, ui)?;
    let changed = rebuild::rebuild(&session)?;
    let changed: Vec<&str> = changed.iter().map(Key::as_str).collect();
    if ui.json {
        ui.print_json(&json!({ "changed": changed }));
    } else {
        changed.iter().for_each(|file| ui.print(file));
    }
    let what = match changed.len() {
        0 => "nothing: every file is as it should be".into(),
        files => count(files, "file"),
    };
    ui.done("Rebuilt", what);
    if let Some(waiting) = repair::waiting(&session)? {
        tell_waiting(&waiting, ui);
    }
    Ok(())
}
