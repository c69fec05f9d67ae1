//! Where a repository has gone: git follows no redirect, and this decides which one to go after.
//!
//! A host may move a repository to another address of its own, as hosts do that add `.git`, that
//! rename, or that turn to `https`. Any other address is for people to write down: a host could
//! else lead git to a service of this machine or network, which only the user can reach.

use lumen_core::limits::MAX_REDIRECTS;
use url::Url;

use super::{Git, GitError};

/// The first request of git to a repository, and the end of an address that leads to one.
const FIRST: &str = "/info/refs?service=git-upload-pack";

/// Follows a repository that redirects, as far as it stays at its host. `None`: it does not.
pub(super) fn find(git: &Git, remote: &str) -> Result<Option<String>, GitError> {
    let Ok(start) = Url::parse(remote) else {
        return Ok(None);
    };
    let mut at = start.clone();
    for _ in 0..MAX_REDIRECTS {
        let mut command = git.command(&["ls-remote", "--quiet", "--", at.as_str(), "HEAD"]);
        command
            .env("GIT_TRACE_CURL", "1")
            .env("GIT_TRACE_CURL_NO_DATA", "1")
            .env("GIT_TRACE_REDACT", "1");
        let ran = git.start(command)?.finish(None)?;
        match location(&ran.err).filter(|_| !ran.success) {
            None => return Ok((at != start).then(|| at.into())),
            Some(told) => match next(&at, told) {
                Some(next) => at = next,
                None => return Ok(None),
            },
        }
    }
    Ok(None)
}

/// The target of the last answer in curl's output.
fn location(said: &str) -> Option<&str> {
    let mut found = None;
    for line in said.lines() {
        let Some((_, header)) = line.split_once("<= Recv header: ") else {
            continue;
        };
        match header.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("location") => {
                found = Some(value.trim());
            }
            _ if header.starts_with("HTTP/") => found = None,
            _ => {}
        }
    }
    found
}

/// The address of the repository that a redirect leads to, if it is one at the same host.
fn next(at: &Url, told: &str) -> Option<Url> {
    let asked = format!("{}{FIRST}", at.as_str().trim_end_matches('/'));
    let target = Url::parse(&asked).ok()?.join(told).ok()?;
    let secure =
        target.scheme() == at.scheme() || (at.scheme(), target.scheme()) == ("http", "https");
    let plain = target.username().is_empty() && target.password().is_none();
    if !secure || !plain || target.host() != at.host() {
        return None;
    }
    let next = Url::parse(target.as_str().strip_suffix(FIRST)?).ok()?;
    (next != *at).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_same_host_are_followed() {
        let check = |at: &str, told: &str, expected: Option<&str>| {
            let found = next(&Url::parse(at).unwrap(), told);
            assert_eq!(found.as_ref().map(Url::as_str), expected, "{at} -> {told}");
        };
        let at = "https://h.example/o/r";
        let to = |base: &str| format!("{base}{FIRST}");
        for base in ["https://h.example/o/r.git", "https://h.example:8443/x"] {
            check(at, &to(base), Some(base));
        }
        check(at, &to("/new/r"), Some("https://h.example/new/r"));
        check("http://h.example/r", &to(at), Some(at));
        for base in [
            "http://h.example/o/r",
            "https://other.example/o/r",
            "https://h.example.evil/o/r",
            "https://127.0.0.1/o/r",
            "https://user@h.example/o/r",
            "file:///o/r",
        ] {
            check(at, &to(base), None);
        }
        for told in ["https://h.example/login", "/o/r.git/HEAD", "https://[", ""] {
            check(at, told, None);
        }
    }

    #[test]
    fn the_last_answer_counts() {
        let said = "1 http.c:872  <= Recv header: HTTP/1.1 302 Found\n\
             1 http.c:872  <= Recv header: Location: /one\n\
             1 http.c:872  => Send header: Location: /sent\n\
             1 http.c:872  <= Recv header: HTTP/2 301\n\
             1 http.c:872  <= Recv header: location: /two\n";
        assert_eq!(location(said), Some("/two"));
        let last = format!("{said}1 http.c:872  <= Recv header: HTTP/2 404\n");
        assert_eq!(location(&last), None);
    }
}
