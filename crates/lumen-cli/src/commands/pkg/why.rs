//! `lumen pkg why`.

use lumen_core::PackageName;
use lumen_ops::{OpsError, graph};
use lumen_registry::Freshness;
use serde_json::json;

use crate::{
    args::ProjectArgs,
    commands::shared::{
        lock::{asked, known, lock, roots},
        session::session,
    },
    ui::Ui,
};

pub fn run(name: &str, project: &ProjectArgs, ui: &Ui) -> Result<(), OpsError> {
    let session = session(project, Freshness::Normal, ui)?;
    let project = session.project()?;
    let lock = lock(&project)?;
    let name = known(lock, name)?;
    let (paths, more) = graph::paths_to(lock, &roots(&project), &name);
    if ui.json {
        ui.print_json(&json!({ "name": name, "paths": paths, "more": more }));
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
