//! From all sources to the settings: flag, environment, project, user, system.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use lumen_core::{
    limits::{Limit, Limits},
    manifest::{InstallSection, LinkMode, Manifest, Mirror, RegistrySection, RegistryUrls},
    policy::MinimumAge,
    problem::Problem,
};
use lumen_registry::{
    Location,
    location::{redacted, web_address},
    storage::{HttpOptions, Proxies},
};

use super::{DEFAULT, Pairs, Pins, Settings, check_name, is_location, pairs, pins::Sources, urls};
use crate::{
    context::Context,
    environment::{Environment, VARIABLES, key_of, read_config},
    error::{OpsError, SettingsError},
};

/// Registries by name.
type Registries = BTreeMap<String, RegistryUrls>;

impl Settings {
    /// Merges all sources. Returns warnings beside the settings.
    ///
    /// # Errors
    /// When a configuration file is invalid, or a name names no registry.
    pub fn merge(
        context: &Context<'_>,
        manifest: Option<&Manifest>,
    ) -> Result<(Self, Vec<Problem>), OpsError> {
        let files = Files::read(&context.environment, manifest)?;
        let mut named = files.named();
        of_variables(context, &mut named.own, &mut named.registries)?;
        let chosen = Chosen::of(context);
        let default = chosen.default(&files, &named.registries)?;
        let (pins, unmatched) = Pins::new(&Sources {
            layers: &files.layers,
            registries: &named.registries,
            default: default.as_ref(),
        })?;
        let upstreams = files.first(|(registry, _)| registry.upstreams.clone());
        let upstreams = upstreams.unwrap_or_default();
        named.check(&upstreams)?;
        let link = files.first(|(_, install)| install.link);
        let import_root = files.first(|(_, install)| install.import_root.clone());
        let mut all = files.layers.iter();
        let settings = Self {
            signed_only: all.any(|(registry, _)| registry.signed_only),
            default,
            upstreams,
            pairs: chosen.pairs(files.own(), named.own),
            registries: named.registries,
            scopes: named.scopes,
            mirrors: named.mirrors,
            helpers: named.helpers,
            pins,
            http: files.http(&context.environment),
            limits: files.limits,
            minimum_ages: files.minimum_ages,
            link: link.unwrap_or(LinkMode::Symlink),
            import_root: import_root.unwrap_or_default().into(),
        };
        Ok((settings, [files.warnings, unmatched].concat()))
    }
}

/// What the project and the configuration files say.
struct Files {
    /// Their sections, the most specific file first.
    layers: Vec<(RegistrySection, InstallSection)>,
    /// How many of them are the project's.
    of_project: usize,
    ca_file: Option<PathBuf>,
    timeout: Option<u32>,
    limits: Limits,
    minimum_ages: Vec<MinimumAge>,
    warnings: Vec<Problem>,
}

impl Files {
    fn read(environment: &Environment, manifest: Option<&Manifest>) -> Result<Self, OpsError> {
        let of_project = manifest.map(|own| (own.registry.clone(), own.install.clone()));
        let mut layers = Vec::from_iter(of_project);
        let of_project = layers.len();
        let (mut ca_file, mut timeout) = (environment.ca_file.clone(), environment.http_timeout);
        let mut limits: BTreeMap<Limit, u64> = environment.limits.clone();
        let project_age = manifest.and_then(|own| own.minimum_age.clone());
        let mut minimum_ages = Vec::from_iter(project_age);
        let mut warnings = Vec::new();
        for file in &environment.config_files {
            let config = read_config(file, &mut warnings)?;
            // A path is relative to the file it stands in.
            let in_file = |path| file.parent().unwrap_or(file).join(path);
            ca_file = ca_file.or(config.http.ca_file.map(in_file));
            timeout = timeout.or(config.http.timeout);
            for (limit, value) in config.limits {
                limits.entry(limit).or_insert(value);
            }
            minimum_ages.extend(config.minimum_age);
            layers.push((config.registry, config.install));
        }
        Ok(Self {
            layers,
            of_project,
            ca_file,
            timeout,
            limits: limits.into_iter().collect(),
            minimum_ages,
            warnings,
        })
    }

    /// The user's files, and the machine's.
    fn own(&self) -> &[(RegistrySection, InstallSection)] {
        self.layers.get(self.of_project..).unwrap_or_default()
    }

    /// What the most specific file says that says something.
    fn first<T>(
        &self,
        said: impl Fn(&(RegistrySection, InstallSection)) -> Option<T>,
    ) -> Option<T> {
        self.layers.iter().find_map(said)
    }

    /// Everything that has a name; a more specific file takes the place of another.
    fn named(&self) -> Named {
        let mut named = Named::default();
        for (registry, _) in self.layers.iter().rev() {
            named.registries.extend(registry.registries.clone());
            named.scopes.extend(registry.scopes.clone());
            named.mirrors.extend(registry.mirrors.clone());
            // A project's file cannot have any.
            named.helpers.extend(registry.helpers.clone());
        }
        for (registry, _) in self.own().iter().rev() {
            named.own.extend(registry.registries.clone());
        }
        named
    }

