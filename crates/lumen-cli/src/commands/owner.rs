//! `lumen pkg owner …`, `deprecate`, `undeprecate` and `info --provenance`.

use lumen_core::{
    problem::Problem,
    trust::{Action, OwnersHistory, PackageHistory, history::Remark},
};
use lumen_ops::{
    OpsError, names,
    report::Reporter as _,
    signed,
    verbs::{
        deprecate,
        owner::{self, Changed, How, OwnersChange},
        provenance, sign,
    },
};
use lumen_registry::Freshness;
use serde_json::json;

use super::{
    count,
    publish::because,
    registry::{lacking_json, tell, tell_lacking},
    session, with,
};
use crate::{
    args::{HowArgs, Owner, ProjectArgs, RegistryArgs},
    ui::Ui,
};

pub fn run(command: Owner, ui: &Ui) -> Result<(), OpsError> {
    let (name, how, request) = match command {
        Owner::List { name, registry } => return list(&name, &registry, ui),
        Owner::Sign { file, registry } => {
            let session = with(None, &registry, Freshness::Revalidate, ui)?;
            tell(&sign::sign(&session, &file)?, "pkg owner", ui);
            return Ok(());
        }
        Owner::Apply { file, registry } => {
            let session = with(None, &registry, Freshness::Revalidate, ui)?;
            tell(&sign::apply(&session, &file)?, "pkg owner", ui);
            return Ok(());
        }
        Owner::Claim { name, how } => (name, how, Request::Claim),
        Owner::Add {
            name,
            key,
            admin,
            how,
        } => (name, how, Request::Add(key, admin)),
        Owner::Remove {
            name,
            key,
            admin,
            how,
        } => (name, how, Request::Remove(key, admin)),
        Owner::Transfer { name, keys, how } => (name, how, Request::Transfer(keys)),
        Owner::Revoke {
            name,
            key,
            from,
            how,
        } => (name, how, Request::Revoke(key, from)),
        Owner::Threshold { name, number, how } => (name, how, Request::Threshold(number)),
    };
    change(&name, &how, request, ui)
}

/// A change, its keys as they were given.
enum Request {
    Claim,
    Add(String, bool),
    Remove(String, bool),
    Transfer(Vec<String>),
    Revoke(String, Option<u64>),
    Threshold(u32),
}

fn change(name: &str, how: &HowArgs, request: Request, ui: &Ui) -> Result<(), OpsError> {
    let session = with(None, &how.change.registry, Freshness::Revalidate, ui)?;
    let owned = signed::Owned::parse(name)?;
    let how = How {
        threshold: None,
        is_override: how.is_override,
        out: how.change.out.as_deref(),
    };
    let changed = owner::change(&session, &owned, &how, |known| {
        let among = |text: &str| signed::key_among(&session, text, known);
        Ok(match request {
            Request::Claim => OwnersChange::Claim,
            Request::Add(key, admin) => OwnersChange::Add {
                key: among(&key)?,
                admin,
            },
            Request::Remove(key, admin_only) => OwnersChange::Remove {
                key: among(&key)?,
                admin_only,
            },
            Request::Transfer(keys) => {
                let keys = keys.iter().map(|key| among(key));
                OwnersChange::Transfer(keys.collect::<Result<_, _>>()?)
            }
            Request::Revoke(key, from) => OwnersChange::Revoke {
                key: among(&key)?,
                from,
            },
            Request::Threshold(number) => OwnersChange::Threshold(number),
        })
    })?;
    tell(&changed.submitted, "pkg owner", ui);
    tell_log_keys(&changed, ui);
    Ok(())
}

/// Says that somebody who is no owner any more can still add to the log.
fn tell_log_keys(changed: &Changed, ui: &Ui) {
    for key in &changed.log_keys {
        let what = format!(
            "{} is also a log key of the registry: with write access, its holder could hide this change from new clients",
            key.fingerprint()
        );
        let who = match changed.is_root {
            true => "remove it, too",
            false => "ask those who hold root keys to remove it, too",
        };
        let hint = format!("{who}: `lumen registry trust remove-log-key {key}`");
        ui.problem(&Problem::warning(what).hint(hint));
    }
}

fn list(name: &str, registry: &RegistryArgs, ui: &Ui) -> Result<(), OpsError> {
    let session = with(None, registry, Freshness::Revalidate, ui)?;
    let owned = signed::Owned::parse(name)?;
    let owners = owner::list(&session, &owned)?;
    let Some(note) = owners.current() else {
        return Ok(());
    };
    if ui.json {
        ui.print_json(&as_json(&owners));
        return Ok(());
    }
    let admins = note.admins.len();
    ui.print(&format!("{}, ownership note {}", note.name, note.seq));
    let rule = format!("{} of {} must sign", note.threshold, count(admins, "admin"));
    ui.print(&format!("{:>12}: {rule}", "admins"));
    let key = |key: &lumen_core::signing::PublicKey, more: &str| {
        let line = format!("{:>14}{} {}{more}", "", key.fingerprint(), key.name());
        ui.print(&line);
    };
    for admin in &note.admins {
        key(admin, "");
    }
    ui.print(&format!("{:>12}: {}", "publishers", note.publishers.len()));
    for publisher in &note.publishers {
        let only = publisher.only.as_ref();
        key(
            &publisher.key,
            &only
                .map(|only| format!(", only {only}"))
                .unwrap_or_default(),
        );
    }
    if !note.revoked.is_empty() {
        ui.print(&format!("{:>12}: {}", "revoked", note.revoked.len()));
    }
    for revoked in &note.revoked {
        key(&revoked.key, &format!(", from entry {}", revoked.from));
    }
    print_overrides(&owners, ui);
    Ok(())
}

