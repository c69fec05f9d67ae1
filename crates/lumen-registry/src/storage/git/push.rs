//! The result of a push, by the output of `git push --porcelain`.

use crate::git::{Git, GitError, Ran, told};

/// The result of a push.
#[derive(Debug)]
pub(super) enum Pushed {
    /// It is the branch now.
    Done,
    /// The branch is no longer the base of the push.
    Lost,
    /// It may be the branch or not.
    Unclear(GitError),
}

/// Reasons of a host that mean that another push was first, in lower case.
const LOST: [&str; 10] = [
    "cannot lock ref",
    "failed to update ref",
    "failed to lock",
    "reference already exists",
    "incorrect old value provided",
    "fetch first",
    "non-fast-forward",
    "stale info",
    "remote ref updated",
    "but expected",
];

/// Reasons of a host in trouble that may pass, in lower case.
const TROUBLE: [&str; 4] = ["internal", "timed out", "timeout", "try again"];

/// Reads the outcome.
///
/// # Errors
/// Failures that do not get better by trying again.
pub(super) fn verdict(git: &Git, ran: &Ran) -> Result<Pushed, GitError> {
    let out = String::from_utf8_lossy(&ran.out);
    // "<flag>\t<from>:<to>\t<summary> (<reason>)", git-push(1).
    let status = out.lines().find_map(|line| {
        let (flag, rest) = line.split_once('\t')?;
        let (_, summary) = rest.split_once('\t')?;
        (flag.len() == 1).then_some((flag, summary))
    });
    match status {
        Some(("!", summary)) => rejected(git, summary, &ran.err),
        Some(_) if ran.success => Ok(Pushed::Done),
        _ => match git.failure("push", &ran.err) {
            error @ (GitError::Unreachable { .. } | GitError::Failed { .. }) => {
                Ok(Pushed::Unclear(error))
            }
            error => Err(error),
        },
    }
}

fn rejected(git: &Git, summary: &str, said: &str) -> Result<Pushed, GitError> {
    let lower = summary.to_lowercase();
    let says = |texts: &[&str]| texts.iter().any(|text| lower.contains(text));
    if summary.starts_with("[rejected]") || says(&LOST) {
        return Ok(Pushed::Lost);
    }
    let reason = summary
        .split_once("] ")
        .map_or(summary, |(_, reason)| reason);
    let bare = reason.strip_prefix('(').and_then(|r| r.strip_suffix(')'));
    let reason = bare.unwrap_or(reason);
    let mut reasons = vec![reason.to_owned()];
    reasons.extend(told(said));
    let reason = reasons.join("; ");
    if summary.starts_with("[remote failure]") || says(&TROUBLE) {
        return Ok(Pushed::Unclear(
            git.failure("push", &format!("error: {reason}")),
        ));
    }
    Err(GitError::Refused {
        url: git.shown().to_owned(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn check(out: &str, err: &str, expected: &str) {
        let git = Git::new(Path::new("/nowhere"), "https://h/r");
        let ran = Ran {
            success: out.contains("Done") && !out.contains('!'),
            out: out.as_bytes().to_vec(),
            err: err.into(),
        };
        let found = match verdict(&git, &ran) {
            Ok(Pushed::Done) => "done".into(),
            Ok(Pushed::Lost) => "lost".into(),
            Ok(Pushed::Unclear(error)) => format!("unclear: {error}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{out}{err}");
    }

    #[test]
    fn every_answer_is_understood() {
        let line = |flag: &str, summary: &str| {
            format!("To https://h/r\n{flag}\taaaa:refs/heads/b\t{summary}\nDone\n")
        };
        for (flag, summary) in [
            (" ", "aaa..bbb"),
            ("*", "[new branch]"),
            ("=", "[up to date]"),
            ("+", "aaa...bbb (forced update)"),
        ] {
            check(&line(flag, summary), "", "done");
        }
        for summary in [
            "[rejected] (stale info)",
            "[rejected] (fetch first)",
            "[rejected] (non-fast-forward)",
            "[remote rejected] (cannot lock ref 'refs/heads/b': is at aaa but expected bbb)",
            "[remote rejected] (failed to update ref)",
            "[remote rejected] (reference already exists)",
            "[remote rejected] (incorrect old value provided)",
            "[remote rejected] (non-fast-forward)",
        ] {
            check(&line("!", summary), "", "lost");
        }
        check(
            &line("!", "[remote rejected] (protected branch hook declined)"),
            "remote: error: GH006: Protected branch update failed.        \nremote: \nerror: failed to push some refs\n",
            "`https://h/r` refused the push: protected branch hook declined; GH006: Protected branch update failed.",
        );
        check(
            &line("!", "[remote rejected] (Internal Server Error)"),
            "",
            "unclear: git could not push `https://h/r`: Internal Server Error",
        );
        check(
            &line("!", "[remote failure] (remote failed to report status)"),
            "",
            "unclear: git could not push `https://h/r`: remote failed to report status",
        );
        check(
            "",
            "error: RPC failed; curl 52 Empty reply from server\nfatal: the remote end hung up unexpectedly\n",
            "unclear: cannot reach `https://h/r`: RPC failed; curl 52 Empty reply from server",
        );
        check(
            "",
            "remote: Permission to o/r denied to bot.\nfatal: unable to access 'https://h/r/': The requested URL returned error: 403\n",
            "access to `https://h/r` was denied: Permission to o/r denied to bot.",
        );
    }
}
