//! `lumen registry migrate`.

use lumen_ops::{report::Reporter as _, session::Session, verbs::migrate};

use crate::{
    commands::shared::text::{count, many},
    json::registry::{Migrated, MigrationPlan},
    report::{CliError, Declined},
    ui::Ui,
};

/// Whether a migration is only shown, and whether the user agreed to it already.
#[derive(Clone, Copy)]
pub struct Consent {
    pub dry_run: bool,
    pub yes: bool,
}

pub fn run(
    session: &Session<'_>,
    request: &migrate::Request,
    consent: Consent,
    ui: &Ui,
) -> Result<(), CliError> {
    let plan = migrate::prepare(session, request)?;
    let inventory = &plan.inventory;
    let owner = match plan.key() {
        Some(key) => format!("your key `{}`", key.name()),
        None => "a new key".to_owned(),
    };
    let (releases, yanks) = inventory.releases();
    let what = format!(
        "{}, {}, {}",
        count(inventory.packages.len(), "package"),
        count(releases, "release"),
        count(yanks, "yank")
    );
    if !ui.json {
        for (word, findings) in [
            ("problem", &inventory.problems),
            ("warning", &inventory.warnings),
        ] {
            for finding in findings {
                ui.print(&format!("{word}: {}: {}", finding.file, finding.what));
            }
        }
    }
    if consent.dry_run {
        let names = inventory.subjects();
        ui.answer(&MigrationPlan {
            packages: inventory.packages.len(),
            releases,
            yanks,
            origin: plan.origin.clone(),
            key: plan.key().map(ToString::to_string),
            names: names.iter().map(ToString::to_string).collect(),
            problems: inventory.problems.iter().map(Into::into).collect(),
            oddities: inventory.warnings.iter().map(Into::into).collect(),
        });
        plan.check(session)?;
        ui.done("Would log", format!("{what}; {owner} owns all names"));
        return Ok(());
    }
    plan.check(session)?;
    let question = format!(
        "Sign {} with {owner} and log {what}? A registry cannot become unsigned again.",
        plan.location,
    );
    if !consent.yes && ui.confirm(&question) == Some(false) {
        return Err(Declined::Migrate.into());
    }
    let migrate::Done {
        migrated,
        new_key,
        lists,
    } = migrate::run(session, &plan)?;
    if let Some(key) = &new_key {
        ui.done("Made", format!("your signing key, {}", key.display()));
    }
    let root = migrated.root.as_ref();
    ui.answer(&Migrated {
        url: plan.location.url(),
        origin: root.map(|root| root.origin.clone()),
        fingerprint: root.map(|root| root.fingerprint.to_string()),
        entries: migrated.entries,
        packages: inventory.packages.len(),
        releases,
        yanks,
        file_lists: lists,
    });
    match migrated.entries {
        0 if root.is_none() => ui.done("Logged", "nothing: everything is in the log".into()),
        entries => ui.done("Logged", format!("{what}: {}", many(entries, "entry"))),
    }
    if lists > 0 {
        ui.done("Made", count(lists, "file list"));
    }
    if let Some(root) = root {
        ui.done("Fingerprint", root.fingerprint.to_string());
        ui.hints(&[
            "keep a copy of the key: `lumen key export --secret`".into(),
            "let others publish: `lumen registry trust add-log-key`, and `lumen pkg owner add`"
                .into(),
        ]);
    }
    Ok(())
}
