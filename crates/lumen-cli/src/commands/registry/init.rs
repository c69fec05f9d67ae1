//! `lumen registry init`.

use lumen_ops::{OpsError, report::Reporter as _, verbs::found};
use lumen_registry::Freshness;

use crate::{
    commands::shared::session::alone,
    json::{registry::Founded, shared::path},
    ui::{Ui, word},
};

pub fn run(
    location: &str,
    name: Option<&str>,
    origin: Option<&str>,
    unsigned: bool,
    ui: &Ui,
) -> Result<(), OpsError> {
    let session = alone(Freshness::Normal, ui)?;
    let founded = found::init(&session, location, name, origin, unsigned)?;
    let location = founded.location;
    let root = founded.root.as_ref();
    ui.answer(&Founded {
        url: location.url(),
        signed: root.is_some(),
        origin: root.map(|root| root.origin.clone()),
        fingerprint: root.map(|root| root.fingerprint.to_string()),
        new_key: founded.new_key.as_ref().map(path),
    });
    if let Some(key) = &founded.new_key {
        ui.done("Made", format!("your signing key, {}", key.display()));
    }
    match &founded.root {
        Some(root) => {
            ui.done("Created", format!("signed registry {location}"));
            ui.done("Fingerprint", root.fingerprint.to_string());
        }
        None => ui.done("Created", format!("unsigned registry {location}")),
    }
    let shown = location.to_string();
    let mut hints = vec![format!(
        "`export LUMEN_REGISTRY={}` makes it the default in this shell",
        word(&shown)
    )];
    if founded.new_key.is_some() {
        hints.push("keep a copy of the key: `lumen key export --secret`".into());
    }
    ui.hints(&hints);
    Ok(())
}
