//! The loop around the push: do the work on the branch and push it; if another writer was
//! first, again on the new state.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lumen_durable::Lock;

use lumen_core::limits::{MAX_LOST_PUSHES, MAX_UNCLEAR_PUSHES};

use super::{
    branch::{Branch, Failed},
    draft::Draft,
    repository::Reach,
    tip::Tip,
};
use crate::storage::StorageError;

/// Longest wait after a lost race.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Longest wait for other writers of this machine.
const LONGEST_TURN: Duration = Duration::from_secs(120);

/// Attempts to do the same work.
pub(super) struct Attempts<'a> {
    branch: &'a Branch,
    base: Arc<Tip>,
    /// Whether the base was read after these attempts began.
    is_fresh: bool,
    /// When the base was read.
    since: Instant,
    lost: u32,
    unclear: u32,
    _turn: Option<Lock>,
}

impl<'a> Attempts<'a> {
    /// Begins with the known state of the branch. If that is too old, the push fails.
    pub(super) async fn begin(branch: &'a Branch) -> Result<Self, StorageError> {
        if branch.is_offline() {
            return Err(branch.no_network(branch.location.url()));
        }
        let turn = branch.blocking(|repository| Ok(repository.turn(LONGEST_TURN)?));
        let turn = turn.await?;
        let known = branch.known().await?;
        let is_fresh = known.is_none();
        let base = match known {
            Some(tip) => tip,
            None => branch.tip().await?,
        };
        Ok(Self {
            branch,
            base,
            is_fresh,
            since: Instant::now(),
            lost: 0,
            unclear: 0,
            _turn: turn,
        })
    }

    /// The draft of this attempt.
    pub(super) fn draft(&self) -> Arc<Draft> {
        Arc::new(Draft::new(Arc::clone(&self.base)))
    }

    /// Makes the draft the branch, if its work was done. `None`: the work must be done again.
    pub(super) async fn finish<T, E: From<StorageError>>(
        &mut self,
        draft: &Draft,
        message: &str,
        done: Result<T, E>,
    ) -> Result<Option<T>, E> {
        match done {
            Ok(value) => match self.branch.push(draft, message).await? {
                None => return Ok(Some(value)),
                Some(Failed::Lost) => self.lost += 1,
                Some(Failed::Unclear(error)) => {
                    self.unclear += 1;
                    if self.unclear >= MAX_UNCLEAR_PUSHES {
                        return Err(StorageError::from(error).into());
                    }
                }
            },
            Err(error) if self.is_fresh => return Err(error),
            Err(error) => {
                // The obstacle may be gone since this process looked.
                self.renew().await?;
                return match self.base.commit == draft.base.commit {
                    true => Err(error),
                    false => Ok(None),
                };
            }
        }
        if self.lost >= MAX_LOST_PUSHES {
            let (location, attempts) = (self.branch.location.url(), self.lost);
            return Err(StorageError::Busy { location, attempts }.into());
        }
        tokio::time::sleep(self.wait()).await;
        self.renew().await?;
        Ok(None)
    }

    /// A random time that grows with the attempts, so that many writers spread out: in
    /// units of the time that one attempt takes, which others must not fall into.
    fn wait(&self) -> Duration {
        let longest = self.since.elapsed() * (1 << (self.lost + self.unclear).min(4));
        let longest = longest.min(LONGEST_WAIT).as_micros();
        let longest = u64::try_from(longest).unwrap_or(u64::MAX).max(1);
        Duration::from_micros(crate::random::random() % longest)
    }

    async fn renew(&mut self) -> Result<(), StorageError> {
        self.since = Instant::now();
        self.base = self.branch.update(Reach::Contents).await?;
        self.is_fresh = true;
        Ok(())
    }
}
