//! `registry ci`.

use lumen_ops::{
    OpsError,
    ci::{self, Purpose, Service},
    report::Reporter as _,
};
use serde_json::json;

use super::registry::target;
use crate::{
    args::{CiService, Target},
    ui::{Ui, path_json},
};

pub fn ci(
    service: CiService,
    purpose: Purpose,
    registry: &Target,
    source: &str,
    (stdout, force): (bool, bool),
    ui: &Ui,
) -> Result<(), OpsError> {
    let session = target(registry, ui)?;
    let service = match service {
        CiService::Github => Service::Github,
        CiService::Gitlab => Service::Gitlab,
        CiService::Forgejo => Service::Forgejo,
    };
    let workflow = ci::workflow(&session, service, purpose, source)?;
    if stdout && !ui.json {
        ui.print_file(&workflow.text);
        return Ok(());
    }
    let path = match stdout {
        true => None,
        false => Some(ci::write(&session, &workflow, force)?),
    };
    if ui.json {
        ui.print_json(&json!({
            "path": path.as_deref().map(path_json), "text": workflow.text, "secrets": workflow.secrets,
        }));
    }
    if let Some(path) = path {
        ui.done("Wrote", path.display().to_string());
        let secrets = workflow.secrets.join(", ");
        ui.done(
            "Next",
            format!("set these secrets in the repository: {secrets}"),
        );
    }
    Ok(())
}
