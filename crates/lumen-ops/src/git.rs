//! Git dependencies, through the `git` program.
//!
//! One bare repository per URL under `$LUMEN_HOME/git/db` and one plain folder
//! per commit under `$LUMEN_HOME/git/checkouts`. The user's own git does the
//! transport, so that its credentials, proxies and ssh set-up apply.

use std::{
    io,
    path::{Path, PathBuf},
};

use lumen_core::{
    Digest,
    limits::{Exceeded, Limit, Limits},
    manifest::{GitReference, without_credentials},
};
use lumen_durable::Lock;
use lumen_registry::{
    ReadError, StorageError,
    git::{self, Git},
    tls,
    variables::Variables,
};

/// A commit's files in a folder.
#[derive(Debug, Clone)]
pub struct Checkout {
    /// The folder; shared and never written to again.
    pub dir: PathBuf,
    /// The full commit hash.
    pub commit: String,
}

/// Why a git dependency cannot be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// A git command failed.
    #[error(transparent)]
    Git(#[from] git::GitError),
    /// The repository lacks the reference.
    #[error("`{url}` has no {reference}")]
    NoReference {
        /// The repository, without credentials.
        url: String,
        /// What was asked for, with its kind.
        reference: String,
    },
    /// Offline, and the commit is not here.
    #[error("`{url}` is not on this machine at {reference}, and the network is off")]
    Offline {
        /// The repository, without credentials.
        url: String,
        /// What was asked for, with its kind.
        reference: String,
    },
    /// It costs more than the user allows.
    #[error(transparent)]
    Limit(#[from] Exceeded),
    /// A file operation failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Where repositories are kept, and how they are had.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// `$LUMEN_HOME`.
    pub home: &'a Path,
    /// The environment variables that git runs with.
    pub variables: &'a Variables,
    /// The certificates to trust, if not those of the system.
    pub authorities: Option<&'a Path>,
    /// Whether the network is off.
    pub offline: bool,
    /// Whether git may show the host credentials from the user's netrc file.
    pub netrc: bool,
    /// What it may cost.
    pub limits: Limits,
}

/// The file with the authorities to trust for a repository, if they are not the system's.
///
/// # Errors
/// When `ca_file` cannot be used.
pub fn authorities(
    home: &Path,
    ca_file: Option<&Path>,
    url: &str,
) -> Result<Option<PathBuf>, ReadError> {
    let file = ca_file.filter(|_| url.starts_with("https:"));
    let made = file.map(|file| tls::joined(file, &home.join("git")));
    Ok(made.transpose().map_err(StorageError::from)?)
}

/// Gets the files of a commit: the locked one, or the one the reference names now.
///
/// # Errors
/// When git is missing or fails, or the reference does not exist.
pub fn checkout(
    place: &Place<'_>,
    url: &str,
    reference: &GitReference,
    locked: Option<&str>,
) -> Result<Checkout, GitError> {
    let home = place.home;
    let id = &Digest::of(url.as_bytes()).hex()[..16];
    let shown = without_credentials(url);
    let git = Git::new(&home.join("git/db").join(id), &shown).inheriting(place.variables);
    let git = match place.authorities {
        Some(file) => git.trusting(file),
        None => git,
    };
    let git = git.bounded(place.limits.get(Limit::GitBytes));
    let git = match place.netrc {
        true => git,
        false => git.without_netrc(),
    };
    let repository = Repository {
        git: match shown == url {
            true => git,
            false => git.hiding(url),
        },
        url,
        shown,
        reference,
        limits: place.limits,
    };
    let _lock = Lock::exclusive(&home.join("git/db").join(format!("{id}.lock")))?;
    let commit = repository.commit(locked, place.offline)?;
    let dir = home.join("git/checkouts").join(id).join(&commit);
    if !dir.is_dir() {
        repository.write_out(&commit, &dir)?;
    }
    Ok(Checkout { dir, commit })
}

/// A reference in words: "branch `main`".
pub fn describe(reference: &GitReference) -> String {
    match reference {
        GitReference::Default => "default branch".into(),
        GitReference::Branch(name) => format!("branch `{name}`"),
        GitReference::Tag(name) => format!("tag `{name}`"),
        GitReference::Rev(rev) => format!("commit `{rev}`"),
    }
}

struct Repository<'a> {
    git: Git,
    url: &'a str,
    shown: String,
    reference: &'a GitReference,
    limits: Limits,
}

