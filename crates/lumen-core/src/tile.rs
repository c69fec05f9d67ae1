//! The tiles of a log (C2SP tlog-tiles).
