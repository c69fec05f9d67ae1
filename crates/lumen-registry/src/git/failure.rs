//! The kinds of git's failures, by its messages.

use std::io;

use lumen_core::limits::{Exceeded, MAX_SAID};

/// Why git did not do something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// The `git` program is missing.
    #[error("the `git` program was not found")]
    NoGit,
    /// The `git` program is too old.
    #[error("git {found} is too old; {oldest} or later is needed")]
    TooOld {
        /// Its version.
        found: String,
        /// The oldest version that will do.
        oldest: String,
    },
    /// The host wants credentials, or denies access.
    #[error("access to `{url}` was denied: {reason}")]
    Denied {
        /// The repository, without credentials.
        url: String,
        /// What git said.
        reason: String,
    },
    /// There is no such repository, or none that the user may know of.
    #[error("there is no repository at `{url}`: {reason}")]
    NoRepository {
        /// The repository, without credentials.
        url: String,
        /// What git said.
        reason: String,
    },
    /// The host has moved it to another host, or where credentials do not follow.
    #[error("`{url}` redirects to another address, and git is not led there: {reason}")]
    Moved {
        /// The repository, without credentials.
        url: String,
        /// What git said.
        reason: String,
    },
    /// No trusted authority vouches for the host.
    #[error("cannot trust `{url}`: {reason}")]
    Untrusted {
        /// The repository, without credentials.
        url: String,
        /// What git said.
        reason: String,
    },
    /// No connection, or one that broke.
    #[error("cannot reach `{url}`: {reason}")]
    Unreachable {
        /// The repository, without credentials.
        url: String,
        /// What git said.
        reason: String,
    },
    /// The host refused the push: the branch is protected, or a hook refused it.
    #[error("`{url}` refused the push: {reason}")]
    Refused {
        /// The repository, without credentials.
        url: String,
        /// What the host said.
        reason: String,
    },
    /// Anything else.
    #[error("git could not {action} `{url}`: {reason}")]
    Failed {
        /// What was tried ("fetch").
        action: &'static str,
        /// The repository, without credentials.
        url: String,
        /// The last thing git said.
        reason: String,
    },
    /// It sends more than the user allows.
    #[error(transparent)]
    Limit(#[from] Exceeded),
    /// A process or file operation failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A kind of failure, by a text that only it has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Denied,
    NoRepository,
    Moved,
    Untrusted,
    Unreachable,
    /// Not to be taken for what git adds to it.
    Other,
}

/// Texts of git 2.31 to 2.47, of curl and of OpenSSH, in lower case. The first text of the
/// list that occurs decides, so texts that git adds to every failure come last.
const KINDS: [(&str, Kind); 37] = [
    ("hash algorithm", Kind::Other),
    ("mismatched algorithms", Kind::Other),
    ("certificate verification failed", Kind::Untrusted),
    ("certificate problem", Kind::Untrusted),
    ("no alternative certificate subject name", Kind::Untrusted),
    ("does not match target host name", Kind::Untrusted),
    ("could not resolve host", Kind::Unreachable),
    ("failed to connect", Kind::Unreachable),
    ("connection refused", Kind::Unreachable),
    ("connection timed out", Kind::Unreachable),
    ("connection reset", Kind::Unreachable),
    ("network is unreachable", Kind::Unreachable),
    ("operation too slow", Kind::Unreachable),
    ("returned error: 5", Kind::Unreachable),
    ("authentication failed", Kind::Denied),
    ("could not read username", Kind::Denied),
    ("could not read password", Kind::Denied),
    ("terminal prompts disabled", Kind::Denied),
    ("returned error: 401", Kind::Denied),
    ("returned error: 403", Kind::Denied),
    ("permission denied (", Kind::Denied),
    ("permission to ", Kind::Denied),
    ("host key verification failed", Kind::Denied),
    ("access denied", Kind::Denied),
    ("unable to update url base from redirection", Kind::Moved),
    ("returned error: 301", Kind::Moved),
    ("returned error: 302", Kind::Moved),
    ("returned error: 307", Kind::Moved),
    ("returned error: 308", Kind::Moved),
    ("repository not found", Kind::NoRepository),
    ("returned error: 404", Kind::NoRepository),
    ("returned error: 410", Kind::NoRepository),
    ("does not appear to be a git repository", Kind::NoRepository),
    ("' not found", Kind::NoRepository),
    ("rpc failed", Kind::Unreachable),
    ("hung up", Kind::Unreachable),
    ("access rights", Kind::NoRepository),
];

