//! Writing the log of a signed registry.
//!
//! Writers meet at `log/head`: replacing it commits a batch. Every writer makes the same
//! derived files of a batch (tiles, entries, map, notes, indexes, finally the public
//! checkpoint), so a writer first finishes the batch of the one before.
//!
//! | module | what |
//! |---|---|
//! | `recover` | finishing a committed batch, up to the global index |
//! | `pending` | commits that wait for witnesses |
//! | `witness` | checkpoints for witnesses, and adding their signatures |
//! | `validate` | a log replayed by a validating witness |
//! | `state` | the registry's state for a writer, and what it may append |
//! | `append` | the loop around the commit |
//! | `clock` | a writer's clock, compared with that of the host |
//! | `init` | the first batch |
//! | `check`, `restore` | the whole registry against its log |
//! | `lost` | a lost head, made again |

mod append;
mod check;
mod clock;
mod init;
mod lost;
pub(crate) mod pending;
pub(crate) mod recover;
mod restore;
pub(crate) mod state;
mod validate;
mod witness;

use lumen_core::{note::Note, signing::PublicKey, trust::RootNote};

pub use crate::logread::load_entry as entry;
pub use append::{Receipt, Writer, state_ahead};
pub use check::{Finding, Place, check};
pub(crate) use init::init_with_entries;
pub use init::{RootInfo, init_signed, sign_existing};
pub use pending::{Cosignature, Shown, Waiting, roots_at, waiting};
pub use recover::{is_signed, recover};
pub use restore::{rebuild, repair};
pub use state::State;
pub use validate::{is_state, validate};
pub use witness::{cosign, states};

use crate::{signer::Signer, write::PublishError};

/// Signs a text, as one of the keys listed.
pub(crate) fn sign_as(
    text: &str,
    key: &PublicKey,
    signer: &dyn Signer,
) -> Result<String, PublishError> {
    let mut note = Note::unsigned(text).map_err(|error| crate::signer::SignError {
        key: key.name().to_owned(),
        reason: error.to_string(),
    })?;
    note.add(key, signer.sign(text.as_bytes())?);
    Ok(note.to_text())
}

/// The listed key that a signer has, under the name it is listed with.
pub(crate) fn key_of<'k>(
    keys: impl IntoIterator<Item = &'k PublicKey>,
    signer: &dyn Signer,
) -> Option<&'k PublicKey> {
    let same = |key: &&PublicKey| key.bytes() == signer.public().bytes();
    let mut keys: Vec<&PublicKey> = keys.into_iter().filter(same).collect();
    // The key's own name first, if it is listed under several.
    keys.sort_by_key(|key| *key != signer.public());
    keys.first().copied()
}

/// The key of those that may write the log which a signer has.
pub(crate) fn check_log_key<'r>(
    root: &'r RootNote,
    signer: &dyn Signer,
) -> Result<&'r PublicKey, PublishError> {
    key_of(&root.log, signer).ok_or_else(|| PublishError::LogKey {
        origin: root.origin.clone(),
        key: signer.public().clone(),
    })
}
