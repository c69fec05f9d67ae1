//! What the environment says, and where Lumen keeps its own files.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
};

use fs_err as fs;
use lumen_core::{
    config,
    limits::{self, Limit},
    problem::{self, Problem, Severity},
};
use lumen_registry::variables::Variables;
use lumen_store::link::Ledger;

use crate::error::{OpsError, SettingsError};

/// The name of the registry that is used when nothing else says so.
pub const DEFAULT: &str = "default";

/// What the names of variables about named registries begin with.
pub(crate) const VARIABLES: &str = "LUMEN_REGISTRIES_";

/// A registry's name as it stands in the names of variables.
pub(crate) fn key_of(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

/// The variable with folders whose manifests count for every owner.
pub const SAFE_FOLDERS: &str = "LUMEN_SAFE_FOLDERS";

/// Variables with the path of one file or folder: a relative one starts at the working folder.
const PATHS: [&str; 13] = [
    "LUMEN_HOME",
    "LUMEN_CA_FILE",
    "LUMEN_KEY_FILE",
    "NETRC",
    "SSH_AUTH_SOCK",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_PATH",
    "AZURE_FEDERATED_TOKEN_FILE",
];

/// Where Lumen keeps its own files, and what the environment says.
#[derive(Debug, Clone)]
pub struct Environment {
    /// `$LUMEN_HOME`: store, caches, git clones.
    pub home: PathBuf,
    /// Lumen's configuration folder, where the user's keys are; nothing: there is no home folder.
    pub config_dir: Option<PathBuf>,
    /// A folder that exists and belongs to no project: credential helpers run in it.
    pub temporary: PathBuf,
    /// `LUMEN_REGISTRY`.
    pub registry: Option<String>,
    /// `LUMEN_REGISTRIES_<NAME>_URL`: where named registries are, by `<NAME>`.
    pub registries: BTreeMap<String, String>,
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
    /// `LUMEN_SAFE_FOLDERS`: folders whose manifests count whichever user they belong to.
    pub safe_folders: Vec<PathBuf>,
    /// All variables: keys and tokens, proxies, and the credentials of buckets come from them.
    pub variables: Variables,
}

/// The folders of a user and a process, all absolute.
#[derive(Debug, Clone, Default)]
pub struct Folders {
    /// The folder that relative paths start at.
    pub working: PathBuf,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// The folder for the configuration of programs, `~/.config` for instance.
    pub config: Option<PathBuf>,
    /// The folder for the data of programs, `~/.local/share` for instance.
    pub data: Option<PathBuf>,
    /// The folder for temporary files.
    pub temporary: PathBuf,
}

impl Environment {
    /// An environment that says nothing: Lumen's own files are below `home`, an absolute path,
    /// and there are no variables and no configuration files.
    pub fn at(home: impl Into<PathBuf>) -> Self {
        let home = home.into();
        Self {
            config_dir: Some(home.clone()),
            temporary: home.clone(),
            home,
            registry: None,
            registries: BTreeMap::new(),
            publish_registry: None,
            config_files: Vec::new(),
            netrc: None,
            ca_file: None,
            http_timeout: None,
            limits: BTreeMap::new(),
            safe_folders: Vec::new(),
            variables: Variables::default(),
        }
    }

    /// What variables and folders say; looks for configuration files.
    ///
    /// # Errors
    /// When no home folder is known, or a variable makes no sense.
    pub fn of(variables: &Variables, folders: &Folders) -> Result<Self, OpsError> {
        let variables = with_absolute_paths(variables, &folders.working);
        let text = |name: &str| variables.get(name);
        let path = |name: &str| variables.raw(name).map(PathBuf::from);
        let home = match (path("LUMEN_HOME"), &folders.data) {
            (Some(home), _) => home,
            (None, Some(data)) => data.join("lumen"),
            (None, None) => return Err(OpsError::NoHome),
        };
        let home = one_spelling(&lumen_durable::absolute(&home)?);
        let config = folders.config.as_ref().map(|config| config.join("lumen"));
        let system = match cfg!(windows) {
            true => path("ProgramData"),
            false => Some("/etc".into()),
        };
        let netrc = if cfg!(windows) { "_netrc" } else { ".netrc" };
        let netrc = folders.home.as_ref().map(|home| home.join(netrc));
        let mut registries: BTreeMap<String, String> = variables
            .with_prefix(VARIABLES)
            .into_iter()
            .filter_map(|(name, url)| {
                let key = name.strip_prefix(VARIABLES)?.strip_suffix("_URL")?;
                Some((key.to_owned(), url))
            })
            .collect();
        // Two names for one thing: that of the default registry is the older one.
        let default = registries.remove(&key_of(DEFAULT));
        let files = config
            .clone()
            .into_iter()
            .chain(system.map(|dir| dir.join("lumen")));
        let files = files.map(|dir| dir.join(config::FILE_NAME));
        let safe_folders = variables.raw(SAFE_FOLDERS).unwrap_or_default();
        let safe_folders = std::env::split_paths(safe_folders);
        let safe_folders = safe_folders.filter(|folder| !folder.as_os_str().is_empty());
        Ok(Self {
            config_dir: config.clone(),
            temporary: folders.temporary.clone(),
            registry: text("LUMEN_REGISTRY").or(default),
            registries,
            publish_registry: text("LUMEN_PUBLISH_REGISTRY"),
            config_files: files.filter(|file| file.is_file()).collect(),
            netrc: path("NETRC").or(netrc),
            ca_file: path("LUMEN_CA_FILE"),
            http_timeout: http_timeout(&variables)?,
            limits: limits_of(&variables)?,
            safe_folders: safe_folders
                .map(|folder| folders.working.join(folder))
                .collect(),
            variables,
            home,
        })
    }

    /// The package store.
    pub fn store_dir(&self) -> PathBuf {
        self.home.join("store")
    }

    /// Which projects use the store, and what was made in them.
    pub fn ledger(&self) -> Ledger {
        Ledger::new(self.home.join("projects"))
    }

    /// The value of a limit, before there are settings. A configuration file that cannot be
    /// read says nothing here: the settings tell what is wrong with it.
    pub fn limit(&self, limit: Limit) -> u64 {
        let own = self.limits.get(&limit).copied();
        let configured = || {
            let files = self.config_files.iter();
            let mut configs = files.filter_map(|file| read_config(file, &mut Vec::new()).ok());
            configs.find_map(|config| config.limits.get(&limit).copied())
        };
        own.or_else(configured).unwrap_or(limit.row().value)
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

/// The same variables, with absolute paths where they hold one path.
fn with_absolute_paths(variables: &Variables, working_dir: &Path) -> Variables {
    let absolute = |(name, value): (&OsStr, &OsStr)| {
        let is_path = PATHS.iter().any(|path| name == *path) && !value.is_empty();
        let value = match is_path {
            true => working_dir.join(value).into_os_string(),
            false => value.to_owned(),
        };
        (name.to_owned(), value)
    };
    variables.iter().map(absolute).collect()
}

fn http_timeout(variables: &Variables) -> Result<Option<u32>, OpsError> {
    let Some(text) = variables.get("LUMEN_HTTP_TIMEOUT") else {
        return Ok(None);
    };
    let seconds = text.trim().parse().ok().filter(|seconds| *seconds > 0);
    let wrong = || SettingsError::Timeout(text.clone());
    Ok(Some(seconds.ok_or_else(wrong)?))
}

/// The limits that the environment chooses.
pub(crate) fn limits_of(variables: &Variables) -> Result<BTreeMap<Limit, u64>, OpsError> {
    let mut chosen = BTreeMap::new();
    for (variable, value) in variables.iter() {
        // As everywhere, an empty variable is none.
        if value.is_empty() {
            continue;
        }
        let (variable, value) = (variable.to_string_lossy(), value.to_string_lossy());
        let Some(name) = variable.strip_prefix(limits::VARIABLE) else {
            continue;
        };
        let name = name.replace('_', "-").to_ascii_lowercase();
        let Some(limit) = Limit::named(&name) else {
            let names = Limit::ALL.iter().map(|limit| limit.name());
            let nearest = problem::nearest(&name, names).and_then(Limit::named);
            return Err(SettingsError::UnknownLimit {
                variable: variable.into_owned(),
                nearest,
            }
            .into());
        };
        let unit = limit.row().unit;
        let Some(number) = unit.parse(&value) else {
            return Err(SettingsError::Limit {
                variable: variable.into_owned(),
                value: value.into_owned(),
                unit,
            }
            .into());
        };
        chosen.insert(limit, number);
    }
    Ok(chosen)
}

/// A folder's path without links, as far as it exists: links into it then say the same
/// whichever way it was reached. Windows would add a prefix that other programs do not know.
fn one_spelling(path: &Path) -> PathBuf {
    if cfg!(windows) {
        return path.to_owned();
    }
    let real = |dir: &Path| {
        let below = path.strip_prefix(dir).ok()?;
        // By components: to join nothing would add a slash.
        Some(
            dir.canonicalize()
                .ok()?
                .components()
                .chain(below.components())
                .collect(),
        )
    };
    path.ancestors()
        .find_map(real)
        .unwrap_or_else(|| path.to_owned())
}

/// Reads a configuration file.
///
/// # Errors
/// When it cannot be read or is invalid.
pub(crate) fn read_config(
    file: &Path,
    warnings: &mut Vec<Problem>,
) -> Result<config::Config, OpsError> {
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
