//! `lumen pkg why`.

use lumen_core::PackageName;
use lumen_ops::{OpsError, graph};
use lumen_registry::Freshness;

use crate::{
    args::ProjectArgs,
    commands::shared::{
        lock::{asked, known, lock, roots},
        session::session,
    },
    json::project::Why,
    ui::Ui,
};

pub fn run(name: &str, project: &ProjectArgs, ui: &Ui) -> Result<(), OpsError> {
    let session = session(project, Freshness::Normal, ui)?;
    let project = session.project()?;
    let lock = lock(&project)?;
    let name = known(lock, name)?;
    let (paths, more) = graph::paths_to(lock, &roots(&project), &name);
    if ui.json {
        let path = |path: &Vec<PackageName>| path.iter().map(ToString::to_string).collect();
        ui.answer(&Why {
            name: name.to_string(),
            paths: paths.iter().map(path).collect(),
            asked: asked(&project).contains(&name),
            more,
        });
        return Ok(());
    }
    for path in &paths {
        let step = |name: &PackageName| match lock.packages.get(name) {
            Some(package) => format!("{name} {}", package.version),
            None => name.to_string(),
        };
        ui.print(&path.iter().map(step).collect::<Vec<_>>().join(" -> "));
    }
    if asked(&project).contains(&name) {
        ui.print(&format!("this project asks for {name} itself"));
    } else if paths.is_empty() {
        ui.print(&format!("{name} is part of the project itself"));
    }
    if more {
        ui.print("… and more paths");
    }
    Ok(())
}
