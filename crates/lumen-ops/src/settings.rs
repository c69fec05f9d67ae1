//! Settings from everywhere, in the order flag, environment, project, user, system.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use fs_err as fs;
use lumen_core::{
    Digest, PackageName, config,
    limits::{self, Limit, Limits},
    manifest::{InstallSection, LinkMode, Manifest, Mirror, RegistrySection, RegistryUrls},
    problem::{self, Problem, Severity},
};
use lumen_registry::storage::HttpOptions;

use crate::error::OpsError;

/// The name of the registry that is used when nothing else says so.
pub const DEFAULT: &str = "default";

/// Where Lumen keeps its own files, and what the environment says.
#[derive(Debug, Clone)]
pub struct Environment {
    /// `$LUMEN_HOME`: store, caches, git clones.
    pub home: PathBuf,
    /// `LUMEN_REGISTRY`.
    pub registry: Option<String>,
    /// `LUMEN_PUBLISH_REGISTRY`: where the registry of `LUMEN_REGISTRY` is published to.
    pub publish_registry: Option<String>,
    /// Configuration files that exist, the most specific first.
    pub config_files: Vec<PathBuf>,
    /// `NETRC`, or the usual place of that file.
    pub netrc: Option<PathBuf>,
    /// `LUMEN_CA_FILE`, absolute.
    pub ca_file: Option<PathBuf>,
    /// `LUMEN_HTTP_TIMEOUT`, in seconds.
    pub http_timeout: Option<u32>,
    /// `LUMEN_LIMIT_…`.
    pub limits: BTreeMap<Limit, u64>,
}

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
    /// URLs that the user gave, by flag, environment or configuration: only these may be sent secrets.
    trusted: BTreeSet<String>,
    /// Who knows the credentials of the registries whose URLs start so.
    helpers: BTreeMap<String, Vec<String>>,
    /// Whether unsigned registries are refused.
    pub signed_only: bool,
    /// By the name of a registry: the hash of its first root note.
    pub roots: BTreeMap<String, Digest>,
    /// Patience with web servers and object stores, and whom to trust beside the system's authorities.
    pub http: HttpOptions,
    /// What things may cost.
    pub limits: Limits,
    /// How packages get into the project.
    pub link: LinkMode,
    /// Folder for the import links, relative to the project.
    pub import_root: PathBuf,
}

impl Environment {
    /// Reads the environment and looks for configuration files.
    ///
    /// # Errors
    /// When no home folder can be found, or a variable makes no sense.
    pub fn read() -> Result<Self, OpsError> {
        use etcetera::BaseStrategy as _;
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let strategy = etcetera::choose_base_strategy().ok();
        let home = match (text("LUMEN_HOME"), &strategy) {
            (Some(home), _) => PathBuf::from(home),
            (None, Some(strategy)) => strategy.data_dir().join("lumen"),
            (None, None) => return Err(OpsError::NoHome),
        };
        let home = std::path::absolute(&home)?;
        let system = if cfg!(windows) {
            text("ProgramData").map(PathBuf::from)
        } else {
            Some("/etc".into())
        };
        let netrc = if cfg!(windows) { "_netrc" } else { ".netrc" };
        let netrc = strategy
            .as_ref()
            .map(|strategy| strategy.home_dir().join(netrc));
        let http_timeout = text("LUMEN_HTTP_TIMEOUT").map(|text| {
            let seconds = text.trim().parse().ok().filter(|seconds| *seconds > 0);
            seconds.ok_or_else(|| {
                let what = format!("LUMEN_HTTP_TIMEOUT is `{text}`, which is no number of seconds");
                OpsError::user(what, "set it to a whole number, at least 1")
            })
        });
        let ca_file = text("LUMEN_CA_FILE").map(std::path::absolute);
        let places = [strategy.map(|strategy| strategy.config_dir()), system];
        let files = places
            .into_iter()
            .flatten()
            .map(|dir| dir.join("lumen").join(config::FILE_NAME));
        Ok(Self {
            home,
            registry: text("LUMEN_REGISTRY"),
            publish_registry: text("LUMEN_PUBLISH_REGISTRY"),
            config_files: files.filter(|file| file.is_file()).collect(),
            netrc: text("NETRC").map(PathBuf::from).or(netrc),
            ca_file: ca_file.transpose()?,
            http_timeout: http_timeout.transpose()?,
            limits: limits_of(std::env::vars_os())?,
        })
    }

