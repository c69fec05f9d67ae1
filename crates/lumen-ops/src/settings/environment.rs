//! What the environment says, and where Lumen keeps its own files.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use lumen_core::{
    config,
    limits::{self, Limit},
    problem::{self},
};
use lumen_store::link::Ledger;

use super::{DEFAULT, Reach, read_config};
use crate::error::{OpsError, SettingsError};

/// What the names of variables about named registries begin with.
pub(super) const VARIABLES: &str = "LUMEN_REGISTRIES_";

/// A registry's name as it stands in the names of variables.
pub(super) fn key_of(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
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

/// Where Lumen keeps its own files, and what the environment says.
#[derive(Debug, Clone)]
pub struct Environment {
    /// `$LUMEN_HOME`: store, caches, git clones.
    pub home: PathBuf,
    /// Lumen's configuration folder, where the user's keys are; nothing: there is no home folder.
    pub config_dir: Option<PathBuf>,
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
        let home = one_spelling(&std::path::absolute(&home)?);
        let system = if cfg!(windows) {
            text("ProgramData").map(PathBuf::from)
        } else {
            Some("/etc".into())
        };
        let netrc = if cfg!(windows) { "_netrc" } else { ".netrc" };
        let netrc = strategy
            .as_ref()
            .map(|strategy| strategy.home_dir().join(netrc));
        let url_of = |(name, url): (OsString, OsString)| {
            let name = name.into_string().ok()?;
            let key = name.strip_prefix(VARIABLES)?.strip_suffix("_URL")?;
            let url = url.into_string().ok().filter(|url| !url.is_empty())?;
            Some((key.to_owned(), url))
        };
        let mut registries: BTreeMap<String, String> =
            std::env::vars_os().filter_map(url_of).collect();
        // Two names for one thing: that of the default registry is the older one.
        let default = registries.remove(&key_of(DEFAULT));
        let http_timeout = text("LUMEN_HTTP_TIMEOUT").map(|text| {
            let seconds = text.trim().parse().ok().filter(|seconds| *seconds > 0);
            seconds.ok_or_else(|| SettingsError::Timeout(text.to_string()))
        });
        let ca_file = text("LUMEN_CA_FILE").map(std::path::absolute);
        let config_dir = strategy.map(|strategy| strategy.config_dir().join("lumen"));
        let places = [config_dir.clone(), system.map(|dir| dir.join("lumen"))];
        let files = places
            .into_iter()
            .flatten()
            .map(|dir| dir.join(config::FILE_NAME));
        Ok(Self {
            home,
            config_dir,
            registry: text("LUMEN_REGISTRY").or(default),
            registries,
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

/// The limits that the environment chooses.
pub(super) fn limits_of(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<BTreeMap<Limit, u64>, OpsError> {
    let mut chosen = BTreeMap::new();
    for (variable, value) in variables {
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
