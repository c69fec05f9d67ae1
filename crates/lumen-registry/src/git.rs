//! Runs the `git` program: its own transports, credential helpers, proxies and ssh
//! set-up apply, and nothing in the environment or in an answer makes it do more.
//!
//! Git dependencies and registries in a branch both go through here.

mod failure;
mod growth;
mod moved;
mod running;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, OnceLock},
};

use data_encoding::BASE64;
use lumen_durable::fault;
use url::Url;

pub use failure::GitError;
#[cfg(feature = "fuzzing")]
pub(crate) use failure::understood;
pub(crate) use failure::{is_cut, told};

use lumen_core::limits::{Exceeded, Limit};

use self::{
    growth::Growth,
    running::{Feed, Running},
};
use crate::{login::Credentials, variables::Variables};

/// Transports that may be used; `ext::` and others would run commands.
const PROTOCOLS: &str = "file:git:http:https:ssh";

/// The oldest version that takes its configuration from the environment.
const OLDEST: (u32, u32) = (2, 31);

/// Variables that would lead git to another repository than the one it is to work on,
/// as they are set inside of hooks (`git rev-parse --local-env-vars`).
const MISLEADING: [&str; 11] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Git on one bare repository of this machine, which mirrors one elsewhere.
#[derive(Clone)]
pub struct Git {
    dir: PathBuf,
    /// The other repository as messages may show it.
    shown: String,
    /// The same with credentials, which messages must not have.
    secret: Option<String>,
    config: Vec<(String, String)>,
    /// How much configuration git inherits in the same variables.
    inherited: usize,
    /// The most bytes that a pack may have while it is written.
    most: Option<u64>,
    /// Whether its credentials are for one address only.
    stays: bool,
    /// The repository elsewhere and where it has gone, once that is known.
    moved: Arc<OnceLock<(String, String)>>,
    /// Whether `dir` is a folder in a work tree, whose repository git finds.
    is_work_tree: bool,
}

/// A command that came to its end.
#[derive(Debug)]
pub struct Ran {
    /// Whether it succeeded.
    pub success: bool,
    /// Standard output.
    pub out: Vec<u8>,
    /// The end of standard error.
    pub err: String,
}

impl Git {
    /// Git on the repository `dir`; `shown` is what messages call the one elsewhere.
    pub fn new(dir: &Path, shown: impl Into<String>) -> Self {
        let fixed = [
            ("advice.detachedHead", "false"),
            ("core.autocrlf", "false"),
            // Neither the user's hooks nor maintenance that outlives the command.
            ("core.hooksPath", ""),
            ("gc.autoDetach", "false"),
            // Where a repository may go is decided in `following`.
            ("http.followRedirects", "false"),
            ("maintenance.autoDetach", "false"),
            // Bytes a second, and how many seconds it may be slower.
            ("http.lowSpeedLimit", "1024"),
            ("http.lowSpeedTime", "60"),
        ];
        let config = fixed.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Self {
            dir: dir.to_owned(),
            shown: shown.into(),
            secret: None,
            config: config.into(),
            inherited: 0,
            most: None,
            stays: false,
            moved: Arc::default(),
            is_work_tree: false,
        }
    }

    /// Git on the repository that a folder of this machine is in, for commands that only read.
    ///
    /// The repository is not ours, and its configuration is believed nothing: no hook, file
    /// monitor, replaced object or transport. Git itself refuses repositories of other users.
    pub fn within(folder: &Path) -> Self {
        let git = Self::new(folder, folder.display().to_string());
        Self {
            is_work_tree: true,
            ..git.with("core.fsmonitor", "false")
        }
    }

    /// Takes this address with credentials out of messages, in favour of the name to show; the
    /// repository is followed nowhere else.
    #[must_use]
    pub fn hiding(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(secret.into()).filter(|secret| !secret.is_empty());
        self.stays = true;
        self
    }

