//! What registries over HTTP are shown: from the URL, the environment, a helper or `~/.netrc`.

pub mod helper;
pub mod netrc;

use std::{
    io::Read as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use fs_err as fs;
use lumen_core::{limits::MAX_NETRC_BYTES, problem::Problem};
use lumen_registry::{Location, location::HttpLocation, login::Login, storage::HostOptions};

use self::{helper::Helper, netrc::Netrc};
use crate::{error::OpsError, session::Session};

/// What was found in a netrc file, and what is to be said about it.
#[derive(Debug, Default)]
pub struct Found {
    netrc: Netrc,
    /// The file, for messages.
    name: String,
    is_exposed: bool,
    /// Why nothing in it counts.
    problem: Option<Problem>,
    was_told: AtomicBool,
}

impl Found {
    /// Reads a file; one that does not exist has nothing in it.
    pub fn read(path: Option<&Path>) -> Self {
        let Some(path) = path.filter(|path| path.is_file()) else {
            return Self::default();
        };
        let name = format!("`{}`", path.display());
        let unusable = |why: String| {
            let what = format!("{name} is not used: {why}");
            Some(Problem::warning(what).hint("it is read for the logins of registries"))
        };
        let read = fs::File::open(path).and_then(|file| {
            let mut text = String::new();
            file.take(MAX_NETRC_BYTES).read_to_string(&mut text)?;
            Ok(text)
        });
        let parsed = match read {
            Ok(text) => Netrc::parse(&text).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let (netrc, problem) = match parsed {
            Ok(netrc) => (netrc, None),
            Err(why) => (Netrc::default(), unusable(why)),
        };
        Self {
            netrc,
            is_exposed: is_exposed(path),
            name,
            problem,
            was_told: AtomicBool::new(false),
        }
    }

    /// What to show a host, and, once, a warning for who has to know.
    pub fn login(&self, host: &str) -> (Option<Login>, Option<Problem>) {
        let login = self.netrc.login(host).map(|credentials| Login {
            credentials,
            origin: self.name.clone(),
        });
        let exposed = || {
            let what = format!(
                "others can read {}, and the password for `{host}` in it",
                self.name
            );
            let path = self.name.trim_matches('`');
            Problem::warning(what).hint(format!("run `chmod 600 {path}`"))
        };
        let warning = match login.is_some() && self.is_exposed {
            true => Some(exposed()),
            false => self.problem.clone(),
        };
        let is_news = || !self.was_told.swap(true, Ordering::Relaxed);
        (login, warning.filter(|_| is_news()))
    }
}

impl Session<'_> {
    /// The location of a registry by name, with what to show there.
    ///
    /// The URL comes first, then the token of the environment, a helper, and `~/.netrc`.
    pub(crate) fn with_login(
        &self,
        name: &str,
        url: &str,
        location: Location,
    ) -> Result<Location, OpsError> {
        let settings = self.settings()?;
        let variable = format!(
            "LUMEN_REGISTRIES_{}_TOKEN",
            name.to_ascii_uppercase().replace('-', "_")
        );
        // A project's file may give any name any URL, so it must not choose where a token goes.
        let is_trusted = settings.is_trusted(url);
        let token = std::env::var(&variable).ok();
        if let Some(token) = token.filter(|token| is_trusted && !token.is_empty()) {
            return Ok(location.with_token(token, &format!("`{variable}`")));
        }
        Ok(match location {
            Location::Http(http) if http.login().is_none() => {
                // A host has one login for all that is there, but nobody on the way is to see it
                // because a project says so.
                let may_be_sent = is_trusted || http.base().scheme() == "https";
                let has_helper = settings.helper(http.base().as_str()).is_some();
                let login = match may_be_sent && !has_helper {
                    true => self.netrc_login(&http),
                    false => None,
                };
                Location::Http(match login {
                    Some(login) => http.with_login(login),
                    None => http,
                })
            }
            location if is_trusted => location,
            location => location.untrusted(),
        })
    }

    /// How the host of a registry is spoken to.
    ///
    /// # Errors
    /// When a configuration file is invalid.
    pub fn host_options(&self, location: &Location) -> Result<HostOptions, OpsError> {
        let mut options = HostOptions {
            http: self.settings()?.http.clone(),
            state: Some(self.environment.hosts_dir()),
            ..HostOptions::default()
        };
        if let Location::Http(http) = location
            && http.login().is_none()
            && let Some(command) = self.settings()?.helper(http.base().as_str())
        {
            let helper = Helper::new(command, http.base(), self.netrc_login(http));
            options.helper = Some(Arc::new(helper));
        }
        Ok(options)
    }

    /// What `~/.netrc` says to show a host; tells what is wrong with that file.
    fn netrc_login(&self, http: &HttpLocation) -> Option<Login> {
        let path = self.environment.netrc.as_deref();
        let netrc = self.netrc.get_or_init(|| Found::read(path));
        let host = http.base().host_str().unwrap_or_default();
        let (login, warning) = netrc.login(host);
        if let Some(warning) = warning {
            self.reporter.warn(warning);
        }
        login
    }
}

/// Whether others than its owner may read a file.
fn is_exposed(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = fs::metadata(path);
        metadata.is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}
