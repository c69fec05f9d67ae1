//! `lumen pkg yank` and `unyank`.

use lumen_ops::{
    OpsError, names,
    report::Reporter as _,
    verbs::yank::{self, Verdict},
};
use lumen_registry::Freshness;

use crate::{
    args::ProjectArgs,
    commands::shared::{session::session, text::because, waiting::tell_lacking},
    json::package::Yanked,
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
    ui.answer(&Yanked {
        name: name.to_string(),
        version: version.to_string(),
        yanked,
        changed,
        waiting: said.lacking.map(Into::into),
    });
    let already = if changed { "" } else { " (it was already)" };
    let because = because(reason);
    ui.done(verb, format!("`{name}` {version}{because}{already}"));
    tell_lacking(said.lacking, ui);
    Ok(())
}
