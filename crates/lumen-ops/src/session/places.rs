//! Which registry a name or a URL means, where it is, and what is known of its root.

use lumen_core::{Digest, PackageName, trust::Subject};
use lumen_registry::{Location, ReadError, verify::state};

use super::Session;
use crate::{error::OpsError, settings::DEFAULT};

impl Session<'_> {
    /// Where a registry is written to that is given by URL, path or configured name.
    ///
    /// # Errors
    /// When the URL is invalid.
    pub fn publish_location_at(&self, text: &str) -> Result<Location, OpsError> {
        match self.name_at(text)? {
            Some(name) => self.publish_location(&name),
            None => self.location_at(text),
        }
    }

    /// Where the registry of a configured mirror is written to.
    ///
    /// # Errors
    /// When the URL is invalid, or only the project says so: what a login may read here would
    /// be copied to a place of the project's choice.
    pub fn configured_target(&self, text: &str) -> Result<Location, OpsError> {
        let settings = self.settings()?;
        let named = match self.name_at(text)? {
            None if text.contains("://") => None,
            None => Some(settings.urls(text)?),
            Some(name) => Some(settings.urls(&name)?),
        };
        let name = named.is_some().then_some(text);
        let url = named.map_or(text, |urls| urls.publish.as_ref().unwrap_or(&urls.read));
        if !settings.pairs.has(url) {
            return Err(OpsError::user(
                "the project says where the mirror is, and your own configuration does not know that place",
                "move the mirror, or the name of its place, to `config.toml` in Lumen's configuration folder",
            ));
        }
        self.locate(name, url)
    }

    /// The name under which a registry is configured that is given by name or by URL.
    pub(super) fn name_at(&self, text: &str) -> Result<Option<String>, OpsError> {
        let mut registries = self.settings()?.registries.iter();
        let found = registries.find(|(name, urls)| {
            *name == text || urls.read == text || urls.publish.as_deref() == Some(text)
        });
        Ok(found.map(|(name, _)| name.clone()))
    }

    /// The hash of a registry's first root note, if it is configured, or known from the
    /// other of the two places where the registry is.
    pub(crate) fn pin(&self, name: &str, location: &Location) -> Result<Option<Digest>, OpsError> {
        let settings = self.settings()?;
        let pin = settings.pins.of(name, location);
        let in_two_places = settings.urls(name).is_ok_and(|urls| urls.publish.is_some());
        if pin.is_some() || !in_two_places {
            return Ok(pin);
        }
        let here = location.url();
        for place in [self.location(name)?, self.publish_location(name)?] {
            let url = place.url();
            if url == here {
                continue;
            }
            let known = state::read(&self.environment.trust_dir(), &url);
            if let Some(known) = known.map_err(ReadError::from)? {
                return Ok(Some(known.root));
            }
        }
        Ok(None)
    }

    /// The fingerprint that a registry must have, as far as the user or this machine knows:
    /// by a pin, or by what is remembered of its URL. A lock has no say in it.
    pub(crate) fn anchor(
        &self,
        name: &str,
        location: &Location,
    ) -> Result<Option<Digest>, OpsError> {
        if let Some(pin) = self.pin(name, location)? {
            return Ok(Some(pin));
        }
        let known = state::read(&self.environment.trust_dir(), &location.url());
        Ok(known.map_err(ReadError::from)?.map(|known| known.root))
    }

    /// The fingerprint that a registry must have, by the configuration or by what is
    /// remembered of it.
    ///
    /// # Errors
    /// When what is remembered cannot be read.
    pub fn known_root(&self, text: &str, location: &Location) -> Result<Option<Digest>, OpsError> {
        if let Some(name) = self.name_at(text)?
            && let Some(pin) = self.pin(&name, location)?
        {
            return Ok(Some(pin));
        }
        let known = state::read(&self.environment.trust_dir(), &location.url());
        Ok(known.map_err(ReadError::from)?.map(|known| known.root))
    }

    /// Where a registry is.
    ///
    /// # Errors
    /// When nothing configures it or its URL is invalid.
    pub fn location(&self, name: &str) -> Result<Location, OpsError> {
        self.locate(Some(name), &self.settings()?.urls(name)?.read)
    }

    /// The place at a URL or path that the user gave on the command line.
    ///
    /// # Errors
    /// When the URL or a configuration file is invalid.
    pub fn location_at(&self, text: &str) -> Result<Location, OpsError> {
        let location = Location::parse_path(text, &self.options.working_dir)?;
        self.with_login((None, true), text, location)
    }

    /// Where a registry is published to.
    ///
    /// # Errors
    /// As [`Session::location`].
    pub fn publish_location(&self, name: &str) -> Result<Location, OpsError> {
        let urls = self.settings()?.urls(name)?;
        self.locate(Some(name), urls.publish.as_ref().unwrap_or(&urls.read))
    }

    /// The place at a URL of a configuration; `name` is what the registry is called there.
    pub(super) fn locate(&self, name: Option<&str>, url: &str) -> Result<Location, OpsError> {
        let location = Location::parse(url)?;
        self.with_login((name, false), url, location)
    }

    /// The name of the registry that a package is published to.
    ///
    /// # Errors
    /// When a configuration file is invalid.
    pub fn home_of(&self, name: &PackageName) -> Result<&str, OpsError> {
        self.home_of_subject(&Subject::owner_of(name))
    }

    /// The name of the registry where a name or scope has its owners.
    ///
    /// # Errors
    /// When a configuration file is invalid.
    pub fn home_of_subject(&self, subject: &Subject) -> Result<&str, OpsError> {
        let scope = match (subject, &self.options.registry) {
            (Subject::Scope(scope), None) => Some(scope.as_str()),
            _ => None,
        };
        Ok(self.settings()?.registry_of_scope(scope))
    }

    /// Names of all configured registries.
    ///
    /// # Errors
    /// When a configuration file is invalid.
    pub fn registry_names(&self) -> Result<Vec<String>, OpsError> {
        let settings = self.settings()?;
        let default = settings.default.iter().map(|_| DEFAULT.to_owned());
        let named = settings
            .registries
            .keys()
            .filter(|name| *name != DEFAULT)
            .cloned();
        Ok(default.chain(named).collect())
    }
}