    fn http(&self, environment: &Environment) -> HttpOptions {
        let mut options = HttpOptions {
            ca_file: self.ca_file.clone(),
            proxies: Proxies::of(&environment.variables),
            limits: self.limits,
            ..HttpOptions::default()
        };
        if let Some(seconds) = self.timeout {
            options.read_timeout = Duration::from_secs(seconds.into());
            options.connect_timeout = options.connect_timeout.min(options.read_timeout);
        }
        options
    }
}

/// What has a name in files, by that name.
#[derive(Default)]
struct Named {
    registries: Registries,
    /// Those that the user's files name.
    own: Registries,
    scopes: BTreeMap<String, String>,
    mirrors: BTreeMap<String, Mirror>,
    helpers: BTreeMap<String, Vec<String>>,
}

impl Named {
    /// Checks that the registries exist which upstreams, mirrors and scopes name.
    fn check(&self, upstreams: &[String]) -> Result<(), OpsError> {
        for name in upstreams {
            check_name(name, "[registry] upstreams", &self.registries)?;
        }
        for (name, mirror) in &self.mirrors {
            let ends = [&mirror.from, &mirror.to].into_iter();
            for end in ends.filter(|end| !is_location(end)) {
                check_name(end, &format!("[registry.mirrors] {name}"), &self.registries)?;
            }
        }
        for (scope, name) in &self.scopes {
            check_name(
                name,
                &format!("[registry.scopes] {scope}"),
                &self.registries,
            )?;
        }
        Ok(())
    }
}

/// What the user says of the default registry outside of files.
struct Chosen<'c> {
    working_dir: &'c Path,
    /// `--registry`.
    flag: Option<&'c str>,
    /// `LUMEN_REGISTRY`.
    variable: Option<&'c str>,
    /// `LUMEN_PUBLISH_REGISTRY`, where it belongs to the other variable.
    publish: Option<&'c str>,
}

impl<'c> Chosen<'c> {
    fn of(context: &'c Context<'_>) -> Self {
        let environment = &context.environment;
        let flag = context.options.registry.as_deref();
        let variable = environment.registry.as_deref();
        let publish = environment.publish_registry.as_deref();
        Self {
            working_dir: &context.options.working_dir,
            flag,
            variable,
            publish: publish.filter(|_| variable.is_some() && flag.is_none()),
        }
    }

    /// Where the default registry is.
    fn default(
        &self,
        files: &Files,
        registries: &Registries,
    ) -> Result<Option<RegistryUrls>, OpsError> {
        let configured = files.first(|(registry, _)| registry.default.clone());
        let of_flag = self.flag.map(|text| (text, "--registry"));
        let of_variable = self.variable.map(|text| (text, "LUMEN_REGISTRY"));
        let of_file = configured
            .as_deref()
            .map(|text| (text, "[registry] default"));
        let Some(text) = of_flag.or(of_variable).or(of_file) else {
            return Ok(None);
        };
        let mut default = resolve(self.working_dir, text, registries)?;
        if let Some(publish) = self.publish {
            let text = (publish, "LUMEN_PUBLISH_REGISTRY");
            let urls = resolve(self.working_dir, text, registries)?;
            default.publish = Some(urls.publish.unwrap_or(urls.read));
        }
        Ok(Some(default))
    }

    /// What the user paired; `layers` and `own` are their configuration.
    fn pairs(&self, layers: &[(RegistrySection, InstallSection)], mut own: Registries) -> Pairs {
        let mut configured = layers
            .iter()
            .filter_map(|(registry, _)| registry.default.as_deref());
        // A name counts as far as the user's own configuration knows it.
        let own_urls = |text: &str| resolve(self.working_dir, (text, ""), &own).ok();
        let published = self.publish.and_then(own_urls);
        let given = self.flag.or(self.variable);
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
}

/// A URL or a path stands for itself; anything else is the name of a registry.
fn resolve(
    working_dir: &Path,
    (text, origin): (&str, &str),
    registries: &Registries,
) -> Result<RegistryUrls, OpsError> {
    let one = |read: String| RegistryUrls {
        read,
        publish: None,
    };
    if text.contains("://") {
        return Ok(one(text.to_owned()));
    }
    // `localhost:8080/registry` is no folder, unless there is one.
    let is_web =
        text.contains(':') && web_address(text).is_some() && !working_dir.join(text).exists();
    if is_location(text) && !is_web {
        // A misspelt URL with a password is no path.
        Location::parse_path(text, Path::new(""))?;
        let path = lumen_durable::absolute(&working_dir.join(text))?;
        if let Ok(url) = url::Url::from_file_path(path) {
            return Ok(one(url.into()));
        }
    }
    check_name(text, origin, registries)?;
    registries.get(text).cloned().ok_or(OpsError::NoRegistry)
}

/// Adds the registries of the environment to those of the user and to all. A variable that
/// repeats a URL which the name has already leaves the other URL of that name as it is.
fn of_variables(
    context: &Context<'_>,
    own: &mut Registries,
    all: &mut Registries,
) -> Result<(), OpsError> {
    for (key, text) in &context.environment.registries {
        let variable = format!("{VARIABLES}{key}_URL");
        if !is_location(text) {
            return Err(SettingsError::Url {
                variable,
                value: redacted(text),
            }
            .into());
        }
        let working_dir = &context.options.working_dir;
        let given = resolve(working_dir, (text, &variable), all)?;
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
