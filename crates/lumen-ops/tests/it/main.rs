//! The verbs on registries in memory: what they return, what they report and what they write.
//!
//! A [`Machine`] is the home of one user. Its registries are in memory, and their addresses
//! only stand for them: no process, no server, milliseconds each. A test compares all that a
//! verb [reported](Machine::told), so that what is told twice is a failure, too.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail a test by panicking"
)]

mod embed;
mod fetch;
mod install;
mod machine;
mod mirror;
mod owner;
mod publish;
mod recorder;
mod resolve;
mod session;
mod signed;
mod trust;
mod upkeep;
mod workspace;
mod yank;

use lumen_core::{PackageName, Version};
use lumen_ops::OpsError;

use machine::{MAIN, Machine, OTHER, add};

fn name(text: &str) -> PackageName {
    PackageName::parse(text).unwrap()
}

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

/// What an error says.
#[track_caller]
fn error<T>(result: Result<T, OpsError>) -> String {
    match result {
        Ok(_) => panic!("it succeeded"),
        Err(error) => error.to_string(),
    }
}
