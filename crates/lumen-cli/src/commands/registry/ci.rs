//! `registry ci`.

use lumen_core::problem::Problem;
use lumen_ops::{
    OpsError,
    report::Reporter as _,
    verbs::ci::{self, Program, Purpose, Service},
};

use crate::{
    args::{CiService, Target},
    commands::shared::session::target,
    json::{self, host::Workflow},
    ui::Ui,
};

pub fn run(
    service: CiService,
    purpose: Purpose,
    registry: &Target,
    program: &Program<'_>,
    (stdout, force): (bool, bool),
    ui: &Ui,
) -> Result<(), OpsError> {
    let session = target(registry, ui)?;
    let service = match service {
        CiService::Github => Service::Github,
        CiService::Gitlab => Service::Gitlab,
        CiService::Forgejo => Service::Forgejo,
    };
    let workflow = ci::workflow(&session, service, purpose, program)?;
    if program.commit.is_none() {
        let what = format!(
            "the workflow installs whatever has the tag `v{}`",
            program.version
        );
        let hint = "name the commit, which cannot move: `--rev COMMIT`";
        ui.warn(Problem::warning(what).hint(hint));
    }
    if stdout && !ui.json {
        ui.print_file(&workflow.text);
        return Ok(());
    }
    let path = match stdout {
        true => None,
        false => Some(ci::write(&session, &workflow, force)?),
    };
    ui.answer(&Workflow {
        path: path.as_ref().map(json::shared::path),
        text: workflow.text.clone(),
        secrets: workflow.secrets.iter().map(ToString::to_string).collect(),
    });
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
