//! Where a registry is: a folder, a web server, a bucket or a branch.

mod git;
mod http;
mod object;

use std::{
    fmt,
    path::{Path, PathBuf},
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
            None => Ok(Self::File(base.join(text))),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn folders() {
        for (text, path) in [
            ("file:///tmp/lumen-registry", "/tmp/lumen-registry"),
            ("file:///tmp/lumen-registry/", "/tmp/lumen-registry/"),
            ("FILE:///a%20b/%40c", "/a b/@c"),
            ("file:///a b", "/a b"),
            ("file://localhost/a", "/a"),
        ] {
            assert_eq!(
                Location::parse(text),
                Ok(Location::File(path.into())),
                "{text}"
            );
        }
        let cwd = Path::new("/work");
        for (text, path) in [
            ("reg", "/work/reg"),
            ("/abs", "/abs"),
            ("./c:/x", "/work/./c:/x"),
        ] {
            assert_eq!(
                Location::parse_path(text, cwd),
                Ok(Location::File(path.into())),
                "{text}"
            );
        }
        assert_eq!(
            Location::parse("file:///a b").unwrap().to_string(),
            "file:///a%20b"
        );
        assert_eq!(Location::parse("file:///a").unwrap().origin(), None);
    }

    #[cfg(windows)]
    #[test]
    fn folders_on_windows() {
        for (text, path) in [
            ("file:///C:/reg", r"C:\reg"),
            ("file:///C|/reg", r"C:\reg"),
            ("file://server/share/reg", r"\\server\share\reg"),
        ] {
            assert_eq!(
                Location::parse(text),
                Ok(Location::File(path.into())),
                "{text}"
            );
        }
        let cwd = Path::new(r"C:\work");
        assert_eq!(
            Location::parse_path(r"D:\reg", cwd),
            Ok(Location::File(r"D:\reg".into()))
        );
    }

    #[test]
    fn addresses_without_a_scheme() {
        for (text, expected) in [
            ("127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("localhost:8080", Some("http://localhost:8080")),
            ("localhost:8080/reg", Some("http://localhost:8080/reg")),
            ("[::1]:8080", Some("http://[::1]:8080")),
            ("10.0.0.1", Some("http://10.0.0.1")),
            ("packages.example.com", Some("https://packages.example.com")),
            ("build:8080", Some("https://build:8080")),
            ("work", None),
            ("2", None),
            ("my_work", None),
            ("./reg", None),
            ("../reg", None),
            ("/srv/reg", None),
            ("C:\\reg", None),
            ("a:b", None),
            ("u:p@h.example", None),
            ("https://h.example", None),
            ("", None),
        ] {
            assert_eq!(web_address(text).as_deref(), expected, "{text}");
        }
        for scheme in SCHEMES {
            let parsed = Location::parse(&format!("{scheme}://"));
            assert!(
                !matches!(parsed, Err(LocationError::Unsupported { .. })),
                "{scheme}"
            );
        }
    }

    #[test]
    fn web_addresses() {
        let key = Key::parse("packages/@org/http/1.0.0+b.json").unwrap();
        for (text, origin, file) in [
            (
                "https://h",
                "https://h",
                "https://h/packages/@org/http/1.0.0%2Bb.json",
            ),
            (
                "https://h/",
                "https://h",
                "https://h/packages/@org/http/1.0.0%2Bb.json",
            ),
            (
                "http://h:81/a/b",
                "http://h:81/a/b",
                "http://h:81/a/b/packages/@org/http/1.0.0%2Bb.json",
            ),
            (
                "HTTP://u:p@H:80/a/",
                "http://h/a",
                "http://h/a/packages/@org/http/1.0.0%2Bb.json",
            ),
        ] {
            let location = Location::parse(text).unwrap();
            assert_eq!(location.origin().as_deref(), Some(origin), "{text}");
            assert_eq!(location.describe(&key), file, "{text}");
        }
    }

    #[test]
    fn credentials_are_kept_apart() {
        let location = Location::parse("https://us%40er:p%3Aw@h/x").unwrap();
        let Location::Http(http) = &location else {
            panic!()
        };
        let expected = Credentials::Basic {
            user: "us@er".into(),
            password: "p:w".into(),
        };
        assert_eq!(http.credentials(), Some(&expected));
        for shown in [
            location.to_string(),
            format!("{location:?}{http:?}{expected:?}"),
        ] {
            assert!(!shown.contains("us"), "{shown}");
        }
    }

    #[test]
    fn buckets() {
        let key = Key::parse("index.json").unwrap();
        for (text, url, file) in [
            ("s3://b", "s3://b", "s3://b/index.json"),
            ("S3://b/x/y/", "s3://b/x/y", "s3://b/x/y/index.json"),
            ("r2://acc/b/x", "r2://acc/b/x", "r2://acc/b/x/index.json"),
            ("gs://b/x", "gs://b/x", "gs://b/x/index.json"),
            ("az://c/x", "az://c/x", "az://c/x/index.json"),
            (
                "s3://b/x?region=eu-1&endpoint=http://127.0.0.1:9000",
                "s3://b/x?endpoint=http%3A%2F%2F127.0.0.1%3A9000%2F&region=eu-1",
                "s3://b/x/index.json",
            ),
        ] {
            let location = Location::parse(text).unwrap();
            assert_eq!(location.url(), url, "{text}");
            assert_eq!(Location::parse(url), Ok(location.clone()), "{text}");
            assert_eq!(location.describe(&key), file, "{text}");
            assert!(location.is_remote());
        }
    }

    #[test]
    fn branches() {
        for (text, url, origin) in [
            (
                "git+https://u:p@h/o/r.git",
                "git+https://h/o/r.git#gh-pages",
                true,
            ),
            (
                "git+ssh://git@h/o/r#a/b:docs/reg/",
                "git+ssh://git@h/o/r#a/b:docs/reg",
                true,
            ),
            (
                "git+file:///srv/r.git#main",
                "git+file:///srv/r.git#main",
                false,
            ),
        ] {
            let location = Location::parse(text).unwrap();
            assert_eq!(location.url(), url, "{text}");
            assert_eq!(location.origin().is_some(), origin, "{text}");
            assert!(
                !format!("{location} {location:?}").contains("u:p"),
                "{text}"
            );
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        for (text, expected) in [
            ("https://u:SECRET@h/x", "https://h/x"),
            ("https://u:SE@CRET@h/x", "https://h/x"),
            ("https://SECRET@h", "https://h"),
            ("http:/u:SECRET@h/x", "http:/h/x"),
            ("http:///u:SECRET@h/x", "http:///h/x"),
            (r"http:\\u:SECRET@h/x", r"http:\\h/x"),
            ("http:u:SECRET@h/x", "h/x"),
            ("//u:SECRET@h/x", "//h/x"),
            ("u:SECRET@h/x", "h/x"),
            ("u:SECRET@h", "h"),
            ("git+https:/u:SECRET@h/x#b", "git+https:/h/x#b"),
            (
                "s3://b/x?endpoint=http://u:SECRET@h",
                "s3://b/x?endpoint=http://h",
            ),
            (
                "s3://b?endpoint=http://u:SECRET@h&region=r",
                "s3://b?endpoint=http://h&region=r",
            ),
            ("u:SECRET@h/http://u:SECRET@h", "h/http://h"),
            ("https://h/@org/x", "https://h/@org/x"),
            ("https://h:81/@org/x", "https://h:81/@org/x"),
            ("./@org/x", "./@org/x"),
            ("/srv/reg", "/srv/reg"),
        ] {
            assert_eq!(redacted(text), expected, "{text}");
            let shown = match Location::parse_path(text, Path::new("/work")) {
                Ok(location) => format!("{location} {location:?}"),
                Err(error) => error.to_string(),
            };
            assert!(!shown.contains("SECRET"), "{shown}");
        }
    }

    #[test]
    fn refused() {
        for (text, message) in [
            (
                "ftp://h/x",
                "no registry can be at `ftp://`; there are `file://`, `https://`, `http://`, `s3://`, `r2://`, `gs://`, `az://`, `git+https://`, `git+ssh://` and `git+file://`",
            ),
            (
                "s3://key:secret@bucket/x",
                "`s3://bucket/x` is not a registry URL: credentials do not belong in the URL of a bucket; set the provider's environment variables",
            ),
            (
                "s3://bucket:9000/x",
                "`s3://bucket:9000/x` is not a registry URL: a bucket has no port; name another server with `?endpoint=http://host:port`",
            ),
            (
                "s3://bucket?acl=1",
                "`s3://bucket?acl=1` is not a registry URL: `?acl=` is not known; there are `endpoint` and `region`",
            ),
            (
                "s3://bucket?region=evil.example/x",
                "`s3://bucket?region=evil.example/x` is not a registry URL: `evil.example/x` cannot be a region; write for example `?region=eu-west-1`",
            ),
            (
                "s3://bucket?region=",
                "`s3://bucket?region=` is not a registry URL: `` cannot be a region; write for example `?region=eu-west-1`",
            ),
            (
                "s3://a_b",
                "`s3://a_b` is not a registry URL: `a_b` cannot be the name of a bucket: letters in lower case, digits, `-` and `.`, at most 63",
            ),
            (
                "az://a%2f",
                "`az://a%2f` is not a registry URL: `a%2f` cannot be the name of a container: letters in lower case, digits, `-` and `.`, at most 63",
            ),
            (
                "r2://evil.example%2f/bucket",
                "`r2://evil.example%2f/bucket` is not a registry URL: `evil.example%2f` cannot be an account",
            ),
            (
                "s3://bucket?endpoint=https://s3.amazonaws.com@evil.example",
                "`s3://bucket?endpoint=https://evil.example` is not a registry URL: the endpoint must have no user, `?` or `#`",
            ),
            (
                "r2://account",
                "`r2://account` is not a registry URL: write `r2://account/bucket`",
            ),
            (
                "git+https://h/x#-f",
                "`git+https://h/x#-f` is not a registry URL: `-f` cannot be the name of a branch",
            ),
            (
                "git+https://h/x#b:../y",
                "`git+https://h/x#b:../y` is not a registry URL: `../y` is not a folder in the repository",
            ),
            (
                "../registry",
                "`../registry` is not a registry URL; write `file:///path`, `http://…` or `https://…`",
            ),
            (
                r"C:\reg",
                r"`C:\reg` is not a registry URL; write `file:///path`, `http://…` or `https://…`",
            ),
            (
                "https://u:secret@h/x?y",
                "`https://h/x?y` is not a registry URL: `?` and `#` are not allowed; write `%3F` and `%23` when they are part of a name",
            ),
            (
                "https://u:se/cret@h/x",
                "`https://h/x` is not a registry URL: invalid port number",
            ),
            ("https://", "`https://` is not a registry URL: empty host"),
        ] {
            assert_eq!(Location::parse(text).unwrap_err().to_string(), message);
        }
        #[cfg(unix)]
        assert_eq!(
            Location::parse("file://registry/x")
                .unwrap_err()
                .to_string(),
            "`file://registry/x` is not a registry URL: a file URL has three slashes and an absolute path, `file:///path`"
        );
    }
}
