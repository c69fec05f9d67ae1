//! `lumen registry rebuild`.

use lumen_core::{Key, problem::Problem};
use lumen_ops::{
    OpsError,
    report::Reporter as _,
    verbs::{rebuild, repair},
};

use crate::{
    args::Target,
    commands::shared::{session::target, text::count, waiting::tell_waiting},
    json::registry::{Rebuilt, Without},
    ui::Ui,
};

pub fn run(registry: &Target, ui: &Ui) -> Result<(), OpsError> {
    let session = target(registry, ui)?;
    let changed = rebuild::rebuild(&session)?;
    let changed: Vec<&str> = changed.iter().map(Key::as_str).collect();
    if ui.json {
        ui.answer(&Rebuilt {
            changed: changed.iter().map(ToString::to_string).collect(),
            without: None,
        });
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
        let without = relisted.without.iter().map(|release| Without {
            name: release.name.to_string(),
            version: release.version.to_string(),
            why: release.why.clone(),
        });
        ui.answer(&Rebuilt {
            changed: made.iter().map(ToString::to_string).collect(),
            without: Some(without.collect()),
        });
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
