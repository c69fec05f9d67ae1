//! Credentials for registries over HTTP: from the URL, the environment, a helper or `~/.netrc`.

pub mod helper;
pub mod netrc;

use std::{
    io::Read as _,
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use fs_err as fs;
use lumen_core::{limits::MAX_NETRC_BYTES, problem::Problem};
use lumen_registry::{
    Location,
    audience::Audience,
    location::HttpLocation,
    login::{Acquaintance, Login},
    storage::HostOptions,
};
use url::Url;

use self::{helper::Helper, netrc::Netrc};
use crate::{
    report::Reporter,
    settings::{Environment, Reach, Settings, token_variable},
};

/// The contents of a netrc file, and a warning about it.
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

    /// Whether what is in the file is not for a host that the user did not choose; also where
    /// the file is not understood, which curl may understand.
    fn is_kept_from(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let counts = |or_default| self.netrc.login(host, or_default).is_some();
        let in_clear = url.scheme() != "https";
        self.problem.is_some() || (counts(true) && (in_clear || !counts(false)))
    }

    /// The login for the host of a registry, and, once, a warning for the user.
    /// `or_default`: the entry `default` counts, too.
    pub fn login(&self, base: &Url, or_default: bool) -> (Option<Login>, Option<Problem>) {
        let host = base.host_str().unwrap_or_default();
        let login = self.netrc.login(host, or_default);
        let login = login.map(|credentials| Login {
            credentials,
            origin: self.name.clone(),
            audience: Audience::Origin(base.clone()),
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

/// The sources of credentials.
pub(crate) struct Logins<'s> {
    pub(crate) settings: &'s Settings,
    pub(crate) environment: &'s Environment,
    pub(crate) netrc: &'s OnceLock<Found>,
    pub(crate) reporter: &'s dyn Reporter,
}

impl Logins<'_> {
    /// The location of a registry at a URL, with the credentials for it.
    ///
    /// The URL comes first, then the token of the environment, a helper, and `~/.netrc`.
    /// `name` is the configured name of the registry. A project may give any name any URL, so
    /// each credential goes only to the URL that the user paired it with. `typed`: the user
    /// gave the URL on the command line.
    pub(crate) fn give(
        &self,
        (name, typed): (Option<&str>, bool),
        url: &str,
        location: Location,
    ) -> Location {
        let pairs = &self.settings.pairs;
        let given = typed || pairs.has(url);
        // Its own name first: another one of the same place may have another token.
        let mut names: Vec<(&str, Reach)> = pairs.names(url).collect();
        names.sort_by_key(|(paired, _)| Some(*paired) != name);
        let first = names.first().copied();
        let known_as = first.map(|(name, _)| name).or(name.filter(|_| !given));
        let token = names
            .iter()
            .map(|(name, reach)| token_variable(name, *reach))
            .find_map(|variable| {
                let token = self.environment.variables.get(&variable)?;
                Some((token, variable))
            });
        let location = match token {
            Some((token, variable)) => location.with_token(token, &format!("`{variable}`")),
            None => location,
        };
        let http = match location {
            Location::Http(http) => http,
            location if given => return location,
            Location::Git(git) if self.is_kept_from(git.remote()) => {
                return Location::Git(git.without_netrc());
            }
            location => return location.untrusted(),
        };
        let has_helper = self.settings.helper(http.base().as_str()).is_some();
        let login = match http.login() {
            None if !has_helper => self.netrc_login(&http, typed),
            _ => None,
        };
        let http = match login {
            Some(login) => http.with_login(login),
            None => http,
        };
        let url = http.base().as_str().trim_end_matches('/').to_owned();
        Location::Http(http.known_as(Acquaintance {
            name: known_as.map(str::to_owned),
            url,
            read_only: first.is_some_and(|(_, reach)| reach == Reach::ReadOnly),
            given,
        }))
    }

    /// Whether git must not show a host what `~/.netrc` says: the user did not choose the host,
    /// and the password would go over plain HTTP, or only the entry `default` is for it.
    /// Git's curl would show both.
    fn is_kept_from(&self, url: &Url) -> bool {
        let is_web = matches!(url.scheme(), "http" | "https");
        if !is_web || self.settings.pairs.has_origin(url) {
            return false;
        }
        let path = self.environment.netrc.as_deref();
        let netrc = self.netrc.get_or_init(|| Found::read(path));
        netrc.is_kept_from(url)
    }

    /// Whether git may show the host of a dependency credentials from `~/.netrc`.
    pub(crate) fn may_use_netrc(&self, url: &str) -> bool {
        Url::parse(url).map_or(true, |url| !self.is_kept_from(&url))
    }

    /// How the host of a registry is spoken to.
    pub(crate) fn host_options(&self, location: &Location) -> HostOptions {
        let mut options = HostOptions {
            http: self.settings.http.clone(),
            state: Some(self.environment.hosts_dir()),
            variables: self.environment.variables.clone(),
            ..HostOptions::default()
        };
        if let Location::Http(http) = location
            && http.login().is_none()
            && let Some(command) = self.settings.helper(http.base().as_str())
        {
            let folder = &self.environment.temporary;
            let otherwise = self.netrc_login(http, false);
            let helper = Helper::new(command, http.base(), folder, otherwise);
            options.helper = Some(Arc::new(helper));
        }
        options
    }

    /// The login for a registry from `~/.netrc`; warns of mistakes in that file.
    ///
    /// An entry `machine` is for its host at any port, as curl and git take it, but over plain
    /// HTTP only where the user goes already. The entry `default` counts for URLs that the
    /// user gave: otherwise a project could name any host and get it.
    fn netrc_login(&self, http: &HttpLocation, typed: bool) -> Option<Login> {
        let base = http.base();
        let is_known = typed || self.settings.pairs.has_origin(base);
        if !is_known && base.scheme() != "https" {
            return None;
        }
        let path = self.environment.netrc.as_deref();
        let netrc = self.netrc.get_or_init(|| Found::read(path));
        let (login, warning) = netrc.login(base, is_known);
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
