//! `lumen pkg unpack`.

use std::path::Path;

use lumen_ops::{OpsError, pack, report::Reporter as _};
use lumen_store::project::Surroundings;

use crate::{
    commands::shared::text::{bytes, count},
    environment,
    json::release::Unpacked,
    ui::Ui,
};

pub fn run(file: &Path, out: &Path, ui: &Ui) -> Result<(), OpsError> {
    let surroundings = Surroundings {
        working_dir: environment::working_dir()?,
        // Without a home folder there is still something to unpack.
        safe_folders: environment::read()
            .map(|environment| environment.safe_folders)
            .unwrap_or_default(),
    };
    let summary = pack::unpack(file, &surroundings, out)?;
    ui.answer(&Unpacked {
        files: summary.files,
        bytes: summary.unpacked,
    });
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
