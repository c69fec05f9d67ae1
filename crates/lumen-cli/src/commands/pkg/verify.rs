//! `lumen pkg verify`.

use std::{collections::BTreeMap, time::Instant};

use lumen_core::problem::Problem;
use lumen_ops::{
    OpsError,
    proof::Agreement,
    recheck::Signature,
    report::Reporter as _,
    resolve::ResolveOptions,
    verbs::{
        install,
        verify::{self, Damage, Stray, Verdict},
    },
};
use lumen_registry::{Freshness, ReadError, verify::Proof};
use lumen_store::cas::{Drift, DriftKind};

use crate::{
    args::ProjectArgs,
    commands::shared::{session::session, text::count},
    json::project::{self, Verified},
    ui::Ui,
};

pub fn run(repair: bool, project: &ProjectArgs, ui: &Ui) -> Result<(), OpsError> {
    let start = Instant::now();
    let session = session(project, Freshness::Normal, ui)?;
    let mut found = verify::run(&session)?;
    let (verdicts, strays) = (&found.packages, &found.strays);
    let damaged = found.damaged();
    if ui.json {
        ui.answer(&as_json(&found, 0));
    } else {
        for verdict in verdicts {
            for line in verdict.damage.iter().flat_map(damage_lines) {
                ui.print(&format!("{} {}: {line}", verdict.name, verdict.version));
            }
        }
        for stray in strays {
            let (path, what) = stray_line(stray);
            ui.print(&format!("{path}: {what}"));
        }
        for verdict in verdicts {
            if let Agreement::Bad(error) = &verdict.agreement {
                ui.print(&format!("{} {}: {error}", verdict.name, verdict.version));
            }
        }
        for verdict in verdicts {
            if let Signature::Bad(error) = &verdict.signature {
                ui.print(&format!("{} {}: {error}", verdict.name, verdict.version));
            }
        }
    }
    let bad = verdicts
        .iter()
        .find_map(|verdict| match &verdict.signature {
            Signature::Bad(error) => Some(error),
            _ => None,
        });
    if let Some(error) = bad {
        // No repair helps against that.
        return Err(ReadError::from((**error).clone()).into());
    }
    let is_bad = |verdict: &Verdict| matches!(verdict.agreement, Agreement::Bad(_));
    if let Some(bad) = verdicts.iter().position(is_bad) {
        let verdict = found.packages.swap_remove(bad);
        if let Agreement::Bad(source) = verdict.agreement {
            let (name, version) = (verdict.name, verdict.version);
            return Err(OpsError::NotAsReleased {
                name,
                version,
                source,
            });
        }
    }
    let verdicts = &found.packages;
    let proven = verdicts.iter().filter(|verdict| verdict.proven).count();
    if damaged == 0 {
        let seconds = start.elapsed().as_secs_f64();
        let detail = format!(
            "{} in {seconds:.2}s; {proven} re-hashed to the locked checksum",
            count(verdicts.len(), "package")
        );
        ui.done("Verified", detail);
        tell_signatures(verdicts, ui);
        tell_unchecked(verdicts, ui);
        return Ok(());
    }
    if !repair {
        return Err(OpsError::Damaged(damaged));
    }
    verify::discard(&session, &found)?;
    install::run(
        &session,
        &ResolveOptions {
            locked: true,
            ..ResolveOptions::default()
        },
    )?;
    ui.answer(&as_json(&found, damaged));
    ui.done("Repaired", count(damaged, "package"));
    Ok(())
}

