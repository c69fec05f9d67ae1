//! Checkpoints that witnesses signed and that writers of the source kept.

use lumen_core::{
    Key,
    limits::{MAX_CHECKPOINT_BYTES, MAX_WITNESSED_BYTES},
    trust::Sighting,
};

use super::{MirrorError, plan::Plan};
use crate::{
    derived::witnessed::complete,
    logread::{list_witnessed, parse_witnessed},
};

impl Plan<'_> {
    /// Copies the kept checkpoints that the mirror lacks. One that is missing, or not signed as
    /// it must be, is left out: that makes entries look younger, and nothing else.
    pub(super) async fn copy_witnessed(&self) -> Result<(), MirrorError> {
        if !self.roots.notes().iter().any(|(_, note)| note.has_quorum()) {
            return Ok(());
        }
        let (job, list) = (self.job, Key::witnessed_list());
        let Some(found) = job.read(&list, MAX_WITNESSED_BYTES).await? else {
            return Ok(());
        };
        let ours = job.target.get(&list, MAX_WITNESSED_BYTES).await?;
        let mut listed = ours.as_deref().map(parse_witnessed).unwrap_or_default();
        // A bundle continues a mirror that has those before.
        let from = self.base.as_ref().map_or(0, |base| base.size);
        let skipped = |state: &Sighting| job.target.storage().is_none() && state.size < from;
        for state in parse_witnessed(&found) {
            let is_there = listed.iter().any(|ours| ours.size == state.size);
            if is_there || state.size > self.after.size {
                continue;
            }
            if skipped(&state) {
                listed.push(state);
                continue;
            }
            let key = Key::witnessed(state.size);
            let Some(bytes) = job.read(&key, MAX_CHECKPOINT_BYTES).await? else {
                continue;
            };
            let signed = complete(&bytes, &self.roots);
            if let Some(state) = signed.filter(|signed| signed.size == state.size) {
                job.target.create(&key, bytes).await?;
                listed.push(state);
            }
        }
        listed.sort_unstable();
        job.target
            .put(&list, &list_witnessed(&listed), |_| false)
            .await
    }
}
