//! `lumen registry mirror` and `gc`: for those who run registries.

use std::time::Duration;

use lumen_ops::{
    OpsError, gc,
    mirror::{self, Mirrored, Request},
    report::Reporter as _,
    session::Session,
};
use lumen_registry::Freshness;
use serde_json::json;

use super::{bytes, count, with};
use crate::{args::RegistryArgs, ui::Ui};

/// A session about registries that the command names itself.
fn session(ui: &Ui) -> Result<Session<'_>, OpsError> {
    with(None, &RegistryArgs::default(), Freshness::Revalidate, ui)
}

/// A number of files or entries that is counted in 64 bits.
fn many(number: u64, noun: &str) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), noun)
}

pub fn mirror(request: &Request, ui: &Ui) -> Result<(), OpsError> {
    let Mirrored { to, report } = mirror::run(&session(ui)?, request)?;
    let patterns = report.selection.as_ref().map(|some| some.patterns());
    if ui.json {
        ui.print_json(&json!({
            "to": to.url(), "packages": report.packages, "files": report.files,
            "bytes": report.bytes, "from": report.from, "size": report.size,
            "fingerprint": report.fingerprint, "selection": patterns,
        }));
    }
    let log = match (report.from, report.size) {
        (Some(from), Some(size)) if from < size => format!(", entries {from} to {size} of the log"),
        _ => String::new(),
    };
    match report.files {
        0 => ui.done("Mirrored", format!("nothing: {to} has everything")),
        files => {
            let (files, size) = (many(files, "file"), bytes(report.bytes));
            ui.done("Mirrored", format!("{files}, {size}{log} to {to}"));
        }
    }
    if let Some(patterns) = patterns {
        let patterns = patterns.join(", ");
        ui.hints(&[format!(
            "the mirror only has packages that match {patterns}"
        )]);
    }
    Ok(())
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