/// Whether a transfer ended before all of it was there: the same fetch may succeed.
pub(crate) fn is_cut(error: &GitError) -> bool {
    let GitError::Failed { reason, .. } = error else {
        return false;
    };
    let reason = reason.to_lowercase();
    ["early eof", "index-pack", "unexpected disconnect"]
        .iter()
        .any(|text| reason.contains(text))
}

/// The error that a command's last words are about.
pub(super) fn understand(action: &'static str, url: &str, said: &str) -> GitError {
    let lines: Vec<&str> = said
        .lines()
        // Progress is written over itself.
        .map(|line| line.trim().rsplit('\r').next().unwrap_or(line).trim())
        .filter(|line| !line.is_empty())
        .collect();
    let lower = said.to_lowercase();
    let known = KINDS.iter().find(|(text, _)| lower.contains(text));
    let is_fatal = |line: &&&str| line.starts_with("fatal:") || line.starts_with("error:");
    let line = match known {
        // The host's own words say more than git's about them.
        Some((_, Kind::Denied | Kind::NoRepository)) => lines
            .iter()
            .rev()
            .find(|line| is_told(line) || line.starts_with("ERROR:")),
        _ => None,
    };
    let line = line
        .or_else(|| {
            let (text, _) = known?;
            let says = |line: &&&str| line.to_lowercase().contains(text);
            lines.iter().find(says)
        })
        .or_else(|| lines.iter().rev().find(is_fatal))
        .or(lines.last());
    let reason = line.map_or_else(|| "no reason given".into(), |line| clean(line));
    let url = url.to_owned();
    match known.map(|(_, kind)| *kind) {
        Some(Kind::Denied) => GitError::Denied { url, reason },
        Some(Kind::NoRepository) => GitError::NoRepository { url, reason },
        Some(Kind::Moved) => GitError::Moved { url, reason },
        Some(Kind::Untrusted) => GitError::Untrusted { url, reason },
        Some(Kind::Unreachable) => GitError::Unreachable { url, reason },
        Some(Kind::Other) | None => GitError::Failed {
            action,
            url,
            reason,
        },
    }
}

/// All texts that people see of what git says, for fuzzing.
#[cfg(feature = "fuzzing")]
pub(crate) fn understood(said: &str) -> Vec<String> {
    let mut texts = told(said);
    texts.push(understand("fetch", "https://h/r", said).to_string());
    texts
}

/// Whether a line is the host's and says something.
fn is_told(line: &str) -> bool {
    line.strip_prefix("remote:")
        .is_some_and(|told| told.chars().any(char::is_alphanumeric))
}

/// The messages of the host that come with a refusal.
pub(crate) fn told(said: &str) -> Vec<String> {
    let told = said.lines().filter(|line| is_told(line.trim()));
    told.map(clean).collect()
}

