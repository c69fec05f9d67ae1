//! Where a registry is: a folder, a web server, a bucket or a branch.

mod git;
mod http;
mod object;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::{Component, Path, PathBuf},
};

use lumen_core::key::Key;
use url::{Host, Url};

pub use git::{DEFAULT_BRANCH, GitLocation};
pub use http::HttpLocation;
pub use object::{ObjectLocation, Provider};

use crate::{
    audience::Audience,
    login::{Credentials, Login},
};

/// Where a registry is.
///
/// `Display` shows what a user may see and paste: never a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A folder, from `file://` or a plain path.
    File(PathBuf),
    /// A static web server.
    Http(HttpLocation),
    /// A bucket of an object store.
    Object(ObjectLocation),
    /// A branch of a git repository.
    Git(GitLocation),
}

/// Why a text is not the location of a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// Another scheme.
    #[error(
        "no registry can be at `{scheme}://`; there are `file://`, `https://`, `http://`, `s3://`, `r2://`, \
         `gs://`, `az://`, `git+https://`, `git+ssh://` and `git+file://`"
    )]
    Unsupported {
        /// The scheme, without `://`.
        scheme: String,
    },
    /// No scheme where one is needed.
    #[error("`{text}` is not a registry URL; write `file:///path`, `http://…` or `https://…`")]
    NotUrl {
        /// The text, without credentials.
        text: String,
    },
    /// A URL that cannot be used.
    #[error("`{text}` is not a registry URL: {reason}")]
    Invalid {
        /// The text, without credentials.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A path without `.` and `..`, as the URL of the folder has it; links are not looked at.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(plain.components().next_back(), Some(Component::Normal(_))) =>
            {
                plain.pop();
            }
            // Nothing is above the root; a path that starts nowhere goes up further.
            Component::ParentDir if plain.has_root() => {}
            part => plain.push(part),
        }
    }
    plain
}

impl Location {
    /// Parses a registry URL.
    ///
    /// # Errors
    /// On a relative or malformed URL, and on schemes this version cannot read.
    pub fn parse(text: &str) -> Result<Self, LocationError> {
        let text = text.trim();
        let invalid = |reason: &str| LocationError::Invalid {
            text: redacted(text),
            reason: reason.into(),
        };
        let Some(scheme) = scheme(text) else {
            return Err(LocationError::NotUrl {
                text: redacted(text),
            });
        };
        let parse = |text: &str| Url::parse(text).map_err(|error| invalid(&error.to_string()));
        if let Some(provider) = Provider::of_scheme(&scheme) {
            let location = ObjectLocation::new(provider, &parse(text)?);
            return location.map(Self::Object).map_err(|why| invalid(&why));
        }
        if let Some(transport) = scheme.strip_prefix("git+")
            && matches!(transport, "http" | "https" | "ssh" | "file")
        {
            let location = GitLocation::new(parse(&text["git+".len()..])?);
            return location.map(Self::Git).map_err(|why| invalid(&why));
        }
        if !matches!(scheme.as_str(), "file" | "http" | "https") {
            return Err(LocationError::Unsupported { scheme });
        }
        let url = parse(text)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid(
                "`?` and `#` are not allowed; write `%3F` and `%23` when they are part of a name",
            ));
        }
        match scheme.as_str() {
            "file" => url.to_file_path().map(Self::File).map_err(|()| {
                invalid("a file URL has three slashes and an absolute path, `file:///path`")
            }),
            _ => HttpLocation::new(url)
                .map(Self::Http)
                .ok_or_else(|| invalid("the user name or password is not valid UTF-8")),
        }
    }

    /// Parses a registry URL or, as `registry init` takes it, a path; relative paths start at `base`.
    ///
    /// # Errors
    /// As [`Location::parse`].
    pub fn parse_path(text: &str, base: &Path) -> Result<Self, LocationError> {
        match scheme(text.trim()) {
            Some(_) => Self::parse(text),
            None if has_password(text.trim()) => Self::parse(text),
            None => Ok(Self::File(without_dots(&base.join(text)))),
        }
    }

    /// The origin that a lock file may record: scheme, host and path without credentials.
    /// None for folders, also those that git reads, which other machines do not have.
    pub fn origin(&self) -> Option<String> {
        match self {
            Self::File(_) => None,
            Self::Git(git) if git.remote().scheme() == "file" => None,
            _ => Some(self.url()),
        }
    }

    /// The location as a URL to write into a configuration, without credentials.
    pub fn url(&self) -> String {
        match self {
            Self::File(path) => Url::from_file_path(path).map_or_else(
                |()| path.display().to_string(),
                |url| url.as_str().to_owned(),
            ),
            Self::Http(http) => http.base().as_str().trim_end_matches('/').to_owned(),
            Self::Object(object) => object.url(),
            Self::Git(git) => git.url(),
        }
    }

    /// The path or URL of one file, for messages.
    pub fn describe(&self, key: &Key) -> String {
        match self {
            Self::File(root) => root.join(key.as_str()).display().to_string(),
            Self::Http(http) => http.url(key.as_str()),
            Self::Object(object) => object.file(key.as_str()),
            Self::Git(git) => git.file(key.as_str()),
        }
    }

    /// Whether reading needs a network.
    pub fn is_remote(&self) -> bool {
        match self {
            Self::File(_) => false,
            Self::Http(_) | Self::Object(_) => true,
            Self::Git(git) => git.remote().scheme() != "file",
        }
    }

    /// The same place, named by another party that must not choose where the user's credentials go.
    #[must_use]
    pub fn untrusted(self) -> Self {
        match self {
            Self::Object(object) => Self::Object(ObjectLocation {
                trusted: false,
                ..object
            }),
            other @ (Self::File(_) | Self::Http(_) | Self::Git(_)) => other,
        }
    }

    /// The URL of the host that a token for this place is sent to; none where it takes none:
    /// folders, buckets, repositories without HTTP.
    pub fn token_host(&self) -> Option<&Url> {
        let host = match self {
            Self::Http(http) => http.base(),
            Self::Git(git) => git.remote(),
            Self::File(_) | Self::Object(_) => return None,
        };
        matches!(host.scheme(), "http" | "https").then_some(host)
    }

    /// Adds a bearer token that the user paired with this place, where one can be sent and the
    /// URL has no credentials; `origin` says where it is from.
    #[must_use]
    pub fn with_token(self, token: impl Into<String>, origin: &str) -> Self {
        let credentials = Credentials::Bearer(token.into());
        match self {
            Self::Http(http) => {
                let login = Login {
                    credentials,
                    origin: origin.to_owned(),
                    audience: Audience::Origin(http.base().clone()),
                };
                Self::Http(http.with_login(login))
            }
            Self::Git(git) => Self::Git(git.with_credentials(credentials)),
            other @ (Self::File(_) | Self::Object(_)) => other,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.url())
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({})", self.url())
    }
}

