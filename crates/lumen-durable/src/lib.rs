//! Bytes that survive a crash.
//!
//! Every change of durable state, in the package store and in a registry
//! folder alike, goes through this crate: whole files appear by rename, data is
//! synced before the name that shows it, and locks are the kernel's, so that a
//! killed process leaves none behind. Each operation passes a [`fault::point`]
//! before and after it acts; tests kill the process at every one of them.
//!
//! This crate also stops attacks by other users and hostile folders: [`Folder`] is a folder
//! that cannot be left, new folders and files are writable for their owner, and for the
//! group that may write to the folder they are in ([`is_shared`]), and no wait for a
//! [`Lock`] is endless.
//!
//! | module | what |
//! |---|---|
//! | `file`, `exchange` | whole files by rename; two paths that change places |
//! | `folder` | open folders that no link leads out of |
//! | `dirlink` | links to folders, on every system |
//! | `lock` | locks that die with their process |
//! | [`owner`], `share` | whose a file is; folders that a group shares |
//! | `gate`, `stop` | how a process ends in the middle of its work when its user says so |
//! | `tree`, `path` | removal of trees; paths that depend on no working folder |
//! | [`fault`] | points where tests fail or kill a process |
//!
//! # Start here
//!
//! [`write_atomic`] writes a file whole or not at all. Where the new contents depend on the old
//! ones, hold a [`Lock`] from reading to writing.
//!
//! ```
//! use std::{fs, path::Path};
//!
//! use lumen_durable::{Lock, write_atomic};
//!
//! /// Adds one to the number in a file, which processes may do at the same time.
//! fn count(folder: &Path) -> Result<u64, Box<dyn std::error::Error>> {
//!     // Waits while another process counts. The lock ends when it is dropped, and when this
//!     // process dies.
//!     let _lock = Lock::exclusive(&folder.join("count.lock"))?;
//!     let file = folder.join("count");
//!     let count = match file.exists() {
//!         true => fs::read_to_string(&file)?.parse::<u64>()? + 1,
//!         false => 1,
//!     };
//!     // A reader, also one without the lock, sees the old number or the new one. When this
//!     // returns, the new one survives a loss of power.
//!     write_atomic(&file, count.to_string().as_bytes())?;
//!     Ok(count)
//! }
//!
//! let folder = tempfile::tempdir()?;
//! assert_eq!(count(folder.path())?, 1);
//! assert_eq!(count(folder.path())?, 2);
//! assert_eq!(fs::read_to_string(folder.path().join("count"))?, "2");
//!
//! // A process that must not wait takes the lock only if it is free.
//! let held = Lock::exclusive(&folder.path().join("count.lock"))?;
//! assert!(Lock::try_exclusive(&folder.path().join("count.lock"))?.is_none());
//! # drop(held);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod dirlink;
#[cfg(unix)]
mod exchange;
pub mod fault;
mod file;
mod folder;
mod gate;
mod lock;
pub mod owner;
mod path;
mod share;
mod stop;
mod tree;

pub use dirlink::{link_dir, read_link_dir, remove_link_dir};
pub use file::{
    create_closed_dir_all, create_dir, create_dir_all, create_new, create_new_private,
    create_new_with, create_shared_dir_all, exchange, open_or_create, remove_file, rename,
    write_atomic, write_atomic_fast,
};
pub use folder::{Access, Folder, NewFile, Status, StatusKind, Step, Time};
pub use gate::{Litter, Standing, Whole, litter, part, rest, whole};
pub use lock::{Busy, Holder, Lock, NoLock, Waiting, on_lock_wait, set_lock_limit};
pub use path::absolute;
pub use share::{is_shared, share_tree};
pub use stop::stop;
pub use tree::remove_dir_all;

/// Prefix of files that are being written; they may be left behind by a crash.
pub const TEMPORARY: &str = ".tmp-";
