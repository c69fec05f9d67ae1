//! `lumen registry ingest`.

use std::process::ExitCode;

use lumen_ops::{
    OpsError,
    report::Reporter as _,
    verbs::ingest::{self, Ingested, Place},
};
use lumen_registry::{Freshness, publish::PublishError};

use crate::{
    args::RegistryArgs,
    commands::shared::{
        session::with,
        text::{bytes, count},
        waiting::tell_lacking,
    },
    json::release,
    report::{CliError, Declined, code, failure_of, hints},
    ui::Ui,
};

pub fn run(
    places: &[String],
    yes: bool,
    dry_run: bool,
    registry: &RegistryArgs,
    ui: &Ui,
) -> Result<ExitCode, CliError> {
    let session = with(None, registry, Freshness::Revalidate, ui)?;
    let target = ingest::target(&session, dry_run)?;
    let mut found = Vec::new();
    for place in places {
        found.extend(ingest::find(&session, place)?);
    }
    let check = |place| (place, ingest::run(&session, &target, place, true));
    let mut outcomes: Vec<Outcome<'_>> = found.iter().map(check).collect();
    let good = outcomes.iter().filter(|(_, result)| result.is_ok()).count();
    if dry_run || !yes {
        for ingested in outcomes
            .iter()
            .filter_map(|(_, result)| result.as_ref().ok())
        {
            ui.done(would(ingested), told(ingested));
        }
    }
    // A claim that is to be approved is left with the registry.
    let goes_on = |result: &Result<Ingested, OpsError>| match result {
        Ok(_) => true,
        Err(error) => matches!(error, OpsError::Publish(PublishError::NeedsApproval { .. })),
    };
    if !dry_run {
        // Without a terminal there is no answer; then the command itself is the answer.
        let what = count(good, "release");
        let question = format!("Publish {what}? A release can never be changed.");
        if good > 0 && !yes && ui.confirm(&question) == Some(false) {
            return Err(Declined::Publish.into());
        }
        for (place, result) in outcomes.iter_mut().filter(|(_, result)| goes_on(result)) {
            *result = ingest::run(&session, &target, place, false);
            if let Ok(ingested) = result {
                ui.done(did(ingested), told(ingested));
                tell_lacking(ingested.lacking, ui);
            }
        }
    }
    let all = outcomes.iter().map(|outcome| as_json(outcome, dry_run));
    ui.answer(&release::Ingested {
        dry_run,
        submissions: all.collect(),
    });
    let mut worst = None;
    for (place, result) in &outcomes {
        if let Err(error) = result {
            let what = match error {
                OpsError::Submission { .. } => error.to_string(),
                error => format!("`{}` is refused: {error}", place.shown),
            };
            ui.error(&what, &hints(error));
            worst = worst.max(Some(code(error)));
        }
    }
    Ok(worst.map_or(ExitCode::SUCCESS, ExitCode::from))
}

type Outcome<'p> = (&'p Place, Result<Ingested, OpsError>);

fn would(ingested: &Ingested) -> &'static str {
    match ingested.new {
        true => "Would add",
        false => "Would skip",
    }
}

fn did(ingested: &Ingested) -> &'static str {
    match ingested.new {
        true => "Published",
        false => "Skipped",
    }
}

fn told(ingested: &Ingested) -> String {
    let files = usize::try_from(ingested.files).unwrap_or(usize::MAX);
    let mut out = format!(
        "`{}` {}: {}, {}",
        ingested.name,
        ingested.version,
        count(files, "file"),
        bytes(ingested.bytes)
    );
    if let Some(key) = &ingested.signer {
        out.push_str(&format!(", signed by {} {}", key.name(), key.fingerprint()));
    }
    if let Some(subject) = &ingested.claims {
        out.push_str(&format!(", who claims `{subject}`"));
    }
    if !ingested.new {
        out.push_str(", already published");
    }
    out
}

fn as_json((place, result): &Outcome<'_>, dry_run: bool) -> release::Ingest {
    let place = place.shown.clone();
    match result {
        Ok(ingested) => release::Ingest::Good(release::Taken {
            place,
            name: ingested.name.to_string(),
            version: ingested.version.to_string(),
            new: ingested.new,
            published: !dry_run,
            waiting: ingested.lacking.map(Into::into),
            signer: ingested.signer.as_ref().map(ToString::to_string),
            claims: ingested.claims.as_ref().map(ToString::to_string),
        }),
        Err(error) => release::Ingest::Refused {
            place,
            error: Box::new(failure_of(error)),
        },
    }
}
