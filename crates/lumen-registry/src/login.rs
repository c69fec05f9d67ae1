//! Credentials for a registry's host, and the helpers that know them.

use std::fmt;

use url::Url;

use crate::audience::Audience;

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

impl Credentials {
    /// Takes the user information out of a URL; `None` when it is not UTF-8.
    pub(crate) fn take(url: &mut Url) -> Option<Option<Self>> {
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => Some(Self::Basic {
                user: percent_decode(user)?,
                password: percent_decode(password.unwrap_or_default())?,
            }),
        };
        // Neither fails on a URL that has a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Some(credentials)
    }
}

/// Credentials, their source, and the hosts that may see them.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// What to send.
    pub credentials: Credentials,
    /// Where it is from, for messages: "the URL", "`~/.netrc`".
    pub origin: String,
    /// The URLs that may receive it.
    pub audience: Audience,
}

/// What a registry is to the user, for advice when its host wants credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acquaintance {
    /// Its name in a configuration; none for one that was given by URL.
    pub name: Option<String>,
    /// Its URL, without credentials.
    pub url: String,
    /// Whether it is only read there: the token that may write to it goes elsewhere.
    pub read_only: bool,
    /// Whether the user gave that URL, and not only a project: no secret goes elsewhere.
    pub given: bool,
}

/// Something that knows credentials and is only asked when a server wants some: it may be
/// slow, and may have a question of its own to the user.
pub trait LoginHelper: fmt::Debug + Send + Sync {
    /// Its name, so that caches of different users stay apart.
    fn name(&self) -> &str;

    /// The credentials for the registry it was made for; nothing when it has none. May block.
    ///
    /// # Errors
    /// When it cannot be asked, or gives no sensible answer.
    fn login(&self) -> Result<Option<Login>, LoginError>;

    /// Tells it that the server refused its login. May block.
    fn refused(&self, login: &Login);
}

/// Why a helper gave no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{helper} {reason}")]
pub struct LoginError {
    /// The helper: "the credential helper `x`".
    pub helper: String,
    /// What happened.
    pub reason: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({})", self.origin)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// The text that a part of a URL stands for; `None` when it is not UTF-8.
pub fn percent_decode(text: &str) -> Option<String> {
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
