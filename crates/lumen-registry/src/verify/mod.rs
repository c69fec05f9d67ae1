//! Checking what a signed registry says.
