//! The address of a registry behind a web server, and the credentials for it.

use std::fmt;

use url::Url;

use crate::{
    audience::Audience,
    login::{Acquaintance, Credentials, Login},
};

/// The address of a registry behind HTTP.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpLocation {
    /// Ends with `/`; has no user information, query or fragment.
    base: Url,
    login: Option<Login>,
    acquaintance: Option<Acquaintance>,
}

impl HttpLocation {
    /// `None` when the user information is not UTF-8.
    pub(super) fn new(mut url: Url) -> Option<Self> {
        let credentials = Credentials::take(&mut url)?;
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let login = credentials.map(|credentials| Login {
            credentials,
            origin: "the URL".into(),
            audience: Audience::Origin(url.clone()),
        });
        Some(Self {
            base: url,
            login,
            acquaintance: None,
        })
    }

    /// The same address with these credentials, unless the URL has some already.
    #[must_use]
    pub fn with_login(self, login: Login) -> Self {
        Self {
            login: self.login.or(Some(login)),
            ..self
        }
    }

    /// The same address with what it is to the user.
    #[must_use]
    pub fn known_as(self, acquaintance: Acquaintance) -> Self {
        Self {
            acquaintance: Some(acquaintance),
            ..self
        }
    }

    /// What the address is to the user, if that was said.
    pub fn acquaintance(&self) -> Option<&Acquaintance> {
        self.acquaintance.as_ref()
    }

    /// The base URL; ends with `/`.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// What to send in the `Authorization` header to this host.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.login.as_ref().map(|login| &login.credentials)
    }

    /// The same, with where it is from.
    pub fn login(&self) -> Option<&Login> {
        self.login.as_ref()
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

impl fmt::Debug for HttpLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpLocation({})", self.base)
    }
}
