//! The clone of a branch on this machine: bare, one commit deep, and with only the contents
//! that were asked for. It is a cache: a damaged one is made again.

use std::{
    collections::{HashMap, HashSet},
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::Duration,
};

use fs_err as fs;
use lumen_core::{Digest, limits::Limit};
use lumen_durable::Lock;
use tempfile::TempDir;

use super::tip::{Contents, is_id};
use crate::{
    git::{Git, GitError, is_cut},
    location::GitLocation,
    storage::{HostOptions, HttpOptions, StorageError},
};

/// Where the clone keeps the last known state of the branch.
const TIP: &str = "refs/lumen/tip";

/// Contents up to this size come along after a lost race.
const COMES_ALONG: &str = "--filter=blob:limit=1m";

/// The number of packs to join: each fetch leaves one behind.
const MANY_PACKS: usize = 40;

/// The end of the name of the file that keeps others from changing a clone.
const LOCK: &str = "lock";

/// The same for writers.
const WRITER: &str = "writer";

/// The folder of all clones, below the data about hosts.
const CLONES: &str = "git";

/// How a branch is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Its last commit without contents.
    Tip,
    /// Its last commit, with its new contents.
    Contents,
    /// Also the commits since the one that is here.
    Since,
}

/// Removes all clones below `hosts` when no process writes to them any more. Their locks
/// stay, since others may wait for them.
///
/// # Errors
/// Any I/O error.
pub(super) fn remove_clones(hosts: &Path) -> io::Result<()> {
    let folder = hosts.join(CLONES);
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        match path.extension() {
            Some(end) if end == LOCK || end == WRITER => {}
            _ if !path.is_dir() => lumen_durable::remove_file(&path)?,
            _ => {
                let _turn = Lock::exclusive(&path.with_extension(WRITER))?;
                let _lock = Lock::exclusive(&path.with_extension(LOCK))?;
                lumen_durable::remove_dir_all(&path)?;
            }
        }
    }
    Ok(())
}

/// The clone of one branch.
#[derive(Debug)]
pub(super) struct Repository {
    pub(super) git: Git,
    pub(super) branch: String,
    http: HttpOptions,
    is_local: bool,
    /// The repository elsewhere, without credentials.
    remote: String,
    /// The author and time of commits, once they were asked for.
    pub(super) identity: OnceLock<String>,
    /// The clone of one that keeps none.
    _temporary: Option<TempDir>,
}

impl Repository {
    pub(super) fn new(location: &GitLocation, options: &HostOptions) -> Result<Self, StorageError> {
        let remote = location.remote();
        let (temporary, parent) = match &options.state {
            Some(state) => (None, state.join(CLONES)),
            None => {
                let dir = TempDir::new()?;
                let path = dir.path().to_owned();
                (Some(dir), path)
            }
        };
        let id = Digest::of(format!("{remote}#{}", location.branch).as_bytes()).hex();
        let dir = parent.join(id.get(..16).unwrap_or(&id));
        let silence = options.http.read_timeout.as_secs().max(1);
        let mut git = Git::new(&dir, remote.as_str())
            .inheriting(&options.variables)
            .with("remote.origin.url", remote.as_str())
            .with("remote.origin.promisor", "true")
            .with("remote.origin.partialclonefilter", "blob:none")
            // Only this version hands out contents one by one.
            .with("protocol.version", "2")
            // Contents that a power cut destroys can be fetched again.
            .with("core.fsync", "none")
            .with("gc.autoPackLimit", MANY_PACKS.to_string())
            .with("http.lowSpeedLimit", "1")
            .with("http.lowSpeedTime", silence.to_string());
        if let Some(file) = options.http.ca_file.as_deref()
            && remote.scheme() == "https"
        {
            git = git.trusting(&crate::tls::joined(file, &parent)?);
        }
        git = git.bounded(options.http.limits.get(Limit::GitBytes));
        if !location.may_use_netrc() {
            git = git.without_netrc();
        }
        if let Some(credentials) = location.credentials() {
            git = git.with_credentials(remote, credentials);
        }
        Ok(Self {
            git,
            branch: location.branch.clone(),
            http: options.http.clone(),
            is_local: remote.scheme() == "file",
            remote: remote.as_str().to_owned(),
            identity: OnceLock::new(),
            _temporary: temporary,
        })
    }

    /// A file beside the clone.
    fn beside(&self, extension: &str) -> PathBuf {
        self.git.dir().with_extension(extension)
    }

    /// Keeps other processes from changing the clone.
    pub(super) fn lock(&self) -> io::Result<Lock> {
        Lock::exclusive(&self.beside(LOCK))
    }

