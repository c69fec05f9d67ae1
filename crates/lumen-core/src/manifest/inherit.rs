//! `workspace = true`: what members take from the workspace's root.

use std::ops::Range;

use super::{
    Dependencies, Dependency, DependencySource, InheritedKey, Manifest, Package, Workspace,
    reader::{Reader, shown},
};
use crate::{name::PackageName, problem::Problem};

impl Manifest {
    /// Whether something waits for the workspace's root.
    pub fn needs_workspace(&self) -> bool {
        self.package
            .as_ref()
            .is_some_and(|package| !package.inherited.is_empty())
            || self
                .dependencies
                .values()
                .chain(self.dev_dependencies.values())
                .any(|dependency| dependency.source == DependencySource::Workspace)
    }

    /// Fills in everything inherited with `workspace = true` from the root's manifest.
    ///
    /// `file` and `source` are this manifest's, for messages. Inherited paths stay
    /// relative to the root; see [`Manifest::rebase_inherited`].
    ///
    /// # Errors
    /// Every key that the root lacks, each pointing at this manifest's line.
    pub fn with_workspace(
        mut self,
        root: &Self,
        file: &str,
        source: &str,
    ) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(file, source);
        let none = Workspace::default();
        let workspace = root.workspace.as_ref().unwrap_or(&none);
        if let Some(package) = &mut self.package {
            inherit_package(package, workspace, &mut reader);
        }
        for dependencies in [&mut self.dependencies, &mut self.dev_dependencies] {
            inherit_dependencies(dependencies, workspace, &mut reader);
        }
        match reader.into_problems() {
            (_, false) => Ok(self),
            (problems, true) => Err(problems),
        }
    }

    /// One problem for everything that waits for a workspace when there is none.
    ///
    /// `file` and `source` are this manifest's, for messages.
    pub fn without_workspace(&self, file: &str, source: &str) -> Vec<Problem> {
        let mut reader = Reader::new(file, source);
        let keys = self
            .package
            .iter()
            .flat_map(|package| package.inherited.values());
        let dependencies = self
            .dependencies
            .values()
            .chain(self.dev_dependencies.values());
        let waiting = dependencies
            .filter(|dependency| dependency.source == DependencySource::Workspace)
            .map(|dependency| &dependency.name_span);
        for span in keys.chain(waiting) {
            let what = format!(
                "{} is inherited, but no folder above has a workspace with this member",
                shown(reader.raw(span))
            );
            let problem = reader.error(span.clone(), what);
            reader.push(problem.hint("add it to [workspace] `members`, or give the value here"));
        }
        reader.into_problems().0
    }

    /// Makes inherited paths relative to this manifest.
    ///
    /// `member` is this manifest's folder relative to the workspace's root, with `/`.
    pub fn rebase_inherited(&mut self, member: &str) {
        for dependency in self
            .dependencies
            .values_mut()
            .chain(self.dev_dependencies.values_mut())
            .filter(|dependency| dependency.inherited)
        {
            if let DependencySource::Path { path, .. } = &mut dependency.source {
                *path = rebase(path, member);
            }
            dependency.inherited = false;
        }
        if let Some(package) = &mut self.package
            && std::mem::take(&mut package.readme_from_root)
        {
            package.readme = package.readme.take().map(|readme| rebase(&readme, member));
        }
    }
}

fn inherit_package(package: &mut Package, workspace: &Workspace, reader: &mut Reader) {
    let root = &workspace.package;
    for (key, span) in std::mem::take(&mut package.inherited) {
        let found = match key {
            InheritedKey::Version => take(&mut package.version, root.version.as_ref()),
            InheritedKey::Description => take_some(&mut package.description, &root.description),
            InheritedKey::License => take_some(&mut package.license, &root.license),
            InheritedKey::Categories => take(&mut package.categories, root.categories.as_ref()),
            InheritedKey::Keywords => take(&mut package.keywords, root.keywords.as_ref()),
            InheritedKey::Authors => take(&mut package.authors, root.authors.as_ref()),
            InheritedKey::Repository => take_some(&mut package.repository, &root.repository),
            InheritedKey::Homepage => take_some(&mut package.homepage, &root.homepage),
            InheritedKey::Documentation => {
                take_some(&mut package.documentation, &root.documentation)
            }
            InheritedKey::Lumen => take_some(&mut package.lumen, &root.lumen),
            InheritedKey::SupportUntil => {
                take_some(&mut package.support_until, &root.support_until)
            }
            InheritedKey::Readme => {
                package.readme_from_root = true;
                take_some(&mut package.readme, &root.readme)
            }
            InheritedKey::Publish => take(&mut package.publish, root.publish.as_ref()),
        };
        if !found {
            let what = format!("the workspace's root has no `{}` to inherit", key.as_str());
            let problem = reader.error(span, what);
            reader.push(problem.hint("add it to [workspace.package] there"));
        }
    }
}

fn take<T: Clone>(to: &mut T, from: Option<&T>) -> bool {
    if let Some(from) = from {
        to.clone_from(from);
    }
    from.is_some()
}

fn take_some<T: Clone>(to: &mut Option<T>, from: &Option<T>) -> bool {
    to.clone_from(from);
    from.is_some()
}

fn inherit_dependencies(
    dependencies: &mut Dependencies,
    workspace: &Workspace,
    reader: &mut Reader,
) {
    for (name, dependency) in dependencies {
        if dependency.source != DependencySource::Workspace {
            continue;
        }
        match workspace.dependencies.get(name) {
            Some(root) => inherit_dependency(dependency, root),
            None => missing_dependency(name, dependency.name_span.clone(), workspace, reader),
        }
    }
}

fn inherit_dependency(dependency: &mut Dependency, root: &Dependency) {
    dependency.source = root.source.clone();
    dependency.default_features = root.default_features;
    dependency.inherited = true;
    for feature in &root.features {
        if !dependency.features.contains(feature) {
            dependency.features.push(feature.clone());
        }
    }
}

fn missing_dependency(
    name: &PackageName,
    span: Range<usize>,
    workspace: &Workspace,
    reader: &mut Reader,
) {
    let what = format!("the workspace's root has no dependency `{name}` to inherit");
    let problem = reader.error(span, what);
    let known = workspace.dependencies.keys().map(PackageName::as_str);
    reader.push(match reader.nearest(name.as_str(), known) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint("add it to [workspace.dependencies] there"),
    });
}

/// Turns a path relative to the workspace's root into one relative to a member.
///
/// `member` is the member's folder relative to the root, with `/`, and below the root.
pub fn rebase(path_from_root: &str, member: &str) -> String {
    let path = normal(path_from_root);
    let member = normal(member);
    let common = path.iter().zip(&member).take_while(|(a, b)| a == b).count();
    let mut parts = vec![".."; member.len() - common];
    parts.extend(&path[common..]);
    match parts.is_empty() {
        true => ".".into(),
        false => parts.join("/"),
    }
}

/// The parts of a relative path, with `.` and inner `..` resolved as text.
fn normal(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts
}
