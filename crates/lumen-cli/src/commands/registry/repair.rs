//! `lumen registry repair`.

use lumen_core::Key;
use lumen_ops::{
    OpsError,
    report::Reporter as _,
    verbs::repair::{self, Repaired},
};
use lumen_registry::{
    log::Finding,
    mirror::{MirrorError, Refilled},
};

use crate::{
    args::Target,
    commands::shared::{
        session::target,
        text::{self, count},
        waiting::tell_waiting,
    },
    json::registry as json,
    report::{CliError, Found},
    ui::Ui,
};

pub fn run(registry: &Target, from: Option<&str>, ui: &Ui) -> Result<(), CliError> {
    if let Some(from) = from {
        return Ok(refill(registry, from, ui)?);
    }
    let (size, waiting, made) = match repair::repair(&target(registry, ui)?)? {
        Repaired::Signed(size, waiting, made) => (size, waiting, made),
        Repaired::Unsigned(changed, findings) => return Ok(unsigned(&changed, &findings, ui)?),
    };
    ui.answer(&json::Repaired::Signed {
        size,
        waiting: waiting.as_ref().map(Into::into),
        file_lists: made.len(),
    });
    let what = match &waiting {
        None => format!("the registry shows all {size} entries of its log"),
        Some(_) => format!("all {size} entries of the log are finished"),
    };
    ui.done("Repaired", what);
    if !made.is_empty() {
        ui.done("Made", count(made.len(), "file list"));
    }
    if let Some(waiting) = &waiting {
        tell_waiting(waiting, ui);
    }
    ui.hints(&["it looked at names and sizes: `lumen registry check` reads every file, and `lumen registry rebuild` makes those again that are not as the log says".to_owned()]);
    Ok(())
}

/// Brings back lost files from a mirror.
fn refill(registry: &Target, from: &str, ui: &Ui) -> Result<(), OpsError> {
    let refilled = repair::refill(&target(registry, ui)?, from)?;
    let Refilled { files, bytes, .. } = refilled;
    let faults = refilled.faults.clone().unwrap_or_default();
    ui.answer(&json::Repaired::Refilled {
        files,
        bytes,
        lacking: faults.lacking,
        damaged: faults.damaged,
        false_lists: faults.false_lists,
    });
    let what = match files {
        0 => "nothing: no release, artifact or file list that the mirror has was lost".into(),
        files => {
            let files = count(usize::try_from(files).unwrap_or(usize::MAX), "file");
            format!("{files} from the mirror, {}", text::bytes(bytes))
        }
    };
    ui.done("Restored", what);
    match refilled.faults {
        Some(faults) => Err(MirrorError::Lost(faults).into()),
        None => Ok(()),
    }
}

/// What became of a registry without signatures.
fn unsigned(changed: &[Key], findings: &[Finding], ui: &Ui) -> Result<(), Found> {
    if ui.json {
        ui.answer(&json::Repaired::Unsigned {
            changed: changed.iter().map(Key::to_string).collect(),
            problems: findings.iter().map(Into::into).collect(),
        });
    } else {
        changed.iter().for_each(|file| ui.print(file.as_str()));
    }
    let what = match changed.len() {
        0 => "nothing: every index agrees with its releases".into(),
        files => count(files, "file"),
    };
    ui.done("Repaired", what);
    if findings.is_empty() {
        return Ok(());
    }
    let mut hints = vec![
        "bring the files back from a copy, or publish the release again from the same contents"
            .to_owned(),
    ];
    let left = findings.iter();
    hints.extend(left.map(|finding| format!("{}: {}", finding.place(), finding.what)));
    Err(Found {
        what: format!(
            "{} left, which follow from no other file",
            count(findings.len(), "problem")
        ),
        hints,
    })
}
