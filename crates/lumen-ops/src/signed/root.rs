//! Changes of a registry's root note.

use lumen_core::{
    limits::MAX_CHECKPOINT_SIGNATURES,
    signing::{CosignerKey, PublicKey},
    trust::{NamePolicy, RootHistory, RootNote},
};

use crate::error::{ChangeError, OpsError};

/// One change of the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootChange {
    /// One more root key.
    AddKey(PublicKey),
    /// One root key less.
    RemoveKey(PublicKey),
    /// How many root keys have to sign.
    SetThreshold(u32),
    /// One more key that may write to the log.
    AddLogKey(PublicKey),
    /// One key less that may write to the log.
    RemoveLogKey(PublicKey),
    /// One more witness, and the new requirements on witnesses.
    AddWitness {
        /// Its key.
        key: PublicKey,
        /// Whether it checks every entry and the map, not only that the log grew.
        validating: bool,
        /// How many witnesses must have signed, validating or not.
        quorum: Option<u32>,
        /// How many validating witnesses must have signed.
        validating_quorum: Option<u32>,
        /// How old the newest of their signatures may be, in seconds.
        max_age: Option<u64>,
    },
    /// One witness less. A quorum that the others cannot reach becomes as small as they are many.
    RemoveWitness(PublicKey),
    /// One more moderator, or another threshold.
    AddModerator {
        /// Its key.
        key: PublicKey,
        /// How many moderators have to sign; `None`: as many as now, at least one.
        threshold: Option<u32>,
    },
    /// One moderator less.
    RemoveModerator {
        /// Its key.
        key: PublicKey,
        /// How many moderators have to sign; `None`: as many as now.
        threshold: Option<u32>,
    },
    /// Who gets a free name.
    Policy {
        /// Anybody, or publishers that the names keys approve.
        policy: NamePolicy,
        /// The names keys; empty: those there are.
        keys: Vec<PublicKey>,
        /// How many of them have to agree; nothing: as many as now, at least one.
        threshold: Option<u32>,
    },
    /// One key in the place of another, but beside it as a log key.
    Rotate {
        /// The key that goes.
        old: PublicKey,
        /// The key that comes.
        new: PublicKey,
    },
    /// When the note stops to be valid; nothing: never.
    Expire(Option<String>),
}

/// The note that would make a change.
///
/// # Errors
/// When there is nothing to change, or too few keys would be left.
pub fn next(roots: &RootHistory, change: &RootChange, now: &str) -> Result<RootNote, OpsError> {
    let mut note = roots.current().clone();
    note.seq += 1;
    note.prev = Some(*roots.last());
    now.clone_into(&mut note.time);
    let origin = note.origin.clone();
    let log = |key: &PublicKey| key.renamed(&origin).map_err(ChangeError::Key);
    match change {
        RootChange::AddKey(key) => add(&mut note.root, key.clone(), "root key")?,
        RootChange::RemoveKey(key) => {
            remove(&mut note.root, key, "root key")?;
            reachable(note.threshold, note.root.len(), "root keys")?;
        }
        RootChange::SetThreshold(threshold) => {
            reachable(*threshold, note.root.len(), "root keys")?;
            note.threshold = *threshold;
        }
        RootChange::AddLogKey(key) => add(&mut note.log, log(key)?, "log key")?,
        RootChange::RemoveLogKey(key) => {
            remove(&mut note.log, key, "log key")?;
            reachable(1, note.log.len(), "log keys")?;
        }
        RootChange::AddWitness {
            key,
            validating,
            quorum,
            validating_quorum,
            max_age,
        } => {
            let demands = quorum.or(*validating_quorum).is_some() || max_age.is_some();
            if !add_witness(&mut note, key, *validating) && !demands {
                return Err(already(key, "witness"));
            }
            note.witness_quorum = quorum.unwrap_or(note.witness_quorum);
            note.validating_quorum = validating_quorum.unwrap_or(note.validating_quorum);
            note.max_age = max_age.or(note.max_age);
            let (validators, all) = (note.validators.len(), note.all_witnesses().count());
            quorum_within(note.witness_quorum, all, "witnesses")?;
            quorum_within(note.validating_quorum, validators, "validating witnesses")?;
            if note.max_age.is_some() && !note.has_quorum() {
                return Err(ChangeError::AgeOfNothing.into());
            }
        }
        RootChange::RemoveWitness(key) => {
            let before = note.all_witnesses().count();
            let other = |witness: &CosignerKey| witness.key().bytes() != key.bytes();
            note.witnesses.retain(other);
            note.validators.retain(other);
            let (validators, left) = (note.validators.len(), note.all_witnesses().count());
            if left == before {
                return Err(unknown(key, "witness"));
            }
            // Otherwise the operator could not remove a dead witness.
            let at_most =
                |quorum: u32, keys: usize| quorum.min(u32::try_from(keys).unwrap_or(quorum));
            note.witness_quorum = at_most(note.witness_quorum, left);
            note.validating_quorum = at_most(note.validating_quorum, validators);
            note.max_age = note.max_age.filter(|_| note.has_quorum());
        }
        RootChange::AddModerator { key, threshold } => {
            let is_one = (note.moderators.iter()).any(|other| other.bytes() == key.bytes());
            let needed = threshold.unwrap_or(note.moderator_threshold.max(1));
            if !is_one || needed == note.moderator_threshold {
                add(&mut note.moderators, key.clone(), "moderator")?;
            }
            reachable(needed, note.moderators.len(), "moderators")?;
            note.moderator_threshold = needed;
        }
        RootChange::RemoveModerator { key, threshold } => {
            remove(&mut note.moderators, key, "moderator")?;
            note.moderator_threshold = match note.moderators.len() {
                0 => 0,
                left => {
                    let needed = threshold.unwrap_or(note.moderator_threshold);
                    reachable(needed, left, "moderators")?;
                    needed
                }
            };
        }
        RootChange::Policy {
            policy,
            keys,
            threshold,
        } => {
            note.policy = *policy;
            if !keys.is_empty() {
                note.names.clone_from(keys);
            }
            let least = u32::from(*policy == NamePolicy::Approve || !note.names.is_empty());
            note.names_threshold = threshold.unwrap_or(note.names_threshold.max(least));
            if least > 0 || note.names_threshold > 0 {
                reachable(note.names_threshold, note.names.len(), "names keys")?;
            }
        }
        RootChange::Rotate { old, new } => rotate(&mut note, old, new, &log(new)?)?,
        RootChange::Expire(expires) => note.expires.clone_from(expires),
    }
    if let Some(witness) = note.insider() {
        return Err(ChangeError::Insider {
            key: witness.key().to_string(),
        }
        .into());
    }
    Ok(note)
}

