//! `install`, `lock`, `add`, `remove` and `update`.

use std::time::Instant;

use lumen_core::{edit::DependencyTable, manifest::GitReference};
use lumen_ops::{
    OpsError,
    report::Reporter as _,
    resolve::{self, Changes, ResolveOptions},
    session::Session,
    verbs::{
        add::{self, AddFrom, Addition},
        edit::Added,
        install::{self, Outcome},
        remove, update,
    },
};
use lumen_registry::Freshness;
use serde_json::json;

use super::{count, resolve_options, session};
use crate::{
    args::{AddArgs, InstallArgs, LockArgs, ProjectArgs, ResolveArgs},
    ui::Ui,
};

pub fn install(arguments: &InstallArgs, ui: &Ui) -> Result<(), OpsError> {
    let start = Instant::now();
    let (session, options) = prepare(arguments, ui)?;
    let outcome = install::run(&session, &options)?;
    show(ui, &outcome, options.dry_run, start);
    Ok(())
}

/// The session and options of `install` and `lock`; `--frozen` is also `--offline`.
fn prepare<'u>(
    arguments: &InstallArgs,
    ui: &'u Ui,
) -> Result<(Session<'u>, ResolveOptions), OpsError> {
    let options = resolve_options(&arguments.lock, arguments.dry_run, &arguments.resolve)?;
    let mut project = arguments.project.clone();
    project.registry.offline |= arguments.lock.frozen;
    Ok((session(&project, Freshness::Normal, ui)?, options))
}

pub fn lock(arguments: &InstallArgs, ui: &Ui) -> Result<(), OpsError> {
    let start = Instant::now();
    let (session, options) = prepare(arguments, ui)?;
    let dry_run = options.dry_run;
    let (project, _lock) = session.locked_project(dry_run)?;
    let resolved = resolve::run(&session, &project, &options)?;
    if !dry_run {
        resolve::write_lock(&project, &resolved.lock)?;
    }
    show_changes(ui, &resolved.changes);
    let packages = resolved
        .lock
        .packages
        .values()
        .filter(|package| package.checksum.is_some())
        .count();
    if ui.json {
        ui.print_json(&json!({ "packages": packages, "changes": changes_json(&resolved.changes) }));
    }
    let verb = if dry_run { "Would lock" } else { "Locked" };
    ui.done(
        verb,
        format!("{} in {}", count(packages, "package"), seconds(start)),
    );
    Ok(())
}

pub fn add(arguments: AddArgs, ui: &Ui) -> Result<(), OpsError> {
    let start = Instant::now();
    let options = resolve_options(&LockArgs::default(), arguments.dry_run, &arguments.resolve)?;
    let session = session(&arguments.project, Freshness::Revalidate, ui)?;
    let reference = match (&arguments.tag, &arguments.branch, &arguments.rev) {
        (Some(tag), ..) => GitReference::Tag(tag.clone()),
        (_, Some(branch), _) => GitReference::Branch(branch.clone()),
        (.., Some(rev)) => GitReference::Rev(rev.clone()),
        _ => GitReference::Default,
    };
    let from = match (&arguments.path, &arguments.git) {
        (Some(path), _) => Some(AddFrom::Path(path.clone())),
        (_, Some(url)) => Some(AddFrom::Git {
            url: url.clone(),
            reference,
        }),
        _ => None,
    };
    let additions: Vec<Addition> = arguments
        .packages
        .iter()
        .map(|package| Addition {
            package: package.clone(),
            from: from.clone(),
            table: if arguments.dev {
                DependencyTable::Dev
            } else {
                DependencyTable::Normal
            },
            optional: arguments.optional,
            features: arguments.features.clone(),
            default_features: !arguments.no_default_features,
        })
        .collect();
    let (added, outcome) = add::add(&session, &additions, &options)?;
    for addition in &added {
        ui.done(
            if arguments.dry_run {
                "Would add"
            } else {
                "Added"
            },
            describe(addition),
        );
    }
    show(ui, &outcome, arguments.dry_run, start);
    Ok(())
}

