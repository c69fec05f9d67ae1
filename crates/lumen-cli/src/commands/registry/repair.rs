//! `lumen registry repair`.

use std::process::ExitCode;

use lumen_core::Key;
use lumen_ops::{
    OpsError,
    report::Reporter as _,
    verbs::repair::{self, Repaired},
};
use lumen_registry::log::Finding;
use serde_json::json;

use crate::{
    args::Target,
    commands::shared::{
        session::target,
        text::count,
        waiting::{tell_waiting, waiting_json},
    },
    report::USER,
    ui::Ui,
};

use super::check;

pub fn run(registry: &Target, ui: &Ui) -> Result<ExitCode, OpsError> {
    let (size, waiting, made) = match repair::repair(&target(registry, ui)?)? {
        Repaired::Signed(size, waiting, made) => (size, waiting, made),
        Repaired::Unsigned(changed, findings) => return Ok(unsigned(&changed, &findings, ui)),
    };
    if ui.json {
        let waiting = waiting.as_ref().map(waiting_json);
        ui.print_json(&json!({ "size": size, "waiting": waiting, "file_lists": made.len() }));
    }
    let what = match &waiting {
        None => format!("the registry shows all {size} entries of its log"),
        Some(_) => format!("all {size} entries of the log are finished"),
    };
    ui.done("Repaired", what);
    if !made.is_empty() {
        ui.done("Made", count(made.len(), "file list"));
    }
    if let Some(waiting) = &waiting {
        tell_waiting(waiting, ui);
    }
    Ok(ExitCode::SUCCESS)
}

/// What became of a registry without signatures.
fn unsigned(changed: &[Key], findings: &[Finding], ui: &Ui) -> ExitCode {
    if ui.json {
        let changed: Vec<&str> = changed.iter().map(Key::as_str).collect();
        let findings: Vec<_> = findings.iter().map(check::as_json).collect();
        ui.print_json(&json!({ "changed": changed, "problems": findings }));
    } else {
        changed.iter().for_each(|file| ui.print(file.as_str()));
    }
    let what = match changed.len() {
        0 => "nothing: every index agrees with its releases".into(),
        files => count(files, "file"),
    };
    ui.done("Repaired", what);
    if findings.is_empty() {
        return ExitCode::SUCCESS;
    }
    ui.error(
        &format!(
            "{} left, which follow from no other file",
            count(findings.len(), "problem")
        ),
        &[
            "bring the files back from a copy, or publish the release again from the same contents"
                .into(),
        ],
    );
    for finding in findings {
        ui.hints(&[format!("{}: {}", finding.place(), finding.what)]);
    }
    ExitCode::from(USER)
}
