//! `lumen pkg init` and `new`.

use lumen_ops::verbs::init;
use serde_json::json;

use crate::{commands::shared::text::listed, ui::Ui};

pub fn created(ui: &Ui, created: init::Created) {
    use lumen_ops::report::Reporter as _;
    if ui.json {
        ui.print_json(&json!({ "name": created.name, "files": created.files }));
    }
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
