//! What every writer shares: compare-and-swap with patience, and why a registry was not
//! written to.

mod error;
mod submitted;
pub(crate) mod swap;

pub use error::PublishError;
pub(crate) use error::{damaged, malformed};
pub use submitted::SubmittedError;
