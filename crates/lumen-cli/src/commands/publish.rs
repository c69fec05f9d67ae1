//! `pack`, `unpack`, `publish`, `yank`, `unyank` and `registry init`.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use lumen_core::problem::Problem;
use lumen_ops::{
    OpsError, names, pack,
    report::Reporter as _,
    session::Session,
    verbs::{
        found, publish,
        yank::{self, Verdict},
    },
};
use lumen_registry::Freshness;
use lumen_store::pack::{NoteReason, Packed};
use serde_json::json;

use super::{
    alone, bytes, count,
    registry::{lacking_json, tell_lacking},
    session, with,
};
use crate::{
    args::{Bump, ProjectArgs, RegistryArgs},
    ui::{Ui, path_json, word},
};

pub fn pack(
    out: &Path,
    dry_run: bool,
    manifest_path: Option<PathBuf>,
    ui: &Ui,
) -> Result<(), OpsError> {
    let session = with(
        manifest_path,
        &RegistryArgs::default(),
        Freshness::Normal,
        ui,
    )?;
    let (checked, packed, file) = match dry_run {
        true => {
            let checked = pack::check(session.project()?.as_ref(), None)?;
            let packed = pack::pack(&checked)?;
            (checked, packed, None)
        }
        false => {
            let (checked, packed, file) = pack::run(&session, out)?;
            (checked, packed, Some(file))
        }
    };
    warn(ui, &checked, &packed);
    if ui.json {
        let mut value = packed_json(&checked, &packed);
        value["file"] = json!(file.as_deref().map(path_json));
        ui.print_json(&value);
    } else if dry_run {
        contents(ui, &packed);
    }
    match file {
        Some(file) => ui.done(
            "Packed",
            format!("{} into {}", size(&packed), file.display()),
        ),
        None => ui.done("Would pack", size(&packed)),
    }
    Ok(())
}

pub fn unpack(file: &Path, out: &Path, ui: &Ui) -> Result<(), OpsError> {
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

/// How to publish.
pub struct Wishes<'a> {
    pub yes: bool,
    pub dry_run: bool,
    pub bump: Option<Bump>,
    /// What the version must be.
    pub tag: Option<&'a str>,
    /// How long to wait until everybody can read it, in seconds.
    pub wait: Option<u64>,
}

pub fn publish(wishes: &Wishes<'_>, project: &ProjectArgs, ui: &Ui) -> Result<(), OpsError> {
    let session = session(project, Freshness::Revalidate, ui)?;
    let bump = wishes.bump.map(|bump| match bump {
        Bump::Major => publish::Bump::Major,
        Bump::Minor => publish::Bump::Minor,
        Bump::Patch => publish::Bump::Patch,
    });
    let prepared = publish::prepare(&session, bump)?;
    if let Some(tag) = wishes.tag {
        publish::check_tag(&prepared, tag)?;
    }
    let release = format!(
        "`{}` {}",
        prepared.checked.package.name, prepared.checked.package.version
    );
    let location = prepared.location.to_string();
    warn(ui, &prepared.checked, &prepared.packed);
    if wishes.dry_run {
        if ui.json {
            let mut value = packed_json(&prepared.checked, &prepared.packed);
            value["registry"] = json!(location);
            ui.print_json(&value);
        } else {
            contents(ui, &prepared.packed);
        }
        ui.done(
            "Would publish",
            format!("{release} to {location}: {}", size(&prepared.packed)),
        );
        return Ok(());
    }
    if !wishes.yes {
        ui.done("Packed", format!("{release}: {}", size(&prepared.packed)));
        agree(ui, &format!("Publish {release} to {location}?"))?;
    }
    let registry = prepared.registry.clone();
    let outcome = publish::run(&session, prepared)?;
    if ui.json {
        ui.print_json(&outcome_json(&outcome, &location));
    }
    published(ui, &outcome, &location);
    confirm(&session, wishes.wait, &[(registry, outcome)], ui)
}

