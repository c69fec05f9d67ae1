//! `lumen pkg submit`.

use std::path::Path;

use lumen_ops::{
    OpsError,
    report::Reporter as _,
    verbs::{publish::Allowed, submit},
};
use lumen_registry::{Freshness, Location};

use crate::{
    args::ProjectArgs,
    commands::shared::{
        packed::{contents, contents_of, size, warn},
        session::{about, member},
    },
    json::release::Submission,
    ui::Ui,
};

/// How to submit.
pub struct Wishes<'a> {
    /// The folder for submissions.
    pub out: &'a Path,
    /// Another place for them.
    pub to: Option<&'a str>,
    pub dry_run: bool,
    /// What may be although Lumen advises against it.
    pub allowed: Allowed,
}

pub fn run(
    wishes: &Wishes<'_>,
    package: Option<&String>,
    project: &ProjectArgs,
    ui: &Ui,
) -> Result<(), OpsError> {
    let session = about(member(package), project, Freshness::Revalidate, ui)?;
    let to = wishes.to.map(Location::parse).transpose()?;
    let made = submit::make(&session, wishes.allowed)?;
    let to = match to {
        Some(to) => to,
        None => submit::place(&session, &made, wishes.out)?,
    };
    let (checked, packed) = (&made.prepared.checked, &made.prepared.packed);
    warn(ui, checked, packed);
    let written = match wishes.dry_run {
        true => None,
        false => Some(submit::write(&session, &made, &to)?),
    };
    if ui.json {
        ui.answer(&Submission {
            contents: contents_of(checked, packed),
            registry: made.submission.registry.clone(),
            claims: made.claims.as_ref().map(ToString::to_string),
            submission: written.as_ref().map(ToString::to_string),
        });
    } else if wishes.dry_run {
        contents(ui, packed);
    }
    let release = format!("`{}` {}", made.submission.name, made.submission.version);
    let Some(written) = written else {
        ui.done("Would submit", format!("{release}: {}", size(packed)));
        return Ok(());
    };
    ui.done("Submitted", format!("{release} in {written}"));
    let mut next = Vec::new();
    if let Some(subject) = &made.claims {
        ui.done("Claiming", format!("`{subject}`, which has no owner"));
    }
    if made.needs_approval {
        next.push(
            "the registry must approve the claim: `lumen registry approve …/claim.note`".into(),
        );
    }
    next.push("someone with write access runs `lumen registry ingest` on it".into());
    ui.hints(&next);
    Ok(())
}
