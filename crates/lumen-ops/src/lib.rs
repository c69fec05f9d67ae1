//! The verbs of the package manager: the only place where registry, store and project meet.
//!
//! The verbs are in [`verbs`]; each takes a [`Session`](session::Session) and returns data.
//! Hints, colours and exit codes are the caller's.
//!
//! | module | what |
//! |---|---|
//! | [`error`], [`report`] | every way to fail; events while an operation runs |
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

pub mod advice;
pub(crate) mod contents;
pub mod context;
pub mod credentials;
pub mod environment;
pub mod error;
pub mod fetch;
pub mod git;
pub mod gitignore;
pub mod graph;
pub mod inputs;
pub mod keys;
pub mod locked;
pub mod lookup;
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
pub mod signed;
pub mod stale;
pub mod verbs;
pub mod workspace;

pub use error::OpsError;
