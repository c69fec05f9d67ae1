//! `lumen pkg fetch`.

use std::time::Instant;

use lumen_ops::{OpsError, report::Reporter as _, verbs::fetch};
use lumen_registry::Freshness;

use crate::{
    args::ProjectArgs,
    commands::shared::{changes::seconds, session::session, text::count},
    json::project::Fetched,
    ui::Ui,
};

pub fn run(project: &ProjectArgs, ui: &Ui) -> Result<(), OpsError> {
    let start = Instant::now();
    let session = session(project, Freshness::Normal, ui)?;
    let filled = fetch::run(&session)?;
    ui.answer(&Fetched {
        packages: filled.packages,
        downloaded: filled.downloaded,
    });
    let cached = match filled.packages - filled.downloaded {
        0 => String::new(),
        cached => format!(" ({cached} cached)"),
    };
    let packages = count(filled.packages, "package");
    ui.done(
        "Fetched",
        format!("{packages} in {}{cached}", seconds(start)),
    );
    Ok(())
}
