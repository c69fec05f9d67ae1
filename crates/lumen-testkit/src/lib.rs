//! Placeholder

pub mod conformance;
