//! The first contact with a registry in a process: its root, its checkpoint, and that both
//! continue those that were seen before.

use std::{
    path::Path,
    sync::{Mutex, atomic::AtomicBool},
};

use lumen_core::{
    Digest, Key,
    checkpoint::Checkpoint,
    limits::{MAX_ESTABLISH_ROUNDS, MAX_ROOTS_BYTES},
    note::Note,
    trust::{Event, RootHistory, Sighting, chain, text, up_to},
};
use tokio::sync::OnceCell;

use super::{
    PinSource, TrustError, TrustInfo, TrustOptions, files,
    known::Memory,
    memo,
    rules::{age_matters, check_roots, fresh, open, place, root_chain, roots, still_valid},
    state::{self, Remembered},
    view::View,
};
use crate::{
    cache,
    logread::Growth,
    source::{Freshness, ReadError, Source},
};

impl View {
    /// Reads root notes and checkpoint and checks them against the remembered ones.
    pub(crate) async fn establish(
        source: &Source,
        options: &TrustOptions,
    ) -> Result<Option<Self>, ReadError> {
        for _ in 0..MAX_ESTABLISH_ROUNDS {
            let Some(mut view) = Self::read_now(source, options).await? else {
                return Ok(None);
            };
            if view.remember().await? {
                return Ok(Some(view));
            }
        }
        let dir = options.state_dir.clone();
        let busy = std::io::Error::other("other processes change it again and again");
        Err(memo::unusable(&dir.unwrap_or_default(), busy).into())
    }

    /// The same, nothing remembered yet.
    async fn read_now(source: &Source, options: &TrustOptions) -> Result<Option<Self>, ReadError> {
        let memory = place(source, options);
        let memory = memory.as_ref().map(|(dir, url)| (*dir, url.as_str()));
        let remembered = match memory {
            Some((dir, url)) => state::read(dir, url)?,
            None => None,
        };
        let Some(events) = roots(source, None).await? else {
            return unsigned(source, options, remembered.is_some()).await;
        };
        let locked = options.locked.iter();
        let locked = locked.map(|lock| (PinSource::Lock, Some(lock.root)));
        let state = remembered.as_ref().map(|state| state.root);
        let expected: Vec<(PinSource, Option<Digest>)> = [(PinSource::Pin, options.pin)]
            .into_iter()
            .chain(locked)
            .chain([(PinSource::State, state)])
            .collect();
        let now = match options.now {
            0 => i64::try_from(cache::now()).unwrap_or(i64::MAX),
            now => now,
        };
        let locked = options.locked.iter().map(|lock| lock.checkpoint.as_str());
        let known = remembered.as_ref().map(|state| state.checkpoint.as_str());
        let before = locked.chain(known.filter(|note| !note.is_empty()));
        let before = before
            .map(|note| Ok((note, earlier(note)?)))
            .collect::<Result<Vec<_>, TrustError>>()?;
        let largest = before.iter().map(|(_, seen)| seen.size).max().unwrap_or(0);

        let check = |events: &[Event], bytes: &[u8]| {
            let size = state::checkpoint_of(&String::from_utf8_lossy(bytes))
                .map_err(|reason| TrustError::Checkpoint { reason })?
                .size;
            let logged = up_to(events, size);
            let roots = RootHistory::verify(logged, None).map_err(root_chain)?;
            for &(by, expected) in &expected {
                if let Some(expected) = expected.filter(|digest| *digest != roots.fingerprint) {
                    let found = roots.fingerprint;
                    return Err(TrustError::RootPin {
                        expected,
                        found,
                        by,
                    });
                }
            }
            let opened = open(bytes, roots.current());
            // A mirror that is behind lacks the newest root notes, too.
            if let Ok((checkpoint, _)) = &opened {
                not_behind(largest, checkpoint.size)?;
            }
            check_roots(options, remembered.as_ref(), &roots)?;
            let (checkpoint, note) = opened?;
            if age_matters(source, options) {
                still_valid(roots.current(), now)?;
                fresh(roots.current(), &note, now)?;
            }
            Ok((chain(logged), roots, checkpoint, note))
        };
        let mut bytes = match files::checkpoint(source, None).await {
            Err(ReadError::Trust(TrustError::Checkpoint { .. })) if before.is_empty() => {
                return Err(unfinished(&Key::root_index(), &Key::checkpoint()).into());
            }
            bytes => bytes?,
        };
        let mut checked = check(&events, &bytes);
        let behind = |checked: &Result<(_, _, Checkpoint, _), _>| {
            checked
                .as_ref()
                .map_or(true, |(_, _, checkpoint, _)| checkpoint.size < largest)
        };
        if behind(&checked) && source.freshness() != Freshness::Offline {
            // A cache on the way may have old files; only the current ones count.
            let buster = format!("{largest}");
            let events = roots(source, Some(&buster)).await?.unwrap_or(events);
            bytes = files::checkpoint(source, Some(&buster)).await?;
            checked = check(&events, &bytes);
        }
        let (root_chain, roots, checkpoint, note): (Digest, RootHistory, Checkpoint, Note) =
            checked?;

        let shown = note.to_text();
        for (note, seen) in &before {
            continues(source, (note, seen), (&shown, &checkpoint), memory).await?;
        }
        let pinned = options.pin.is_some() || remembered.as_ref().is_some_and(|state| state.pinned);
        let current = roots.current();
        let info = TrustInfo {
            origin: current.origin.clone(),
            fingerprint: roots.fingerprint,
            first_use: !expected.iter().any(|(_, digest)| digest.is_some()),
            pinned,
            checkpoint: shown,
            size: checkpoint.size,
            root_note: roots.newest(),
            expires: current.expires.clone(),
        };
        let view = Self {
            source: source.clone(),
            options: options.clone(),
            info,
            roots,
            root_chain,
            checkpoint,
            now,
            names: OnceCell::new(),
            memory: Memory::read(memory)?,
            remembered,
            written: None,
            refused: AtomicBool::new(false),
            packages: Mutex::default(),
            scopes: Mutex::default(),
            replayed: Mutex::default(),
            evidence: Mutex::default(),
        };
        Ok(Some(view))
    }