    /// Waits until no other process of this machine writes to the branch, so that they queue
    /// up here and need not race at the host. It does not wait for ever: the host decides.
    pub(super) fn turn(&self, longest: Duration) -> io::Result<Option<Lock>> {
        let mut waited = Duration::ZERO;
        loop {
            let lock = Lock::try_exclusive(&self.beside(WRITER))?;
            if lock.is_some() || waited >= longest {
                return Ok(lock);
            }
            let wait = Duration::from_millis(5 + crate::random::random() % 20);
            std::thread::sleep(wait);
            waited += wait;
        }
    }

    /// Fetches the branch. Returns its last commit and its contents; `None` when the
    /// repository has no such branch.
    pub(super) fn update(&self, reach: Reach) -> Result<(Option<String>, Contents), GitError> {
        let lock = self.lock()?;
        let was_there = self.git.dir().exists();
        match self.fetched(&lock, reach) {
            // An unknown failure of git may be the fault of the clone.
            Err(GitError::Failed { reason, .. }) if was_there => {
                tracing::debug!(%reason, "the clone is made again");
                self.discard()?;
                self.fetched(&lock, reach)
            }
            other => other,
        }
    }

    /// The branch as it was when it was fetched last; nothing if it never was.
    pub(super) fn last(&self) -> Result<Option<(String, Contents)>, GitError> {
        let _lock = self.lock()?;
        match self.has_tip() {
            true => self.contents(TIP).map(Some),
            false => Ok(None),
        }
    }

    /// Throws the clone away; the next update makes it again.
    pub(super) fn renew(&self) -> Result<(), GitError> {
        let _lock = self.lock()?;
        Ok(self.discard()?)
    }

    fn discard(&self) -> io::Result<()> {
        match self.git.dir().exists() {
            true => lumen_durable::remove_dir_all(self.git.dir()),
            false => Ok(()),
        }
    }

    fn fetched(&self, lock: &Lock, reach: Reach) -> Result<(Option<String>, Contents), GitError> {
        self.prepare("sha1")?;
        let fetched = match self.fetch(lock, reach) {
            Err(GitError::Failed { reason, .. }) if reason.contains("mismatched algorithms") => {
                self.discard()?;
                self.prepare("sha256")?;
                self.fetch(lock, reach)
            }
            other => other,
        };
        match fetched {
            Err(GitError::Failed { reason, .. }) if reason.contains("find remote ref") => {
                let forget = self.git.command(&["update-ref", "-d", TIP]);
                self.git.run("forget", forget)?;
                Ok((None, Contents::default()))
            }
            other => {
                other?;
                let (commit, contents) = self.contents(TIP)?;
                Ok((Some(commit), contents))
            }
        }
    }

    /// Makes the clone, or removes unfinished files of a killed process from it.
    fn prepare(&self, format: &str) -> Result<(), GitError> {
        let dir = self.git.dir();
        if dir.join("HEAD").is_file() {
            return Ok(remove_stale(dir)?);
        }
        self.git.check_version()?;
        self.discard()?;
        let parent = dir.parent().unwrap_or(dir);
        lumen_durable::create_dir_all(parent)?;
        let temporary = tempfile::Builder::new()
            .prefix(".tmp-")
            .tempdir_in(parent)?;
        let new = temporary.path().join("new");
        let mut init = self.git.init()?;
        init.arg("--template=")
            .arg(format!("--object-format={format}"))
            .env("GIT_DIR", &new);
        self.git.run("prepare a folder for", init)?;
        Ok(lumen_durable::rename(&new, dir)?)
    }

    fn fetch(&self, lock: &Lock, reach: Reach) -> Result<(), GitError> {
        let refspec = format!("+refs/heads/{}:{TIP}", self.branch);
        let mut arguments = FETCH.to_vec();
        arguments.extend(match reach {
            Reach::Since if self.has_tip() => ["--filter=blob:none"].as_slice(),
            Reach::Contents if self.has_tip() => &["--depth=1", COMES_ALONG],
            _ => &["--depth=1", "--filter=blob:none"],
        });
        if !self.has_many_packs()? {
            arguments.push("--no-auto-maintenance");
        }
        arguments.extend(["origin", &refspec]);
        self.patiently(|| {
            let most = self.http.limits.get(Limit::GitBytes);
            let mut command = self.git.fetching(&arguments, most);
            // The child shares the lock: should this process die, others wait for its end.
            command.stdin(lock.share()?);
            let fetched = self.git.run("fetch", command);
            self.git.fetched(most, fetched).map(drop)
        })
    }

    fn has_many_packs(&self) -> io::Result<bool> {
        let packs = fs::read_dir(self.git.dir().join("objects/pack"))?;
        let is_pack = |path: &Path| path.extension().is_some_and(|end| end == "pack");
        let packs = packs.filter(|entry| entry.as_ref().is_ok_and(|entry| is_pack(&entry.path())));
        Ok(packs.count() > MANY_PACKS)
    }

