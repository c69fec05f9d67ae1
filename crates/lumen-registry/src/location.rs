//! Where a registry is: a folder or an HTTP address.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use lumen_core::key::Key;
use url::Url;

/// Where a registry is.
///
/// `Display` shows what a user may see and paste: never a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A folder, from `file://` or a plain path.
    File(PathBuf),
    /// A static web server or object store.
    Http(HttpLocation),
}

/// The address of a registry behind HTTP.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpLocation {
    /// Ends with `/`; has no user information, query or fragment.
    base: Url,
    credentials: Option<Credentials>,
}

/// What to send in the `Authorization` header, to this host only.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// User and password (RFC 7617).
    Basic {
        /// The user, percent-decoded.
        user: String,
        /// The password, percent-decoded.
        password: String,
    },
    /// A token (RFC 6750).
    Bearer(String),
}

/// Why a text is not the location of a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// Another scheme.
    #[error(
        "registries at `{scheme}://` are not supported by this version; \
         it reads `file://`, `http://` and `https://`, and publishes to `file://`"
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
        if !matches!(scheme.as_str(), "file" | "http" | "https") {
            return Err(LocationError::Unsupported { scheme });
        }
        let url = Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
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
            None => Ok(Self::File(base.join(text))),
        }
    }

    /// What a lock file may record: scheme, host and path without credentials; none for folders.
    pub fn origin(&self) -> Option<String> {
        match self {
            Self::File(_) => None,
            Self::Http(http) => Some(http.base.as_str().trim_end_matches('/').to_owned()),
        }
    }

    /// The location as a URL to write into a configuration, without credentials.
    pub fn url(&self) -> String {
        match self {
            Self::File(path) => Url::from_file_path(path).map_or_else(
                |()| path.display().to_string(),
                |url| url.as_str().to_owned(),
            ),
            Self::Http(http) => http.base.as_str().trim_end_matches('/').to_owned(),
        }
    }

    /// The path or URL of one file, for messages.
    pub fn describe(&self, key: &Key) -> String {
        match self {
            Self::File(root) => root.join(key.as_str()).display().to_string(),
            Self::Http(http) => http.url(key.as_str()),
        }
    }

    /// Whether reading needs a network.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Http(_))
    }

    /// Adds a bearer token; a folder needs none and stays as it is.
    #[must_use]
    pub fn with_token(self, token: impl Into<String>) -> Self {
        match self {
            Self::Http(http) => Self::Http(HttpLocation {
                credentials: Some(Credentials::Bearer(token.into())),
                ..http
            }),
            folder @ Self::File(_) => folder,
        }
    }
}

impl HttpLocation {
    /// `None` when the user information is not UTF-8.
    fn new(mut url: Url) -> Option<Self> {
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => Some(Credentials::Basic {
                user: percent_decode(user)?,
                password: percent_decode(password.unwrap_or_default())?,
            }),
        };
        // Neither fails on http and https, which have a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Some(Self {
            base: url,
            credentials,
        })
    }

    /// The base URL; ends with `/`.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// What to send in the `Authorization` header to this host.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// The URL of a path inside the registry.
    ///
    /// `@` stays as it is; `+` (build metadata) is encoded, because object
    /// stores read a raw one as a space.
    pub fn url(&self, path: &str) -> String {
        let mut url = self.base.as_str().to_owned();
        for byte in path.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => url.push(byte.into()),
                b'-' | b'.' | b'_' | b'~' | b'!' | b'@' | b'/' => url.push(byte.into()),
                _ => url.push_str(&format!("%{byte:02X}")),
            }
        }
        url
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

impl fmt::Debug for HttpLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpLocation({})", self.base)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
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

/// The text without whatever stands before an `@` in its authority.
fn redacted(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
    // A password with an unescaped `/` moves the `@` behind the first slash.
    let at = rest[..end].rfind('@').or_else(|| {
        let colon = rest[..end].find(':')?;
        let at = rest.find('@')?;
        rest[colon + 1..end].parse::<u16>().is_err().then_some(at)
    });
    match at {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => text.to_owned(),
    }
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let decoded = (byte == b'%')
            .then(|| after.get(..2))
            .flatten()
            .filter(|hex| hex.iter().all(u8::is_ascii_hexdigit))
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(decoded.unwrap_or(byte));
        rest = if decoded.is_some() {
            &after[2..]
        } else {
            after
        };
    }
    String::from_utf8(bytes).ok()
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
    fn refused() {
        for (text, message) in [
            (
                "s3://bucket/x",
                "registries at `s3://` are not supported by this version; it reads `file://`, `http://` and `https://`, and publishes to `file://`",
            ),
            (
                "git+https://h/x#gh-pages",
                "registries at `git+https://` are not supported by this version; it reads `file://`, `http://` and `https://`, and publishes to `file://`",
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