/// Where the registry decided about owners, not they themselves.
fn print_overrides(owners: &OwnersHistory, ui: &Ui) {
    for (index, note) in owners.overrides() {
        let what = format!("by the registry, note {}, entry {index}", note.seq);
        ui.print(&format!("{:>12}: {what}, {}", "replaced", note.time));
    }
}

fn as_json(owners: &OwnersHistory) -> serde_json::Value {
    let Some(note) = owners.current() else {
        return serde_json::Value::Null;
    };
    let overrides = owners
        .overrides()
        .map(|(index, note)| json!({ "seq": note.seq, "index": index, "time": note.time }));
    let admins = note.admins.iter().map(ToString::to_string);
    let publishers = note
        .publishers
        .iter()
        .map(|publisher| json!({ "key": publisher.key.to_string(), "only": publisher.only }));
    let revoked = note
        .revoked
        .iter()
        .map(|revoked| json!({ "key": revoked.key.to_string(), "from": revoked.from }));
    json!({
        "name": note.name.to_string(), "seq": note.seq, "time": note.time,
        "threshold": note.threshold, "admins": admins.collect::<Vec<_>>(),
        "publishers": publishers.collect::<Vec<_>>(), "revoked": revoked.collect::<Vec<_>>(),
        "overrides": overrides.collect::<Vec<_>>(),
    })
}

pub fn deprecate(
    name: &str,
    action: Action,
    project: &ProjectArgs,
    ui: &Ui,
) -> Result<(), OpsError> {
    let session = session(project, Freshness::Revalidate, ui)?;
    let name = names::parse_name(name)?;
    let deprecated = matches!(action, Action::Deprecate { .. });
    let because = because(action.reason().unwrap_or_default());
    let said = deprecate::deprecate(&session, &name, action)?;
    let changed = said.changed;
    if ui.json {
        ui.print_json(&json!({
            "name": name, "deprecated": deprecated, "changed": changed,
            "waiting": said.lacking.map(lacking_json),
        }));
    }
    let already = if changed { "" } else { " (it was already)" };
    let verb = if deprecated {
        "Deprecated"
    } else {
        "Undeprecated"
    };
    ui.done(verb, format!("`{name}`{because}{already}"));
    tell_lacking(said.lacking, ui);
    Ok(())
}

pub fn provenance(package: &str, project: &ProjectArgs, ui: &Ui) -> Result<(), OpsError> {
    let session = session(project, Freshness::Revalidate, ui)?;
    let (name, version) = match names::parse_release(package) {
        Ok((name, version)) => (name, Some(version)),
        Err(_) => (names::parse_name(package)?, None),
    };
    let history = provenance::provenance(&session, &name)?;
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
        ui.print_json(&history_json(&history, version.as_ref()));
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
        let state = match (release.revoked, yanked) {
            (true, _) => ", key revoked",
            (false, Some(_)) => ", yanked",
            (false, None) => "",
        };
        let (time, index) = (&release.time, release.index);
        ui.print(&format!("{version:>12}: entry {index}, {time}{state}"));
        let (key, by) = (release.signer.fingerprint(), release.signer.name());
        ui.print(&format!("{:>14}{key} {by}", ""));
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

/// `unyank, entry 12, 2026-01-31T10:30:00Z, by ada: why`
fn remark_line(remark: &Remark) -> String {
    let Remark {
        index,
        action,
        signer,
        time,
        revoked,
    } = remark;
    let void = if *revoked { ", key revoked" } else { "" };
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

fn history_json(
    history: &PackageHistory,
    version: Option<&lumen_core::Version>,
) -> serde_json::Value {
    let releases = history
        .releases
        .iter()
        .filter(|(found, _)| version.is_none_or(|version| version == *found));
    let releases = releases.map(|(version, release)| {
        json!({
            "version": version, "index": release.index, "time": release.time,
            "key": release.signer.to_string(), "fingerprint": release.signer.fingerprint(),
            "metadata": release.metadata, "size": release.size, "revoked": release.revoked,
            "yanked": history.yanked.get(version).map(|yanked| &yanked.reason),
        })
    });
    let about = |remark: &&Remark| match (version, remark.action.version()) {
        (Some(asked), Some(about)) => asked == about,
        _ => true,
    };
    let remarks = history.remarks.iter().filter(about).map(|remark| {
        json!({
            "index": remark.index, "kind": remark.action.verb(), "time": remark.time,
            "version": remark.action.version(), "reason": remark.action.reason(),
            "key": remark.signer.to_string(), "fingerprint": remark.signer.fingerprint(),
            "revoked": remark.revoked,
        })
    });
    json!({
        "name": history.name, "owner": history.owners.subject.to_string(),
        "owners": as_json(&history.owners),
        "releases": releases.collect::<Vec<_>>(), "statements": remarks.collect::<Vec<_>>(),
    })
}
