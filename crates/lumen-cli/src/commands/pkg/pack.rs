//! `lumen pkg pack`.

use std::path::{Path, PathBuf};

use lumen_ops::{OpsError, pack, report::Reporter as _};
use lumen_registry::Freshness;
use serde_json::json;

use crate::{
    args::ProjectArgs,
    commands::shared::{
        packed::{contents, packed_json, size, warn},
        session::{about, member},
    },
    ui::{Ui, path_json},
};

pub fn run(
    out: Option<&Path>,
    dry_run: bool,
    package: Option<&String>,
    manifest_path: Option<PathBuf>,
    ui: &Ui,
) -> Result<(), OpsError> {
    let project = ProjectArgs {
        manifest_path,
        ..ProjectArgs::default()
    };
    let session = about(member(package), &project, Freshness::Normal, ui)?;
    let (checked, packed, file) = match dry_run {
        true => {
            let checked = pack::check(session.project()?.as_ref(), None)?;
            let packed = pack::pack(&session, &checked)?;
            (checked, packed, None)
        }
        false => {
            let (checked, packed, file) = pack::run(&session, out)?;
            (checked, packed, Some(file))
        }
    };
    warn(ui, &checked, &packed);
    if ui.json {
        let mut value = packed_json(&checked, &packed);
        value["file"] = json!(file.as_deref().map(path_json));
        ui.print_json(&value);
    } else if dry_run {
        contents(ui, &packed);
    }
    match file {
        Some(file) => ui.done(
            "Packed",
            format!("{} into {}", size(&packed), file.display()),
        ),
        None => ui.done("Would pack", size(&packed)),
    }
    Ok(())
}