    /// Adds configuration. It reaches git through the environment, which unlike arguments
    /// other users of the machine cannot see.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.push((key.into(), value.into()));
        self
    }

    /// Keeps the configuration in these variables, which git inherits from this process.
    #[must_use]
    pub fn inheriting(mut self, variables: &Variables) -> Self {
        let count = variables.get("GIT_CONFIG_COUNT");
        self.inherited = count.and_then(|n| n.parse().ok()).unwrap_or_default();
        self
    }

    /// Trusts the authorities in this file. Git's own configuration of authorities is stronger.
    #[must_use]
    pub fn trusting(self, file: &Path) -> Self {
        self.with("http.sslCAInfo", file.to_string_lossy())
    }

    /// Ends commands that write a pack of more bytes, where the system does not bound files.
    #[must_use]
    pub fn bounded(mut self, most: u64) -> Self {
        self.most = Some(most);
        self
    }

    /// Keeps git's curl from showing hosts the entry `default` of the user's netrc file. Curl then
    /// does not read that file; helpers still count.
    #[must_use]
    pub fn without_netrc(self) -> Self {
        self.with("http.emptyAuth", "true")
    }

    /// Sends credentials to this address, to no other that it redirects to, and asks no helper.
    #[must_use]
    pub fn with_credentials(mut self, remote: &Url, credentials: &Credentials) -> Self {
        self.stays = true;
        let pair = match credentials {
            Credentials::Basic { user, password } => format!("{user}:{password}"),
            // The user name that GitHub, GitLab, Gitea and Azure DevOps accept with a token.
            Credentials::Bearer(token) => format!("x-access-token:{token}"),
        };
        let header = format!("Authorization: Basic {}", BASE64.encode(pair.as_bytes()));
        let key = |name: &str| format!("http.{remote}.{name}");
        self.with(key("extraHeader"), "")
            .with(key("extraHeader"), header)
            .with(key("followRedirects"), "false")
            .with("credential.helper", "")
    }

    /// What messages call the repository elsewhere.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The repository.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether there is a git, and one new enough.
    ///
    /// # Errors
    /// [`GitError::NoGit`] and [`GitError::TooOld`].
    pub fn check_version(&self) -> Result<(), GitError> {
        let out = self.read("say its version", self.command(&["version"]))?;
        let text = String::from_utf8_lossy(&out);
        let found = text.trim().trim_start_matches("git version ");
        let mut numbers = found.split(['.', ' ', '-']).map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) if (major, minor) < OLDEST => {
                Err(GitError::TooOld {
                    found: found.to_owned(),
                    oldest: format!("{}.{}", OLDEST.0, OLDEST.1),
                })
            }
            _ => Ok(()),
        }
    }

    /// A command on the repository that asks no question and reads no input.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.prepare(Command::new("git"), arguments)
    }

    /// A command that makes the bare repository. Where a group works together in the folder that
    /// it is in, the whole group can use it.
    ///
    /// # Errors
    /// When there is no such folder.
    pub fn init(&self) -> io::Result<Command> {
        let parent = self.dir.parent().unwrap_or(&self.dir);
        let shared = lumen_durable::is_shared(parent)?;
        let sharing = if shared {
            "--shared=group"
        } else {
            "--shared=umask"
        };
        Ok(self.command(&["init", "--quiet", "--bare", sharing]))
    }

    fn prepare(&self, mut command: Command, arguments: &[&str]) -> Command {
        command.args(arguments);
        if self.dir.is_dir() {
            command.current_dir(&self.dir);
        }
        for variable in MISLEADING {
            command.env_remove(variable);
        }
        let moved = self.moved.get();
        let moved = moved.map(|(from, to)| (format!("url.{to}.insteadOf"), from.clone()));
        let mut count = self.inherited;
        for (key, value) in self.config.iter().chain(&moved) {
            command
                .env(format!("GIT_CONFIG_KEY_{count}"), key)
                .env(format!("GIT_CONFIG_VALUE_{count}"), value);
            count += 1;
        }
        command
            .env("GIT_CONFIG_COUNT", count.to_string())
            .env("GIT_DIR", &self.dir)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ALLOW_PROTOCOL", PROTOCOLS)
            // Messages are matched, so they must not be translated.
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        if self.is_work_tree {
            command
                .env_remove("GIT_DIR")
                .env("GIT_OPTIONAL_LOCKS", "0")
                .env("GIT_NO_REPLACE_OBJECTS", "1")
                // A partial clone would fetch what it lacks, with programs of its choice.
                .env("GIT_NO_LAZY_FETCH", "1")
                .env("GIT_ALLOW_PROTOCOL", "none");
        }
        command
    }

    /// Does something with the repository elsewhere. Where its host has moved it to another
    /// address at the same host, that is done there, and so is all that comes after.
    ///
    /// # Errors
    /// Those of the work; [`GitError::Moved`] when it has gone anywhere else.
    pub fn following<T>(
        &self,
        remote: &str,
        work: impl Fn() -> Result<T, GitError>,
    ) -> Result<T, GitError> {
        match work() {
            Err(GitError::Moved { url, reason }) => {
                if !self.stays
                    && let Some(to) = moved::find(self, remote)?
                    && self.moved.set((remote.to_owned(), to)).is_ok()
                {
                    return work();
                }
                Err(GitError::Moved { url, reason })
            }
            other => other,
        }
    }

    /// A command that fetches, and may write files of a limited size.
    ///
    /// Git knows no limit, but every system of the Unix kind has one for the files of a process
    /// and its children. A fetch becomes one file.
    #[cfg(unix)]
    pub fn fetching(&self, arguments: &[&str], most: u64) -> Command {
        // POSIX counts in blocks of 512 bytes.
        let blocks = most.div_ceil(512).to_string();
        let script = "ulimit -c 0; ulimit -f \"$0\"; exec git -c fetch.unpackLimit=1 \"$@\"";
        self.prepare(
            Command::new("sh"),
            &[&["-c", script, &blocks], arguments].concat(),
        )
    }

    /// A command that fetches. [`Git::bounded`] watches and bounds the files that it writes.
    #[cfg(not(unix))]
    pub fn fetching(&self, arguments: &[&str], _most: u64) -> Command {
        self.command(&[&["-c", "fetch.unpackLimit=1"], arguments].concat())
    }

    /// The result of a command of [`Git::fetching`]; removes the files of a failed one.
    ///
    /// # Errors
    /// [`GitError::Limit`] when it fetched too much, else the same error.
    pub fn fetched<T>(&self, most: u64, fetched: Result<T, GitError>) -> Result<T, GitError> {
        fetched.map_err(|error| match Growth::new(&self.dir, most).remove() {
            false => error,
            true => GitError::Limit(Exceeded {
                limit: Limit::GitBytes,
                allowed: most,
                what: format!("`{}` sends more than can be taken", self.shown),
            }),
        })
    }

    /// Runs a command that changes nothing, which must succeed, and returns its output.
    ///
    /// # Errors
    /// The kind of git's failure, if it is known.
    pub fn read(&self, action: &'static str, command: Command) -> Result<Vec<u8>, GitError> {
        let ran = self.start(command)?.finish(None)?;
        self.succeeded(action, ran)
    }

    /// Runs a command that changes nothing to whatever end, with bytes for its standard input.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn look(&self, mut command: Command, input: Option<Vec<u8>>) -> Result<Ran, GitError> {
        let feed = input.map(|input| -> Feed<'static> {
            command.stdin(Stdio::piped());
            Box::new(move |stdin: &mut dyn Write| stdin.write_all(&input))
        });
        self.start(command)?.finish(feed)
    }

    /// As [`Git::read`], for a command that changes something: tests stop it anywhere.
    ///
    /// # Errors
    /// As [`Git::read`].
    pub fn run(&self, action: &'static str, command: Command) -> Result<Vec<u8>, GitError> {
        let ran = self.end(action, command)?;
        self.succeeded(action, ran)
    }

    /// As [`Git::run`], with bytes for its standard input.
    ///
    /// # Errors
    /// As [`Git::run`].
    pub fn feed(
        &self,
        action: &'static str,
        mut command: Command,
        feed: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send,
    ) -> Result<Vec<u8>, GitError> {
        command.stdin(Stdio::piped());
        let ran = self.ran(action, command, Some(Box::new(feed)))?;
        self.succeeded(action, ran)
    }

    /// Runs a command that changes something to whatever end.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn end(&self, action: &'static str, command: Command) -> Result<Ran, GitError> {
        self.ran(action, command, None)
    }

    fn ran(
        &self,
        action: &'static str,
        command: Command,
        feed: Option<Feed<'_>>,
    ) -> Result<Ran, GitError> {
        fault::point(action, &self.dir)?;
        let running = self.start(command)?;
        fault::point(action, &self.dir)?;
        let ran = running.finish(feed)?;
        fault::point(action, &self.dir)?;
        Ok(ran)
    }

    fn start(&self, mut command: Command) -> Result<Running, GitError> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        match command.spawn() {
            Ok(child) => {
                // On other systems, the system bounds the written files.
                let watched = self.most.filter(|_| !cfg!(unix));
                let growth = watched.map(|most| Growth::new(&self.dir, most));
                Ok(Running { child, growth })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(GitError::NoGit),
            Err(error) => Err(GitError::Io(error)),
        }
    }

    fn succeeded(&self, action: &'static str, ran: Ran) -> Result<Vec<u8>, GitError> {
        match ran.success {
            true => Ok(ran.out),
            false => Err(self.failure(action, &ran.err)),
        }
    }

    /// The error for the output of a failed command.
    pub fn failure(&self, action: &'static str, said: &str) -> GitError {
        let said = match &self.secret {
            Some(secret) => said.replace(secret.as_str(), &self.shown),
            None => said.to_owned(),
        };
        failure::understand(action, &self.shown, &said)
    }
}

impl std::fmt::Debug for Git {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Git({} in {})", self.shown, self.dir.display())
    }
}