pub fn remove(
    names: &[String],
    dry_run: bool,
    project: &ProjectArgs,
    ui: &Ui,
) -> Result<(), OpsError> {
    let start = Instant::now();
    let options = resolve_options(&LockArgs::default(), dry_run, &ResolveArgs::default())?;
    let session = session(project, Freshness::Normal, ui)?;
    let outcome = remove::remove(&session, names, &options)?;
    for name in names {
        ui.done(
            if dry_run { "Would drop" } else { "Removed" },
            format!("`{name}`"),
        );
    }
    show(ui, &outcome, dry_run, start);
    Ok(())
}

pub fn update(
    names: &[String],
    breaking: bool,
    dry_run: bool,
    resolve: &ResolveArgs,
    project: &ProjectArgs,
    ui: &Ui,
) -> Result<(), OpsError> {
    let start = Instant::now();
    let options = resolve_options(&LockArgs::default(), dry_run, resolve)?;
    let session = session(project, Freshness::Revalidate, ui)?;
    let (raised, outcome) = update::update(&session, names, breaking, &options)?;
    for addition in &raised {
        ui.done(
            if dry_run { "Would raise" } else { "Raised" },
            describe(addition),
        );
    }
    show(ui, &outcome, dry_run, start);
    Ok(())
}

/// A constraint as written, and what it means where that may surprise.
fn describe(added: &Added) -> String {
    let Some(constraint) = &added.constraint else {
        return format!("`{}`", added.name);
    };
    let text = constraint.as_str();
    let bare =
        text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains([' ', ',', '|', '*', 'x']);
    let meaning = match (bare, constraint.as_exact()) {
        (true, Some(_)) => format!(" (exactly that version; `^{text}` would accept later ones)"),
        (true, None) => format!(" (meaning ^{text})"),
        _ => String::new(),
    };
    format!("`{} = \"{text}\"`{meaning}", added.name)
}

fn show(ui: &Ui, outcome: &Outcome, dry_run: bool, start: Instant) {
    show_changes(ui, &outcome.changes);
    if ui.json {
        ui.print_json(&json!({
            "up_to_date": outcome.up_to_date,
            "packages": outcome.packages,
            "downloaded": outcome.downloaded,
            "changes": changes_json(&outcome.changes),
        }));
    }
    let packages = count(outcome.packages, "package");
    if outcome.up_to_date {
        return ui.done("Up to date", packages);
    }
    let cached = outcome.packages.saturating_sub(outcome.downloaded);
    let cached = if cached > 0 && !dry_run {
        format!(" ({cached} cached)")
    } else {
        String::new()
    };
    ui.done(
        if dry_run {
            "Would install"
        } else {
            "Installed"
        },
        format!("{packages} in {}{cached}", seconds(start)),
    );
}

fn show_changes(ui: &Ui, changes: &Changes) {
    // A first install would repeat the whole lock file here.
    const MOST: usize = 40;
    let added = changes
        .added
        .iter()
        .map(|(name, version)| ("+", format!("{name} {version}")));
    let removed = changes
        .removed
        .iter()
        .map(|(name, version)| ("-", format!("{name} {version}")));
    let changed = changes
        .changed
        .iter()
        .map(|(name, old, new)| ("~", format!("{name} {old} -> {new}")));
    let lines: Vec<_> = added.chain(removed).chain(changed).collect();
    for (sign, line) in lines.iter().take(MOST) {
        ui.done(sign, line.clone());
    }
    if lines.len() > MOST {
        ui.done("…", format!("and {} more", lines.len() - MOST));
    }
}

fn changes_json(changes: &Changes) -> serde_json::Value {
    let pair = |(name, version): &(_, _)| json!({ "name": name, "version": version });
    let change = |(name, old, new): &(_, _, _)| json!({ "name": name, "from": old, "to": new });
    json!({
        "added": changes.added.iter().map(pair).collect::<Vec<_>>(),
        "removed": changes.removed.iter().map(pair).collect::<Vec<_>>(),
        "changed": changes.changed.iter().map(change).collect::<Vec<_>>(),
    })
}

fn seconds(start: Instant) -> String {
    format!("{:.2}s", start.elapsed().as_secs_f64())
}