/// Whether two notes list the same keys and rules.
pub fn says_the_same(one: &RootNote, other: &RootNote) -> bool {
    let other = RootNote {
        seq: one.seq,
        prev: one.prev,
        time: one.time.clone(),
        ..other.clone()
    };
    *one == other
}

/// Lists a witness in its role. `false`: it has that role already.
fn add_witness(note: &mut RootNote, key: &PublicKey, validating: bool) -> bool {
    let same = |witness: &CosignerKey| witness.key().bytes() == key.bytes();
    let (own, other) = match validating {
        true => (&mut note.validators, &mut note.witnesses),
        false => (&mut note.witnesses, &mut note.validators),
    };
    if own.iter().any(same) {
        return false;
    }
    other.retain(|witness| !same(witness));
    own.push(CosignerKey::new(key.clone()));
    true
}

/// Fails when a checkpoint has no room for that many witnesses beside the log key.
fn quorum_within(quorum: u32, keys: usize, whose: &'static str) -> Result<(), OpsError> {
    if quorum > 0 {
        reachable(quorum, keys, whose)?;
    }
    match usize::try_from(quorum).is_ok_and(|quorum| quorum < MAX_CHECKPOINT_SIGNATURES) {
        true => Ok(()),
        false => Err(ChangeError::NoRoom { quorum, whose }.into()),
    }
}

/// A new log key is added beside the old one: the writer's key must be a log key before and after.
fn rotate(
    note: &mut RootNote,
    old: &PublicKey,
    new: &PublicKey,
    log: &PublicKey,
) -> Result<(), OpsError> {
    let has =
        |keys: &[PublicKey], key: &PublicKey| keys.iter().any(|other| other.bytes() == key.bytes());
    let mut found = false;
    let role = "root key, names key or moderator";
    for keys in [&mut note.root, &mut note.names, &mut note.moderators] {
        if has(keys, old) {
            add(keys, new.clone(), role)?;
            remove(keys, old, role)?;
            found = true;
        }
    }
    if has(&note.log, old) {
        if !has(&note.log, log) {
            note.log.push(log.clone());
        }
        found = true;
    }
    match found {
        true => Ok(()),
        false => Err(unknown(old, "root key, log key, names key or moderator")),
    }
}

/// Adds a key that is not there yet, under any name.
pub fn add(keys: &mut Vec<PublicKey>, key: PublicKey, role: &'static str) -> Result<(), OpsError> {
    if keys.iter().any(|other| other.bytes() == key.bytes()) {
        return Err(already(&key, role));
    }
    keys.push(key);
    Ok(())
}

/// Removes a key, whatever its name there is.
pub fn remove(
    keys: &mut Vec<PublicKey>,
    key: &PublicKey,
    role: &'static str,
) -> Result<(), OpsError> {
    let before = keys.len();
    keys.retain(|other| other.bytes() != key.bytes());
    match keys.len() < before {
        true => Ok(()),
        false => Err(unknown(key, role)),
    }
}

/// Fails when a threshold is 0 or higher than the number of keys.
pub fn reachable(threshold: u32, keys: usize, whose: &'static str) -> Result<(), OpsError> {
    let enough = usize::try_from(threshold).is_ok_and(|threshold| threshold <= keys);
    match threshold > 0 && enough {
        true => Ok(()),
        false => Err(ChangeError::Unreachable {
            threshold,
            keys,
            whose,
        }
        .into()),
    }
}

fn already(key: &PublicKey, role: &'static str) -> OpsError {
    ChangeError::Already {
        key: key.fingerprint(),
        role,
    }
    .into()
}

fn unknown(key: &PublicKey, role: &'static str) -> OpsError {
    ChangeError::NotOne {
        key: key.fingerprint(),
        role,
    }
    .into()
}

#[cfg(test)]
mod tests;
