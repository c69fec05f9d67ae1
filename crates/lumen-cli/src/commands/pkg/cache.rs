//! `lumen pkg cache`.

use lumen_ops::{OpsError, report::Reporter as _, verbs::cache};
use lumen_registry::Freshness;

use crate::{
    args::{Cache, RegistryArgs},
    commands::shared::{
        session::with,
        text::{bytes, count},
    },
    json::{
        project::{CacheCleaned, CacheInfo},
        shared::path,
    },
    ui::Ui,
};

pub fn run(command: &Cache, ui: &Ui) -> Result<(), OpsError> {
    let session = with(None, &RegistryArgs::default(), Freshness::Normal, ui)?;
    match command {
        Cache::Info => {
            let info = cache::cache_info(&session)?;
            if ui.json {
                ui.answer(&CacheInfo {
                    home: path(&info.home),
                    packages: info.store.entries,
                    files: info.store.files,
                    bytes: info.store.bytes,
                    metadata_bytes: info.metadata,
                    git_bytes: info.git,
                    projects: info.projects,
                });
                return Ok(());
            }
            let line = |label: &str, value: String| ui.print(&format!("{label:>10}: {value}"));
            line("home", info.home.display().to_string());
            let entries = usize::try_from(info.store.entries).unwrap_or(usize::MAX);
            line(
                "packages",
                format!("{} ({})", entries, bytes(info.store.bytes)),
            );
            line("metadata", bytes(info.metadata));
            line("git", bytes(info.git));
            line("projects", info.projects.to_string());
        }
        Cache::Clean => {
            let removed = cache::cache_clean(&session)?;
            ui.answer(&CacheCleaned {
                packages: removed.entries,
                bytes: removed.bytes,
            });
            let entries = usize::try_from(removed.entries).unwrap_or(usize::MAX);
            ui.done(
                "Removed",
                format!(
                    "{} ({}) and all metadata",
                    count(entries, "unused package"),
                    bytes(removed.bytes)
                ),
            );
        }
    }
    Ok(())
}
