//! A Lumen registry: a folder of plain files behind four storage operations.
//!
//! | module | what |
//! |---|---|
//! | [`audience`] | where a secret may go |
//! | [`git`] | the `git` program, run with care |
//! | [`location`] | registry URLs |
//! | [`login`] | what a host is shown, and who is asked for it |
//! | [`storage`] | `get`, `create`, `replace`, `list` on a folder, over HTTP, in memory |
//! | [`cache`] | metadata of HTTP registries kept on the local disk |
//! | [`reader`] | checked reads of index files, releases and artifacts |
//! | [`loader`] | everything a resolution may need, loaded before it is solved |
//! | [`publish`] | init, publish, yank and unyank by compare-and-swap |
//! | [`log`], [`signer`] | the log of a signed registry: appending, repairing, checking |
//! | [`gc`] | removing what nobody refers to |
//! | [`migrate`] | from unsigned to signed, with the history |
//! | [`mirror`] | verified copies of registries |
//! | [`bundle`] | what a mirror lacks, as a file |
//! | [`progress`] | what long operations tell while they run |
//! | [`verify`] | what a client checks before it believes a signed registry |
//! | [`doctor`] | whether a host is fit for a registry |
//! | [`stats`] | what a registry has, in numbers |
//! | [`search`] | ranked search over the global index |
//!
//! Nothing here knows a project, a lock file or the store of unpacked packages.

pub mod audience;
pub mod bundle;
pub mod cache;
pub mod doctor;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod gc;
pub mod git;
pub mod loader;
pub mod location;
pub mod log;
pub mod login;
pub mod migrate;
pub mod mirror;
pub mod progress;
pub mod publish;
pub mod reader;
pub mod search;
pub mod signer;
pub mod stats;
pub mod storage;
pub mod verify;

pub use location::Location;
pub use reader::{Freshness, ReadError, Registry, RegistryOptions};
pub use storage::{Revision, Storage, StorageError};

/// A number nobody else has, for names of temporary files and for jitter.
fn random() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    // Every `RandomState` is keyed anew, from the system's randomness.
    RandomState::new().hash_one(std::process::id())
}
