//! `lumen pkg remove`: fewer dependencies.

use std::collections::BTreeMap;

use lumen_core::{
    PackageName,
    edit::{self, EditError},
    problem,
};
use lumen_store::project::MANIFEST;

use crate::{
    error::{OpsError, PackageError},
    names::parse_name,
    pack,
    resolve::ResolveOptions,
    session::Session,
    verbs::edit::apply,
    verbs::install::Outcome,
};

/// Removes dependencies from the package here, and installs what is left.
///
/// # Errors
/// When there is no such dependency, or the install fails; nothing is written then.
pub fn remove(
    session: &Session<'_>,
    names: &[String],
    options: &ResolveOptions,
) -> Result<Outcome, OpsError> {
    let (project, _lock) = session.locked_project(options.dry_run)?;
    let local = pack::current(&project)?;
    let mut text = local.source.to_string();
    for name in names {
        let name = parse_name(name)?;
        text = match edit::remove_dependency(&text, &name) {
            Ok(removed) => removed.source,
            Err(EditError::NoDependency(_)) => {
                let manifest = &local.manifest;
                let known = manifest
                    .dependencies
                    .keys()
                    .chain(manifest.dev_dependencies.keys())
                    .map(PackageName::as_str);
                let nearest = problem::nearest(name.as_str(), known);
                return Err(PackageError::NoDependency {
                    file: local.file.to_string(),
                    name: name.clone(),
                    nearest: nearest.map(str::to_owned),
                }
                .into());
            }
            Err(error) => return Err(error.into()),
        };
    }
    let file = local.dir.join(MANIFEST);
    apply(session, &project, BTreeMap::from([(file, text)]), options)
}
