//! `lumen registry bundle`.

use lumen_ops::{
    OpsError,
    report::Reporter as _,
    verbs::bundle::{self, Request},
};
use lumen_registry::Freshness;

use crate::{
    commands::shared::{
        copied::copied_json,
        session::alone,
        text::{bytes, many},
    },
    json::{registry::Bundled, shared::path},
    ui::{Ui, word},
};

pub fn run(request: &Request, ui: &Ui) -> Result<(), OpsError> {
    let report = bundle::write(&alone(Freshness::Revalidate, ui)?, request)?;
    let file = request.file.display();
    ui.answer(&Bundled {
        file: report.as_ref().map(|_| path(&request.file)),
        copied: report.as_ref().map(copied_json),
    });
    let Some(report) = report else {
        ui.done("Bundled", "nothing: nothing is new".into());
        return Ok(());
    };
    let log = match (report.from, report.size) {
        (Some(from), Some(size)) => format!(", entries {from} to {size} of the log"),
        _ => String::new(),
    };
    let (files, size) = (many(report.files, "file"), bytes(report.bytes));
    ui.done("Bundled", format!("{files}, {size}{log} into {file}"));
    let file = file.to_string();
    ui.hints(&[format!(
        "take it in on the other side: `lumen registry unbundle {} REGISTRY`",
        word(&file)
    )]);
    Ok(())
}
