//! What every writer shares: compare-and-swap with patience, what was read already, and why a
//! registry was not written to.

mod error;
mod snapshot;
mod submitted;
pub(crate) mod swap;

pub use error::PublishError;
pub(crate) use error::{damaged, malformed};
pub(crate) use snapshot::Snapshot;
pub use submitted::SubmittedError;
