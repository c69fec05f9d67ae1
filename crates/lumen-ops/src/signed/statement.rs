//! Something said about a package of a signed registry.

use lumen_core::trust::Lacking;
use lumen_registry::{
    Storage,
    publish::{self, Change},
};

use crate::{error::OpsError, session::Session};

/// What became of something that was said about a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// `false`: the registry said so already.
    pub changed: bool,
    /// The witnesses that have to sign before readers see it; `None`: they do.
    pub lacking: Option<Lacking>,
}

/// Says something about a package of a signed registry.
///
/// # Errors
/// As [`publish::change`].
pub(crate) fn say(
    session: &Session<'_>,
    storage: &Storage,
    message: &str,
    change: &Change,
) -> Result<Said, OpsError> {
    let say = async |storage: &Storage| publish::change(storage, change).await;
    let done = async { Ok(storage.together(message, say).await?) };
    let done = session.block_on(done)?;
    Ok(Said {
        changed: done.changed,
        lacking: done.lacking,
    })
}
