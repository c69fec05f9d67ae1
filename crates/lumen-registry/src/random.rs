//! Random numbers without a generator.

/// A random number, for names of temporary files and for jitter.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    // Every `RandomState` is keyed from the system's randomness.
    RandomState::new().hash_one(std::process::id())
}