    /// Fetches contents, all in one go.
    pub(super) fn fetch_blobs(&self, ids: &HashSet<String>) -> Result<(), GitError> {
        let mut arguments = vec!["-c", "fetch.negotiationAlgorithm=noop"];
        arguments.extend(FETCH);
        arguments.extend([
            "--no-auto-maintenance",
            "--filter=blob:none",
            "--stdin",
            "origin",
        ]);
        self.patiently(|| {
            let feed = |out: &mut dyn Write| ids.iter().try_for_each(|id| writeln!(out, "{id}"));
            let most = self.http.limits.get(Limit::GitBytes);
            let command = self.git.fetching(&arguments, most);
            let fetched = self.git.feed("fetch", command, feed);
            self.git.fetched(most, fetched).map(drop)
        })
    }

    /// Whether an action that failed may succeed when it is tried again.
    fn may_pass(&self, error: &GitError) -> bool {
        let no_connection = matches!(error, GitError::Unreachable { .. }) && !self.is_local;
        no_connection || is_cut(error)
    }

    /// Repeats an action that failed because there was no connection, or it was cut.
    fn patiently(&self, action: impl Fn() -> Result<(), GitError>) -> Result<(), GitError> {
        let action = || self.git.following(&self.remote, &action);
        let mut delay = self.http.first_delay;
        for _ in 1..self.http.tries {
            match action() {
                Err(error) if self.may_pass(&error) => {
                    tracing::debug!(%error, "trying again");
                    std::thread::sleep(delay);
                    delay = (delay * 2).min(self.http.longest_delay);
                }
                other => return other,
            }
        }
        action()
    }

    /// Whether the branch was fetched before.
    fn has_tip(&self) -> bool {
        let arguments = ["rev-parse", "--verify", "--quiet", TIP];
        self.git.dir().exists() && self.git.read("read", self.git.command(&arguments)).is_ok()
    }

    /// The full name of a commit, its contents, and which of them are missing here.
    pub(super) fn contents(&self, commit: &str) -> Result<(String, Contents), GitError> {
        let senseless = || {
            self.git
                .failure("list", "fatal: what it printed makes no sense")
        };
        // No other command lists missing contents without fetching them.
        let missing = [
            "rev-list",
            "--objects",
            "--missing=print",
            "--no-object-names",
            "-1",
            commit,
        ];
        let missing = self.git.read("list", self.git.command(&missing))?;
        let missing = std::str::from_utf8(&missing).map_err(|_| senseless())?;
        // The commit itself comes first.
        let commit = missing.lines().next().filter(|line| is_id(line));
        let commit = commit.ok_or_else(senseless)?;
        let list = ["ls-tree", "-r", "-z", "--full-tree", commit];
        let listed = self.git.read("list", self.git.command(&list))?;
        let contents = Contents::parse(&listed, missing).ok_or_else(senseless)?;
        Ok((commit.to_owned(), contents))
    }

    /// The sizes of all contents that are here; nothing is fetched for it.
    pub(super) fn sizes(&self) -> Result<HashMap<String, u64>, GitError> {
        let mut command = self.git.command(&[
            "cat-file",
            "--batch-all-objects",
            "--unordered",
            "--batch-check=%(objecttype) %(objectname) %(objectsize)",
        ]);
        command.env("GIT_NO_LAZY_FETCH", "1");
        let listed = self.git.read("list", command)?;
        let listed = String::from_utf8_lossy(&listed);
        let size = |line: &str| {
            let (id, size) = line.strip_prefix("blob ")?.split_once(' ')?;
            Some((id.to_owned(), size.parse().ok()?))
        };
        Ok(listed.lines().filter_map(size).collect())
    }

    /// The process that hands out contents which are here.
    pub(super) fn reader(&self) -> Command {
        let mut command = self.git.command(&["cat-file", "--batch"]);
        command.env("GIT_NO_LAZY_FETCH", "1");
        command
    }

    /// The id of these contents in git.
    pub(super) fn id_of(&self, bytes: &[u8]) -> Result<String, GitError> {
        let command = self.git.command(&["hash-object", "--stdin"]);
        let out = self.git.feed("hash", command, |out| out.write_all(bytes))?;
        Ok(String::from_utf8_lossy(&out).trim().to_owned())
    }
}

/// Arguments of every fetch.
const FETCH: [&str; 7] = [
    "fetch",
    "--quiet",
    "--force",
    "--no-tags",
    "--no-prune",
    "--no-write-fetch-head",
    "--no-recurse-submodules",
];

/// Removes lock files whose owners are dead: the holder of our lock is alone.
fn remove_stale(dir: &Path) -> io::Result<()> {
    for folder in ["", "refs/lumen", "objects", "objects/info", "objects/pack"] {
        let entries = match fs::read_dir(dir.join(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.ends_with(".lock") || name == "gc.pid" {
                lumen_durable::remove_file(&entry.path())?;
            }
        }
    }
    Ok(())
}
