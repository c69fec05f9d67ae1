//! `lumen pkg list`.

use std::collections::BTreeSet;

use lumen_core::PackageName;
use lumen_ops::{
    OpsError, graph,
    members::{Dev, part},
};
use lumen_registry::Freshness;
use lumen_store::project::LocalPackage;

use crate::{
    args::{MemberArgs, ProjectArgs},
    commands::shared::{
        lock::lock,
        session::{about, members},
    },
    json::project::{Listed, Package},
    ui::{Look, Ui, padded},
};

pub fn run(arguments: &MemberArgs, project: &ProjectArgs, ui: &Ui) -> Result<(), OpsError> {
    let session = about(members(arguments), project, Freshness::Normal, ui)?;
    let project = session.project()?;
    let lock = lock(&project)?;
    let chosen = &session.context.options.members;
    let part = match chosen.is_all() {
        true => None,
        false => part(&project, lock, project.local_packages()?, chosen, Dev::With)?,
    };
    let members: BTreeSet<&PackageName> = project
        .members
        .iter()
        .filter_map(LocalPackage::name)
        .collect();
    let rows: Vec<_> = lock
        .packages
        .iter()
        .filter(|(name, _)| !members.contains(name))
        .filter(|(name, _)| part.as_ref().is_none_or(|part| part.contains(*name)))
        .collect();
    if ui.json {
        let rows = rows.iter().map(|(name, package)| Package {
            name: name.to_string(),
            version: package.version.to_string(),
            source: graph::source_label(&package.source)
                .unwrap_or_else(|| "registry default".into()),
            checksum: package.checksum.as_ref().map(ToString::to_string),
            features: package.features.iter().map(ToString::to_string).collect(),
        });
        ui.answer(&Listed {
            packages: rows.collect(),
        });
        return Ok(());
    }
    let width = rows
        .iter()
        .map(|(name, _)| name.as_str().len())
        .max()
        .unwrap_or_default();
    for (name, package) in rows {
        let source = graph::source_label(&package.source)
            .map(|label| format!("  ({label})"))
            .unwrap_or_default();
        ui.print_parts(&[
            (Look::Name, &padded(name.as_str(), width)),
            (Look::Plain, "  "),
            (Look::Good, &package.version.to_string()),
            (Look::Faint, &source),
        ]);
    }
    Ok(())
}
