//! `lumen pkg deprecate` and `undeprecate`.

use lumen_core::trust::Action;
use lumen_ops::{OpsError, names, report::Reporter as _, verbs::deprecate};
use lumen_registry::Freshness;

use crate::{
    args::ProjectArgs,
    commands::shared::{session::session, text::because, waiting::tell_lacking},
    json::package::Advised,
    ui::Ui,
};

pub fn run(name: &str, action: Action, project: &ProjectArgs, ui: &Ui) -> Result<(), OpsError> {
    let session = session(project, Freshness::Revalidate, ui)?;
    let name = names::parse_name(name)?;
    let deprecated = matches!(action, Action::Deprecate { .. });
    let because = because(action.reason().unwrap_or_default());
    let said = deprecate::deprecate(&session, &name, action)?;
    let changed = said.changed;
    ui.answer(&Advised {
        name: name.to_string(),
        deprecated,
        changed,
        waiting: said.lacking.map(Into::into),
    });
    let already = if changed { "" } else { " (it was already)" };
    let verb = if deprecated {
        "Deprecated"
    } else {
        "Undeprecated"
    };
    ui.done(verb, format!("`{name}`{because}{already}"));
    tell_lacking(said.lacking, ui);
    Ok(())
}
