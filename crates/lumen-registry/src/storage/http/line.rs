//! What all reads from one host share: whether it answers, and the tries that it has while it
//! does not.
//!
//! A host that is down fails every read. If each read had its own tries, a run would take as
//! many times longer as it has packages. So while nothing comes from a host, one read at a time
//! tries again, and the others wait for its result. When its tries are used up, all of them fail.
//!
//! Single files may be broken at a host that is well. So a read gives up its own file first. The
//! whole host is given up when there is no connection, or when several files fail and nothing
//! succeeds in between.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::future::{Either, select};
use tokio::sync::Notify;

use super::{PROGRESS, pace::Traffic};
use crate::{
    activity::{Activity, Tried},
    git::GitError,
    storage::{HostOptions, StorageError},
};

/// A failed try.
pub(in crate::storage) struct Failure {
    pub(in crate::storage) error: StorageError,
    /// Whether the next try may fare better, and the least wait before it.
    pub(super) again: Option<Duration>,
}

impl Failure {
    pub(in crate::storage) fn final_(error: StorageError) -> Self {
        Self { error, again: None }
    }

    pub(in crate::storage) fn again(error: StorageError) -> Self {
        Self {
            error,
            again: Some(Duration::ZERO),
        }
    }

    /// Whether trying again cannot help.
    pub(in crate::storage) fn is_final(&self) -> bool {
        self.again.is_none()
    }

    /// The next try may succeed, but not before this much time has passed.
    pub(in crate::storage) fn after(error: StorageError, least: Duration) -> Self {
        Self {
            error,
            again: Some(least),
        }
    }
}

/// The reads from one host.
#[derive(Debug)]
pub(in crate::storage) struct Line {
    /// What the host is called.
    host: String,
    activity: Activity,
    traffic: Arc<Traffic>,
    /// Reads that the host answered.
    answers: AtomicU64,
    /// How long a host that was given up is left alone.
    rest: Duration,
    /// Held by the read that tries again.
    turn: tokio::sync::Mutex<()>,
    trouble: Mutex<Trouble>,
    /// Wakes the reads under way when the host is given up.
    given_up: Notify,
}

/// The right to try again while nothing comes from the host.
pub(super) type Turn<'l> = tokio::sync::MutexGuard<'l, ()>;

/// What a host had sent at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Mark {
    answers: u64,
    bytes: u64,
}

/// What failed since the last sign of life.
#[derive(Debug, Default)]
struct Trouble {
    since: Mark,
    /// The files, and whether each was given up.
    files: Vec<(String, bool)>,
    given_up: Option<GivenUp>,
}

#[derive(Debug)]
struct GivenUp {
    at: Instant,
    /// Whether it is the host as a whole.
    is_host: bool,
    error: StorageError,
}

/// Files that fail in a row with an answer such as 503 before the host is given up.
const BROKEN_FILES: usize = 8;

/// The same where no answer comes: waiting for it takes long.
const SILENT_FILES: usize = 2;

impl Line {
    pub(in crate::storage) fn new(
        host: &str,
        options: &HostOptions,
        traffic: &Arc<Traffic>,
    ) -> Self {
        let activity = options.activity.clone();
        let options = &options.http;
        Self {
            host: host.to_owned(),
            activity,
            traffic: Arc::clone(traffic),
            answers: AtomicU64::new(0),
            rest: options.longest_delay.max(options.read_timeout),
            turn: tokio::sync::Mutex::default(),
            trouble: Mutex::default(),
            given_up: Notify::new(),
        }
    }