/// Schemes of the URLs of registries.
pub const SCHEMES: [&str; 10] = [
    "file",
    "https",
    "http",
    "s3",
    "r2",
    "gs",
    "az",
    "git+https",
    "git+ssh",
    "git+file",
];

/// The URL of the web server that a text without a scheme names: a host with a port, an address,
/// or a name with dots in it. `None` for other texts.
pub fn web_address(text: &str) -> Option<String> {
    if scheme(text).is_some() || text.contains('@') {
        return None;
    }
    let host = text.split(['/', '\\']).next()?;
    let url = Url::parse(&format!("http://{host}")).ok()?;
    let is_name = |name: &str| {
        let mut parts = name.split('.');
        let of_host = |part: &str| {
            let letter = |c: char| c.is_ascii_alphanumeric() || c == '-';
            !part.is_empty() && part.chars().all(letter)
        };
        parts.clone().all(of_host) && parts.next_back().is_some_and(|last| last.len() > 1)
    };
    let port = host.rsplit_once(':').filter(|(before, port)| {
        // An IPv6 address ends with a bracket where it has no port.
        !before.is_empty() && port.parse::<u16>().is_ok()
    });
    let scheme = match url.host()? {
        Host::Ipv4(_) if host.starts_with(|c: char| c.is_ascii_digit()) && host.contains('.') => {
            "http"
        }
        Host::Ipv6(_) => "http",
        Host::Domain("localhost") => "http",
        Host::Domain(name) if is_name(name) && (port.is_some() || name.contains('.')) => "https",
        _ => return None,
    };
    Some(format!("{scheme}://{text}"))
}

/// The scheme of a URL in lower case. One letter is a Windows drive, not a scheme.
fn scheme(text: &str) -> Option<String> {
    let (scheme, _) = text.split_once("://")?;
    let valid = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    valid.then(|| scheme.to_ascii_lowercase())
}

/// A text without what stands before an `@` where a host is: behind each `://`, and at the start
/// of a text whose scheme is missing or misspelt, as in `http:/user:password@host`.
pub fn redacted(text: &str) -> String {
    let (mut shown, mut rest) = match text.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '\\', '@', '?', '#']) => {
            (format!("{scheme}://"), rest)
        }
        _ => {
            let start = slip(text);
            (text[..start].to_owned(), &text[start..])
        }
    };
    loop {
        let host = match shown.ends_with("file://") {
            true => rest,
            false => rest.trim_start_matches(['/', '\\']),
        };
        shown.push_str(&rest[..rest.len() - host.len()]);
        rest = host;
        let end = rest.find(['/', '\\', '?', '#', '&']).unwrap_or(rest.len());
        // A password with an unescaped `/` moves the `@` behind the first slash.
        let at = rest[..end].rfind('@').or_else(|| {
            let colon = rest[..end].find(':')?;
            let at = rest.find('@')?;
            rest[colon + 1..end].parse::<u16>().is_err().then_some(at)
        });
        rest = at.map_or(rest, |at| &rest[at + 1..]);
        let Some((before, after)) = rest.split_once("://") else {
            return shown + rest;
        };
        shown = shown + before + "://";
        rest = after;
    }
}

/// Where a text without a whole scheme has its host: behind a misspelt scheme, and slashes.
fn slip(text: &str) -> usize {
    let slashes = |text: &str| text.len() - text.trim_start_matches(['/', '\\']).len();
    let scheme = text.split_once(':').filter(|(scheme, rest)| {
        scheme.len() > 1
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
            && rest.starts_with(['/', '\\'])
    });
    match scheme {
        Some((scheme, rest)) => scheme.len() + 1 + slashes(rest),
        None => slashes(text),
    }
}

/// Whether a text without a scheme starts with a user and a password, so that it is a misspelt
/// URL and not a folder.
fn has_password(text: &str) -> bool {
    let host = text[slip(text)..].split(['/', '\\']).next();
    let user = host.and_then(|host| host.rsplit_once('@'));
    user.is_some_and(|(user, _)| user.contains(':'))
}
