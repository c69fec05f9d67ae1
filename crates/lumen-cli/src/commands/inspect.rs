//! `list`, `tree` and `why`: what is locked.

use std::collections::BTreeSet;

use lumen_core::{PackageName, lockfile::Lockfile, problem};
use lumen_ops::{
    OpsError,
    graph::{self, Row},
    names::parse_name,
};
use lumen_registry::Freshness;
use lumen_store::project::{LocalPackage, Project};
use serde_json::json;

use super::session;
use crate::{args::ProjectArgs, ui::Ui};

pub fn list(project: &ProjectArgs, ui: &Ui) -> Result<(), OpsError> {
    let session = session(project, Freshness::Normal, ui)?;
    let project = session.project()?;
    let lock = lock(&project)?;
    let members: BTreeSet<&PackageName> = project
        .members
        .iter()
        .filter_map(LocalPackage::name)
        .collect();
    let rows: Vec<_> = lock
        .packages
        .iter()
        .filter(|(name, _)| !members.contains(name))
        .collect();
    if ui.json {
        let rows = rows.iter().map(|(name, package)| {
            json!({
                "name": name,
                "version": package.version,
                "source": graph::source_label(&package.source).unwrap_or_else(|| "registry default".into()),
                "checksum": package.checksum,
                "features": package.features,
            })
        });
        ui.print_json(&rows.collect());
        return Ok(());
    }
    let width = rows
        .iter()
        .map(|(name, _)| name.as_str().len())
        .max()
        .unwrap_or_default();
    for (name, package) in rows {
        let source = graph::source_label(&package.source)
            .map(|label| format!("  ({label})"))
            .unwrap_or_default();
        ui.print(&format!(
            "{:width$}  {}{source}",
            name.as_str(),
            package.version
        ));
    }
    Ok(())
}

pub fn tree(
    depth: Option<usize>,
    invert: Option<&str>,
    project: &ProjectArgs,
    ui: &Ui,
) -> Result<(), OpsError> {
    let session = session(project, Freshness::Normal, ui)?;
    let project = session.project()?;
    let lock = lock(&project)?;
    let depth = depth.unwrap_or(usize::MAX);
    let rows = match invert {
        Some(name) => graph::inverted(lock, &known(lock, name)?, depth),
        None => graph::trees(lock, &roots(&project), depth),
    };
    if ui.json {
        let rows = rows.iter().map(|row| {
            json!({ "level": row.level, "name": row.name, "version": row.version, "source": row.source, "repeated": row.repeated })
        });
        ui.print_json(&rows.collect());
        return Ok(());
    }
    draw(&rows).iter().for_each(|line| ui.print(line));
    Ok(())
}

pub fn why(name: &str, project: &ProjectArgs, ui: &Ui) -> Result<(), OpsError> {
    let session = session(project, Freshness::Normal, ui)?;
    let project = session.project()?;
    let lock = lock(&project)?;
    let name = known(lock, name)?;
    let (paths, more) = graph::paths_to(lock, &roots(&project), &name);
    if ui.json {
        ui.print_json(&json!({ "name": name, "paths": paths, "more": more }));
        return Ok(());
    }
    for path in &paths {
        let step = |name: &PackageName| match lock.packages.get(name) {
            Some(package) => format!("{name} {}", package.version),
            None => name.to_string(),
        };
        ui.print(&path.iter().map(step).collect::<Vec<_>>().join(" -> "));
    }
    if paths.is_empty() {
        ui.print(&format!("{name} is part of the project itself"));
    }
    if more {
        ui.print("… and more paths");
    }
    Ok(())
}

/// Rows as the lines of a tree.
fn draw(rows: &[Row]) -> Vec<String> {
    let mut drawn = Vec::new();
    // For each level: whether another row of that level follows in the same parent.
    let mut continues: Vec<bool> = Vec::new();
    let follows = followers(rows);
    for (row, follows) in rows.iter().zip(follows) {
        continues.truncate(row.level);
        let mut out = String::new();
        for (level, more) in continues.iter().enumerate().skip(1) {
            debug_assert!(level < row.level);
            out.push_str(if *more { "│   " } else { "    " });
        }
        if row.level > 0 {
            out.push_str(if follows { "├── " } else { "└── " });
        }
        continues.push(follows);
        let source = row
            .source
            .as_ref()
            .map(|label| format!(" ({label})"))
            .unwrap_or_default();
        let repeated = if row.repeated { " (*)" } else { "" };
        out.push_str(&format!("{} {}{source}{repeated}", row.name, row.version));
        drawn.push(out);
    }
    if rows.iter().any(|row| row.repeated) {
        drawn.extend([String::new(), "(*) shown above".into()]);
    }
    drawn
}

/// For each row, whether a sibling follows it.
fn followers(rows: &[Row]) -> Vec<bool> {
    let mut open: Vec<bool> = Vec::new();
    let mut follows: Vec<bool> = Vec::with_capacity(rows.len());
    for row in rows.iter().rev() {
        open.resize(row.level + 1, false);
        follows.push(std::mem::replace(&mut open[row.level], true));
    }
    follows.reverse();
    follows
}

fn roots(project: &Project) -> Vec<PackageName> {
    project
        .members
        .iter()
        .filter_map(|member| member.name().cloned())
        .collect()
}

fn lock(project: &Project) -> Result<&Lockfile, OpsError> {
    let missing = || {
        OpsError::user(
            "there is no `lumen.lock` yet",
            "run `lumen pkg install` first",
        )
    };
    project
        .lock
        .as_ref()
        .map(|(lock, _)| lock)
        .ok_or_else(missing)
}

fn known(lock: &Lockfile, name: &str) -> Result<PackageName, OpsError> {
    let name = parse_name(name)?;
    if lock.packages.contains_key(&name) {
        return Ok(name);
    }
    let hint = match problem::nearest(name.as_str(), lock.packages.keys().map(PackageName::as_str))
    {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "`lumen pkg list` lists the packages".into(),
    };
    Err(OpsError::user(
        format!("`{name}` is not a package of this project"),
        hint,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lumen_core::Version;

    #[test]
    fn trees_are_drawn() {
        let row = |level, name: &str, repeated| Row {
            level,
            name: PackageName::parse(name).unwrap(),
            version: Version::new(1, 0, 0),
            source: None,
            repeated,
        };
        let rows = [
            row(0, "app", false),
            row(1, "a", false),
            row(2, "c", false),
            row(3, "d", false),
            row(1, "b", false),
            row(2, "c", true),
            row(0, "other", false),
        ];
        let expected = "\
app 1.0.0
├── a 1.0.0
│   └── c 1.0.0
│       └── d 1.0.0
└── b 1.0.0
    └── c 1.0.0 (*)
other 1.0.0

(*) shown above
";
        assert_eq!(draw(&rows), expected.lines().collect::<Vec<_>>());
    }
}
