//! Proofs about the lists of events in the cache.

use lumen_core::{Digest, Key};

use super::{Source, fetch};
use crate::{cache::Body, storage::Validators};

impl Source {
    /// The size of the log, and the head of the chain of a name's events in it, when the file
    /// that lists them was last proved to be complete.
    pub(crate) fn proved(&self, name: &str) -> Option<(u64, Digest)> {
        let cached = self.inner.cache.get(&proved_key(name)?)?;
        let text = String::from_utf8(cached.body?.bytes.to_vec()).ok()?;
        let (size, chain) = text.split_once(' ')?;
        Some((size.parse().ok()?, Digest::from_hex(chain).ok()?))
    }

    /// Remembers that, for when the network is off.
    pub(crate) fn remember_proved(&self, name: &str, (size, head): (u64, Digest)) {
        let old = self.proved(name);
        if !self.inner.storage.capabilities().remote || old.is_some_and(|(_, old)| old == head) {
            return;
        }
        if let Some(key) = proved_key(name) {
            let bytes = format!("{} {}", size, head.hex()).into_bytes();
            let body = Body {
                digest: Digest::of(&bytes),
                bytes: bytes.into(),
            };
            let answer = fetch::answer(Some(body), 0, Validators::default());
            self.inner.cache.put(&key, &answer);
        }
    }
}

/// A name in the cache that no file of a registry has.
fn proved_key(name: &str) -> Option<Key> {
    Key::parse(&format!("proved/{name}")).ok()
}
