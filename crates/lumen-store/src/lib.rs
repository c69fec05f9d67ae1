//! Synchronous local disk: archives, the package store, and a project's links into it.
//!
//! Nothing here knows a registry or the network; bytes come in through
//! [`std::io::Read`] and go out as values. Code map:
//!
//! | module | what |
//! |---|---|
//! | [`portable`] | which paths mean the same on every system; shared by reading and packing |
//! | [`archive`] | the strict reader of package archives |
//! | [`unpack`] | an archive onto the disk, whole or not at all |
//! | [`pack`] | a folder into an archive, the same bytes on every machine |
//! | [`cas`] | the content-addressed store |
//! | [`link`] | `.lumen/packages` and the import links of a project |
//! | [`project`] | a project's manifests, members and lock file |
//! | [`failure`] | who can do something about an error, and what |
//!
//! On disk, below `$LUMEN_HOME/store`:
//!
//! | path | what |
//! |---|---|
//! | `sha256/<2>/<62>/tree/` | an unpacked package, read-only |
//! | `sha256/<2>/<62>/files` | its record: sizes, modes and hashes; written last |
//! | `tmp/<unique>/`, `tmp/<unique>.lock` | the staging folder of a running process; garbage once the lock is free |
//! | `lock` | shared by users of the store, exclusive for cleaning |
//!
//! in `$LUMEN_HOME/projects`:
//!
//! | path | what |
//! |---|---|
//! | `<hash of the path>.json` | the record: what is installed in a project and which links in it are ours |
//!
//! and in a project, whose contents are never trusted:
//!
//! | path | what |
//! |---|---|
//! | `.lumen/packages/<name>` | one folder link (or copy) a package |
//! | `.lumen/id` | a token that ties the project to its record |
//! | `.lumen/install.lock`, `.lumen/links.lock` | held during an install, and while links change |
//! | `.lumen/tmp-<unique>` | the next `packages`, while it is built |
//!
//! # Start here
//!
//! [`pack::pack`] makes an archive from a folder, [`cas::Store::insert`] checks an archive and
//! unpacks it into a store, and [`cas::Store::get`] finds it there again by its digest.
//!
//! ```
//! use std::fs;
//!
//! use lumen_store::{
//!     cas::{Check, Expect, Store},
//!     pack::{self, PackOptions},
//! };
//!
//! # let dir = tempfile::tempdir()?;
//! # let home = dir.path();
//! let folder = home.join("hello");
//! fs::create_dir_all(folder.join("src"))?;
//! fs::write(folder.join("lumen.toml"), "[package]\nname = \"hello\"\nversion = \"1.0.0\"\n")?;
//! fs::write(folder.join("src/main.lm.md"), "# Hello\n")?;
//! let packed = pack::pack(&folder, &PackOptions::default())?;
//!
//! let store = Store::open(&home.join("store"))?;
//! // The archive comes compressed, from a registry for example. Nothing appears in the store
//! // unless all of these fit.
//! let expect = Expect {
//!     hash: packed.zst_digest,
//!     size: Some(packed.zst.len() as u64),
//!     plain: Some(packed.digest),
//! };
//! store.insert(&packed.digest, packed.zst.as_slice(), &expect)?;
//!
//! // Later, also in another process:
//! let entry = store.get(&packed.digest, Check::Quick)?.ok_or("it is not in the store")?;
//! assert_eq!(entry.files(), 2);
//! assert_eq!(fs::read_to_string(entry.tree().join("src/main.lm.md"))?, "# Hello\n");
//! # store.clean(|_| false)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod archive;
pub mod cas;
pub mod failure;
pub mod link;
pub mod pack;
mod paths;
pub mod portable;
pub mod project;
mod sources;
mod target;
pub mod unpack;

pub use sources::Sources;
