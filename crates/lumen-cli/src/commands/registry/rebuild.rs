//! `lumen registry rebuild`.

use lumen_core::{Key, problem::Problem};
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

/// Makes the file lists that are missing.
pub fn file_lists(registry: &Target, ui: &Ui) -> Result<(), OpsError> {
    let session = target(registry, ui)?;
    let relisted = rebuild::file_lists(&session)?;
    let made: Vec<&str> = relisted.made.iter().map(Key::as_str).collect();
    if ui.json {
        let without = relisted.without.iter();
        let without = without.map(|release| {
            json!({ "name": release.name, "version": release.version, "why": release.why })
        });
        let without: Vec<_> = without.collect();
        ui.print_json(&json!({ "changed": made, "without": without }));
    } else {
        made.iter().for_each(|file| ui.print(file));
    }
    for release in &relisted.without {
        let what = format!(
            "`{}` {} has no file list: {}",
            release.name, release.version, release.why
        );
        ui.warn(Problem::warning(what));
    }
    let what = match made.len() {
        0 => "nothing: every archive that can have a file list has one".into(),
        files => count(files, "file list"),
    };
    ui.done("Made", what);
    Ok(())
}