    /// The package store.
    pub fn store_dir(&self) -> PathBuf {
        self.home.join("store")
    }

    /// What this machine remembers of signed registries.
    pub fn trust_dir(&self) -> PathBuf {
        self.home.join("trust")
    }

    /// What is kept about the hosts of registries.
    pub fn hosts_dir(&self) -> PathBuf {
        self.home.join("hosts")
    }

    /// The metadata caches, one folder per registry.
    pub fn cache_dir(&self) -> PathBuf {
        self.home.join("cache")
    }
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
        let mut roots: BTreeMap<String, Digest> = BTreeMap::new();
        for (registry, _) in layers.iter().rev() {
            for (name, root) in &registry.roots {
                // A weaker file's pin must not be undone by a stronger one: a project is not the user.
                if roots
                    .insert(name.clone(), *root)
                    .is_some_and(|other| other != *root)
                {
                    return Err(OpsError::user(
                        format!(
                            "lumen.toml and your configuration pin different roots for the registry `{name}`"
                        ),
                        "find out which one is right, then correct [registry.roots] in the other",
                    ));
                }
            }
            registries.extend(registry.registries.clone());
            scopes.extend(registry.scopes.clone());
            mirrors.extend(registry.mirrors.clone());
            // A project's file cannot have any.
            helpers.extend(registry.helpers.clone());
        }
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
        let own = layers
            .iter()
            .skip(project_layers)
            .map(|(registry, _)| registry);
        let mut trusted: BTreeSet<String> = own
            .flat_map(|registry| {
                let named = registry.registries.values().flat_map(urls);
                let mirrors = registry.mirrors.values();
                let ends = mirrors.flat_map(|mirror| [&mirror.from, &mirror.to]);
                named.chain(&registry.default).chain(ends).cloned()
            })
            .collect();
        if flag.is_some_and(is_location) || environment.registry.as_deref().is_some_and(is_location)
        {
            trusted.extend(default.iter().flat_map(urls).cloned());
        }
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
                trusted,
                helpers,
                signed_only: layers.iter().any(|(registry, _)| registry.signed_only),
                roots,
                http: http_options(ca_file, timeout),
                limits: chosen_limits.into_iter().collect(),
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

    /// Whether the user gave this URL; one from a project's file must not be sent the user's secrets.
    pub fn is_trusted(&self, url: &str) -> bool {
        self.trusted.contains(url)
    }

    /// The program that knows the credentials for a URL, with its arguments.
    pub fn helper(&self, url: &str) -> Option<&[String]> {
        let of_url = |(start, _): &(&String, &Vec<String>)| url.starts_with(start.as_str());
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
        let named = self.registries.get(name);
        let default = self.default.as_ref().filter(|_| name == DEFAULT);
        named.or(default).ok_or(OpsError::NoRegistry)
    }
}

/// Whether a text says where a registry is, instead of naming one.
fn is_location(text: &str) -> bool {
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
    if is_location(text)
        && let Ok(url) = url::Url::from_file_path(std::path::absolute(text)?)
    {
        return Ok(one(url.into()));
    }
    check_name(text, origin, registries)?;
    registries.get(text).cloned().ok_or(OpsError::NoRegistry)
}

fn http_options(ca_file: Option<PathBuf>, timeout: Option<u32>) -> HttpOptions {
    let mut options = HttpOptions {
        ca_file,
        ..HttpOptions::default()
    };
    if let Some(seconds) = timeout {
        options.read_timeout = Duration::from_secs(seconds.into());
        options.connect_timeout = options.connect_timeout.min(options.read_timeout);
    }
    options
}