/// Which signatures were checked again, and which could not be.
fn tell_signatures(verdicts: &[Verdict], ui: &Ui) {
    let (mut good, mut remembered) = (0, 0);
    let mut unchecked: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for verdict in verdicts {
        let release = format!("{} {}", verdict.name, verdict.version);
        match &verdict.signature {
            Signature::Good {
                index,
                signer,
                proof,
            } => {
                good += 1;
                let how = match proof {
                    Proof::Map => "all of it proved",
                    Proof::Remembered => "complete as remembered",
                };
                remembered += usize::from(*proof == Proof::Remembered);
                ui.detail(
                    "Checked",
                    format!("{release}: entry {index}, {signer}, {how}"),
                );
            }
            Signature::Unchecked { reason } => {
                unchecked.entry(reason).or_default().push(release);
            }
            Signature::None | Signature::Bad(_) => {}
        }
    }
    if good > 0 {
        let how = match remembered {
            0 => String::new(),
            some => format!("; {some} only complete as this machine remembers"),
        };
        ui.done("Checked", format!("{}{how}", count(good, "signature")));
    }
    for (reason, releases) in unchecked {
        let what = format!("not checked for signatures: {}", releases.join(", "));
        let hint = format!("{reason}; run `lumen pkg outdated` to fetch what is missing");
        ui.warn(Problem::warning(what).hint(hint));
    }
}

/// Which packages could not be compared with their releases.
fn tell_unchecked(verdicts: &[Verdict], ui: &Ui) {
    let mut unchecked: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for verdict in verdicts {
        if let Agreement::Unchecked { reason } = &verdict.agreement {
            let release = format!("{} {}", verdict.name, verdict.version);
            unchecked.entry(reason).or_default().push(release);
        }
    }
    for (reason, releases) in unchecked {
        let what = format!("{}: {reason}", releases.join(", "));
        ui.done("Not compared", what);
    }
}

fn as_json(found: &verify::Found, repaired: usize) -> Verified {
    let packages = found.packages.iter().map(|verdict| project::Verdict {
        name: verdict.name.to_string(),
        version: verdict.version.to_string(),
        ok: verdict.damage.is_none(),
        proven: verdict.proven,
        damage: verdict.damage.as_ref().map(damage_lines),
        signature: signature_json(&verdict.signature),
        release: agreement_json(&verdict.agreement),
    });
    let strays = found.strays.iter().map(|stray| {
        let (path, what) = stray_line(stray);
        project::Stray {
            path,
            damage: vec![what.to_owned()],
        }
    });
    Verified {
        packages: packages.collect(),
        strays: strays.collect(),
        repaired,
    }
}

fn agreement_json(agreement: &Agreement) -> project::Agreement {
    match agreement {
        Agreement::Good => project::Agreement::Good,
        Agreement::Unchecked { reason } => project::Agreement::Unchecked {
            reason: reason.to_string(),
        },
        Agreement::Bad(error) => project::Agreement::Bad {
            reason: error.to_string(),
        },
    }
}

fn signature_json(signature: &Signature) -> project::Signature {
    match signature {
        Signature::None => project::Signature::Unsigned,
        Signature::Good {
            index,
            signer,
            proof,
        } => project::Signature::Good {
            index: *index,
            signer: signer.clone(),
            complete: match proof {
                Proof::Map => "proved",
                Proof::Remembered => "remembered",
            }
            .to_owned(),
        },
        Signature::Unchecked { reason } => project::Signature::Unchecked {
            reason: reason.clone(),
        },
        Signature::Bad(error) => project::Signature::Bad {
            reason: error.to_string(),
        },
    }
}

fn damage_lines(damage: &Damage) -> Vec<String> {
    let drifts = |files: &[Drift], place: &str| {
        let line = |drift: &Drift| {
            let what = match drift.kind {
                DriftKind::Changed => "changed",
                DriftKind::Missing => "missing",
                DriftKind::Extra => "added",
                DriftKind::Mode => "other permissions",
            };
            format!("{} {what}{place}", drift.path)
        };
        files.iter().map(line).collect()
    };
    match damage {
        Damage::Absent => vec!["not in the store".into()],
        Damage::NotLinked => vec!["the project does not link to it".into()],
        Damage::NotImported(path) => {
            vec![format!(
                "the import link `{path}` is missing or leads elsewhere"
            )]
        }
        Damage::Files(files) => drifts(files, ""),
        Damage::InProject(files) => drifts(files, " in the project"),
    }
}

/// Where something is that should not be there, and what it is.
fn stray_line(stray: &Stray) -> (String, &'static str) {
    match stray {
        Stray::Extra(path) => (path.clone(), "no locked package"),
        Stray::Local(name) => (name.clone(), "the project does not link to its folder"),
    }
}
