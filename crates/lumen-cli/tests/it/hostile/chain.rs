//! Keys that were removed: neither roots nor owners go back to what a client has seen replaced.
