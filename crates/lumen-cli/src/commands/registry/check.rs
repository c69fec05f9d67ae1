//! `lumen registry check`.

use lumen_ops::{
    OpsError,
    report::Reporter as _,
    verbs::{
        check::{self, Checked},
        repair,
    },
};
use lumen_registry::{ReadError, log::Finding, verify::TrustError};

use crate::{
    args::Target,
    commands::shared::{session::target, text::count, waiting::tell_waiting},
    json::registry as json,
    report::{CliError, Found},
    ui::Ui,
};

pub fn run(registry: &Target, ui: &Ui) -> Result<(), CliError> {
    let session = target(registry, ui)?;
    let Checked {
        is_signed,
        is_listed,
        findings,
    } = check::check(&session)?;
    let waiting = match is_signed {
        true => repair::waiting(&session)?,
        false => None,
    };
    if ui.json {
        ui.answer(&json::Checked {
            signed: is_signed,
            problems: findings.iter().map(Into::into).collect(),
        });
    } else {
        show(&findings, ui);
    }
    match (findings.is_empty(), is_signed) {
        (true, true) => {
            ui.done("Checked", "every file is as the log says".into());
            if let Some(waiting) = &waiting {
                tell_waiting(waiting, ui);
            }
            Ok(())
        }
        (true, false) => {
            let all = match is_listed {
                true => "all files agree; no signatures say more",
                false => "all files that the indexes name agree; no signatures say more",
            };
            ui.done("Checked", all.into());
            Ok(())
        }
        (false, true) => {
            let reason = count(findings.len(), "problem");
            Err(OpsError::from(ReadError::from(TrustError::Log { reason })).into())
        }
        (false, false) => Err(Found {
            what: format!("the files do not agree: {}", count(findings.len(), "problem")),
            hints: vec!["`lumen registry repair` makes the indexes again, as far as they follow from other files".into()],
        }
        .into()),
    }
}

/// Prints what is wrong, a line each.
pub fn show(findings: &[Finding], ui: &Ui) {
    for finding in findings {
        ui.print(&format!("{}: {}", finding.place(), finding.what));
    }
}
