//! The public checkpoint: the newest state that readers see.

use lumen_core::{
    Key,
    checkpoint::{Checkpoint, MAX_CHECKPOINT_BYTES},
};

use crate::{
    storage::Storage,
    write::{PublishError, swap::Swap},
};

/// Makes a checkpoint of this size the public one, unless a later one is.
pub(crate) async fn put_checkpoint(
    storage: &Storage,
    size: u64,
    note: &[u8],
) -> Result<(), PublishError> {
    let key = Key::checkpoint();
    let mut swap = Swap::new(storage, &key, MAX_CHECKPOINT_BYTES);
    loop {
        let current = swap.read().await?;
        let public = |bytes: &Vec<u8>| Some(Checkpoint::of_note(bytes).ok()?.size);
        if current.as_ref().and_then(public) >= Some(size) {
            return Ok(());
        }
        if swap.write(note).await? {
            return Ok(());
        }
    }
}
