//! The result of a mirror run or a bundle, on the screen and as JSON.

use lumen_ops::verbs::mirror::Mirrored;
use lumen_registry::mirror::MirrorReport;

use crate::{
    commands::shared::text::{bytes, many},
    json::registry,
};

/// What was copied, as JSON.
pub fn mirrored_json(Mirrored { to, report }: &Mirrored) -> registry::Mirrored {
    let selection = report.selection.as_ref();
    registry::Mirrored {
        to: to.url(),
        copied: copied_json(report),
        selection: selection.map(|some| some.patterns().to_vec()),
    }
}

/// The same of a bundle.
pub fn copied_json(report: &MirrorReport) -> registry::Copied {
    registry::Copied {
        packages: report.packages,
        files: report.files,
        bytes: report.bytes,
        from: report.from,
        size: report.size,
        fingerprint: report.fingerprint.as_ref().map(ToString::to_string),
    }
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
