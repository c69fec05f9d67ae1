//! What is signed in a registry: forms of notes, which keys may sign them, and the derived indexes.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail a test by panicking, too"
)]

mod forms;
mod history;
mod index;
mod map;
mod moderation;
mod owners;
mod publishers;
mod queue;
mod world;
