//! Words for what may help when the disk refuses or a limit is passed.

use std::io::ErrorKind;

use lumen_core::limits::{Exceeded, Limit};

/// What to do when the disk refuses; every operation leaves the old state behind.
pub fn words(kind: ErrorKind) -> Option<String> {
    Some(match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "free some space (`lumen pkg cache clean` may help) and run it again".into()
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "check who may write there, or set LUMEN_HOME to a folder of yours".into()
        }
        ErrorKind::ResourceBusy => {
            "if that program hangs, end it; to wait longer, raise LUMEN_LIMIT_LOCK_SECONDS".into()
        }
        ErrorKind::Unsupported => {
            "this file system lacks locks, links or another feature (NFS, exFAT and FUSE may): use a folder on a local disk; a registry can also be in a bucket or a git branch".into()
        }
        ErrorKind::NotADirectory => {
            "a file is where a folder must be: move it away, or set LUMEN_HOME".into()
        }
        _ => return None,
    })
}

/// How to raise a limit.
pub fn limit(exceeded: &Exceeded) -> String {
    let limit = exceeded.limit;
    // It is the only one that asks for more, not for less.
    let verb = match limit {
        Limit::DownloadSpeed => "lower",
        _ => "raise",
    };
    format!(
        "if that is meant to be, {verb} `{}` in [limits] of your configuration, or set {}",
        limit.name(),
        limit.variable()
    )
}
