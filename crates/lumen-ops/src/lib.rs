//! The verbs of the package manager: the only place where registry, store and project meet.
//!
//! One file per verb or family of verbs; each takes a [`Session`](session::Session)
//! and returns data. Words, colours and exit codes are the caller's.
//!
//! | module | what |
//! |---|---|
//! | [`context`], [`settings`] | what a run is given; what the environment and files say |
//! | [`workspace`] | the project and its settings, loaded once |
//! | [`session`] | one run: what it was given, its workspace, the registries it opened |
//! | [`credentials`] | what registries over HTTP are shown |
//! | [`report`] | events while an operation runs |
//! | [`inputs`], [`stale`], [`resolve`] | from manifests to a lock, and whether one still fits |
//! | [`fetch`], [`install`] | from a lock to a project with its packages |
//! | [`proof`] | that what a lock names was released so, and that archives are what they say |
//! | [`locked`], [`advice`] | what became of locked releases; what is said about such packages |
//! | [`edit`] | add, remove, update |
//! | [`pack`], [`publish`] | from a folder to a release |
//! | [`submit`], [`ingest`] | releases that somebody else publishes |
//! | [`graph`], [`query`] | list, tree, why; info, search, outdated |
//! | [`verify`], [`recheck`] | what is really in the project; signatures without a network |
//! | [`process`] | what holds for the whole process |
//! | [`maintain`] | vendor, cache, clean |
//! | [`init`], [`git`], [`gitignore`] | new packages; git sources; ignored files |
//! | [`host`], [`doctor`] | configuration of what serves a registry, and a look at it |
//! | [`keys`] | signing keys of the user |
//! | [`trust`], [`owners`] | roots and owners of signed registries; what is remembered of them |
//! | [`gc`] | removing what a registry does not need |
//! | [`migrate`] | from unsigned to signed registries |
//! | [`mirror`], [`sync`] | copies of registries; those that are configured |
//! | [`bundle`] | what is new in a registry, as a file |
//! | [`stats`] | what a registry has, in numbers |
//! | [`parallel`] | work on many items at once |

pub mod advice;
pub mod bundle;
pub mod ci;
pub(crate) mod contents;
pub mod context;
pub mod credentials;
pub mod doctor;
pub mod edit;
pub mod error;
pub mod fetch;
pub mod gc;
pub mod git;
pub mod gitignore;
pub mod graph;
pub mod host;
pub mod ingest;
pub mod init;
pub mod inputs;
pub mod install;
pub mod keys;
pub mod locked;
pub mod maintain;
pub mod migrate;
pub mod mirror;
pub mod owners;
pub mod pack;
pub mod parallel;
pub mod process;
pub mod proof;
pub mod publish;
pub mod query;
pub mod recheck;
pub mod report;
pub mod resolve;
pub mod session;
pub mod settings;
pub mod stale;
pub mod stats;
pub mod submit;
pub mod sync;
pub mod trust;
pub mod verify;
pub mod workspace;

pub use error::OpsError;
