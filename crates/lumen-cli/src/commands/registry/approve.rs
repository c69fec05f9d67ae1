//! `lumen registry approve`: claims that wait for the names keys.

use lumen_core::problem::Problem;
use lumen_ops::{
    OpsError,
    report::Reporter as _,
    session::Session,
    verbs::approve::{self, Waiting},
};
use lumen_registry::{Freshness, publish::queue::MOST};

use crate::{
    args::RegistryArgs,
    commands::shared::{
        session::with,
        submitted::tell,
        text::{because, count},
    },
    json::trust,
    ui::Ui,
};

pub fn run(
    claim: Option<&str>,
    rejected: Option<&String>,
    registry: &RegistryArgs,
    ui: &Ui,
) -> Result<(), OpsError> {
    let session = with(None, registry, Freshness::Revalidate, ui)?;
    match (claim, rejected) {
        (None, _) => waiting(&session, ui),
        (Some(claim), None) => {
            tell(&approve::approve(&session, claim)?, "registry approve", ui);
            Ok(())
        }
        (Some(claim), Some(reason)) => {
            let claim = approve::reject(&session, claim, reason)?;
            ui.answer(&as_json(&claim));
            let because = because(reason);
            ui.done(
                "Rejected",
                format!("the claim of `{}`{because}", claim.subject),
            );
            Ok(())
        }
    }
}

/// What waits for the names keys.
fn waiting(session: &Session<'_>, ui: &Ui) -> Result<(), OpsError> {
    let (claims, all) = approve::list(session)?;
    ui.answer(&trust::Claims {
        claims: claims.iter().map(as_json).collect(),
        all,
    });
    let open: Vec<&Waiting> = claims
        .iter()
        .filter(|claim| claim.rejected.is_none())
        .collect();
    for claim in open.iter().filter(|_| !ui.json) {
        ui.print(&claim.subject.to_string());
        let needs = claim.missing.iter().map(|missing| missing.more).sum();
        let needs = match needs {
            0 => "complete".to_owned(),
            more => format!("needs {}", count(more, "signature")),
        };
        ui.print(&format!("  {}, {}, {needs}", short(claim), claim.time));
        for key in &claim.by {
            ui.print(&format!("  {} {}", key.fingerprint(), key.name()));
        }
    }
    if open.is_empty() {
        ui.done("Found", "no claims that are waiting".into());
    }
    if !all {
        let what = format!("only {} files of the queue were looked at", MOST);
        ui.warn(Problem::warning(what));
    }
    Ok(())
}

/// The first digits of a claim's id.
fn short(claim: &Waiting) -> String {
    claim.id.hex().chars().take(12).collect()
}

fn as_json(claim: &Waiting) -> trust::Claim {
    let by = claim.by.iter().map(|key| trust::Claimant {
        key: key.to_string(),
        fingerprint: key.fingerprint(),
    });
    let rejected = claim.rejected.as_ref().map(|rejection| trust::Rejection {
        time: rejection.time.clone(),
        reason: rejection.reason.clone(),
    });
    trust::Claim {
        name: claim.subject.to_string(),
        id: claim.id.hex(),
        time: claim.time.clone(),
        by: by.collect(),
        missing: claim.missing.iter().map(|missing| missing.more).sum(),
        rejected,
    }
}
