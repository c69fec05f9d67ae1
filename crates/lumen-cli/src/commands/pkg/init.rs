//! `lumen pkg init` and `new`.

use lumen_ops::verbs::init;

use crate::{commands::shared::text::listed, json::project::Created, ui::Ui};

pub fn created(ui: &Ui, created: init::Created) {
    use lumen_ops::report::Reporter as _;
    ui.answer(&Created {
        name: created.name.to_string(),
        files: created.files.clone(),
        missing: created.missing.iter().map(ToString::to_string).collect(),
    });
    for warning in created.warnings {
        ui.warn(warning);
    }
    ui.done(
        "Created",
        format!("package `{}`: {}", created.name, created.files.join(", ")),
    );
    ui.done(
        "Missing",
        format!("{}, before you publish it", listed(&created.missing)),
    );
}
