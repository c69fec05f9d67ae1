//! `lumen pkg pack`.

use std::path::{Path, PathBuf};

use lumen_ops::{OpsError, pack, report::Reporter as _};
use lumen_registry::Freshness;

use crate::{
    args::ProjectArgs,
    commands::shared::{
        packed::{contents, contents_of, size, warn},
        session::{about, member},
    },
    json::{release::Packed, shared::path},
    ui::Ui,
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
        ui.answer(&Packed {
            contents: contents_of(&checked, &packed),
            file: file.as_ref().map(path),
        });
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
