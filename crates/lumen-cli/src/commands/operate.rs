//! `lumen registry mirror`, `gc` and `migrate`: for those who run registries.

use std::time::Duration;

use lumen_ops::{
    OpsError,
    report::Reporter as _,
    session::Session,
    verbs::{
        gc, migrate,
        mirror::{self, Mirrored, Request},
    },
};
use lumen_registry::{Freshness, log::Finding};
use serde_json::{Value, json};

use super::{alone, bytes, count};
use crate::ui::Ui;

/// A number of files or entries that is counted in 64 bits.
pub fn many(number: u64, noun: &str) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), noun)
}

pub fn mirror(request: &Request, ui: &Ui) -> Result<(), OpsError> {
    let mirrored = mirror::run(&alone(Freshness::Revalidate, ui)?, request)?;
    if ui.json {
        ui.print_json(&mirrored_json(&mirrored));
    }
    ui.done("Mirrored", mirrored_line(&mirrored));
    if let Some(some) = &mirrored.report.selection {
        let patterns = some.patterns().join(", ");
        ui.hints(&[format!(
            "the mirror only has packages that match {patterns}"
        )]);
    }
    Ok(())
}

/// What was copied, as JSON.
pub fn mirrored_json(Mirrored { to, report }: &Mirrored) -> Value {
    let patterns = report.selection.as_ref().map(|some| some.patterns());
    json!({
        "to": to.url(), "packages": report.packages, "files": report.files,
        "bytes": report.bytes, "from": report.from, "size": report.size,
        "fingerprint": report.fingerprint, "selection": patterns,
    })
}

/// What was copied, in one line.
pub fn mirrored_line(Mirrored { to, report }: &Mirrored) -> String {
    let log = match (report.from, report.size) {
        (Some(from), Some(size)) if from < size => format!(", entries {from} to {size} of the log"),
        _ => String::new(),
    };
    match report.files {
        0 => format!("nothing: {to} has everything"),
        files => {
            let (files, size) = (many(files, "file"), bytes(report.bytes));
            format!("{files}, {size}{log} to {to}")
        }
    }
}

pub fn gc(session: &Session<'_>, grace: Duration, dry_run: bool, ui: &Ui) -> Result<(), OpsError> {
    let report = gc::run(session, grace, dry_run)?;
    let totals = report.totals();
    let (files, size) = totals.values().fold((0, 0), |(files, size), total| {
        (files + total.0, size + total.1)
    });
    let (young, young_bytes) = report.young;
    if ui.json {
        let kinds = totals.iter().map(|(kind, (files, bytes))| {
            json!({ "kind": kind.as_str(), "files": files, "bytes": bytes })
        });
        let garbage = report.garbage.iter().map(|garbage| {
            json!({
                "file": garbage.file.key.as_str(), "kind": garbage.kind.as_str(),
                "bytes": garbage.file.size,
            })
        });
        ui.print_json(&json!({
            "dry_run": dry_run, "kinds": kinds.collect::<Vec<_>>(),
            "garbage": garbage.collect::<Vec<_>>(), "spared": report.spared,
            "young": { "files": young, "bytes": young_bytes },
        }));
    } else {
        for (kind, (files, size)) in &totals {
            let size = bytes(*size);
            ui.print(&format!("{:>12} {files:>8} {size:>12}", kind.as_str()));
        }
    }
    let verb = if dry_run { "Would remove" } else { "Removed" };
    let what = match files - report.spared {
        0 => "nothing".to_owned(),
        files => format!("{}, {}", many(files, "file"), bytes(size)),
    };
    ui.done(verb, what);
    if young > 0 {
        let young = many(young, "file");
        ui.hints(&[format!(
            "{young} that nobody refers to are too young to be removed"
        )]);
    }
    Ok(())
}

pub fn migrate(
    session: &Session<'_>,
    request: &migrate::Request,
    (dry_run, yes): (bool, bool),
    ui: &Ui,
) -> Result<(), OpsError> {
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
    if dry_run {
        if ui.json {
            let list = |findings: &[Finding]| -> Vec<_> {
                let one = |it: &Finding| json!({ "file": it.file, "what": it.what });
                findings.iter().map(one).collect()
            };
            let subjects = inventory.subjects();
            let subjects = subjects.iter().map(ToString::to_string);
            ui.print_json(&json!({
                "packages": inventory.packages.len(), "releases": releases, "yanks": yanks,
                "origin": plan.origin, "key": plan.key().map(ToString::to_string),
                "names": subjects.collect::<Vec<_>>(),
                "problems": list(&inventory.problems), "warnings": list(&inventory.warnings),
            }));
        }
        plan.check(session)?;
        ui.done("Would log", format!("{what}; {owner} owns all names"));
        return Ok(());
    }
    plan.check(session)?;
    let question = format!(
        "Sign {} with {owner} and log {what}? A registry cannot become unsigned again.",
        plan.location,
    );
    if !yes && ui.confirm(&question) == Some(false) {
        return Err(OpsError::user(
            "nothing was written",
            "run it again and answer `y`, or pass --yes",
        ));
    }
    let migrate::Done { migrated, new_key } = migrate::run(session, &plan)?;
    if let Some(key) = &new_key {
        ui.done("Made", format!("your signing key, {}", key.display()));
    }
    let root = migrated.root.as_ref();
    if ui.json {
        ui.print_json(&json!({
            "url": plan.location.url(), "origin": root.map(|root| &root.origin),
            "fingerprint": root.map(|root| root.fingerprint), "entries": migrated.entries,
            "packages": inventory.packages.len(), "releases": releases, "yanks": yanks,
        }));
    }
    match migrated.entries {
        0 if root.is_none() => ui.done("Logged", "nothing: everything is in the log".into()),
        entries => ui.done("Logged", format!("{what}: {}", entries_of(entries))),
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

pub fn entries_of(number: u64) -> String {
    match number {
        1 => "1 entry".into(),
        number => format!("{number} entries"),
    }
}
