//! Checkpoints and cosignatures (C2SP tlog-checkpoint, tlog-cosignature).