impl Repository<'_> {
    fn commit(&self, locked: Option<&str>, offline: bool) -> Result<String, GitError> {
        let dir = self.git.dir();
        if !dir.join("HEAD").is_file() {
            lumen_durable::create_dir_all(dir)?;
            self.git.run("prepare a folder for", self.git.init()?)?;
        }
        let fixed = locked.or(match self.reference {
            GitReference::Rev(rev) => Some(rev.as_str()),
            _ => None,
        });
        if let Some(commit) = fixed.and_then(|rev| self.parse(rev)) {
            return Ok(commit);
        }
        if offline {
            let here = self.parse(&self.local_name());
            let missing = || GitError::Offline {
                url: self.shown.clone(),
                reference: describe(self.reference),
            };
            return here.filter(|_| fixed.is_none()).ok_or_else(missing);
        }
        match fixed {
            Some(rev) => self.fetch_commit(rev),
            None => self.fetch_reference(),
        }
    }

    /// Fetches one commit; many servers allow that by its hash, all allow it by fetching everything.
    fn fetch_commit(&self, rev: &str) -> Result<String, GitError> {
        let whole =
            matches!(rev.len(), 40 | 64) && rev.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !(whole && self.fetch(&[rev], true).is_ok()) {
            self.fetch(
                &["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"],
                false,
            )?;
        }
        self.parse(rev)
            .ok_or_else(|| self.no_reference(&format!("commit `{rev}`")))
    }

    fn fetch_reference(&self) -> Result<String, GitError> {
        let theirs = match self.reference {
            GitReference::Branch(name) => format!("refs/heads/{name}"),
            GitReference::Tag(name) => format!("refs/tags/{name}"),
            GitReference::Default | GitReference::Rev(_) => "HEAD".into(),
        };
        let name = self.local_name();
        match self.fetch(&[&format!("+{theirs}:{name}")], true) {
            Err(GitError::Git(git::GitError::Failed { reason, .. }))
                if reason.contains("couldn't find remote ref") =>
            {
                return Err(self.no_reference(&describe(self.reference)));
            }
            other => other?,
        }
        self.parse(&name)
            .ok_or_else(|| self.no_reference(&describe(self.reference)))
    }

    /// Where the bare repository keeps the last target of the reference.
    fn local_name(&self) -> String {
        let (kind, name) = match self.reference {
            GitReference::Branch(name) => ("branch", name.as_str()),
            GitReference::Tag(name) => ("tag", name.as_str()),
            GitReference::Default | GitReference::Rev(_) => ("default", "head"),
        };
        format!("refs/lumen/{kind}/{name}")
    }

    fn fetch(&self, refspecs: &[&str], shallow: bool) -> Result<(), GitError> {
        let mut arguments = vec![
            "fetch",
            "--quiet",
            "--force",
            "--no-tags",
            // Git gives that file to no group.
            "--no-write-fetch-head",
        ];
        if shallow {
            arguments.extend(["--depth", "1"]);
        }
        arguments.extend(["--", self.url]);
        arguments.extend(refspecs);
        let most = self.limits.get(Limit::GitBytes);
        let fetched = || self.git.run("fetch", self.git.fetching(&arguments, most));
        let fetched = self.git.following(self.url, fetched);
        Ok(self.git.fetched(most, fetched).map(drop)?)
    }

    /// The full hash of a commit that is here.
    fn parse(&self, rev: &str) -> Option<String> {
        let name = format!("{rev}^{{commit}}");
        let arguments = [
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &name,
        ];
        let out = self.git.read("read", self.git.command(&arguments)).ok()?;
        let commit = std::str::from_utf8(&out).ok()?.trim();
        (matches!(commit.len(), 40 | 64) && commit.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .then(|| commit.to_owned())
    }

    /// Looks at the files of a commit before they are written.
    fn check_tree(&self, commit: &str) -> Result<(), GitError> {
        let list = ["ls-tree", "-r", "-l", "-z", commit];
        let out = self.git.read("list", self.git.command(&list))?;
        let (mut files, mut bytes) = (0_u64, 0_u64);
        for entry in out
            .split(|byte| *byte == 0)
            .filter(|entry| !entry.is_empty())
        {
            let head = entry
                .split(|byte| *byte == b'\t')
                .next()
                .unwrap_or_default();
            let head = String::from_utf8_lossy(head);
            // A submodule has `-` for a size.
            let size = head
                .split_ascii_whitespace()
                .nth(3)
                .and_then(|size| size.parse().ok());
            files += 1;
            bytes = bytes.saturating_add(size.unwrap_or(0_u64));
        }
        let what = || format!("commit {commit} of `{}` has {files} files", self.shown);
        self.limits.check(Limit::GitTreeFiles, files, what)?;
        let what = || {
            format!(
                "the files of commit {commit} of `{}` have {bytes} bytes",
                self.shown
            )
        };
        Ok(self.limits.check(Limit::GitTreeBytes, bytes, what)?)
    }

    fn write_out(&self, commit: &str, dir: &Path) -> Result<(), GitError> {
        self.check_tree(commit)?;
        let parent = dir.parent().unwrap_or(dir);
        lumen_durable::create_dir_all(parent)?;
        let temporary = tempfile::Builder::new()
            .prefix(".tmp-")
            .tempdir_in(parent)?;
        let tree = temporary.path().join("tree");
        lumen_durable::create_dir(&tree)?;
        let index = temporary.path().join("index");
        let checkout = ["checkout", "--quiet", "--force", commit, "--", "."];
        let mut command = self.git.command(&checkout);
        command
            .env("GIT_WORK_TREE", &tree)
            .env("GIT_INDEX_FILE", &index)
            .current_dir(&tree);
        self.git.run("check out", command)?;
        lumen_durable::share_tree(&tree, parent)?;
        Ok(lumen_durable::rename(&tree, dir)?)
    }

    fn no_reference(&self, reference: &str) -> GitError {
        GitError::NoReference {
            url: self.shown.clone(),
            reference: reference.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
