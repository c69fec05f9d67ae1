//! A Lumen registry: a folder of plain files behind four storage operations.
//!
//! Each module uses those above it in this table only: `cargo xtask modules` checks the
//! imports against its list of layers.
//!
//! | module | what |
//! |---|---|
//! | [`progress`], [`signer`], `random` | progress of long operations; anything that can sign; random names |
//! | [`variables`] | the environment variables that a run is given |
//! | [`activity`] | what a run is doing with its hosts, for a screen to show |
//! | [`audience`], [`login`], [`tls`] | where a secret may go, credentials for hosts, trusted authorities |
//! | [`location`] | registry URLs |
//! | [`git`] | the `git` program, run with care |
//! | [`storage`] | `get`, `create`, `replace`, `list` on a folder, over HTTP, in a bucket, a branch or memory |
//! | `write` | compare-and-swap with retries, and the errors of writing |
//! | [`cache`] | metadata of HTTP registries kept on the local disk |
//! | `refusal`, [`failure`] | why a client does not trust a registry; who can do something about an error, and what |
//! | `selection`, `partial` | the packages of a partial mirror |
//! | [`file_list`] | the file list that a release names, compared with its archive |
//! | `source` | the files of a registry as they come: from the cache or the host, unverified |
//! | `logread` | tiles, entries, map and what lists their events, checked |
//! | [`verify`] | what a client checks before it trusts a signed registry |
//! | [`reader`] | the front: checked reads of index files, releases and artifacts |
//! | `derived` | everything that follows from the log or from releases |
//! | [`log`] | the log of a signed registry: appending, repairing, checking |
//! | [`publish`] | init, publish, and changes such as a yank |
//! | [`loader`] | everything a resolution may need, loaded before it is solved |
//! | [`mirror`], [`bundle`] | verified copies of registries, and files with what a mirror lacks |
//! | [`relist`] | file lists that are missing, made from the archives |
//! | [`gc`] | removing what nothing refers to |
//! | [`migrate`] | from unsigned to signed, with the history |
//! | [`unsigned`] | checking and repairing registries without signatures |
//! | [`doctor`], [`stats`], [`search`] | whether a host is fit for a registry, numbers, ranked search |
//!
//! Nothing here knows a project, a lock file or the store of unpacked packages.
//!
//! # Features
//!
//! All are on by default. Without any, the crate reads registries in folders and over HTTP, and
//! resolves; other hosts end with [`StorageError::LeftOut`].
//!
//! | feature | what |
//! |---|---|
//! | `bucket` | buckets of object stores, by the crate `object_store` |
//! | `git` | branches of git repositories, by the program `git` |
//! | `publish` | everything that writes to registries or looks after them: [`log`], [`publish`], [`mirror`], [`bundle`], [`gc`], [`migrate`], [`doctor`], [`stats`] |
//!
//! # Start here
//!
//! [`Storage`] is a host, [`publish::init`] and [`publish::publish`](publish::publish()) write to
//! it, and a [`Registry`] reads from it. [`loader::load_and_resolve`] reads what a resolution needs.
//!
//! ```
//! use lumen_core::{Digest, index::Release, tar};
//! use lumen_registry::{
//!     Registry, Storage,
//!     publish::{self, PublishRequest},
//!     storage::MemoryStorage,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // For a folder or a bucket: `Storage::open` with a `Location`.
//! let storage = Storage::Memory(MemoryStorage::new());
//! publish::init(&storage, "main", "2026-01-15T10:00:00Z").await?;
//!
//! // An archive with one file; `lumen_store::pack` makes one from a folder.
//! let manifest = b"[package]\nname = \"hello\"\nversion = \"1.0.0\"\n";
//! let size = manifest.len() as u64;
//! let padding = vec![0; tar::padding(size)];
//! let tar = [&tar::head("lumen.toml", size, false), &manifest[..], &padding, &tar::END].concat();
//! let request = PublishRequest {
//!     release: Release::new("hello".parse()?, "1.0.0".parse()?),
//!     tar: tar.clone(),
//!     zst: None,
//!     list: None,
//!     now: "2026-01-15T10:05:00Z".into(),
//!     registry_name: "main".into(),
//!     signer: None,
//!     last_seen: None,
//! };
//! let published = publish::publish(&storage, &request).await?;
//!
//! let registry = Registry::on("main", storage);
//! let found = registry.find(&"hello".parse()?).await?.ok_or("there is no `hello`")?;
//! assert_eq!(found.versions, ["1.0.0".parse()?]);
//! let mut bytes = Vec::new();
//! let artifact = &published.release.artifacts[0];
//! registry.artifact(&artifact.key()?, artifact.size, &mut bytes).await?;
//! assert_eq!(Digest::of(&bytes), artifact.hash);
//! # Ok(())
//! # }
//! ```

// What a build leaves out is the only user of some helpers that stay.
#![cfg_attr(
    not(all(feature = "bucket", feature = "git", feature = "publish")),
    allow(dead_code, unused_imports)
)]

pub mod activity;
pub mod audience;
#[cfg(feature = "publish")]
pub mod bundle;
pub mod cache;
#[cfg(feature = "publish")]
mod derived;
#[cfg(feature = "publish")]
pub mod doctor;
pub mod failure;
pub mod file_list;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "publish")]
pub mod gc;
pub mod git;
pub mod loader;
pub mod location;
#[cfg(feature = "publish")]
pub mod log;
pub mod login;
mod logread;
#[cfg(feature = "publish")]
pub mod migrate;
#[cfg(feature = "publish")]
pub mod mirror;
mod partial;
pub mod progress;
#[cfg(feature = "publish")]
pub mod publish;
mod random;
pub mod reader;
mod refusal;
#[cfg(feature = "publish")]
pub mod relist;
#[cfg(feature = "publish")]
#[cfg(test)]
mod row_tests;
pub mod search;
mod selection;
pub mod signer;
mod source;
#[cfg(feature = "publish")]
pub mod stats;
pub mod storage;
pub mod tls;
#[cfg(feature = "publish")]
pub mod unsigned;
pub mod variables;
pub mod verify;
mod write;

pub use location::Location;
pub use reader::{Freshness, ReadError, Registry, RegistryOptions};
pub use selection::SelectionError;
pub use storage::{Revision, Storage, StorageError};
pub use write::PublishError;