/// All packages of a workspace.
pub fn workspace(wishes: &Wishes<'_>, project: &ProjectArgs, ui: &Ui) -> Result<(), OpsError> {
    let session = session(project, Freshness::Revalidate, ui)?;
    let plan = publish::workspace::prepare(&session, wishes.dry_run)?;
    for name in &plan.left_out {
        ui.done("Left out", format!("`{name}` says `publish = false`"));
    }
    let mut shown = Vec::new();
    for member in &plan.members {
        let (checked, packed) = (&member.prepared.checked, &member.prepared.packed);
        let location = &member.prepared.location;
        warn(ui, checked, packed);
        let release = format!("`{}` {}", checked.package.name, checked.package.version);
        if member.is_there() {
            if wishes.dry_run {
                ui.done("Would skip", there(&release, location));
            }
        } else if wishes.dry_run {
            let message = format!("{release} to {location}: {}", size(packed));
            ui.done("Would publish", message);
        } else if !wishes.yes {
            ui.done("Packed", format!("{release}: {}", size(packed)));
        }
        let mut value = packed_json(checked, packed);
        value["registry"] = json!(location.to_string());
        value["new"] = json!(!member.is_there());
        shown.push(value);
    }
    if wishes.dry_run {
        if ui.json {
            ui.print_json(&json!({ "packages": shown }));
        }
        return Ok(());
    }
    let missing = plan.members.iter().filter(|member| !member.is_there());
    let missing = count(missing.count(), "package");
    if !wishes.yes {
        agree(ui, &format!("Publish {missing}?"))?;
    }
    let registries: Vec<String> = plan
        .members
        .iter()
        .map(|member| member.prepared.registry.clone())
        .collect();
    let (mut outcomes, mut results) = (Vec::new(), Vec::new());
    publish::workspace::run(plan, |outcome, location| {
        let location = location.to_string();
        match outcome.new {
            true => published(ui, outcome, &location),
            false => ui.done("Skipped", there(&release_of(outcome), &location)),
        }
        results.push(outcome_json(outcome, &location));
        outcomes.push(outcome.clone());
    })?;
    if ui.json {
        ui.print_json(&json!({ "packages": results }));
    }
    let outcomes: Vec<_> = registries.into_iter().zip(outcomes).collect();
    confirm(&session, wishes.wait, &outcomes, ui)
}

/// Waits until everybody can read the releases, for so many seconds in all.
fn confirm(
    session: &Session<'_>,
    seconds: Option<u64>,
    outcomes: &[(String, publish::Outcome)],
    ui: &Ui,
) -> Result<(), OpsError> {
    let Some(seconds) = seconds else {
        return Ok(());
    };
    let (longest, start) = (Duration::from_secs(seconds), Instant::now());
    for (registry, outcome) in outcomes {
        let left = longest.saturating_sub(start.elapsed());
        publish::wait(session, registry, outcome, left)?;
        let read = session.location(registry)?;
        ui.done("Confirmed", format!("{} at {read}", release_of(outcome)));
    }
    Ok(())
}

fn agree(ui: &Ui, question: &str) -> Result<(), OpsError> {
    // Without a terminal nobody can answer; then the command itself is the answer.
    match ui.confirm(&format!("{question} A release can never be changed.")) {
        Some(false) => Err(OpsError::user(
            "nothing was published",
            "run it again and answer `y`, or pass --yes",
        )),
        _ => Ok(()),
    }
}

fn outcome_json(outcome: &publish::Outcome, location: &str) -> serde_json::Value {
    json!({
        "new": outcome.new,
        "registry": location,
        "metadata": outcome.metadata,
        "release": outcome.release,
        "waiting": outcome.lacking.map(lacking_json),
    })
}

fn release_of(outcome: &publish::Outcome) -> String {
    format!("`{}` {}", outcome.release.name, outcome.release.version)
}

/// That a release is there.
fn there(release: &str, location: &impl Display) -> String {
    format!("{release}: {location} has the identical release")
}

fn published(ui: &Ui, outcome: &publish::Outcome, location: &str) {
    let release = release_of(outcome);
    let message = match outcome.new {
        true => format!("{release} to {location}"),
        false => format!("{release} already: {location} has the identical release"),
    };
    ui.done("Published", message);
    tell_lacking(outcome.lacking, ui);
}

