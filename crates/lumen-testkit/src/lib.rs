//! Placeholder

pub mod conformance;
pub mod suite;
