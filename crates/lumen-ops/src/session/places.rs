//! Where registries are, and the known fingerprints of their roots.

use lumen_core::{Digest, PackageName, trust::Subject};
use lumen_registry::{Location, ReadError, storage::HostOptions, verify::state};

use super::{Session, Which};
use crate::{
    credentials::Logins,
    error::{OpsError, SettingsError},
    settings,
    settings::Settings,
};

impl Session<'_> {
    /// Where a registry is read, or where it is written to.
    ///
    /// # Errors
    /// When nothing configures it, its URL is invalid, or a configuration file is. Writing
    /// also fails if only the project names the place: otherwise a project could choose where
    /// a mirror copies private packages.
    pub fn place(&self, which: Which<'_>, writes: bool) -> Result<Location, OpsError> {
        match (which, writes) {
            (Which::Named(name), false) => {
                self.locate(Some(name), &self.settings()?.urls(name)?.read)
            }
            (Which::Named(name), true) => {
                let settings = self.settings()?;
                let urls = settings.urls(name)?;
                self.locate(Some(name), urls.publish.as_ref().unwrap_or(&urls.read))
            }
            (Which::Given(text), _) => match self.name_at(text)? {
                Some(name) if writes || !settings::is_location(text) => {
                    self.place(Which::Named(&name), writes)
                }
                _ => self.place(Which::Place(text), writes),
            },
            (Which::Place(text), _) => {
                let location = Location::parse_path(text, &self.context.options.working_dir)?;
                self.with_login((None, true), text, location)
            }
            (Which::Configured(text), false) => match (self.name_at(text)?, text.contains("://")) {
                (Some(name), _) => self.place(Which::Named(&name), false),
                (None, true) => self.locate(None, text),
                (None, false) => self.place(Which::Named(text), false),
            },
            (Which::Configured(text), true) => self.configured_target(text),
        }
    }

    /// Where the registry of a configured mirror is written to.
    fn configured_target(&self, text: &str) -> Result<Location, OpsError> {
        let settings = self.settings()?;
        let named = match self.name_at(text)? {
            None if text.contains("://") => None,
            None => Some(settings.urls(text)?),
            Some(name) => Some(settings.urls(&name)?),
        };
        let name = named.is_some().then_some(text);
        let url = named.map_or(text, |urls| urls.publish.as_ref().unwrap_or(&urls.read));
        if !settings.pairs.has(url) {
            return Err(SettingsError::MirrorOfProject.into());
        }
        self.locate(name, url)
    }

    /// Where a registry is read, by its configured name.
    ///
    /// # Errors
    /// As [`Session::place`].
    pub fn location(&self, name: &str) -> Result<Location, OpsError> {
        self.place(Which::Named(name), false)
    }

    /// Where a registry is written to, by its configured name.
    ///
    /// # Errors
    /// As [`Session::place`].
    pub fn publish_location(&self, name: &str) -> Result<Location, OpsError> {
        self.place(Which::Named(name), true)
    }

    /// The place at a URL of a configuration; `name` is the registry's name there.
    fn locate(&self, name: Option<&str>, url: &str) -> Result<Location, OpsError> {
        let location = Location::parse(url)?;
        self.with_login((name, false), url, location)
    }

    /// The name under which a registry is configured that is given by name or by URL.
    pub(super) fn name_at(&self, text: &str) -> Result<Option<String>, OpsError> {
        let settings = self.settings()?;
        let mut registries = settings.registries.iter();
        let found = registries.find(|(name, urls)| {
            *name == text || urls.read == text || urls.publish.as_deref() == Some(text)
        });
        Ok(found.map(|(name, _)| name.clone()))
    }

    /// The name of the registry that a package is published to.
    ///
    /// # Errors
    /// When a configuration file is invalid.
    pub fn home_of(&self, name: &PackageName) -> Result<String, OpsError> {
        self.home_of_subject(&Subject::owner_of(name))
    }

    /// The name of the registry where a name or scope has its owners.
    ///
    /// # Errors
    /// When a configuration file is invalid.
    pub fn home_of_subject(&self, subject: &Subject) -> Result<String, OpsError> {
        let scope = match (subject, &self.context.options.registry) {
            (Subject::Scope(scope), None) => Some(scope.as_str()),
            _ => None,
        };
        Ok(self.settings()?.registry_of_scope(scope).to_owned())
    }

    /// The hash of a registry's first root note, if it is configured, or known from the
    /// other of the two places where the registry is.
    pub(super) fn pin(&self, name: &str, location: &Location) -> Result<Option<Digest>, OpsError> {
        let settings = self.settings()?;
        let pin = settings.pins.of(name, location);
        let in_two_places = settings.urls(name).is_ok_and(|urls| urls.publish.is_some());
        if pin.is_some() || !in_two_places {
            return Ok(pin);
        }
        let here = location.url();
        for place in [self.location(name)?, self.publish_location(name)?] {
            if place.url() != here
                && let Some(root) = self.remembered(&place)?
            {
                return Ok(Some(root));
            }
        }
        Ok(None)
    }

    /// The fingerprint that a registry must have, as far as the user or this machine knows:
    /// by a pin, or by the remembered state of its URL. A lock does not count here.
    pub(crate) fn anchor(
        &self,
        name: &str,
        location: &Location,
    ) -> Result<Option<Digest>, OpsError> {
        match self.pin(name, location)? {
            Some(pin) => Ok(Some(pin)),
            None => self.remembered(location),
        }
    }

    /// The fingerprint that a registry must have that is given by name or by URL.
    ///
    /// # Errors
    /// When the remembered state cannot be read.
    pub fn known_root(&self, text: &str, location: &Location) -> Result<Option<Digest>, OpsError> {
        match self.name_at(text)? {
            Some(name) => self.anchor(&name, location),
            None => self.remembered(location),
        }
    }

    /// The fingerprint that this machine remembers of a place.
    fn remembered(&self, location: &Location) -> Result<Option<Digest>, OpsError> {
        let known = state::read(&self.context.environment.trust_dir(), &location.url());
        Ok(known.map_err(ReadError::from)?.map(|known| known.root))
    }

    /// How the host of a registry is spoken to.
    ///
    /// # Errors
    /// When a configuration file is invalid.
    pub fn host_options(&self, location: &Location) -> Result<HostOptions, OpsError> {
        let options = self.logins(&*self.settings()?).host_options(location);
        Ok(HostOptions {
            storages: self.context.options.storages.clone(),
            activity: self.context.options.activity.clone(),
            ..options
        })
    }

    /// Whether git may show the host of a dependency credentials from `~/.netrc`.
    pub(crate) fn may_use_netrc(&self, url: &str) -> bool {
        let settings = self.settings();
        settings.is_ok_and(|settings| self.logins(&settings).may_use_netrc(url))
    }

    fn with_login(
        &self,
        called: (Option<&str>, bool),
        url: &str,
        location: Location,
    ) -> Result<Location, OpsError> {
        Ok(self.logins(&*self.settings()?).give(called, url, location))
    }

    fn logins<'s>(&'s self, settings: &'s Settings) -> Logins<'s> {
        Logins {
            settings,
            environment: &self.context.environment,
            netrc: &self.netrc,
            reporter: self.context.reporter,
        }
    }
}

/// The name a registry gets when none is given: that of its folder, repository, bucket or host.
pub(crate) fn registry_name(location: &Location) -> String {
    let url = location.url();
    let address = url.split(['?', '#']).next().unwrap_or_default();
    let last = address.trim_end_matches('/').rsplit('/').next();
    let name = last.unwrap_or_default().trim_end_matches(".git");
    match name {
        "" => "lumen-registry".into(),
        name => name.to_owned(),
    }
}
