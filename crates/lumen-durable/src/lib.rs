//! Bytes that survive a crash.
//!
//! Every change of durable state, in the package store and in a registry
//! folder alike, goes through this crate: whole files appear by rename, data is
//! synced before the name that shows it, and locks are the kernel's, so that a
//! killed process leaves none behind. Each operation passes a [`fault::point`]
//! before and after it acts; tests kill the process at every one of them.

mod dirlink;
pub mod fault;
mod file;
mod lock;

pub use dirlink::{link_dir, read_link_dir, remove_link_dir};
pub use file::{
    TEMPORARY, create_dir_all, create_new, create_new_private, create_new_with, exchange,
    remove_dir_all, remove_file, rename, write_atomic, write_atomic_fast,
};
pub use lock::Lock;
