//! `lumen pkg unpack`.

use std::path::Path;

use lumen_ops::{OpsError, pack, report::Reporter as _};
use serde_json::json;

use crate::{
    commands::shared::text::{bytes, count},
    ui::Ui,
};

pub fn run(file: &Path, out: &Path, ui: &Ui) -> Result<(), OpsError> {
    let summary = pack::unpack(file, &std::env::current_dir()?, out)?;
    if ui.json {
        ui.print_json(&json!({ "files": summary.files, "bytes": summary.unpacked }));
    }
    let files = usize::try_from(summary.files).unwrap_or(usize::MAX);
    ui.done(
        "Unpacked",
        format!(
            "{} ({}) into {}",
            count(files, "file"),
            bytes(summary.unpacked),
            out.display()
        ),
    );
    Ok(())
}
