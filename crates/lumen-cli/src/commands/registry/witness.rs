//! `lumen registry witness`.

use lumen_ops::{OpsError, report::Reporter as _, verbs::witness};

use crate::{
    args::Target,
    commands::shared::{session::target, waiting::tell_waiting},
    json::registry::Witnessed,
    ui::Ui,
};

pub fn run(growth_only: bool, registry: &Target, ui: &Ui) -> Result<(), OpsError> {
    let seen = witness::witness(&target(registry, ui)?, growth_only)?;
    ui.answer(&Witnessed {
        size: seen.size,
        before: seen.before,
        key: seen.key.to_string(),
        validated: seen.validated,
        waiting: seen.waiting.as_ref().map(Into::into),
    });
    let before = match seen.before {
        Some(before) => format!("they continue the {before} seen last"),
        None => "the first this witness sees".into(),
    };
    let valid = if seen.validated { ", all valid" } else { "" };
    ui.done(
        "Witnessed",
        format!("{} entries{valid}; {before}", seen.size),
    );
    if let Some(waiting) = &seen.waiting {
        tell_waiting(waiting, ui);
    }
    Ok(())
}
