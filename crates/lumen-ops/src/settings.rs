//! Settings from everywhere, in the order flag, environment, project, user, system.

mod merge;
mod pairs;
mod pins;

use std::{collections::BTreeMap, path::PathBuf};

use lumen_core::{
    PackageName,
    limits::Limits,
    manifest::{LinkMode, Mirror, RegistryUrls},
    policy::MinimumAge,
    problem,
};
use lumen_registry::{location::redacted, storage::HttpOptions};

pub use self::{
    pairs::{Pairs, Reach},
    pins::Pins,
};
pub use crate::environment::{DEFAULT, Environment, Folders, SAFE_FOLDERS};
use crate::{
    environment::{VARIABLES, key_of},
    error::OpsError,
};

#[cfg(test)]
mod tests;

/// What the project and the configuration say together.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the default registry is.
    pub default: Option<RegistryUrls>,
    /// Names of the registries to ask, in this order, for what the default does not have.
    pub upstreams: Vec<String>,
    /// Where each named registry is.
    pub registries: BTreeMap<String, RegistryUrls>,
    /// Name of the registry of each pinned scope.
    pub scopes: BTreeMap<String, String>,
    /// What is copied where, by name.
    pub mirrors: BTreeMap<String, Mirror>,
    /// What the user gave, by flag, environment or configuration: only that may be sent secrets.
    pub pairs: Pairs,
    /// Who knows the credentials of the registries whose URLs start so.
    helpers: BTreeMap<String, Vec<String>>,
    /// Whether unsigned registries are refused.
    pub signed_only: bool,
    /// The first root notes that registries must have.
    pub pins: Pins,
    /// Patience with web servers and object stores, and whom to trust beside the system's authorities.
    pub http: HttpOptions,
    /// What things may cost.
    pub limits: Limits,
    /// The least ages of releases, by each file that has one; all of them hold.
    pub minimum_ages: Vec<MinimumAge>,
    /// How packages get into the project.
    pub link: LinkMode,
    /// Folder for the import links, relative to the project.
    pub import_root: PathBuf,
}

impl Settings {
    /// The name of the registry a package comes from, unless its dependency names one.
    pub fn registry_of(&self, name: &PackageName) -> &str {
        self.registry_of_scope(name.scope())
    }

    /// The same for all packages of a scope, or all without one.
    pub fn registry_of_scope(&self, scope: Option<&str>) -> &str {
        scope
            .and_then(|scope| self.scopes.get(scope))
            .map_or(DEFAULT, String::as_str)
    }

    /// Whether the upstreams are asked for a package that its registry does not have: not
    /// where its scope is pinned.
    pub fn falls_back(&self, name: &PackageName) -> bool {
        name.scope()
            .is_none_or(|scope| !self.scopes.contains_key(scope))
    }

    /// The program that knows the credentials for a URL, with its arguments.
    pub fn helper(&self, url: &str) -> Option<&[String]> {
        let of_url = |(start, _): &(&String, &Vec<String>)| pairs::is_below(url, start);
        let found = self.helpers.iter().filter(of_url);
        let (_, command) = found.max_by_key(|(start, _)| start.len())?;
        Some(command)
    }

    /// Where a registry is, by name.
    ///
    /// # Errors
    /// When nothing configures it.
    pub fn urls(&self, name: &str) -> Result<&RegistryUrls, OpsError> {
        check_name(name, "a dependency", &self.registries)?;
        // What a flag says must not be undone by a registry that a project calls `default`.
        let default = self.default.as_ref().filter(|_| name == DEFAULT);
        let found = default.or_else(|| self.registries.get(name));
        found.ok_or(OpsError::NoRegistry)
    }
}

/// Whether a text says where a registry is, instead of naming one.
pub(crate) fn is_location(text: &str) -> bool {
    text.contains("://") || text.contains(['/', '\\'])
}

fn check_name(
    name: &str,
    origin: &str,
    registries: &BTreeMap<String, RegistryUrls>,
) -> Result<(), OpsError> {
    if registries.contains_key(name) || name == DEFAULT {
        return Ok(());
    }
    let nearest = problem::nearest(name, registries.keys().map(String::as_str)).map(str::to_owned);
    Err(OpsError::UnknownRegistry {
        name: redacted(name),
        origin: origin.to_owned(),
        nearest,
    })
}

fn urls(registry: &RegistryUrls) -> impl Iterator<Item = &String> {
    [Some(&registry.read), registry.publish.as_ref()]
        .into_iter()
        .flatten()
}

/// The variable with the token of a registry for one of its URLs.
pub fn token_variable(name: &str, reach: Reach) -> String {
    let suffix = match reach {
        Reach::Whole => "TOKEN",
        Reach::ReadOnly => "READ_TOKEN",
    };
    format!("{VARIABLES}{}_{suffix}", key_of(name))
}

/// The variable that gives a registry its URL: the default one has a name of its own.
pub fn url_variable(name: &str) -> String {
    match name {
        DEFAULT => "LUMEN_REGISTRY".to_owned(),
        _ => format!("{VARIABLES}{}_URL", key_of(name)),
    }
}
