//! Writing the log of a signed registry.
