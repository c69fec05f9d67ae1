//! `lumen pkg search`.

use lumen_ops::{OpsError, report::Reporter as _, verbs::search};
use lumen_registry::Freshness;

use super::info::on_one_line;
use crate::{
    args::ProjectArgs,
    commands::shared::session::session,
    json::package::{Entry, Found},
    ui::{Look, Ui, padded},
};

pub fn run(words: &[String], limit: usize, project: &ProjectArgs, ui: &Ui) -> Result<(), OpsError> {
    let session = session(project, Freshness::Revalidate, ui)?;
    let found = search::search(&session, words, limit)?;
    if ui.json {
        let packages = found.iter().map(|entry| Entry {
            name: entry.name.to_string(),
            latest: entry.latest.as_ref().map(ToString::to_string),
            description: entry.description.clone(),
        });
        ui.answer(&Found {
            packages: packages.collect(),
        });
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
