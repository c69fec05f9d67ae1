//! Making commits in the clone, and pushing them.

use std::{
    io::{self, Write},
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    draft::Files,
    push::{Pushed, verdict},
    repository::Repository,
    tip::is_id,
};
use crate::git::GitError;

/// Where a commit is put before it is pushed.
const NEW: &str = "refs/lumen/new";

impl Repository {
    /// Makes a commit of files on top of another, or the first of a branch. It is not pushed.
    pub(super) fn commit_files(
        &self,
        base: Option<&str>,
        message: &str,
        files: &Files,
    ) -> Result<String, GitError> {
        let lock = self.lock()?;
        let identity = self.identity();
        let arguments = [
            "fast-import",
            "--quiet",
            "--force",
            "--done",
            "--date-format=raw",
        ];
        let command = self.git.command(&arguments);
        let out = self.git.feed("commit", command, |out| {
            let mut out = io::BufWriter::with_capacity(1 << 16, out);
            // Without it, an earlier commit of that name would be the parent.
            writeln!(
                out,
                "reset {NEW}\n\ncommit {NEW}\nmark :1\ncommitter {identity}"
            )?;
            write!(out, "data {}\n{message}\n", message.len())?;
            if let Some(base) = base {
                writeln!(out, "from {base}")?;
            }
            for (path, bytes) in files {
                let path = quoted(path);
                let Some(bytes) = bytes else {
                    writeln!(out, "D {path}")?;
                    continue;
                };
                writeln!(out, "M 100644 inline {path}\ndata {}", bytes.len())?;
                out.write_all(bytes)?;
                out.write_all(b"\n")?;
            }
            out.write_all(b"get-mark :1\ndone\n")?;
            out.flush()
        })?;
        drop(lock);
        let commit = String::from_utf8_lossy(&out).trim().to_owned();
        match is_id(&commit) {
            true => Ok(commit),
            false => Err(self.git.failure("commit", "fatal: it made no commit")),
        }
    }

    /// Makes a commit the last one of the branch, if that still is `base`.
    pub(super) fn push(&self, base: Option<&str>, commit: &str) -> Result<Pushed, GitError> {
        let branch = &self.branch;
        let lease = format!(
            "--force-with-lease=refs/heads/{branch}:{}",
            base.unwrap_or_default()
        );
        let refspec = format!("{commit}:refs/heads/{branch}");
        let command = self.git.command(&[
            "push",
            "--porcelain",
            "--no-verify",
            "--no-signed",
            "--no-follow-tags",
            "--no-recurse-submodules",
            &lease,
            "origin",
            &refspec,
        ]);
        verdict(&self.git, &self.git.end("push", command)?)
    }

    /// Whether a commit is one of those that led to another. Both are here.
    pub(super) fn led_to(&self, commit: &str, later: &str) -> Result<bool, GitError> {
        let command = self
            .git
            .command(&["merge-base", "--is-ancestor", commit, later]);
        Ok(self.git.end("compare", command)?.success)
    }

    /// The author and time of commits: from the user's git configuration, if it is set.
    fn identity(&self) -> &str {
        self.identity.get_or_init(|| {
            let configured = [
                "-c",
                "user.useConfigOnly=true",
                "var",
                "GIT_COMMITTER_IDENT",
            ];
            let asked = self.git.read("identify", self.git.command(&configured));
            let told = asked.ok().and_then(|out| String::from_utf8(out).ok());
            let told = told.map(|told| told.trim().to_owned());
            told.filter(|told| told.contains('<') && !told.contains('\n'))
                .unwrap_or_else(|| {
                    let now = SystemTime::now()
                        .duration_since(UNIX_EPOCH)
                        .unwrap_or_default();
                    format!("lumen <lumen@localhost> {} +0000", now.as_secs())
                })
        })
    }
}

/// A path as `git fast-import` takes any.
fn quoted(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 2);
    out.push('"');
    for c in path.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}
