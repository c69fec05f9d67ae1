//! Whether a host keeps the conditions of writes.
//!
//! Some servers that speak S3 take `If-None-Match` and `If-Match`, ignore them and
//! answer 200. Two publishers would then overwrite each other without knowing, so a
//! host is tried on a scratch file before the first write, and again once a month.

use std::path::PathBuf;

use jiff::{Timestamp, ToSpan as _};
use lumen_core::{Digest, Key};
use object_store::{PutMode, PutPayload};
use serde::{Deserialize, Serialize};

use super::{ObjectStorage, write::Written};
use crate::storage::{StorageError, http::Failure};

/// Days for which a host is believed to be as it was.
const DAYS: i64 = 30;

/// What is remembered of a host.
#[derive(Debug, Serialize, Deserialize)]
struct Memory {
    host: String,
    /// RFC 3339.
    probed_at: String,
}

impl ObjectStorage {
    /// Checks that the host may be written to.
    pub(super) async fn may_write(&self) -> Result<(), StorageError> {
        if let Some(lacks) = &self.inner.lacks {
            return Err(StorageError::NoCredentials {
                location: self.url(),
                lacks: lacks.clone(),
            });
        }
        let probe = async || {
            if self.is_remembered() {
                return Ok(());
            }
            self.probe().await?;
            self.remember();
            Ok(())
        };
        self.inner.probed.get_or_try_init(probe).await.map(|_| ())
    }

    /// Tries the conditions that writing stands on.
    ///
    /// # Errors
    /// [`StorageError::Unsafe`] when the host ignores one, and failures of the host.
    pub async fn probe(&self) -> Result<(), StorageError> {
        let mut tries = self.write_tries();
        loop {
            // An unclear answer may have been a success, so every try has its own file.
            let scratch = Key::scratch("probe", crate::random::random());
            let result = self.conditions(&scratch).await;
            self.clear_away(&scratch).await;
            match result {
                Ok(()) => return Ok(()),
                Err(failure) => tries.wait(failure).await?,
            }
        }
    }

    async fn conditions(&self, scratch: &Key) -> Result<(), Failure> {
        let ignores =
            |header: &str| Failure::final_(self.unsafe_host(&format!("ignores `{header}`")));
        let found = async |bytes| self.compare(scratch, bytes).await.map_err(Failure::final_);
        self.write(scratch, b"1", PutMode::Create, true).await?;
        if self.write(scratch, b"2", PutMode::Create, false).await? {
            return Err(ignores("If-None-Match: *"));
        }
        let Some((same, first)) = found(b"1").await? else {
            let what = "does not have a file that was just created";
            return Err(Failure::final_(self.unsafe_host(what)));
        };
        if !same {
            return Err(ignores("If-None-Match: *"));
        }
        let update = || PutMode::Update(first.to_update());
        self.write(scratch, b"2", update(), true).await?;
        let stale = self.write(scratch, b"3", update(), false).await?;
        match !stale && found(b"2").await?.is_some_and(|(same, _)| same) {
            true => Ok(()),
            false => Err(ignores("If-Match")),
        }
    }

    fn unsafe_host(&self, what: &str) -> StorageError {
        StorageError::Unsafe {
            host: format!("`{}`", self.inner.host),
            reason: what.to_owned(),
        }
    }

    /// Sends a write of which it is known whether it must succeed. Returns whether it did.
    async fn write(
        &self,
        scratch: &Key,
        bytes: &[u8],
        mode: PutMode,
        must: bool,
    ) -> Result<bool, Failure> {
        let payload = PutPayload::from(bytes.to_vec());
        match self.put(scratch, &payload, mode).await {
            Written::Yes => Ok(true),
            Written::Refused if must => {
                let what = "refuses a write that nothing stands against";
                Err(Failure::final_(self.unsafe_host(what)))
            }
            Written::Refused => Ok(false),
            Written::Unclear(Failure {
                error: StorageError::Answered { status: 501, .. },
                ..
            }) => Err(Failure::final_(
                self.unsafe_host("does not know conditional writes"),
            )),
            Written::Unclear(failure) => Err(failure),
        }
    }

    /// Deletes a scratch file. No program reads it, so it may stay where deleting is not allowed.
    async fn clear_away(&self, scratch: &Key) {
        if let Err(error) = self.delete(scratch).await {
            tracing::debug!(%error, "the scratch file stays");
        }
    }

    fn memory(&self) -> Option<PathBuf> {
        let name = Digest::of(self.inner.host.as_bytes()).hex();
        let folder = self.inner.state.as_ref()?.join("probed");
        Some(folder.join(format!("{}.json", &name[..32])))
    }

    fn is_remembered(&self) -> bool {
        let read = |path: PathBuf| -> Option<Memory> {
            serde_json::from_slice(&fs_err::read(path).ok()?).ok()
        };
        let memory = self.memory().and_then(read);
        let now = Timestamp::now();
        memory.is_some_and(|memory| {
            let probed_at = memory.probed_at.parse::<Timestamp>();
            memory.host == self.inner.host
                && probed_at.is_ok_and(|at| at <= now && at > now - (24 * DAYS).hours())
        })
    }

    fn remember(&self) {
        let Some(path) = self.memory() else { return };
        let memory = Memory {
            host: self.inner.host.clone(),
            probed_at: Timestamp::now().to_string(),
        };
        let write = || {
            if let Some(folder) = path.parent() {
                lumen_durable::create_dir_all(folder)?;
            }
            let bytes = serde_json::to_vec(&memory)?;
            lumen_durable::write_atomic_fast(&path, &bytes)
        };
        if let Err(error) = write() {
            tracing::debug!(%error, "the host will be probed again");
        }
    }

    /// Probes again before the next write.
    pub(crate) fn forget(&self) {
        if let Some(path) = self.memory() {
            // That there is nothing to forget is just as well.
            let _ = lumen_durable::remove_file(&path);
        }
    }
}
