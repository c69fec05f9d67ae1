//! The packages of this machine that a project uses: members, and path dependencies.

use std::collections::BTreeMap;

use lumen_core::{
    PackageName,
    manifest::{Dependency, DependencySource, Manifest},
};

use super::{LocalPackage, Project, ProjectError, normalize};

impl Project {
    /// All packages reachable from the members and patches by `path`, members included, by name.
    ///
    /// # Errors
    /// When a path dependency is missing, invalid, or has another name than asked for.
    pub fn local_packages(&self) -> Result<&BTreeMap<PackageName, LocalPackage>, ProjectError> {
        let mut loader = self.loader();
        if let Some(known) = self.locals.get() {
            return Ok(known);
        }
        let mut found: BTreeMap<PackageName, LocalPackage> = BTreeMap::new();
        let mut queue: Vec<LocalPackage> = self.members.clone();
        queue.extend(
            // The root of a workspace that is no member may have patches.
            (!self.members.iter().any(|member| member.dir == self.root))
                .then(|| self.root_package.clone()),
        );
        for member in &self.members {
            found.extend(member.name().map(|name| (name.clone(), member.clone())));
        }
        while let Some(package) = queue.pop() {
            let is_member = self.is_member(&package.dir);
            let is_root = package.dir == self.root;
            for (name, dependency) in path_dependencies(&package.manifest, is_member, is_root) {
                let DependencySource::Path { path, .. } = &dependency.source else {
                    continue;
                };
                let dir = normalize(&package.dir.join(path));
                if found.get(name).is_some_and(|known| known.dir == dir) {
                    continue;
                }
                let target = loader.dependency(&package, name, dependency, &dir)?;
                if let Some(other) = found.get(name) {
                    let what = format!(
                        "`{name}` is used from two folders, `{}` and `{}`",
                        other.relative, target.relative
                    );
                    return Err(ProjectError::Problems(vec![package.problem(
                        &dependency.span,
                        what,
                        "",
                    )]));
                }
                found.insert(name.clone(), target.clone());
                queue.push(target);
            }
        }
        Ok(self.locals.get_or_init(|| found))
    }
}

/// Dependencies by path: for a member also those of development, for the root those of `[patch]`.
fn path_dependencies(
    manifest: &Manifest,
    is_member: bool,
    is_root: bool,
) -> impl Iterator<Item = (&PackageName, &Dependency)> {
    let dev = is_member.then_some(&manifest.dev_dependencies);
    let patches = is_root.then_some(&manifest.patches);
    let all = manifest
        .dependencies
        .iter()
        .chain(dev.into_iter().flatten())
        .chain(patches.into_iter().flatten());
    all.filter(|(_, dependency)| matches!(dependency.source, DependencySource::Path { .. }))
}
