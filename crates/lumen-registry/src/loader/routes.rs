//! Which registry a package comes from: exactly one, so that nobody can slip in another.

use std::collections::BTreeMap;

use lumen_core::PackageName;

use crate::reader::Registry;

/// Which registry each package comes from: the one its dependency names, else
/// the one its scope is pinned to, else the default.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    default: Option<Registry>,
    /// By scope, `@` included.
    scopes: BTreeMap<String, Registry>,
    packages: BTreeMap<PackageName, Registry>,
    others: Vec<Registry>,
}

impl Routes {
    /// Everything comes from this registry; without one, only pinned packages can be had.
    pub fn new(default: Option<Registry>) -> Self {
        Self {
            default,
            ..Self::default()
        }
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

    /// The registry of a package.
    pub fn registry_of(&self, name: &PackageName) -> Option<&Registry> {
        let scoped = || name.scope().and_then(|scope| self.scopes.get(scope));
        self.packages
            .get(name)
            .or_else(scoped)
            .or(self.default.as_ref())
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
