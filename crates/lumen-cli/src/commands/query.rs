//! `info`, `search` and `outdated`.

use lumen_core::index::Deprecation;
use lumen_ops::{
    OpsError,
    report::Reporter as _,
    verbs::{info, outdated, search},
};
use lumen_registry::Freshness;
use serde_json::json;

use super::{bytes, count, session};
use crate::{args::ProjectArgs, ui::Ui};

pub fn info(package: &str, project: &ProjectArgs, ui: &Ui) -> Result<(), OpsError> {
    let session = session(project, Freshness::Revalidate, ui)?;
    let info = info::info(&session, package)?;
    let index = &info.index;
    let mut versions: Vec<_> = index.versions.iter().collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    if ui.json {
        let yanked: Vec<_> = versions
            .iter()
            .filter(|version| index.is_yanked(version))
            .collect();
        ui.print_json(&json!({
            "name": index.name, "latest": index.latest, "versions": versions, "yanked": yanked,
            "registry": info.registry, "release": info.release,
        }));
        return Ok(());
    }
    let Some(release) = &info.release else {
        ui.print(index.name.as_str());
        ui.print("every version is yanked");
        return Ok(());
    };
    ui.print(&format!("{} {}", release.name, release.version));
    if let Some(description) = release
        .description
        .as_ref()
        .or(index.description.as_ref())
        .filter(|text| !text.is_empty())
    {
        ui.print(&on_one_line(description));
    }
    let line = |label: &str, value: &str| ui.print(&format!("{label:>12}: {value}"));
    if let Some(reason) = index.yank_reason(&release.version) {
        line("yanked", reason.unwrap_or("no reason given"));
    }
    if let Some(deprecated) = &index.deprecated {
        line("deprecated", &reason(deprecated));
    }
    if let Some(license) = &release.license {
        line("license", license);
    }
    line("registry", &info.registry);
    if let Some(published) = &release.published_at {
        line("published", published);
    }
    if let Some(artifact) = release.artifacts.first() {
        line("size", &bytes(artifact.size));
        line("checksum", &artifact.hash.to_string());
    }
    for (at, requirement) in release.requirements().iter().enumerate() {
        let optional = if requirement.optional {
            " (optional)"
        } else {
            ""
        };
        let label = if at == 0 { "depends on" } else { "" };
        let text = format!("{} {}{optional}", requirement.name, requirement.constraint);
        if at == 0 {
            line(label, &text)
        } else {
            ui.print(&format!("{:>12}  {text}", ""))
        }
    }
    let features: Vec<&str> = release.features.keys().map(String::as_str).collect();
    if !features.is_empty() {
        line("features", &features.join(", "));
    }
    let shown: Vec<String> = versions
        .iter()
        .take(10)
        .map(|version| {
            if index.is_yanked(version) {
                format!("{version} (yanked)")
            } else {
                version.to_string()
            }
        })
        .collect();
    let more = if versions.len() > 10 {
        format!(" and {} older", versions.len() - 10)
    } else {
        String::new()
    };
    line("versions", &format!("{}{more}", shown.join(", ")));
    Ok(())
}

pub fn search(
    words: &[String],
    limit: usize,
    project: &ProjectArgs,
    ui: &Ui,
) -> Result<(), OpsError> {
    let session = session(project, Freshness::Revalidate, ui)?;
    let found = search::search(&session, words, limit)?;
    if ui.json {
        let rows = found.iter().map(|entry| json!({ "name": entry.name, "latest": entry.latest, "description": entry.description }));
        ui.print_json(&rows.collect());
        return Ok(());
    }
    let title = |entry: &lumen_core::index::PackageEntry| match &entry.latest {
        Some(version) => format!("{} {version}", entry.name),
        None => format!("{} (yanked)", entry.name),
    };
    let width = found
        .iter()
        .map(|entry| title(entry).len())
        .max()
        .unwrap_or_default();
    for entry in &found {
        let line = format!(
            "{:width$}  {}",
            title(entry),
            on_one_line(entry.description.as_deref().unwrap_or_default())
        );
        ui.print(line.trim_end());
    }
    if found.is_empty() {
        ui.done("Found", format!("no package for `{}`", words.join(" ")));
    }
    Ok(())
}

/// A description, whose line breaks are white space like any other.
fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Why a package is deprecated, and what to use in its place.
fn reason(deprecated: &Deprecation) -> String {
    match &deprecated.replacement {
        Some(other) => format!("{} (use `{other}`)", deprecated.reason),
        None => deprecated.reason.clone(),
    }
}

fn advice(deprecated: &Deprecation) -> String {
    format!("deprecated: {}", reason(deprecated))
}

pub fn outdated(project: &ProjectArgs, ui: &Ui) -> Result<(), OpsError> {
    let session = session(project, Freshness::Revalidate, ui)?;
    let rows = outdated::outdated(&session)?;
    if ui.json {
        let rows = rows.iter().map(|row| {
            json!({
                "name": row.name, "current": row.current, "wanted": row.wanted, "latest": row.latest,
                "direct": row.direct, "yanked": row.yanked, "deprecated": row.deprecated,
            })
        });
        ui.print_json(&rows.collect());
        return Ok(());
    }
    if rows.is_empty() {
        ui.done("Up to date", "no dependency has a newer release".into());
        return Ok(());
    }
    let text = |version: &Option<lumen_core::Version>| {
        version.as_ref().map_or("-".to_owned(), ToString::to_string)
    };
    let mut table = vec![[
        "package".to_owned(),
        "current".into(),
        "wanted".into(),
        "latest".into(),
        String::new(),
    ]];
    for row in &rows {
        let mut notes = Vec::new();
        if !row.direct {
            notes.push("indirect".to_owned());
        }
        if let Some(reason) = &row.yanked {
            notes.push(if reason.is_empty() {
                "yanked".into()
            } else {
                format!("yanked: {reason}")
            });
        }
        notes.extend(row.deprecated.as_ref().map(advice));
        table.push([
            row.name.to_string(),
            row.current.to_string(),
            text(&row.wanted),
            text(&row.latest),
            notes.join(", "),
        ]);
    }
    let width = |column: usize| {
        table
            .iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths = [width(0), width(1), width(2), width(3)];
    for row in &table {
        let cells = row
            .iter()
            .take(4)
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect::<Vec<_>>();
        ui.print(format!("{}  {}", cells.join("  "), row[4]).trim_end());
    }
    let direct = rows.iter().filter(|row| row.direct).count();
    ui.done(
        "Outdated",
        format!(
            "{}; `lumen pkg update` moves within the constraints",
            count(direct.max(rows.len()), "package")
        ),
    );
    Ok(())
}