    /// What the host has sent so far.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            answers: self.answers.load(Ordering::Relaxed),
            bytes: self.traffic.bytes(),
        }
    }

    /// Whether the host answered a read since then, or is sending the contents of a file.
    pub(super) fn is_alive_since(&self, mark: Mark) -> bool {
        let now = self.mark();
        now.answers != mark.answers || now.bytes.saturating_sub(mark.bytes) >= PROGRESS
    }

    /// Says which try comes next.
    pub(super) fn try_again(&self, next: usize, of: usize) {
        self.activity.try_again(Tried {
            host: self.host.clone(),
            next,
            of,
        });
    }

    /// Takes note of an answer.
    fn answered(&self) {
        self.activity.settled(&self.host);
        self.answers.fetch_add(1, Ordering::Relaxed);
        *self.trouble() = Trouble::default();
    }

    /// Takes note of a failed try to read a file. Whether another file was given up just before.
    pub(super) fn failed(&self, file: &str) -> bool {
        let mut trouble = self.trouble();
        if self.is_alive_since(trouble.since) {
            *trouble = Trouble::default();
        }
        if trouble.files.is_empty() {
            trouble.since = self.mark();
        }
        let is_known = trouble.files.iter().any(|(other, _)| other == file);
        if !is_known && trouble.files.len() < BROKEN_FILES {
            trouble.files.push((file.to_owned(), false));
        }
        trouble.files.iter().any(|(_, given_up)| *given_up)
    }

    /// Whether reads fail, and none succeeded since.
    fn is_failing(&self) -> bool {
        let trouble = self.trouble();
        !trouble.files.is_empty() && !self.is_alive_since(trouble.since)
    }

    /// The tries for a file are used up, and nothing came from the host meanwhile.
    pub(in crate::storage) fn give_up(&self, file: &str, error: &StorageError) {
        self.activity.settled(&self.host);
        let Some(error) = copy(error) else { return };
        let mut trouble = self.trouble();
        let enough = match error {
            StorageError::Status { .. } | StorageError::Answered { .. } => BROKEN_FILES,
            StorageError::Transfer { .. } => SILENT_FILES,
            // There is no connection.
            _ => 0,
        };
        for (other, given_up) in &mut trouble.files {
            *given_up |= other == file;
        }
        let is_host = trouble.files.len() >= enough;
        trouble.given_up = Some(GivenUp {
            at: Instant::now(),
            is_host,
            error,
        });
        drop(trouble);
        if is_host {
            self.given_up.notify_waiters();
        }
    }

    /// Why a file is not asked for, if it or the host was given up a short while ago.
    pub(in crate::storage) fn given_up_on(&self, file: &str) -> Option<StorageError> {
        let mut trouble = self.trouble();
        let given_up = trouble.given_up.as_ref()?;
        if given_up.at.elapsed() >= self.rest {
            *trouble = Trouble::default();
            return None;
        }
        let mut files = trouble.files.iter();
        let is_meant = given_up.is_host || files.any(|(other, is)| *is && other == file);
        is_meant.then(|| copy(&given_up.error)).flatten()
    }

    /// Waits until it is this read's turn to try again; an error when the host was given up.
    pub(super) async fn turn(&self, file: &str) -> Result<Turn<'_>, StorageError> {
        let turn = self.turn.lock().await;
        match self.given_up_on(file) {
            Some(error) => Err(error),
            None => Ok(turn),
        }
    }

    /// Does one try to read a file. While reads fail, it waits for its turn first, which is kept
    /// in `turn`. When another read gives the host up meanwhile, this one ends.
    pub(super) async fn attempt<'l, T>(
        &'l self,
        file: &str,
        turn: &mut Option<Turn<'l>>,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        if turn.is_none() && self.is_failing() {
            let own = self.turn(file).await.map_err(Failure::final_)?;
            *turn = self.is_failing().then_some(own);
        }
        let mut given_up = pin!(self.given_up.notified());
        given_up.as_mut().enable();
        if let Some(error) = self.given_up_on(file) {
            return Err(Failure::final_(error));
        }
        let result = match select(pin!(work), given_up).await {
            Either::Left((result, _)) => result,
            Either::Right(((), work)) => match self.given_up_on(file) {
                Some(error) => Err(Failure::final_(error)),
                None => work.await,
            },
        };
        match &result {
            Ok(_) => self.answered(),
            Err(failure) if is_answer(&failure.error) => self.answered(),
            Err(failure) => {
                if matches!(failure.error, StorageError::Untrusted { .. }) {
                    self.give_up(file, &failure.error);
                }
            }
        }
        result
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an error is a clear answer of a host that is well.
fn is_answer(error: &StorageError) -> bool {
    use StorageError::{Answered, Denied, NoBucket, Refused, Status, TooLarge};
    let answer = matches!(
        error,
        Answered { .. }
            | Denied { .. }
            | NoBucket { .. }
            | Refused { .. }
            | Status { .. }
            | TooLarge { .. }
    );
    answer && !error.is_outage()
}

/// The same error for other reads, where it is about the host.
fn copy(error: &StorageError) -> Option<StorageError> {
    Some(match error {
        StorageError::Unreachable { host, reason } => StorageError::Unreachable {
            host: host.clone(),
            reason: reason.clone(),
        },
        StorageError::Untrusted {
            host,
            fault,
            reason,
        } => StorageError::Untrusted {
            host: host.clone(),
            fault: *fault,
            reason: reason.clone(),
        },
        StorageError::Transfer { file, reason } => StorageError::Transfer {
            file: file.clone(),
            reason: reason.clone(),
        },
        StorageError::Status { file, status } => StorageError::Status {
            file: file.clone(),
            status: *status,
        },
        StorageError::Answered {
            action,
            file,
            status,
            code,
            lacks,
        } => StorageError::Answered {
            action,
            file: file.clone(),
            status: *status,
            code: code.clone(),
            lacks: lacks.clone(),
        },
        StorageError::Git(GitError::Unreachable { url, reason }) => {
            StorageError::Git(GitError::Unreachable {
                url: url.clone(),
                reason: reason.clone(),
            })
        }
        _ => return None,
    })
}
