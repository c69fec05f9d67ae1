//! Shared parts of all writers: compare-and-swap with retries, the files that were read
//! already, and the errors of writing.

mod error;
mod snapshot;
mod submitted;
pub(crate) mod swap;

pub use error::{ClockWitness, PublishError};
pub(crate) use error::{damaged, malformed};
pub(crate) use snapshot::Snapshot;
pub use submitted::SubmittedError;
