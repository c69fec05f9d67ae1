//! `lumen registry bundle`.

use lumen_ops::{
    OpsError,
    report::Reporter as _,
    verbs::bundle::{self, Request},
};
use lumen_registry::Freshness;
use serde_json::json;

use crate::{
    commands::shared::{
        session::alone,
        text::{bytes, many},
    },
    ui::{Ui, path_json, word},
};

pub fn run(request: &Request, ui: &Ui) -> Result<(), OpsError> {
    let report = bundle::write(&alone(Freshness::Revalidate, ui)?, request)?;
    let file = request.file.display();
    if ui.json {
        ui.print_json(&match &report {
            None => json!({ "file": null }),
            Some(report) => json!({
                "file": path_json(&request.file), "packages": report.packages, "files": report.files,
                "bytes": report.bytes, "from": report.from, "size": report.size,
                "fingerprint": report.fingerprint,
            }),
        });
    }
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
