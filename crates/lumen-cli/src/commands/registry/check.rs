//! `lumen registry check`.

use lumen_ops::{
    OpsError,
    report::Reporter as _,
    verbs::{check, repair},
};
use lumen_registry::{ReadError, verify::TrustError};
use serde_json::json;

use crate::{
    args::Target,
    commands::shared::{session::target, text::count, waiting::tell_waiting},
    ui::Ui,
};

pub fn run(registry: &Target, ui: &Ui) -> Result<(), OpsError> {
    let session = target(registry, ui)?;
    let findings = check::check(&session)?;
    let waiting = repair::waiting(&session)?;
    if ui.json {
        let findings = findings
            .iter()
            .map(|finding| json!({ "file": finding.file, "problem": finding.what }));
        ui.print_json(&findings.collect());
    } else {
        for finding in &findings {
            ui.print(&format!("{}: {}", finding.file, finding.what));
        }
    }
    if findings.is_empty() {
        ui.done("Checked", "every file is as the log says".into());
        if let Some(waiting) = &waiting {
            tell_waiting(waiting, ui);
        }
        return Ok(());
    }
    let reason = count(findings.len(), "problem");
    Err(ReadError::from(TrustError::Log { reason }).into())
}
