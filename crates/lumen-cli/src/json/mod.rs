//! What `--json` prints: one object for each run of a command, in types whose comments are the
//! descriptions in `docs/schemas`.
//!
//! | module | of which commands |
//! |---|---|
//! | `envelope` | all: what is around every result |
//! | `error` | all: failures and warnings |
//! | `shared` | several |
//! | `project` | those about a project and its lock |
//! | `package` | those about packages of registries |
//! | `release` | those that make packages and releases |
//! | `diff` | `lumen pkg diff` |
//! | `registry`, `host` | `lumen registry …` |
//! | `trust` | owners, roots, keys and memories |
//! | `schemas` | the schema of each command, in tests |
//!
//! Fields are added, and never renamed or removed, as long as `format` stays.

pub mod diff;
mod envelope;
mod error;
pub mod host;
pub mod package;
pub mod project;
pub mod registry;
pub mod release;
#[cfg(test)]
mod schemas;
pub mod shared;
pub mod trust;

pub use self::{
    envelope::{Answer, Completions, Text},
    error::{DEFECT, Failure, Kind, Problem},
};
