//! `lumen registry unbundle`.

use std::path::Path;

use lumen_core::Digest;
use lumen_ops::{OpsError, report::Reporter as _, verbs::bundle};
use lumen_registry::Freshness;

use crate::{
    commands::shared::{
        copied::{mirrored_json, mirrored_line},
        session::alone,
    },
    ui::Ui,
};

pub fn run(file: &Path, to: &str, fingerprint: Option<Digest>, ui: &Ui) -> Result<(), OpsError> {
    let taken = bundle::take_in(&alone(Freshness::Revalidate, ui)?, file, to, fingerprint)?;
    ui.answer(&mirrored_json(&taken.mirrored));
    ui.done("Mirrored", mirrored_line(&taken.mirrored));
    if let Some(fingerprint) = taken.first_use {
        ui.done("Fingerprint", fingerprint.to_string());
        ui.hints(&[
            "compare it with the fingerprint from the people who run the registry; --fingerprint demands it".into(),
        ]);
    }
    Ok(())
}