pub fn yank(
    release: &str,
    verdict: Verdict<'_>,
    project: &ProjectArgs,
    ui: &Ui,
) -> Result<(), OpsError> {
    let session = session(project, Freshness::Revalidate, ui)?;
    let (name, version) = names::parse_release(release)?;
    let said = yank::yank(&session, &name, &version, verdict)?;
    let changed = said.changed;
    let (verb, reason, yanked) = match verdict {
        Verdict::Yank(reason) => ("Yanked", reason, true),
        Verdict::Unyank(reason) => ("Unyanked", reason, false),
    };
    if ui.json {
        ui.print_json(&json!({
            "name": name, "version": version, "yanked": yanked, "changed": changed,
            "waiting": said.lacking.map(lacking_json),
        }));
    }
    let already = if changed { "" } else { " (it was already)" };
    let because = because(reason);
    ui.done(verb, format!("`{name}` {version}{because}{already}"));
    tell_lacking(said.lacking, ui);
    Ok(())
}

/// `: reason`, if there is one.
pub fn because(reason: &str) -> String {
    match reason {
        "" => String::new(),
        reason => format!(": {reason}"),
    }
}

pub fn registry(
    location: &str,
    name: Option<&str>,
    origin: Option<&str>,
    unsigned: bool,
    ui: &Ui,
) -> Result<(), OpsError> {
    let session = alone(Freshness::Normal, ui)?;
    let founded = found::init(&session, location, name, origin, unsigned)?;
    let location = founded.location;
    if ui.json {
        let root = founded.root.as_ref();
        ui.print_json(&json!({
            "url": location.url(),
            "signed": root.is_some(),
            "origin": root.map(|root| &root.origin),
            "fingerprint": root.map(|root| root.fingerprint),
            "new_key": founded.new_key.as_deref().map(path_json),
        }));
    }
    if let Some(key) = &founded.new_key {
        ui.done("Made", format!("your signing key, {}", key.display()));
    }
    match &founded.root {
        Some(root) => {
            ui.done("Created", format!("signed registry {location}"));
            ui.done("Fingerprint", root.fingerprint.to_string());
        }
        None => ui.done("Created", format!("unsigned registry {location}")),
    }
    let shown = location.to_string();
    let mut hints = vec![format!(
        "`export LUMEN_REGISTRY={}` makes it the default in this shell",
        word(&shown)
    )];
    if founded.new_key.is_some() {
        hints.push("keep a copy of the key: `lumen key export --secret`".into());
    }
    ui.hints(&hints);
    Ok(())
}

pub fn warn(ui: &Ui, checked: &pack::Checked, packed: &Packed) {
    for warning in &checked.warnings {
        ui.warn(warning.clone());
    }
    for note in &packed.notes {
        match note.reason {
            // What somebody wrote down and did not get.
            NoteReason::NotThere | NoteReason::NoMatch | NoteReason::Never => {
                let what = format!("`{}` is left out: {}", note.path, note.reason);
                ui.warn(Problem::warning(what).hint("`--dry-run` lists what is packed"));
            }
            _ => ui.detail("Left out", format!("`{}`: {}", note.path, note.reason)),
        }
    }
}

/// Files and sizes, as data on standard output.
pub fn contents(ui: &Ui, packed: &Packed) {
    let width = packed
        .files
        .iter()
        .map(|file| bytes(file.size).len())
        .max()
        .unwrap_or_default();
    for file in &packed.files {
        let mark = if file.executable { " *" } else { "" };
        ui.print(&format!(
            "{:>width$}  {}{mark}",
            bytes(file.size),
            file.path
        ));
    }
    ui.print(&packed.digest.to_string());
}

pub fn size(packed: &Packed) -> String {
    let files = count(packed.files.len(), "file");
    format!(
        "{files}, {} ({} compressed)",
        bytes(packed.tar.len() as u64),
        bytes(packed.zst.len() as u64)
    )
}

pub fn packed_json(checked: &pack::Checked, packed: &Packed) -> serde_json::Value {
    let files = packed
        .files
        .iter()
        .map(|file| json!({ "path": file.path, "size": file.size, "executable": file.executable }));
    json!({
        "name": checked.package.name,
        "version": checked.package.version,
        "files": files.collect::<Vec<_>>(),
        "digest": packed.digest,
        "size": packed.tar.len(),
        "compressed_size": packed.zst.len(),
    })
}
