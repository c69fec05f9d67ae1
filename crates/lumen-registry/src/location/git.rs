//! The address of a registry in a branch of a git repository.

use std::fmt;

use url::Url;

use crate::login::{Credentials, percent_decode};

/// The branch when the URL names none: the one GitHub Pages serves.
pub const DEFAULT_BRANCH: &str = "gh-pages";

/// The address of a registry in a branch: `git+https://host/repository.git#branch:folder`.
#[derive(Clone, PartialEq, Eq)]
pub struct GitLocation {
    /// Has no `git+` and no password; the user only with ssh.
    remote: Url,
    credentials: Option<Credentials>,
    /// Whether git may show the host what the user's netrc file says.
    netrc: bool,
    /// The branch.
    pub branch: String,
    /// The folder in the repository: empty, or ends with `/`.
    pub folder: String,
}

impl GitLocation {
    /// The location that a URL means from which `git+` is taken off.
    pub(super) fn new(mut remote: Url) -> Result<Self, String> {
        if remote.query().is_some() {
            return Err("`?` is not allowed; write `%3F` when it is part of a name".into());
        }
        let fragment = percent_decode(remote.fragment().unwrap_or_default());
        let fragment = fragment.ok_or("the branch is not valid UTF-8")?;
        remote.set_fragment(None);
        // With ssh the user is a part of the address, not a secret.
        let credentials = match remote.scheme() {
            "ssh" if remote.password().is_some() => {
                return Err("ssh takes no password from a URL; use a key".into());
            }
            "ssh" => None,
            _ => Credentials::take(&mut remote)
                .ok_or("the user name or password is not valid UTF-8")?,
        };
        let (branch, folder) = fragment.split_once(':').unwrap_or((&fragment, ""));
        let branch = match branch {
            "" => DEFAULT_BRANCH,
            branch => branch,
        };
        if !is_branch(branch) {
            return Err(format!("`{branch}` cannot be the name of a branch"));
        }
        let folder = folder.trim_matches('/');
        if folder.split('/').any(|part| matches!(part, "." | "..")) {
            return Err(format!("`{folder}` is not a folder in the repository"));
        }
        Ok(Self {
            remote,
            credentials,
            netrc: true,
            branch: branch.to_owned(),
            folder: match folder {
                "" => String::new(),
                folder => format!("{folder}/"),
            },
        })
    }

    pub(super) fn with_credentials(self, credentials: Credentials) -> Self {
        match self.remote.scheme() {
            "http" | "https" => Self {
                credentials: self.credentials.or(Some(credentials)),
                ..self
            },
            _ => self,
        }
    }

    /// The same, but git shows the host no credentials from the user's netrc file: it would
    /// show the entry for any host, and the user did not choose this one.
    #[must_use]
    pub fn without_netrc(self) -> Self {
        let netrc = false;
        Self { netrc, ..self }
    }

    /// Whether git may show the host what the user's netrc file says.
    pub(crate) fn may_use_netrc(&self) -> bool {
        self.netrc
    }

    /// The URL of the repository for git, without credentials.
    pub fn remote(&self) -> &Url {
        &self.remote
    }

    /// What to send to the repository's host, over HTTP.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// The address as a URL.
    pub fn url(&self) -> String {
        let folder = match self.folder.trim_end_matches('/') {
            "" => String::new(),
            folder => format!(":{folder}"),
        };
        format!("git+{}#{}{folder}", self.remote, self.branch)
    }

    /// The name of a path inside the registry, for messages.
    pub fn file(&self, path: &str) -> String {
        format!("git+{}#{}:{}{path}", self.remote, self.branch, self.folder)
    }
}

impl fmt::Debug for GitLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GitLocation({})", self.url())
    }
}

/// Whether a text can be the name of a branch (git-check-ref-format(1)), and never an option.
fn is_branch(name: &str) -> bool {
    let parts = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    name.split('/').all(parts)
        && !name.starts_with('-')
        && !name.ends_with('.')
        && !name.contains("..")
        && !name.contains("@{")
        && name != "@"
        && !name.contains(|c: char| c.is_control() || " ~^:?*[\\".contains(c))
}
