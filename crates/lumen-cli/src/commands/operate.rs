//! `lumen registry mirror`: for those who run registries.

use lumen_ops::{
    OpsError,
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
