//! Which registry to open, for which purpose, and the one way to open it.

use std::sync::atomic::Ordering;

use lumen_core::PackageName;
use lumen_registry::{
    Freshness, Location, ReadError, Registry, RegistryOptions, verify::TrustOptions,
};

use super::{Session, locked};
use crate::{
    error::{OpsError, RegistryError, SettingsError},
    settings::DEFAULT,
    workspace::Workspace,
};

/// Which registry is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// The one that is configured under this name.
    Named(&'a str),
    /// Given on the command line: a URL, a path, or the name of a configured registry.
    Given(&'a str),
    /// The same, where no name counts.
    Place(&'a str),
    /// Given in a configuration file, as a URL or a name: the author of that file decides
    /// whether the user's secrets go there.
    Configured(&'a str),
}

/// The purpose of opening a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To read it: a run has one for each name, with its metadata so far.
    Read,
    /// To read it as if for the first time.
    ReadAgain,
    /// To read it from the data on this machine.
    ReadOffline {
        /// Whether it must continue its state in the lock.
        with_lock: bool,
    },
    /// To write it, and to read it where it is written. Where that is another place than it
    /// is read from, it must have the same root.
    Write,
    /// The same, though it may have expired and witnesses may be silent: its operator must be
    /// able to repair it.
    WriteAtAnyAge,
}

impl Purpose {
    const fn writes(self) -> bool {
        matches!(self, Self::Write | Self::WriteAtAnyAge)
    }

    const fn is_offline(self) -> bool {
        matches!(self, Self::ReadOffline { .. })
    }
}

impl Session<'_> {
    /// Opens a registry.
    ///
    /// # Errors
    /// When nothing configures it or its URL is invalid; for writing also when only the project
    /// names the place, and there is no registry.
    pub fn open(&self, which: Which<'_>, purpose: Purpose) -> Result<Registry, OpsError> {
        let known_as = match which {
            Which::Named(text) | Which::Given(text) => text,
            Which::Place(text) | Which::Configured(text) => text,
        };
        if purpose == Purpose::Read
            && let Some(known) = locked(&self.registries).get(known_as)
        {
            return Ok(known.clone());
        }
        let location = self.place(which, purpose.writes())?;
        if purpose.writes() {
            self.refuse_offline(&location)?;
        }
        let name = match which {
            Which::Named(name) => Some(name.to_owned()),
            Which::Given(text) | Which::Place(text) | Which::Configured(text) => {
                self.name_at(text)?
            }
        };
        let registry = self.open_at(name.as_deref().unwrap_or(known_as), location, purpose)?;
        if purpose.writes() {
            self.may_write(&registry)?;
        }
        if purpose == Purpose::Read {
            locked(&self.registries).insert(known_as.to_owned(), registry.clone());
        }
        Ok(registry)
    }

    /// Refuses to write over the network where the user turned it off.
    ///
    /// # Errors
    /// [`RegistryError::Offline`].
    pub(crate) fn refuse_offline(&self, location: &Location) -> Result<(), OpsError> {
        match self.context.options.offline && location.is_remote() {
            true => Err(RegistryError::Offline(location.to_string()).into()),
            false => Ok(()),
        }
    }

    /// A registry by its configured name, to read it.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub fn registry(&self, name: &str) -> Result<Registry, OpsError> {
        self.open(Which::Named(name), Purpose::Read)
    }

    /// The registry a package is read from unless a dependency names another: its home or,
    /// when that does not have it, the first upstream that does.
    ///
    /// # Errors
    /// As [`Session::open`]; also when it is unknown whether a registry has the package.
    pub fn registry_for(&self, name: &PackageName) -> Result<Registry, OpsError> {
        let settings = self.settings()?;
        let first = self.registry(&self.home_of(name)?)?;
        if settings.upstreams.is_empty() || !settings.falls_back(name) {
            return Ok(first);
        }
        let has = |registry: &Registry| self.block_on(async { Ok(registry.find(name).await?) });
        if has(&first)?.is_some() {
            return Ok(first);
        }
        for upstream in &settings.upstreams {
            let registry = self.registry(upstream)?;
            if has(&registry)?.is_some() {
                return Ok(registry);
            }
        }
        Ok(first)
    }

    /// Names of all configured registries.
    ///
    /// # Errors
    /// When a configuration file is invalid.
    pub fn registry_names(&self) -> Result<Vec<String>, OpsError> {
        let settings = self.settings()?;
        let default = settings.default.iter().map(|_| DEFAULT.to_owned());
        let named = settings.registries.keys();
        let named = named.filter(|name| *name != DEFAULT).cloned();
        Ok(default.chain(named).collect())
    }

    fn open_at(
        &self,
        name: &str,
        location: Location,
        purpose: Purpose,
    ) -> Result<Registry, OpsError> {
        let workspace = self.workspace()?;
        let freshness = match self.is_offline() || purpose.is_offline() {
            true => Freshness::Offline,
            false => self.context.options.freshness,
        };
        let binds = self.is_bound(&workspace, name, &location, purpose);
        let locked = workspace.locked.get(name).filter(|_| binds);
        let locked = locked.filter(|_| purpose != Purpose::ReadOffline { with_lock: false });
        let expected = workspace.expected.get(name).filter(|_| binds);
        let options = RegistryOptions {
            cache: Some(self.context.environment.cache_dir()),
            freshness,
            trust: TrustOptions {
                state_dir: Some(self.context.environment.trust_dir()),
                pin: self.pin(name, &location)?,
                required: workspace.settings.signed_only,
                locked: locked
                    .map(|locked| locked.trust.clone())
                    .unwrap_or_default(),
                owners: locked
                    .map(|locked| locked.owners.clone())
                    .unwrap_or_default(),
                any_age: purpose == Purpose::WriteAtAnyAge,
                now: self.now(),
            },
            host: self.host_options(&location)?,
            expected: expected.cloned().unwrap_or_default(),
        };
        let registry = Registry::open(name, location, &options);
        Ok(registry.map_err(ReadError::from)?)
    }

    /// Whether a registry has to be the one that the lock knows under its name. One that the
    /// user names for this run is another, unless the run is about packages of the lock, or it
    /// is at the place that the lock has.
    fn is_bound(
        &self,
        workspace: &Workspace,
        name: &str,
        location: &Location,
        purpose: Purpose,
    ) -> bool {
        let is_given = name == DEFAULT && self.context.options.registry.is_some();
        let is_of_lock = self.binds.load(Ordering::Relaxed)
            || purpose == Purpose::ReadOffline { with_lock: true };
        if !is_given || is_of_lock {
            return true;
        }
        let project = workspace.project.as_ref();
        let lock = project.and_then(|project| project.lock.as_ref());
        let known = lock.and_then(|(lock, _)| lock.registries.get(DEFAULT));
        let origin = known.and_then(|registry| registry.origin.as_ref());
        origin.is_some() && origin == location.origin().as_ref()
    }

    /// A project alone may name where to write, but only a registry that is there: not any
    /// folder, nor any branch that the user may push to.
    fn may_write(&self, registry: &Registry) -> Result<(), OpsError> {
        let Some(location) = registry.location() else {
            return Ok(());
        };
        let url = location.url();
        let may_be_anything = matches!(location, Location::File(_) | Location::Git(_));
        let is_given = self.settings()?.pairs.has(&url);
        match may_be_anything && !is_given && !self.is_registry(registry)? {
            true => Err(SettingsError::RegistryOfProject { url }.into()),
            false => Ok(()),
        }
    }

    /// Whether something at a place says that it is a registry.
    pub(crate) fn is_registry(&self, registry: &Registry) -> Result<bool, OpsError> {
        self.block_on(async {
            match registry.trust().await {
                // The next step reports the error.
                Ok(Some(_)) | Err(ReadError::Trust(_)) => Ok(true),
                // Other programs have an `index.json`, too.
                Ok(None) => Ok(registry.global_index().await?.is_some_and(|index| {
                    index.format.is_some() || index.name.is_some() || !index.packages.is_empty()
                })),
                Err(error) => Err(error.into()),
            }
        })
    }
}
