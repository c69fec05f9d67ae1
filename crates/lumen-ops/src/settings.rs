//! Settings from everywhere, in the order flag, environment, project, user, system.

mod environment;
mod pairs;
mod pins;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use fs_err as fs;
use lumen_core::{
    PackageName, config,
    limits::Limits,
    manifest::{InstallSection, LinkMode, Manifest, Mirror, RegistrySection, RegistryUrls},
    problem::{self, Problem, Severity},
};
use lumen_registry::{
    Location,
    location::{redacted, web_address},
    storage::HttpOptions,
};

pub use self::{
    environment::{Environment, token_variable, url_variable},
    pairs::{Pairs, Reach},
    pins::Pins,
};
use self::{
    environment::{VARIABLES, key_of},
    pins::Sources,
};
use crate::error::{OpsError, SettingsError};

#[cfg(test)]
mod tests;

/// The name of the registry that is used when nothing else says so.
pub const DEFAULT: &str = "default";

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
    /// How packages get into the project.
    pub link: LinkMode,
    /// Folder for the import links, relative to the project.
    pub import_root: PathBuf,
}

impl Settings {
    /// Merges all sources; `flag` is `--registry`. Returns warnings beside the settings.
    ///
    /// # Errors
    /// When a configuration file is invalid, or a name names no registry.
    pub fn merge(
        environment: &Environment,
        manifest: Option<&Manifest>,
        flag: Option<&str>,
    ) -> Result<(Self, Vec<Problem>), OpsError> {
        let mut warnings = Vec::new();
        let mut layers: Vec<(RegistrySection, InstallSection)> = Vec::new();
        if let Some(manifest) = manifest {
            layers.push((manifest.registry.clone(), manifest.install.clone()));
        }
        let project_layers = layers.len();
        let (mut ca_file, mut timeout) = (environment.ca_file.clone(), environment.http_timeout);
        let mut chosen_limits = environment.limits.clone();
        for file in &environment.config_files {
            let config = read_config(file, &mut warnings)?;
            // A path is relative to the file it stands in.
            let in_file = |path| file.parent().unwrap_or(file).join(path);
            ca_file = ca_file.or(config.http.ca_file.map(in_file));
            timeout = timeout.or(config.http.timeout);
            for (limit, value) in config.limits {
                chosen_limits.entry(limit).or_insert(value);
            }
            layers.push((config.registry, config.install));
        }
        let mut registries = BTreeMap::new();
        let mut scopes = BTreeMap::new();
        let mut helpers = BTreeMap::new();
        let mut mirrors: BTreeMap<String, Mirror> = BTreeMap::new();
        for (registry, _) in layers.iter().rev() {
            registries.extend(registry.registries.clone());
            scopes.extend(registry.scopes.clone());
            mirrors.extend(registry.mirrors.clone());
            // A project's file cannot have any.
            helpers.extend(registry.helpers.clone());
        }
        let mut own = BTreeMap::new();
        for (registry, _) in layers.iter().skip(project_layers).rev() {
            own.extend(registry.registries.clone());
        }
        of_variables(environment, &mut own, &mut registries)?;
        let chosen = flag.map(|text| (text, "--registry"));
        let chosen = chosen.or(environment
            .registry
            .as_deref()
            .map(|text| (text, "LUMEN_REGISTRY")));
        let configured = || {
            layers
                .iter()
                .find_map(|(registry, _)| registry.default.as_deref())
        };
        let chosen = chosen.or_else(|| configured().map(|text| (text, "[registry] default")));
        let mut default = chosen
            .map(|(text, origin)| resolve(text, origin, &registries))
            .transpose()?;
        let of_environment = environment.registry.is_some() && flag.is_none();
        if let Some(publish) = environment.publish_registry.as_deref()
            && of_environment
            && let Some(default) = &mut default
        {
            let urls = resolve(publish, "LUMEN_PUBLISH_REGISTRY", &registries)?;
            default.publish = Some(urls.publish.unwrap_or(urls.read));
        }
        let (pins, unmatched) = Pins::new(&Sources {
            layers: &layers,
            registries: &registries,
            default: default.as_ref(),
        })?;
        warnings.extend(unmatched);
        let given = flag.or(environment.registry.as_deref());
        let publish = environment.publish_registry.as_deref();
        let publish = publish.filter(|_| of_environment);
        let pairs = pairs(&layers[project_layers..], own, given, publish);
        let upstreams = layers
            .iter()
            .find_map(|(registry, _)| registry.upstreams.clone())
            .unwrap_or_default();
        for name in &upstreams {
            check_name(name, "[registry] upstreams", &registries)?;
        }
        for (name, mirror) in &mirrors {
            let ends = [&mirror.from, &mirror.to].into_iter();
            for end in ends.filter(|end| !is_location(end)) {
                check_name(end, &format!("[registry.mirrors] {name}"), &registries)?;
            }
        }
        for (scope, name) in &scopes {
            check_name(name, &format!("[registry.scopes] {scope}"), &registries)?;
        }
        let limits: Limits = chosen_limits.into_iter().collect();
        let link = layers
            .iter()
            .find_map(|(_, install)| install.link)
            .unwrap_or(LinkMode::Symlink);
        let import_root = layers
            .iter()
            .find_map(|(_, install)| install.import_root.clone())
            .unwrap_or_default();
        Ok((
            Self {
                default,
                upstreams,
                registries,
                scopes,
                mirrors,
                pairs,
                helpers,
                signed_only: layers.iter().any(|(registry, _)| registry.signed_only),
                pins,
                http: http_options(ca_file, timeout, limits),
                limits,
                link,
                import_root: import_root.into(),
            },
            warnings,
        ))
    }

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

/// A URL or a path stands for itself; anything else is the name of a registry.
fn resolve(
    text: &str,
    origin: &str,
    registries: &BTreeMap<String, RegistryUrls>,
) -> Result<RegistryUrls, OpsError> {
    let one = |read: String| RegistryUrls {
        read,
        publish: None,
    };
    if text.contains("://") {
        return Ok(one(text.to_owned()));
    }
    // `localhost:8080/registry` is no folder, unless there is one.
    let is_web = text.contains(':') && web_address(text).is_some() && !Path::new(text).exists();
    if is_location(text) && !is_web {
        // A misspelt URL with a password is no path.
        Location::parse_path(text, Path::new(""))?;
        if let Ok(url) = url::Url::from_file_path(std::path::absolute(text)?) {
            return Ok(one(url.into()));
        }
    }
    check_name(text, origin, registries)?;
    registries.get(text).cloned().ok_or(OpsError::NoRegistry)
}

/// Adds the registries of the environment to those of the user and to all. A variable that
/// repeats a URL which the name has already leaves the other URL of that name as it is.
fn of_variables(
    environment: &Environment,
    own: &mut BTreeMap<String, RegistryUrls>,
    all: &mut BTreeMap<String, RegistryUrls>,
) -> Result<(), OpsError> {
    for (key, text) in &environment.registries {
        let variable = format!("{VARIABLES}{key}_URL");
        if !is_location(text) {
            return Err(SettingsError::Url {
                variable,
                value: redacted(text),
            }
            .into());
        }
        let given = resolve(text, &variable, all)?;
        let mut names: Vec<String> = all
            .keys()
            .filter(|name| key_of(name) == *key)
            .cloned()
            .collect();
        if names.is_empty() {
            names.push(key.to_ascii_lowercase().replace('_', "-"));
        }
        for name in names {
            for registries in [&mut *own, &mut *all] {
                let is_known = registries.get(&name).is_some_and(|known| {
                    urls(known).any(|url| pairs::place(url) == pairs::place(&given.read))
                });
                if !is_known {
                    registries.insert(name.clone(), given.clone());
                }
            }
        }
    }
    Ok(())
}

/// What the user paired: `layers` and `own` are their configuration, `given` and `publish` the
/// default registry by flag or environment.
fn pairs(
    layers: &[(RegistrySection, InstallSection)],
    mut own: BTreeMap<String, RegistryUrls>,
    given: Option<&str>,
    publish: Option<&str>,
) -> Pairs {
    let mut configured = layers
        .iter()
        .filter_map(|(registry, _)| registry.default.as_deref());
    // A name counts as far as the user's own configuration knows it.
    let own_urls = |text: &str| resolve(text, "", &own).ok();
    let published = publish.and_then(own_urls);
    let default = given.or_else(|| configured.next()).map(own_urls);
    if let Some(urls) = default {
        own.remove(DEFAULT);
        own.extend(urls.map(|urls| (DEFAULT.to_owned(), urls)));
    }
    if let Some(published) = published {
        let publish = published.publish.unwrap_or(published.read);
        match own.get_mut(DEFAULT) {
            Some(default) => default.publish = Some(publish),
            // Only a project says where the default is read from.
            None => {
                let urls = RegistryUrls {
                    read: publish,
                    publish: None,
                };
                own.insert(DEFAULT.to_owned(), urls);
            }
        }
    }
    let mut pairs = Pairs::default();
    for (name, registry) in &own {
        pairs.add_registry(name, registry);
    }
    for (registry, _) in layers {
        for mirror in registry.mirrors.values() {
            let ends = [&mirror.from, &mirror.to].into_iter();
            let places = ends.filter(|end| is_location(end));
            places.for_each(|end| pairs.add(end));
        }
        for url in registry.helpers.keys() {
            pairs.add_origin(url);
        }
    }
    pairs
}

fn http_options(ca_file: Option<PathBuf>, timeout: Option<u32>, limits: Limits) -> HttpOptions {
    let mut options = HttpOptions {
        ca_file,
        limits,
        ..HttpOptions::default()
    };
    if let Some(seconds) = timeout {
        options.read_timeout = Duration::from_secs(seconds.into());
        options.connect_timeout = options.connect_timeout.min(options.read_timeout);
    }
    options
}

fn urls(registry: &RegistryUrls) -> impl Iterator<Item = &String> {
    [Some(&registry.read), registry.publish.as_ref()]
        .into_iter()
        .flatten()
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

fn read_config(file: &Path, warnings: &mut Vec<Problem>) -> Result<config::Config, OpsError> {
    let source: Arc<str> = fs::read_to_string(file)?.into();
    let parsed = config::parse(&file.display().to_string(), &source);
    let (errors, more): (Vec<_>, Vec<_>) = parsed
        .problems
        .into_iter()
        .partition(|p| p.severity == Severity::Error);
    warnings.extend(more);
    match parsed.config {
        Some(config) if errors.is_empty() => Ok(config),
        _ => Err(OpsError::Problems(errors)),
    }
}
