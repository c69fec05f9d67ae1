//! What an install changed, on the screen and as JSON.

use std::time::Instant;

use lumen_core::{PackageName, Version};
use lumen_ops::{report::Reporter as _, resolve::Changes, verbs::install::Outcome};

use crate::{
    commands::shared::text::count,
    json::{
        project::{Change, Changes as ChangesJson, Installed, Moved},
        shared::Release,
    },
    ui::Ui,
};

pub fn show(ui: &Ui, outcome: &Outcome, dry_run: bool, start: Instant) {
    show_changes(ui, &outcome.changes);
    let packages = count(outcome.packages, "package");
    if outcome.up_to_date {
        return ui.done("Up to date", packages);
    }
    let removed = outcome.changes.removed.len();
    let only_removed = removed > 0
        && outcome.downloaded == 0
        && outcome.changes.added.is_empty()
        && outcome.changes.changed.is_empty()
        && outcome.changes.moved.is_empty();
    if only_removed {
        let verb = if dry_run { "Would remove" } else { "Removed" };
        let message = format!("{} in {}", count(removed, "package"), seconds(start));
        return ui.done(verb, message);
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

pub fn show_changes(ui: &Ui, changes: &Changes) {
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
    let moved = changes.moved.iter().map(|(name, version, old, new)| {
        let (old, new) = (short(old), short(new));
        ("~", format!("{name} {version}: commit {old} -> {new}"))
    });
    let lines: Vec<_> = added.chain(removed).chain(changed).chain(moved).collect();
    for (sign, line) in lines.iter().take(MOST) {
        ui.done(sign, line.clone());
    }
    if lines.len() > MOST {
        ui.done("…", format!("and {} more", lines.len() - MOST));
    }
}

/// What an install did, as JSON.
pub fn installed(outcome: &Outcome, dry_run: bool) -> Installed {
    Installed {
        dry_run,
        up_to_date: outcome.up_to_date,
        packages: outcome.packages,
        downloaded: outcome.downloaded,
        changes: changes_json(&outcome.changes),
    }
}

pub fn changes_json(changes: &Changes) -> ChangesJson {
    let releases = |of: &[(PackageName, Version)]| {
        let of = of.iter().map(|(name, version)| Release::of(name, version));
        of.collect()
    };
    let changed = changes.changed.iter().map(|(name, old, new)| Change {
        name: name.to_string(),
        from: old.to_string(),
        to: new.to_string(),
    });
    let moved = changes.moved.iter().map(|(name, version, old, new)| Moved {
        name: name.to_string(),
        version: version.to_string(),
        from: old.clone(),
        to: new.clone(),
    });
    ChangesJson {
        moved: moved.collect(),
        added: releases(&changes.added),
        removed: releases(&changes.removed),
        changed: changed.collect(),
    }
}

/// The first digits of a commit.
fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

pub fn seconds(start: Instant) -> String {
    format!("{:.2}s", start.elapsed().as_secs_f64())
}
