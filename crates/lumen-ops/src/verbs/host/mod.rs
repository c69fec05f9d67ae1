//! `lumen registry host`: how a registry is served by a web server, a bucket or GitHub Pages.
//!
//! Nothing here talks to a host: it makes texts for people to read and to load.
//!
//! | module | for |
//! |---|---|
//! | `rules` | what all of them say about each kind of file |
//! | `nginx`, `apache`, `caddy` | web servers that serve a folder |
//! | `bucket` | S3, R2 and what is like them |
//! | `pages` | a branch that GitHub Pages serves |

mod apache;
mod bucket;
mod caddy;
mod nginx;
mod pages;
mod rules;

use std::path::{Path, PathBuf};

use lumen_registry::{Location, location::Provider};

use crate::{
    error::{HostingError, OpsError},
    session::Session,
    settings::DEFAULT,
};

pub use self::{
    bucket::{Bucket, cors},
    pages::Pages,
    rules::{Rule, rules},
};

/// Who may read the registry from a web page: methods, headers sent, headers shown, and for
/// how many seconds a browser need not ask again.
const ALLOWED_METHODS: &str = "GET, HEAD";
const ALLOWED_HEADERS: &str =
    "Authorization, Cache-Control, If-Modified-Since, If-None-Match, Range";
const EXPOSED_HEADERS: &str = "Accept-Ranges, Content-Range, Date, ETag";
const PREFLIGHT_SECONDS: u32 = 3600;

/// What a registry is served by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// nginx.
    Nginx,
    /// Apache.
    Apache,
    /// Caddy.
    Caddy,
    /// Amazon S3, and what speaks its protocol.
    S3,
    /// Cloudflare R2.
    R2,
    /// GitHub Pages.
    GithubPages,
}

/// What the user said about the host.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// The folder on the server; default: the registry's, if it is a folder.
    pub root: Option<PathBuf>,
    /// The server's name; default: that of the URL people read from.
    pub server_name: Option<String>,
    /// The path on the server; default: that of the URL people read from.
    pub prefix: Option<String>,
    /// `[address:]port`; default: 443, or 80 without TLS.
    pub listen: Option<String>,
    /// The certificate; default: where certbot puts it.
    pub certificate: Option<PathBuf>,
    /// Its private key.
    pub certificate_key: Option<PathBuf>,
    /// No TLS.
    pub plain_http: bool,
}

/// A folder behind a web server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The folder, with `/`, without a slash at the end.
    pub root: String,
    /// The server's name.
    pub server_name: String,
    /// The path on the server: begins and ends with `/`.
    pub prefix: String,
    /// `[address:]port`, if not the usual ones.
    pub listen: Option<String>,
    /// The certificate, if any.
    pub tls: Option<Tls>,
}

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate's file.
    pub certificate: String,
    /// The key's file.
    pub key: String,
    /// Whether their places are the defaults.
    pub is_default: bool,
}

/// How a registry is served.
#[derive(Debug, Clone)]
pub enum Plan {
    /// By a web server, with this configuration.
    Site {
        /// What it is about.
        site: Site,
        /// The text.
        config: String,
    },
    /// From a bucket.
    Bucket(Box<Bucket>),
    /// From a branch.
    Pages(Pages),
}

/// Makes the plan for the registry that is configured, or that `--registry` names.
///
/// # Errors
/// When a path or name cannot stand in a configuration, or the registry is of another kind.
pub fn plan(session: &Session<'_>, kind: Kind, wishes: &Wishes) -> Result<Plan, OpsError> {
    let mut places = Vec::new();
    for place in [session.location(DEFAULT), session.publish_location(DEFAULT)] {
        match place {
            Ok(place) => places.push(place),
            Err(OpsError::NoRegistry) => {}
            Err(error) => return Err(error),
        }
    }
    let make = match kind {
        Kind::Nginx => nginx::config,
        Kind::Apache => apache::config,
        Kind::Caddy => caddy::config,
        Kind::S3 => {
            return bucket(&places, Provider::S3).map(|bucket| Plan::Bucket(Box::new(bucket)));
        }
        Kind::R2 => {
            return bucket(&places, Provider::R2).map(|bucket| Plan::Bucket(Box::new(bucket)));
        }
        Kind::GithubPages => return pages(&places).map(Plan::Pages),
    };
    let site = Site::new(&places, wishes, &session.context.options.working_dir)?;
    let config = make(&site);
    Ok(Plan::Site { site, config })
}

/// The URL that people read, if it is known.
fn web(places: &[Location]) -> Option<&url::Url> {
    places.iter().find_map(|place| match place {
        Location::Http(http) => Some(http.base()),
        _ => None,
    })
}

fn bucket(places: &[Location], provider: Provider) -> Result<Bucket, OpsError> {
    let object = places.iter().find_map(|place| match place {
        Location::Object(object) if object.provider == provider => Some(object),
        _ => None,
    });
    let Some(object) = object else {
        return Err(HostingError::NoBucket(provider).into());
    };
    let parts = [&object.bucket, &object.prefix].into_iter();
    let parts = parts.chain(&object.account).chain(&object.region);
    one_line(parts.map(String::as_str))?;
    Ok(Bucket::new(object.clone(), web(places)))
}

fn pages(places: &[Location]) -> Result<Pages, OpsError> {
    let git = places.iter().find_map(|place| match place {
        Location::Git(git) => Some(git),
        _ => None,
    });
    one_line(
        git.iter()
            .flat_map(|git| [git.folder.as_str(), &git.branch]),
    )?;
    git.and_then(Pages::new)
        .ok_or_else(|| HostingError::NoRepository.into())
}