    /// Writes the state down; `false` when another process wrote another state since, which
    /// must be compared first.
    async fn remember(&mut self) -> Result<bool, ReadError> {
        let Some((dir, url)) = place(&self.source, &self.options) else {
            return Ok(true);
        };
        let seen = self.remembered.as_ref();
        let is_known = seen.is_some_and(|seen| !seen.checkpoint.is_empty());
        if !is_known && self.options.locked.is_empty() {
            // Nothing but the checkpoint vouches for this log yet, so the log must exist.
            self.names().await?;
        }
        let roots = self.newest_roots();
        let newest = roots.newest();
        let new = Remembered {
            url,
            origin: self.info.origin.clone(),
            root: self.info.fingerprint,
            checkpoint: self.info.checkpoint.clone(),
            root_seq: newest.seq,
            root_note: Some(newest),
            sightings: vec![Sighting {
                size: self.checkpoint.size,
                at: self.now,
            }],
            first_seen: text::time_of(self.now),
            pinned: self.info.pinned,
        };
        self.written = state::advance(dir, self.remembered.as_ref(), &new, roots)?;
        Ok(self.written.is_some())
    }
}

/// Decides about a registry without root notes.
async fn unsigned(
    source: &Source,
    options: &TrustOptions,
    remembered: bool,
) -> Result<Option<View>, ReadError> {
    let known = [
        (PinSource::Pin, options.pin.is_some()),
        (PinSource::Lock, !options.locked.is_empty()),
        (PinSource::State, remembered),
    ];
    let known = known.into_iter().find(|(_, known)| *known);
    if (known.is_some() || options.required) && !source.is_offline() {
        // A mistyped URL is no attack, and must not be reported as one.
        source.is_there().await?;
    }
    if let Some((by, _)) = known {
        return Err(TrustError::Downgraded { by }.into());
    }
    if options.required {
        return Err(TrustError::NotSigned.into());
    }
    // Lumen writes the list first. Where it costs nothing, others are not trusted to.
    let note = Key::root_note(1);
    if source.storage().capabilities().cheap_reads
        && source
            .storage()
            .get(&note, MAX_ROOTS_BYTES)
            .await?
            .is_some()
    {
        return Err(unfinished(&note, &Key::root_index()).into());
    }
    Ok(None)
}

fn unfinished(file: &Key, missing: &Key) -> TrustError {
    TrustError::Unfinished {
        file: file.clone(),
        missing: missing.clone(),
    }
}

fn earlier(note: &str) -> Result<Checkpoint, TrustError> {
    state::checkpoint_of(note).map_err(|reason| TrustError::Checkpoint {
        reason: format!("the one remembered or locked: {reason}"),
    })
}

/// Fails when the log shown has fewer entries than the one seen before.
const fn not_behind(seen: u64, shown: u64) -> Result<(), TrustError> {
    match shown < seen {
        true => Err(TrustError::Rollback {
            from: seen,
            to: shown,
        }),
        false => Ok(()),
    }
}

/// Whether the log shown is the one seen before, grown or not.
async fn continues(
    source: &Source,
    (old_note, old): (&str, &Checkpoint),
    (new_note, new): (&str, &Checkpoint),
    memory: Option<(&Path, &str)>,
) -> Result<(), ReadError> {
    let forked = || {
        let evidence = memory.map(|(dir, url)| state::save_evidence(dir, url, old_note, new_note));
        Ok::<_, ReadError>(TrustError::Fork {
            from: old.size,
            to: new.size,
            evidence: evidence.transpose()?,
        })
    };
    if old.origin != new.origin {
        let reason = format!("it was that of `{}` before", old.origin);
        return Err(TrustError::Checkpoint { reason }.into());
    }
    not_behind(old.size, new.size)?;
    if old.size == new.size {
        return match old.root == new.root {
            true => Ok(()),
            false => Err(forked()?.into()),
        };
    }
    match files::growth(source, old, new).await? {
        Growth::Continues => Ok(()),
        Growth::Forked => Err(forked()?.into()),
    }
}
