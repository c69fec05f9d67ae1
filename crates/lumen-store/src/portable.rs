//! Paths that mean the same on every system.
