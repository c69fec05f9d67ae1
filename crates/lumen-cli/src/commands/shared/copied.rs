//! The result of a mirror run or a bundle, on the screen and as JSON.

use lumen_ops::verbs::mirror::Mirrored;
use serde_json::{Value, json};

use crate::commands::shared::text::{bytes, many};

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
