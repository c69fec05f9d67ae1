//! Copies of registries: verified, incremental, safe to kill.
//!
//! A mirror has every file that the current state of the registry needs, byte for byte. It
//! does not copy superseded files (partial tiles, nodes of earlier maps), or files that
//! nothing refers to.
//!
//! From a signed registry, a mirror copies little and trusts nothing: the entries of the
//! log since the mirror's own checkpoint must lead from the one root to the other, and the
//! mirror makes tiles, map, notes and signature files from them. A package's index must
//! follow from its events and the files of its releases, which have the signed digests. Of
//! an unsigned registry, files must agree with each other, and artifacts with their names.
//!
//! Files are written so that readers of the mirror see the registry as it was until the
//! end: immutable files first, then package indexes, the head, the checkpoint and the
//! global index.
//!
//! | module | what |
//! |---|---|
//! | `target` | existing files, and writing |
//! | `transfer` | artifacts, many at once, in bounded memory |
//! | `delta` | the files that a mirror lacks, into a bundle |
//! | `growth` | the entries of a log from a size on, checked |
//! | `noted` | what is wrong in the source, told at the end |
//! | `package` | one package of a signed registry |
//! | `plan` | the files of a mirror that change, decided, checked and written |
//! | `reads` | what a mirror run and a bundle read of a registry |
//! | `refill` | what a signed registry lost and a mirror has |
//! | `signed`, `unsigned` | the whole of either kind |
//! | `outside` | the web page and the search segments, which are not signed |

pub(crate) mod delta;
pub(crate) mod growth;
mod noted;
mod outside;
mod package;
mod plan;
mod reads;
mod refill;
mod signed;
mod target;
pub(crate) mod transfer;
mod unsigned;
mod witnessed;

use lumen_core::{Digest, Key, index::FORMAT, limits::rows};

pub use self::noted::Faults;
use self::{noted::Noted, target::Target};
use crate::{
    derived::of_index,
    log::is_signed,
    logread::read_checkpoint,
    progress::Watch,
    reader::{ReadError, Registry},
    storage::{Storage, StorageError},
    verify::TrustError,
    write::PublishError,
};
pub use refill::{Refilled, refill};

pub use crate::{
    partial::Partial,
    selection::{Selection, SelectionError},
};

/// Packages and small files that are worked on at once.
const CONCURRENCY: usize = 16;

/// What to mirror, and how.
#[derive(Debug, Clone, Default)]
pub struct MirrorOptions {
    /// The packages; all of them unless patterns say otherwise.
    pub packages: Selection,
    /// Looks at every package, not only at those that changed since the last time.
    pub full: bool,
    /// Leaves out the web page and the search segments.
    pub without_page: bool,
}

/// The result of a mirror run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MirrorReport {
    /// Entries of the log the mirror had before; of a signed registry.
    pub from: Option<u64>,
    /// Entries it has now.
    pub size: Option<u64>,
    /// The fingerprint of a signed registry.
    pub fingerprint: Option<Digest>,
    /// Packages that were checked.
    pub packages: u64,
    /// Files written.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The packages that the mirror has, if not all of them.
    pub selection: Option<Selection>,
}

/// Why a registry was not mirrored. No file that changes was written then, unless the host failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// The source cannot be read, or not be believed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A log is damaged, or the mirror is changed by others all the time.
    #[error(transparent)]
    Log(#[from] PublishError),
    /// The mirror's log is not part of the source's.
    #[error(
        "the mirror has {ours} entries of a log that the source, with {theirs}, does not continue"
    )]
    Diverged {
        /// Entries of the mirror.
        ours: u64,
        /// Entries of the source.
        theirs: u64,
    },
    /// The mirror is of another registry.
    #[error("{mirror} is no mirror of this registry: {reason}")]
    Other {
        /// The mirror.
        mirror: String,
        /// The evidence.
        reason: String,
    },
    /// The mirror has something that the source does not have.
    #[error("`{file}` is in the mirror, but not in the source")]
    Foreign {
        /// Path or URL in the mirror.
        file: String,
    },
    /// A file of the mirror that never changes is not that of the source.
    #[error("`{file}` is not the file that the source has")]
    Changed {
        /// Path or URL in the mirror.
        file: String,
    },
    /// A file of the source does not follow from its log, or contradicts others.
    #[error("`{file}` is not trustworthy: {what}")]
    Forged {
        /// Path or URL.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// Patterns would leave out packages that the mirror has.
    #[error("{mirror} has all packages, and a selection would leave some behind")]
    Narrower {
        /// The mirror.
        mirror: String,
    },
    /// The host has no list of its files and the registry no index.
    #[error("{registry} has no `index.json`, and its host does not list files")]
    Unlistable {
        /// The source.
        registry: String,
    },
    /// A bundle is for a mirror that has more.
    #[error("`{file}` starts at entry {from} of the log, and the registry has {ours}")]
    Gap {
        /// The bundle.
        file: String,
        /// Its first entry.
        from: u64,
        /// Entries of the registry.
        ours: u64,
    },
    /// A bundle has nothing new.
    #[error("`{file}` ends with {size} entries of the log, and the registry has {ours}")]
    Older {
        /// The bundle.
        file: String,
        /// Entries it leads to.
        size: u64,
        /// Entries of the registry.
        ours: u64,
    },
    /// Everything was mirrored but what is wrong in the source itself.
    #[error("{0}; everything else was mirrored")]
    Partly(Faults),
    /// What a registry lost is back, but for what its mirror lacks, too.
    #[error("{0}; everything else that was lost is back")]
    Lost(Faults),
    /// A bundle lacks a file that it should have.
    #[error("`{file}` is incomplete: `{missing}` does not exist")]
    Incomplete {
        /// The bundle.
        file: String,
        /// What it lacks.
        missing: String,
    },
    /// The changes of an unsigned registry are unknown.
    #[error("the registry is not signed: it has no log that says what is new")]
    NoLog,
    /// An artifact is larger than one can be that this program packs.
    #[error("`{file}` has {size} bytes; {}", rows::MAX_MIRRORED_ARTIFACT_BYTES)]
    TooLarge {
        /// Path or URL.
        file: String,
        /// Its size in bytes.
        size: u64,
    },
}

