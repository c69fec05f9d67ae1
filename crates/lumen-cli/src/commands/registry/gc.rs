//! `lumen registry gc`.

use std::time::Duration;

use lumen_ops::{OpsError, report::Reporter as _, session::Session, verbs::gc};

use crate::{
    commands::shared::text::{bytes, many},
    json::{
        registry::{Collected, Garbage, Kind},
        shared::Amount,
    },
    ui::Ui,
};

pub fn run(session: &Session<'_>, grace: Duration, dry_run: bool, ui: &Ui) -> Result<(), OpsError> {
    let report = gc::run(session, grace, dry_run)?;
    let totals = report.totals();
    let (files, size) = totals.values().fold((0, 0), |(files, size), total| {
        (files + total.0, size + total.1)
    });
    let (young, young_bytes) = report.young;
    if ui.json {
        let kinds = totals.iter().map(|(kind, (files, bytes))| Kind {
            kind: kind.as_str().to_owned(),
            sized: Amount {
                files: *files,
                bytes: *bytes,
            },
        });
        let garbage = report.garbage.iter().map(|garbage| Garbage {
            file: garbage.file.key.to_string(),
            kind: garbage.kind.as_str().to_owned(),
            bytes: garbage.file.size,
        });
        ui.answer(&Collected {
            dry_run,
            kinds: kinds.collect(),
            garbage: garbage.collect(),
            spared: report.spared,
            young: Amount {
                files: young,
                bytes: young_bytes,
            },
        });
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
            "{young} without references are too young to be removed"
        )]);
    }
    Ok(())
}
