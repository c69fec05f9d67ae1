//! Changes of packages, such as a yank.

use lumen_core::trust::Lacking;
use lumen_registry::{
    Storage,
    publish::{self, Change, Changed},
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

/// Changes a package: one commit where the registry is a branch, with this message.
///
/// # Errors
/// As [`publish::change`].
pub(crate) fn say(
    session: &Session<'_>,
    storage: &Storage,
    message: &str,
    change: &Change,
) -> Result<Changed, OpsError> {
    let say = async |storage: &Storage| publish::change(storage, change).await;
    let done = async { Ok(storage.together(message, say).await?) };
    session.block_on(done)
}

impl From<Changed> for Said {
    fn from(changed: Changed) -> Self {
        Self {
            changed: changed.changed,
            lacking: changed.lacking,
        }
    }
}
