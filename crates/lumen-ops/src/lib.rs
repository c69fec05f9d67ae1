//! The verbs of the package manager: the only place where registry, store and project meet.
//!
//! The verbs are in [`verbs`]; each takes a [`Session`](session::Session) and returns data.
//! Hints, colours and exit codes are the caller's.
//!
//! | module | what |
//! |---|---|
//! | [`error`], [`report`] | every way to fail; events while an operation runs |
//! | [`members`] | which packages of a workspace a command is about |
//! | [`environment`], [`context`] | what the environment says; all inputs of a run |
//! | [`settings`] | the settings from environment and files |
//! | [`keys`], [`credentials`] | signing keys of the user; credentials for registries over HTTP |
//! | [`workspace`] | the project and its settings, loaded once |
//! | [`session`] | one run: its inputs, its workspace, the registries that it opened |
//! | [`names`], [`lookup`] | packages as users name them, and in their registry |
//! | [`inputs`], [`stale`], [`resolve`] | from manifests to a lock, and whether one still fits |
//! | [`fetch`], `contents` | from a lock to packages in the store; an archive that is not in it |
//! | [`proof`] | proofs that locked packages were released, and that archives agree with them |
//! | [`locked`], [`advice`], [`recheck`] | new entries about locked releases; warnings about packages; signatures without a network |
//! | [`pack`] | a folder that may be published |
//! | [`git`], [`gitignore`] | git sources; ignored files |
//! | [`graph`] | how the packages of a lock need each other |
//! | [`signed`] | roots and owners of signed registries, and changes that several keys must sign |
//! | [`verbs`] | the verbs: one file each, or a folder |
//! | [`parallel`], [`process`] | work on many items at once; setup of the whole process |
//!
//! # Features
//!
//! All are on by default: `bucket`, `git` and `publish`, as in [`lumen_registry`]. Without
//! `publish`, the verbs that resolve, install and look things up are left. Dependencies from git
//! need no feature.
//!
//! # Start here
//!
//! A [`Context`](context::Context) holds all that a run is told, a [`Session`](session::Session) is
//! the run, and a verb does the work. `examples/embed.rs` shows the same inside of an async program
//! with a registry on a host.
//!
//! ```
//! use std::fs;
//!
//! use lumen_ops::context::{Context, Options};
//! use lumen_ops::verbs::{found, install, publish};
//! use lumen_ops::{environment::Environment, report::Silent};
//! use lumen_ops::{resolve::ResolveOptions, session::Session};
//! use lumen_registry::{Location, Storage, storage::{MemoryStorage, Storages}};
//!
//! # let dir = tempfile::tempdir()?;
//! # let home = dir.path().canonicalize()?;
//! const REGISTRY: &str = "https://packages.example";
//! // At this address, a registry in memory: no host is asked.
//! let memory = Storage::Memory(MemoryStorage::new());
//! let storages = Storages::default().with(&Location::parse(REGISTRY)?, memory);
//! let context = |folder: &str| Context {
//!     environment: Environment::at(home.join("lumen")),
//!     options: Options {
//!         registry: Some(REGISTRY.into()),
//!         storages: storages.clone(),
//!         ..Options::at(home.join(folder), jiff::Timestamp::now())
//!     },
//!     reporter: &Silent,
//! };
//!
//! fs::create_dir(home.join("url"))?;
//! fs::write(home.join("url/lumen.toml"), "[package]\nname = \"url\"\nversion = \"1.0.0\"\n")?;
//! let author = Session::new(context("url"));
//! found::init(&author, REGISTRY, Some("main"), None, true)?;
//! let prepared = publish::prepare(&author, None, publish::Allowed::default())?;
//! publish::run(&author, prepared)?;
//!
//! fs::create_dir(home.join("app"))?;
//! fs::write(home.join("app/lumen.toml"), "[dependencies]\nurl = \"^1.0\"\n")?;
//! let user = Session::new(context("app"));
//! let outcome = install::run(&user, &ResolveOptions::default())?;
//! assert_eq!((outcome.packages, outcome.downloaded), (1, 1));
//! assert!(home.join("app/.lumen/packages/url/lumen.toml").is_file());
//! # lumen_durable::remove_dir_all(&home)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// What a build leaves out is the only user of some helpers that stay.
#![cfg_attr(not(feature = "publish"), allow(dead_code, unused_imports))]

pub mod advice;
pub(crate) mod contents;
pub mod context;
pub mod credentials;
pub mod environment;
pub mod error;
mod excludes;
pub mod fetch;
pub mod git;
pub mod gitignore;
pub mod graph;
pub mod inputs;
pub mod keys;
pub mod locked;
pub mod lookup;
pub mod members;
pub mod names;
pub mod pack;
pub mod parallel;
pub mod process;
pub mod proof;
pub mod recheck;
pub mod report;
pub mod resolve;
pub mod session;
pub mod settings;
#[cfg(feature = "publish")]
pub mod signed;
pub mod stale;
pub mod verbs;
pub mod workspace;

pub use error::OpsError;