/// Refuses a text that would end a comment in a script and go on as a command.
fn one_line<'t>(parts: impl IntoIterator<Item = &'t str>) -> Result<(), OpsError> {
    match parts
        .into_iter()
        .find(|part| part.contains(char::is_control))
    {
        Some(part) => Err(HostingError::Control(part.to_owned()).into()),
        None => Ok(()),
    }
}

impl Site {
    fn new(places: &[Location], wishes: &Wishes, working_dir: &Path) -> Result<Self, OpsError> {
        let url = web(places);
        let folder = places.iter().find_map(|place| match place {
            Location::File(folder) => Some(folder.as_path()),
            _ => None,
        });
        let root = wishes.root.as_deref().or(folder);
        let root = root.unwrap_or_else(|| Path::new("/srv/registry"));
        let server_name = match (&wishes.server_name, url) {
            (Some(name), _) => name.clone(),
            (None, Some(url)) => url.host_str().unwrap_or_default().to_owned(),
            (None, None) => "registry.example.org".to_owned(),
        };
        let prefix = wishes.prefix.as_deref();
        let prefix = prefix.or(url.map(url::Url::path)).unwrap_or("/");
        let prefix = match prefix.trim_matches('/') {
            "" => "/".to_owned(),
            inner => format!("/{inner}/"),
        };
        let wants_tls =
            wishes.certificate.is_some() || url.is_none_or(|url| url.scheme() == "https");
        let tls = (wants_tls && !wishes.plain_http).then(|| wishes.tls(&server_name));
        let site = Self {
            root: text(&lumen_durable::absolute(&working_dir.join(root))?)?,
            server_name,
            prefix,
            listen: wishes.listen.clone(),
            tls: tls.transpose()?,
        };
        site.check()?;
        Ok(site)
    }

    fn check(&self) -> Result<(), OpsError> {
        let all = |text: &str, more: &str| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        if !all(&self.server_name, ".-:[]") {
            return Err(HostingError::ServerName(self.server_name.clone()).into());
        }
        let inner = self.prefix.trim_matches('/');
        let good = |part: &str| all(part, "-_.~") && !part.starts_with('.');
        if !inner.is_empty() && !inner.split('/').all(good) {
            return Err(HostingError::Prefix(self.prefix.clone()).into());
        }
        match &self.listen {
            Some(listen) if !all(listen, ".:[]") => {
                Err(HostingError::Listen(listen.clone()).into())
            }
            _ => Ok(()),
        }
    }

    /// The prefix in a regular expression.
    fn escaped_prefix(&self) -> String {
        self.prefix.replace('.', r"\.")
    }

    /// A regular expression for paths of locks and of half-written files: their names start
    /// with a dot. Those that prove a domain to be yours are others' business.
    fn hidden(&self) -> String {
        format!(r"^{}(?:.*/)?\.(?!well-known/)", self.escaped_prefix())
    }

    /// Where to listen.
    fn addresses(&self) -> Vec<String> {
        let port = if self.tls.is_some() { "443" } else { "80" };
        match &self.listen {
            Some(address) => vec![address.clone()],
            None => vec![port.to_owned(), format!("[::]:{port}")],
        }
    }

    /// Where to listen, if that is another port than those that a server listens on anyway.
    fn unusual_port(&self) -> Option<&str> {
        let listen = self.listen.as_deref()?;
        let port = listen.rsplit(':').next().unwrap_or(listen);
        (!matches!(port, "80" | "443")).then_some(listen)
    }

    /// Whether plain HTTP leads to HTTPS.
    fn redirects(&self) -> bool {
        self.tls.is_some() && self.listen.is_none()
    }

    /// What people read from.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let usual = if self.tls.is_some() { "443" } else { "80" };
        let port = self.listen.as_deref().map(|listen| {
            let port = listen.rsplit(':').next().unwrap_or(listen);
            port.to_owned()
        });
        let port = port.filter(|port| port != usual);
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        let prefix = self.prefix.trim_end_matches('/');
        format!("{scheme}://{}{port}{prefix}", self.server_name)
    }
}

impl Wishes {
    fn tls(&self, server_name: &str) -> Result<Tls, OpsError> {
        let usual = |file| PathBuf::from(format!("/etc/letsencrypt/live/{server_name}/{file}"));
        let certificate = self.certificate.clone();
        let key = self.certificate_key.clone();
        Ok(Tls {
            is_default: certificate.is_none() && key.is_none(),
            certificate: text(&certificate.unwrap_or_else(|| usual("fullchain.pem")))?,
            key: text(&key.unwrap_or_else(|| usual("privkey.pem")))?,
        })
    }
}

/// A path as it stands between quotes in every one of the configurations.
fn text(path: &Path) -> Result<String, OpsError> {
    let text = path.to_str().map(|text| match cfg!(windows) {
        true => text.replace('\\', "/"),
        false => text.to_owned(),
    });
    let special = |c: char| c.is_control() || "\"'\\$%{}`".contains(c);
    match text {
        Some(text) if !text.contains(special) => Ok(text.trim_end_matches('/').to_owned()),
        _ => Err(HostingError::Path(path.to_owned()).into()),
    }
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// A template with its `@NAMES@` replaced. Names in values are not replaced.
pub(crate) fn fill(template: &str, values: &[(&str, String)]) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('@') {
        out.push_str(before);
        let found = values.iter().find_map(|(name, value)| {
            let behind = after.strip_prefix(name)?.strip_prefix('@')?;
            Some((value, behind))
        });
        rest = match found {
            Some((value, behind)) => {
                out.push_str(value);
                behind
            }
            None => {
                out.push('@');
                after
            }
        };
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_templates() {
        let values = [("A", "@B@".to_owned()), ("B", "b".to_owned())];
        let filled = fill("x@y @A@@B@ @C@ @A", &values);
        assert_eq!(filled, "x@y @B@b @C@ @A");
    }
}
