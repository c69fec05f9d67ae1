//! `lumen pkg info --provenance`.

use std::collections::BTreeMap;

use lumen_core::{
    Version,
    trust::{Action, Basis, Bounds, PackageHistory, history::Remark, text::time_of},
};
use lumen_ops::{
    OpsError, names,
    verbs::provenance::{self, Provenance},
};
use lumen_registry::Freshness;

use super::owner::print_overrides;
use crate::{
    args::ProjectArgs,
    commands::shared::{session::session, text::because},
    json::{package, trust::Owners},
    ui::Ui,
};

pub fn run(package: &str, project: &ProjectArgs, ui: &Ui) -> Result<(), OpsError> {
    let session = session(project, Freshness::Revalidate, ui)?;
    let (name, version) = match names::parse_release(package) {
        Ok((name, version)) => (name, Some(version)),
        Err(_) => (names::parse_name(package)?, None),
    };
    let Provenance { history, bounds } = provenance::provenance(&session, &name, version.as_ref())?;
    let mut releases: Vec<_> = history
        .releases
        .iter()
        .filter(|(found, _)| version.as_ref().is_none_or(|version| version == *found))
        .collect();
    releases.reverse();
    if let (Some(version), true) = (&version, releases.is_empty()) {
        return Err(OpsError::NoSuchRelease {
            name,
            version: Some(version.clone()),
            nearest: None,
        });
    }
    if ui.json {
        ui.answer(&as_json(&history, &bounds, version.as_ref()));
        return Ok(());
    }
    let owner = &history.owners.subject;
    let note = history.owners.current().map_or(0, |note| note.seq);
    ui.print(&format!(
        "{name}, owned as `{owner}` by ownership note {note}"
    ));
    print_overrides(&history.owners, ui);
    for (version, release) in releases {
        let yanked = history.yanked.get(version);
        let state = match (void(release.revoked, release.late), yanked) {
            ("", Some(_)) => ", yanked",
            (void, _) => void,
        };
        let (time, index) = (&release.time, release.index);
        ui.print(&format!("{version:>12}: entry {index}, {time}{state}"));
        if let Some(bounds) = bounds.get(version) {
            for line in bounds_lines(bounds) {
                ui.print(&format!("{:>14}{line}", ""));
            }
        }
        for signer in &release.signers {
            let (key, by) = (signer.fingerprint(), signer.name());
            ui.print(&format!("{:>14}{key} {by}", ""));
        }
        for remark in history
            .remarks
            .iter()
            .filter(|remark| remark.action.version() == Some(version))
        {
            ui.print(&format!("{:>14}{}", "", remark_line(remark)));
        }
    }
    for remark in history
        .remarks
        .iter()
        .filter(|remark| remark.action.version().is_none())
    {
        ui.print(&format!("{:>14}{}", "", remark_line(remark)));
    }
    Ok(())
}

/// `not before 2026-01-31T10:30:00Z (entries before it)`, and `not after …`.
fn bounds_lines(bounds: &Bounds) -> impl Iterator<Item = String> {
    let lower = bounds.not_before.map(|(time, basis)| {
        let time = time_of(time);
        format!("not before {time} ({})", words_of(basis))
    });
    let upper = match bounds.not_after {
        Some(time) => format!("not after {} (witnesses)", time_of(time)),
        None => "no witness says until when (unproven)".into(),
    };
    lower.into_iter().chain([upper])
}

const fn words_of(basis: Basis) -> &'static str {
    match basis {
        Basis::Entries => "entries before it",
        Basis::Witnesses => "witnesses did not see it",
        Basis::Machine => "this machine did not see it",
    }
}

/// Why a statement does not count; empty if it does.
const fn void(revoked: bool, late: bool) -> &'static str {
    match (revoked, late) {
        (true, _) => ", key revoked",
        (false, true) => ", after the end of its key",
        (false, false) => "",
    }
}

/// `unyank, entry 12, 2026-01-31T10:30:00Z, by ada: why`
fn remark_line(remark: &Remark) -> String {
    let Remark {
        index,
        action,
        signer,
        time,
        revoked,
        late,
        ..
    } = remark;
    let void = void(*revoked, *late);
    let instead = match action {
        Action::Deprecate {
            replacement: Some(name),
            ..
        } => format!(" (use `{name}`)"),
        _ => String::new(),
    };
    let because = because(action.reason().unwrap_or_default());
    let (verb, by) = (action.verb(), signer.name());
    format!("{verb}, entry {index}, {time}, by {by}{void}{because}{instead}")
}

fn as_json(
    history: &PackageHistory,
    bounds: &BTreeMap<Version, Bounds>,
    version: Option<&Version>,
) -> package::Provenance {
    let releases = history
        .releases
        .iter()
        .filter(|(found, _)| version.is_none_or(|version| version == *found));
    let releases = releases.map(|(version, release)| {
        let bounds = bounds.get(version);
        let lower = bounds.and_then(|bounds| bounds.not_before);
        let yanked = history.yanked.get(version);
        package::Released {
            not_before: lower.map(|(time, _)| time_of(time)),
            not_before_by: lower.map(|(_, basis)| words_of(basis).to_owned()),
            not_after: bounds.and_then(|bounds| bounds.not_after).map(time_of),
            since: bounds.map(|bounds| time_of(bounds.since)),
            proven: bounds.is_some_and(Bounds::is_proven),
            version: version.to_string(),
            index: release.index,
            time: release.time.clone(),
            key: release.signer.to_string(),
            fingerprint: release.signer.fingerprint(),
            metadata: release.metadata.to_string(),
            size: release.size,
            revoked: release.revoked,
            signers: release.signers.iter().map(ToString::to_string).collect(),
            until: release.until.map(time_of),
            late: release.late,
            yanked: yanked.map(|yanked| yanked.reason.clone()),
        }
    });
    let about = |remark: &&Remark| match (version, remark.action.version()) {
        (Some(asked), Some(about)) => asked == about,
        _ => true,
    };
    let remarks = history.remarks.iter().filter(about);
    let statements = remarks.map(|remark| package::Statement {
        index: remark.index,
        kind: remark.action.verb().to_owned(),
        time: remark.time.clone(),
        version: remark.action.version().map(ToString::to_string),
        reason: remark.action.reason().map(ToOwned::to_owned),
        key: remark.signer.to_string(),
        fingerprint: remark.signer.fingerprint(),
        revoked: remark.revoked,
        until: remark.until.map(time_of),
        late: remark.late,
    });
    package::Provenance {
        name: history.name.to_string(),
        owner: history.owners.subject.to_string(),
        owners: Owners::of(&history.owners),
        releases: releases.collect(),
        statements: statements.collect(),
    }
}
