//! `lumen pkg search`.

use lumen_ops::{OpsError, report::Reporter as _, verbs::search};
use lumen_registry::Freshness;
use serde_json::json;

use super::info::on_one_line;
use crate::{
    args::ProjectArgs,
    commands::shared::session::session,
    ui::{Look, Ui, padded},
};

pub fn run(words: &[String], limit: usize, project: &ProjectArgs, ui: &Ui) -> Result<(), OpsError> {
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
        let about = on_one_line(entry.description.as_deref().unwrap_or_default());
        ui.print_parts(&[
            (Look::Name, &padded(&title(entry), width)),
            (Look::Plain, "  "),
            (Look::Plain, &about),
        ]);
    }
    if found.is_empty() {
        ui.done("Found", format!("no package for `{}`", words.join(" ")));
    }
    Ok(())
}
