//! Commits that readers do not see yet, since witnesses must sign them first.

use lumen_core::trust::Lacking;
use lumen_ops::report::Reporter as _;
use lumen_registry::log::Waiting;
use serde_json::json;

use crate::ui::Ui;

/// What readers do not see yet.
pub fn waiting_json(waiting: &Waiting) -> serde_json::Value {
    json!({
        "public": waiting.public, "size": waiting.size,
        "witnesses": waiting.lacking.witnesses, "validating": waiting.lacking.validating,
    })
}

/// The witnesses that have to sign.
pub fn lacking_json(lacking: Lacking) -> serde_json::Value {
    json!({ "witnesses": lacking.witnesses, "validating": lacking.validating })
}

/// That readers do not see all entries yet.
pub fn tell_waiting(waiting: &Waiting, ui: &Ui) {
    ui.done("Waiting", waiting.to_string());
}

/// Says that readers do not see a change yet, and what must happen.
pub fn tell_lacking(lacking: Option<Lacking>, ui: &Ui) {
    if let Some(lacking) = lacking {
        ui.done(
            "Waiting",
            format!("for {lacking}: readers see it once they signed"),
        );
        ui.hints(&["the holder of such a key runs `lumen registry witness`".into()]);
    }
}