impl From<StorageError> for MirrorError {
    fn from(error: StorageError) -> Self {
        Self::Read(error.into())
    }
}

impl From<TrustError> for MirrorError {
    fn from(error: TrustError) -> Self {
        Self::Read(error.into())
    }
}

/// The inputs of one run.
struct Job<'a> {
    source: &'a Registry,
    target: Target<'a>,
    options: &'a MirrorOptions,
    watch: Watch<'a>,
    /// What progress is called.
    verb: &'static str,
    transfers: transfer::Transfers,
    noted: Noted,
}

/// Makes a storage a mirror of a registry, or brings one up to date. A run that failed or
/// was killed is continued by the next.
///
/// The options that the source was opened with set the requirements on it.
///
/// # Errors
/// [`MirrorError`].
pub async fn mirror(
    source: &Registry,
    target: &Storage,
    options: &MirrorOptions,
    watch: Watch<'_>,
) -> Result<MirrorReport, MirrorError> {
    target.check_writable()?;
    source.storage().allow_mirroring();
    let trust = source.trust().await?;
    // Not before there is something to mirror.
    if let Some(folder) = target.folder() {
        lumen_durable::create_shared_dir_all(folder.root()).map_err(StorageError::from)?;
    }
    let message = "Mirror a registry";
    let is_bundle = source.storage().is_bundle();
    target
        .together(message, async |storage: &Storage| {
            let job = Job {
                source,
                target: Target::new(storage),
                options,
                watch,
                verb: "Mirroring",
                transfers: transfer::Transfers::new(),
                noted: match is_bundle {
                    true => Noted::strict(),
                    false => Noted::default(),
                },
            };
            let report = match &trust {
                Some(info) => signed::run(&job, storage, info).await?,
                None if is_signed(source.storage()).await? => {
                    return Err(TrustError::NotSigned.into());
                }
                None => unsigned::run(&job).await?,
            };
            Ok((report, job.noted.faults()))
        })
        .await
        .and_then(|(report, faults)| match faults {
            Some(faults) => Err(MirrorError::Partly(faults)),
            None => Ok(report),
        })
}

/// Entries of the log that a mirror has; none where there is no log.
pub(crate) async fn size(target: &Storage) -> Result<Option<u64>, MirrorError> {
    let found = match read_checkpoint(target).await {
        // There is not even a folder.
        Err(PublishError::Storage(StorageError::NoRoot { .. })) => None,
        found => found?,
    };
    Ok(found.map(|(checkpoint, _)| checkpoint.size))
}

impl Job<'_> {
    /// A file of the source of at most `limit` bytes.
    async fn read(&self, key: &Key, limit: u64) -> Result<Option<Vec<u8>>, MirrorError> {
        let found = self.source.storage().get(key, limit).await?;
        Ok(found.map(|(bytes, _)| bytes))
    }

    /// The path or URL of a file of the source.
    fn file(&self, key: &Key) -> String {
        self.source.storage().describe(key)
    }

    fn forged(&self, key: &Key, what: impl ToString) -> MirrorError {
        MirrorError::Forged {
            file: self.file(key),
            what: what.to_string(),
        }
    }

    /// Writes the files that follow from a global index alone.
    async fn put_followers(&self, index: &[u8]) -> Result<(), MirrorError> {
        let files = of_index(index).map_err(|error| self.forged(&Key::global_index(), error))?;
        for (key, bytes) in files {
            self.target.put(&key, &bytes, |_| false).await?;
        }
        Ok(())
    }

    /// Checks that this version knows the format of the registry.
    fn check_format(&self, format: Option<u64>) -> Result<(), MirrorError> {
        match format.filter(|format| *format > FORMAT) {
            Some(format) => Err(PublishError::NewerFormat { format }.into()),
            None => Ok(()),
        }
    }
}
