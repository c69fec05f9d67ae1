//! What a registry's host is shown, and who is asked for it.

use std::fmt;

use crate::{audience::Audience, location::Credentials};

/// Credentials, where they are from, and who may see them.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// What to send.
    pub credentials: Credentials,
    /// Where it is from, for messages: "the URL", "`~/.netrc`".
    pub origin: String,
    /// Who may be sent it.
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
    /// What it is, for telling apart what different users are shown.
    fn name(&self) -> &str;

    /// The credentials for the registry it was made for; nothing when it has none. May block.
    ///
    /// # Errors
    /// When it cannot be asked, or gives no sensible answer.
    fn login(&self) -> Result<Option<Login>, LoginError>;

    /// Tells it that the server did not take what it gave. May block.
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
