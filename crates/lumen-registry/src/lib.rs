//! A Lumen registry: a folder of plain files behind four storage operations.
//!
//! Each module uses those above it in this table only: `cargo xtask modules` checks the
//! imports against its list of layers.
//!
//! | module | what |
//! |---|---|
//! | [`progress`], [`signer`], `random` | progress of long operations; anything that can sign; random names |
//! | [`variables`] | the environment variables that a run is given |
//! | [`audience`], [`login`], [`tls`] | where a secret may go, credentials for hosts, trusted authorities |
//! | [`location`] | registry URLs |
//! | [`git`] | the `git` program, run with care |
//! | [`storage`] | `get`, `create`, `replace`, `list` on a folder, over HTTP, in a bucket, a branch or memory |
//! | `write` | compare-and-swap with retries, and the errors of writing |
//! | [`cache`] | metadata of HTTP registries kept on the local disk |
//! | `refusal`, [`failure`] | why a client does not trust a registry; who can do something about an error, and what |
//! | `selection`, `partial` | the packages of a partial mirror |
//! | `source` | the files of a registry as they come: from the cache or the host, unverified |
//! | `logread` | tiles, entries, map and what lists their events, checked |
//! | [`verify`] | what a client checks before it trusts a signed registry |
//! | [`reader`] | the front: checked reads of index files, releases and artifacts |
//! | `derived` | everything that follows from the log or from releases |
//! | [`log`] | the log of a signed registry: appending, repairing, checking |
//! | [`publish`] | init, publish, and changes such as a yank |
//! | [`loader`] | everything a resolution may need, loaded before it is solved |
//! | [`mirror`], [`bundle`] | verified copies of registries, and files with what a mirror lacks |
//! | [`gc`] | removing what nothing refers to |
//! | [`migrate`] | from unsigned to signed, with the history |
//! | [`doctor`], [`stats`], [`search`] | whether a host is fit for a registry, numbers, ranked search |
//!
//! Nothing here knows a project, a lock file or the store of unpacked packages.

pub mod audience;
pub mod bundle;
pub mod cache;
mod derived;
pub mod doctor;
pub mod failure;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod gc;
pub mod git;
pub mod loader;
pub mod location;
pub mod log;
pub mod login;
mod logread;
pub mod migrate;
pub mod mirror;
mod partial;
pub mod progress;
pub mod publish;
mod random;
pub mod reader;
mod refusal;
#[cfg(test)]
mod row_tests;
pub mod search;
mod selection;
pub mod signer;
mod source;
pub mod stats;
pub mod storage;
pub mod tls;
pub mod variables;
pub mod verify;
mod write;

pub use location::Location;
pub use reader::{Freshness, ReadError, Registry, RegistryOptions};
pub use storage::{Revision, Storage, StorageError};
