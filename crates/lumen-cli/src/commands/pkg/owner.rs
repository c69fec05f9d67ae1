//! `lumen pkg owner …`.

use lumen_core::{
    problem::Problem,
    trust::{OwnersHistory, text::time_of},
};
use lumen_ops::{
    OpsError, names, signed,
    verbs::{
        owner::{self, Changed, How, OwnersChange},
        sign,
    },
};
use lumen_registry::Freshness;

use crate::{
    args::{HowArgs, Owner, RegistryArgs},
    commands::shared::{session::with, submitted::tell, text::count, when},
    json::trust,
    ui::{Ui, word},
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
            only,
            until,
            how,
        } => {
            let add = Added {
                key,
                admin,
                only,
                until,
            };
            (name, how, Request::Add(add))
        }
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
    Add(Added),
    Remove(String, bool),
    Transfer(Vec<String>),
    Revoke(String, Option<u64>),
    Threshold(u32),
}

/// A publisher to add.
struct Added {
    key: String,
    admin: bool,
    only: Option<String>,
    until: Option<String>,
}

fn change(name: &str, how: &HowArgs, request: Request, ui: &Ui) -> Result<(), OpsError> {
    let session = with(None, &how.change.registry, Freshness::Revalidate, ui)?;
    let owned = signed::Owned::parse(name)?;
    let registry = how.change.registry.registry.clone();
    let how = How {
        threshold: None,
        is_override: how.is_override,
        out: how.change.out.as_deref(),
    };
    let changed = owner::change(&session, &owned, &how, |known| {
        let among = |text: &str| signed::key_among(&session, text, known);
        Ok(match request {
            Request::Claim => OwnersChange::Claim,
            Request::Add(Added {
                key,
                admin,
                only,
                until,
            }) => OwnersChange::Add {
                key: among(&key)?,
                admin,
                only: only.as_deref().map(names::parse_name).transpose()?,
                until: until
                    .map(|until| when::parse_end(&until, session.context.options.now))
                    .transpose()?,
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
    tell_log_keys(&changed, registry.as_deref(), ui);
    Ok(())
}

/// Warns that a removed owner can still add to the log, and says that a new one cannot yet.
fn tell_log_keys(changed: &Changed, registry: Option<&str>, ui: &Ui) {
    let at = registry.map_or(String::new(), |at| format!(" --registry {}", word(at)));
    for key in &changed.log_keys {
        let what = format!(
            "{} is also a log key of the registry: with write access, its holder could hide this change from new clients",
            key.fingerprint()
        );
        let who = match changed.is_root {
            true => "remove it, too",
            false => "ask those who hold root keys to remove it, too",
        };
        let hint = format!("{who}: `lumen registry trust remove-log-key {key}{at}`");
        ui.problem(&Problem::warning(what).hint(hint));
    }
    for key in &changed.without_log_key {
        let who = match changed.is_root {
            true => "run",
            false => "those who hold root keys run",
        };
        ui.hints(&[format!(
            "to publish there, `{}` needs a log key, too: {who} `lumen registry trust add-log-key {key}{at}`",
            key.name()
        )]);
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
        if let Some(owners) = trust::Owners::of(&owners) {
            ui.answer(&owners);
        }
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
    let rule = match note.publish_threshold {
        1 => note.publishers.len().to_string(),
        needed => format!("{}, {needed} must sign a release", note.publishers.len()),
    };
    ui.print(&format!("{:>12}: {rule}", "publishers"));
    for publisher in &note.publishers {
        let only = publisher.only.as_ref();
        let only = only.map(|only| format!(", only {only}"));
        let until = publisher.until.map(|until| ended(until, session.now()));
        let more = [only, until].into_iter().flatten().collect::<String>();
        key(&publisher.key, &more);
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

/// `, until 2026-01-31T10:30:00Z`, and whether that is over.
fn ended(until: i64, now: i64) -> String {
    let over = if until < now { ", ended" } else { "" };
    format!(", until {}{over}", time_of(until))
}

/// Where the registry decided about owners, not they themselves.
pub fn print_overrides(owners: &OwnersHistory, ui: &Ui) {
    for (index, note) in owners.overrides() {
        let what = format!("by the registry, note {}, entry {index}", note.seq);
        ui.print(&format!("{:>12}: {what}, {}", "replaced", note.time));
    }
}