/// The limits that the environment chooses.
fn limits_of(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<BTreeMap<Limit, u64>, OpsError> {
    let mut chosen = BTreeMap::new();
    for (variable, value) in variables {
        let (variable, value) = (variable.to_string_lossy(), value.to_string_lossy());
        let Some(name) = variable.strip_prefix(limits::VARIABLE) else {
            continue;
        };
        let name = name.replace('_', "-").to_ascii_lowercase();
        let Some(limit) = Limit::named(&name) else {
            let names = Limit::ALL.iter().map(|limit| limit.name());
            let hint = match problem::nearest(&name, names).and_then(Limit::named) {
                Some(nearest) => format!("did you mean {}?", nearest.variable()),
                None => "docs/limits.md lists the limits that there are".to_owned(),
            };
            let what = format!("{variable} names no limit");
            return Err(OpsError::user(what, hint));
        };
        let unit = limit.row().unit;
        let Some(number) = unit.parse(&value) else {
            let what = format!("{variable} is `{value}`");
            return Err(OpsError::user(what, format!("set it to {}", unit.form())));
        };
        chosen.insert(limit, number);
    }
    Ok(chosen)
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
        name: name.to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(
        environment: Option<&str>,
        manifest: &str,
        flag: Option<&str>,
        config: &str,
    ) -> Result<Settings, OpsError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        fs::write(&file, config).unwrap();
        let environment = Environment {
            home: dir.path().into(),
            registry: environment.map(str::to_owned),
            publish_registry: None,
            config_files: vec![file],
            netrc: None,
            ca_file: None,
            http_timeout: None,
            limits: BTreeMap::new(),
        };
        let manifest = lumen_core::manifest::parse("lumen.toml", manifest)
            .manifest
            .unwrap();
        Settings::merge(&environment, Some(&manifest), flag).map(|(settings, _)| settings)
    }

    #[test]
    fn flag_beats_environment_beats_project_beats_user() {
        let config = "[registry]\ndefault = \"file:///user\"\n[registry.registries]\nlocal = \"file:///local-user\"\n";
        let manifest = "[registry]\ndefault = \"local\"\n[registry.registries]\nlocal = \"file:///local-project\"\n";
        let default = |env, manifest, flag| {
            settings(env, manifest, flag, config)
                .unwrap()
                .default
                .unwrap()
                .read
        };
        assert_eq!(default(None, "", None), "file:///user");
        assert_eq!(default(None, manifest, None), "file:///local-project");
        assert_eq!(default(Some("file:///env"), manifest, None), "file:///env");
        assert_eq!(
            default(Some("file:///env"), manifest, Some("local")),
            "file:///local-project"
        );
        assert_eq!(
            default(Some("file:///env"), manifest, Some("https://r.example/x/")),
            "https://r.example/x/"
        );
    }

    #[test]
    fn a_name_stands_for_both_urls() {
        let config = "[registry]\ndefault = \"work\"\nupstreams = [\"work\"]\n[registry.registries]\n\
                      work = { read = \"https://cdn.example\", publish = \"s3://bucket\" }\n";
        let settings = settings(None, "", None, config).unwrap();
        let default = settings.urls(DEFAULT).unwrap();
        assert_eq!(default, settings.urls("work").unwrap());
        assert_eq!(default.publish.as_deref(), Some("s3://bucket"));
        assert!(settings.is_trusted("https://cdn.example") && settings.is_trusted("s3://bucket"));
        assert_eq!(settings.upstreams, ["work"]);
    }

    #[test]
    fn upstreams_must_be_known() {
        let error = settings(None, "[registry]\nupstreams = [\"x\"]\n", None, "").unwrap_err();
        assert!(matches!(error, OpsError::UnknownRegistry { name, .. } if name == "x"));
    }

    #[test]
    fn only_the_users_own_urls_are_trusted() {
        let config = "[registry.registries]\nwork = \"https://work.example/\"\n";
        let manifest = "[registry]\ndefault = \"https://evil.example/\"\n\
                        [registry.registries]\nwork = \"https://evil.example/work\"\n";
        let trusted = |env, flag, url: &str| {
            settings(env, manifest, flag, config)
                .unwrap()
                .is_trusted(url)
        };
        assert!(trusted(None, None, "https://work.example/"));
        assert!(!trusted(None, None, "https://evil.example/"));
        assert!(!trusted(None, None, "https://evil.example/work"));
        assert!(!trusted(None, Some("work"), "https://evil.example/work"));
        assert!(trusted(
            Some("https://env.example"),
            None,
            "https://env.example"
        ));
        assert!(trusted(
            None,
            Some("https://flag.example"),
            "https://flag.example"
        ));
    }

    #[test]
    fn the_ends_of_the_users_mirrors_are_trusted() {
        let mirror = |to: &str| {
            format!("[registry.mirrors]\nm = {{ from = \"https://f.example\", to = \"{to}\" }}\n")
        };
        let own = settings(None, "", None, &mirror("s3://own")).unwrap();
        assert!(own.is_trusted("https://f.example") && own.is_trusted("s3://own"));
        let project = settings(None, &mirror("s3://evil"), None, &mirror("s3://own")).unwrap();
        assert_eq!(project.mirrors["m"].to, "s3://evil");
        assert!(!project.is_trusted("s3://evil"));
    }

    #[test]
    fn helpers_by_the_start_of_the_url() {
        let config = "[registry.credentials]\n\"https://h/\" = {helper = \"a\"}\n\
                      \"https://h/x\" = {helper = \"b --c\"}\n";
        let settings = settings(None, "", None, config).unwrap();
        for (url, expected) in [
            ("https://h/", Some(&["a"][..])),
            ("https://h/xy/", Some(&["a"])),
            ("https://h/x/", Some(&["b", "--c"])),
            ("https://h/x/y/", Some(&["b", "--c"])),
            ("http://h/", None),
            ("https://h:81/", None),
            ("https://h.evil/", None),
        ] {
            let found = settings.helper(url).map(<[String]>::to_vec);
            let expected = expected.map(|words| words.iter().map(|word| (*word).to_owned()));
            assert_eq!(found, expected.map(Iterator::collect), "{url}");
        }
    }

    #[test]
    fn pins_and_the_wish_for_signatures_add_up() {
        let root = |text: &str| Digest::of(text.as_bytes());
        let pin = |root: Digest| format!("[registry.roots]\ndefault = \"{root}\"\n");
        let manifest = pin(root("a"));
        let merged = settings(None, &manifest, None, "[registry]\ntrust = \"required\"\n").unwrap();
        assert!(merged.signed_only);
        assert_eq!(merged.roots[DEFAULT], root("a"));
        assert!(settings(None, &manifest, None, &pin(root("a"))).is_ok());
        assert!(settings(None, &manifest, None, &pin(root("b"))).is_err());
    }

    #[test]
    fn a_path_stands_for_its_url() {
        let default = settings(None, "", Some("/srv/reg"), "").unwrap().default;
        assert_eq!(default.unwrap().read, "file:///srv/reg");
    }

    #[test]
    fn scopes_pin_a_registry_and_unknown_names_are_refused() {
        let manifest = "[registry.registries]\nlocal = \"file:///l\"\n[registry.scopes]\n\"@org\" = \"local\"\n";
        let settings_ok = settings(None, manifest, None, "").unwrap();
        let registry = |name: &str| {
            settings_ok
                .registry_of(&PackageName::parse(name).unwrap())
                .to_owned()
        };
        assert_eq!(
            (registry("@org/http"), registry("@other/x")),
            ("local".into(), DEFAULT.into())
        );
        let error = settings(None, manifest, Some("locl"), "").unwrap_err();
        assert!(
            matches!(error, OpsError::UnknownRegistry { nearest: Some(nearest), .. } if nearest == "local")
        );
        assert!(matches!(
            settings_ok.urls("default"),
            Err(OpsError::NoRegistry)
        ));
    }

    #[test]
    fn limits_of_the_environment() {
        let of = |name: &str, value: &str| limits_of([(name.into(), value.into())].into_iter());
        let chosen = of("LUMEN_LIMIT_ARTIFACT_BYTES", "2 KiB").unwrap();
        assert_eq!(chosen, BTreeMap::from([(Limit::ArtifactBytes, 2048)]));
        assert_eq!(of("LUMEN_REGISTRY", "x").unwrap(), BTreeMap::new());
        for (name, value, expected) in [
            ("LUMEN_LIMIT_ARTIFACT_BYTE", "1", "names no limit"),
            ("LUMEN_LIMIT_ARTIFACT_BYTES", "lots", "is `lots`"),
            ("LUMEN_LIMIT_ARTIFACT_BYTES", "0", "is `0`"),
        ] {
            let error = of(name, value).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn the_environment_chooses_before_the_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        fs::write(&file, "[limits]\nartifact-bytes = 5\ninstall-bytes = 6\n").unwrap();
        let environment = Environment {
            home: dir.path().to_owned(),
            registry: None,
            publish_registry: None,
            config_files: vec![file],
            netrc: None,
            ca_file: None,
            http_timeout: None,
            limits: BTreeMap::from([(Limit::ArtifactBytes, 4)]),
        };
        let (settings, _) = Settings::merge(&environment, None, None).unwrap();
        assert_eq!(settings.limits.get(Limit::ArtifactBytes), 4);
        assert_eq!(settings.limits.get(Limit::InstallBytes), 6);
    }
}
