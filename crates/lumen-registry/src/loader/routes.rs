//! Which registry a package comes from: exactly one, so that no other registry can add versions.

use std::collections::BTreeMap;

use lumen_core::PackageName;

use crate::reader::Registry;

/// Which registry each package comes from: the one its dependency names, else
/// the one its scope is pinned to, else the first that has it of the default and
/// those behind it.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    default: Option<Registry>,
    /// Asked in this order for packages that the default does not have.
    upstreams: Vec<Registry>,
    /// By scope, `@` included.
    scopes: BTreeMap<String, Registry>,
    packages: BTreeMap<PackageName, Registry>,
    others: Vec<Registry>,
}

impl Routes {
    /// Everything comes from this registry; without one, only pinned packages are available.
    pub fn new(default: Option<Registry>) -> Self {
        Self {
            default,
            ..Self::default()
        }
    }

    /// Adds a registry to be asked when all before it do not have a package: the name must
    /// be absent there. A registry that cannot be read or refuses hides those behind it.
    pub fn fall_back_to(&mut self, registry: Registry) {
        self.upstreams.push(registry);
    }

    /// Pins a scope, written with its `@`.
    pub fn pin_scope(&mut self, scope: impl Into<String>, registry: Registry) {
        self.scopes.insert(scope.into(), registry);
    }

    /// Pins a package.
    pub fn pin(&mut self, name: PackageName, registry: Registry) {
        self.packages.insert(name, registry);
    }

    /// Adds a registry that nothing comes from; it is only mentioned when it has a missing package.
    pub fn mention(&mut self, registry: Registry) {
        self.others.push(registry);
    }

    /// The registries that may have a package, in the order to ask them.
    pub fn candidates(&self, name: &PackageName) -> Vec<&Registry> {
        let scoped = || name.scope().and_then(|scope| self.scopes.get(scope));
        match self.packages.get(name).or_else(scoped) {
            Some(pinned) => vec![pinned],
            None => self.default.iter().chain(&self.upstreams).collect(),
        }
    }

    /// All the registries that may have a package, for messages.
    pub(super) fn describe(&self, name: &PackageName) -> String {
        let names = self.candidates(name).into_iter();
        let names: Vec<String> = names
            .map(|registry| format!("`{}`", registry.name()))
            .collect();
        match names.as_slice() {
            [one] => format!("registry {one}"),
            all => format!("registries {}", all.join(", ")),
        }
    }

    /// Whether a package is pinned by name or scope.
    pub fn is_pinned(&self, name: &PackageName) -> bool {
        self.packages.contains_key(name)
            || name
                .scope()
                .is_some_and(|scope| self.scopes.contains_key(scope))
    }

    /// All registries, each once, the default first.
    pub fn registries(&self) -> impl Iterator<Item = &Registry> {
        let mut seen = Vec::new();
        self.default
            .iter()
            .chain(&self.upstreams)
            .chain(self.scopes.values())
            .chain(self.packages.values())
            .chain(&self.others)
            .filter(move |registry| {
                let new = !seen.contains(&registry.name());
                seen.push(registry.name());
                new
            })
    }
}
