//! `lumen registry check`.

use std::process::ExitCode;

use lumen_ops::{
    OpsError,
    report::Reporter as _,
    verbs::{
        check::{self, Checked},
        repair,
    },
};
use lumen_registry::{
    ReadError,
    log::{Finding, Place},
    verify::TrustError,
};
use serde_json::json;

use crate::{
    args::Target,
    commands::shared::{session::target, text::count, waiting::tell_waiting},
    report::USER,
    ui::Ui,
};

pub fn run(registry: &Target, ui: &Ui) -> Result<ExitCode, OpsError> {
    let session = target(registry, ui)?;
    let Checked {
        is_signed,
        findings,
    } = check::check(&session)?;
    let waiting = match is_signed {
        true => repair::waiting(&session)?,
        false => None,
    };
    if ui.json {
        ui.print_json(&findings.iter().map(as_json).collect());
    } else {
        show(&findings, ui);
    }
    match (findings.is_empty(), is_signed) {
        (true, true) => {
            ui.done("Checked", "every file is as the log says".into());
            if let Some(waiting) = &waiting {
                tell_waiting(waiting, ui);
            }
            Ok(ExitCode::SUCCESS)
        }
        (true, false) => {
            ui.done("Checked", "all files agree; no signatures say more".into());
            Ok(ExitCode::SUCCESS)
        }
        (false, true) => {
            let reason = count(findings.len(), "problem");
            Err(ReadError::from(TrustError::Log { reason }).into())
        }
        (false, false) => {
            ui.error(
                &format!("the files do not agree: {}", count(findings.len(), "problem")),
                &["`lumen registry repair` makes the indexes again, as far as they follow from other files".into()],
            );
            Ok(ExitCode::from(USER))
        }
    }
}

/// Prints what is wrong, a line each.
pub fn show(findings: &[Finding], ui: &Ui) {
    for finding in findings {
        ui.print(&format!("{}: {}", finding.place(), finding.what));
    }
}

/// A finding as JSON.
pub fn as_json(finding: &Finding) -> serde_json::Value {
    let mut json = json!({ "file": finding.file, "problem": finding.what });
    if let Some(Place { line, column }) = finding.at {
        json["line"] = line.into();
        json["column"] = column.into();
    }
    json
}
