//! `lumen pkg yank` and `unyank`.

use lumen_ops::{
    OpsError, names,
    report::Reporter as _,
    verbs::yank::{self, Verdict},
};
use lumen_registry::Freshness;
use serde_json::json;

use crate::{
    args::ProjectArgs,
    commands::shared::{
        session::session,
        text::because,
        waiting::{lacking_json, tell_lacking},
    },
    ui::Ui,
};

pub fn run(
    release: &str,
    verdict: Verdict<'_>,
    project: &ProjectArgs,
    ui: &Ui,
) -> Result<(), OpsError> {
    let session = session(project, Freshness::Revalidate, ui)?;
    let (name, version) = names::parse_release(release)?;
    let said = yank::yank(&session, &name, &version, verdict)?;
    let changed = said.changed;
    let (verb, reason, yanked) = match verdict {
        Verdict::Yank(reason) => ("Yanked", reason, true),
        Verdict::Unyank(reason) => ("Unyanked", reason, false),
    };
    if ui.json {
        ui.print_json(&json!({
            "name": name, "version": version, "yanked": yanked, "changed": changed,
            "waiting": said.lacking.map(lacking_json),
        }));
    }
    let already = if changed { "" } else { " (it was already)" };
    let because = because(reason);
    ui.done(verb, format!("`{name}` {version}{because}{already}"));
    tell_lacking(said.lacking, ui);
    Ok(())
}