/// A line without prefixes, control characters and excess: a hostile host may have written it.
fn clean(line: &str) -> String {
    let mut rest = line.trim();
    for prefix in ["remote:", "fatal:", "error:", "ERROR:"] {
        rest = rest.strip_prefix(prefix).unwrap_or(rest).trim_start();
    }
    if let Some((_, why)) = rest
        .strip_prefix("unable to access '")
        .and_then(|rest| rest.split_once("': "))
    {
        rest = why;
    }
    let shown = rest.chars().filter(|c| !c.is_control());
    shown.take(MAX_SAID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(said: &str, expected: &str) {
        let error = understand("fetch", "https://h/r", said);
        let kind = match &error {
            GitError::Denied { .. } => "denied",
            GitError::NoRepository { .. } => "none",
            GitError::Moved { .. } => "moved",
            GitError::Untrusted { .. } => "untrusted",
            GitError::Unreachable { .. } => "unreachable",
            _ => "failed",
        };
        let (GitError::Denied { reason, .. }
        | GitError::NoRepository { reason, .. }
        | GitError::Moved { reason, .. }
        | GitError::Untrusted { reason, .. }
        | GitError::Unreachable { reason, .. }
        | GitError::Failed { reason, .. }) = error
        else {
            panic!("{said}");
        };
        assert_eq!(format!("{kind}: {reason}"), expected, "{said}");
    }

    #[test]
    fn a_fetch_that_was_cut_may_succeed_later() {
        for (said, cut) in [
            (
                "fatal: early EOF\nfatal: fetch-pack: invalid index-pack output",
                true,
            ),
            (
                "fatal: the remote end: unexpected disconnect while reading",
                true,
            ),
            ("fatal: couldn't find remote ref main", false),
            ("fatal: Authentication failed", false),
        ] {
            assert_eq!(
                is_cut(&understand("fetch", "https://h/r", said)),
                cut,
                "{said}"
            );
        }
    }

    #[test]
    fn failures_are_told_apart() {
        for (said, expected) in [
            (
                "fatal: could not read Username for 'https://h': terminal prompts disabled\n",
                "denied: could not read Username for 'https://h': terminal prompts disabled",
            ),
            (
                "remote: Permission to o/r.git denied to bot.\nfatal: unable to access 'https://h/r/': The requested URL returned error: 403\n",
                "denied: Permission to o/r.git denied to bot.",
            ),
            (
                "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n",
                "denied: git@h: Permission denied (publickey).",
            ),
            (
                "ssh: connect to host h port 22: Connection refused\r\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n",
                "unreachable: ssh: connect to host h port 22: Connection refused",
            ),
            (
                "ERROR: Repository not found.\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n",
                "none: Repository not found.",
            ),
            (
                "fatal: '/srv/r' does not appear to be a git repository\nfatal: Could not read from remote repository.\n",
                "none: '/srv/r' does not appear to be a git repository",
            ),
            (
                "fatal: unable to access 'https://h/r/': Could not resolve host: h\n",
                "unreachable: Could not resolve host: h",
            ),
            (
                "fatal: unable to access 'https://h/r/': server certificate verification failed. CAfile: none CRLfile: none\n",
                "untrusted: server certificate verification failed. CAfile: none CRLfile: none",
            ),
            (
                "fatal: unable to access 'https://h/r/': SSL certificate problem: unable to get local issuer certificate\n",
                "untrusted: SSL certificate problem: unable to get local issuer certificate",
            ),
            (
                "error: RPC failed; curl 56 Recv failure: Connection reset by peer\nfatal: the remote end hung up unexpectedly\n",
                "unreachable: RPC failed; curl 56 Recv failure: Connection reset by peer",
            ),
            (
                "fatal: unable to access 'https://h/r/': The requested URL returned error: 503\n",
                "unreachable: The requested URL returned error: 503",
            ),
            (
                "remote: Counting: 1%\rremote: Counting: 2%\nfatal: bad object \u{1b}[31mabc\n",
                "failed: bad object [31mabc",
            ),
            ("", "failed: no reason given"),
        ] {
            check(said, expected);
        }
    }

    #[test]
    fn hosts_are_quoted() {
        let said =
            "To https://h/r\nremote: \nremote: error: GH006: Protected branch\u{7}.\nremote: ---\n";
        assert_eq!(told(said), ["GH006: Protected branch."]);
    }
}
