//! Commits that readers do not see yet, since witnesses must sign them first.

use lumen_core::trust::Lacking;
use lumen_ops::report::Reporter as _;
use lumen_registry::log::Waiting;

use crate::ui::Ui;

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
