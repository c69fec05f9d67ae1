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
    for keys in [&mut note.root, &mut note.names] {
        if has(keys, old) {
            add(keys, new.clone(), "root or names key")?;
            remove(keys, old, "root or names key")?;
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
        false => Err(unknown(old, "root, log or names key")),
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
mod tests {
    use lumen_core::{note::Note, signing::SecretKey, trust::Event};

    use super::*;
    use crate::signed::proposal::{Change, Proposal, root_needs};

    fn key(name: &str, seed: u8) -> SecretKey {
        SecretKey::from_seed(name, [seed; 32]).unwrap()
    }

    fn first(keys: &[&SecretKey], threshold: u32) -> RootHistory {
        let note = RootNote {
            threshold,
            root: keys.iter().map(|key| key.public().clone()).collect(),
            ..RootNote::first(
                "test/1",
                "2026-01-01T00:00:00Z",
                keys[0].public().clone(),
                keys[0].public().renamed("test/1").unwrap(),
            )
        };
        let mut note = Note::unsigned(note.to_text()).unwrap();
        for key in keys {
            note.add(key.public(), key.sign(note.text.as_bytes()));
        }
        let note = note.to_text();
        RootHistory::verify(&[Event { i: 0, note }], None).unwrap()
    }

    const NOW: &str = "2026-02-01T00:00:00Z";

    #[test]
    fn two_of_two_sign_one_after_the_other() {
        let (ada, bob, eve) = (key("ada", 1), key("bob", 2), key("eve", 3));
        let roots = first(&[&ada, &bob], 2);
        let change = RootChange::AddKey(eve.public().clone());
        let note = next(&roots, &change, NOW).unwrap();
        let needs = root_needs(&roots, &note);
        let mut proposal = Proposal::new(Change::Root(note.clone())).unwrap();
        assert_eq!(proposal.missing(&needs).unwrap().len(), 2);
        assert!(proposal.sign(&ada, &needs).unwrap());
        let mut read = Proposal::parse(&proposal.note.to_text()).unwrap();
        let missing = read.missing(&needs).unwrap();
        assert_eq!((missing.len(), missing[0].more), (2, 1));
        assert_eq!(missing[0].keys, [bob.public().clone()]);
        assert!(read.sign(&bob, &needs).unwrap());
        assert!(read.missing(&needs).unwrap().is_empty());
        roots.check_next(5, &note, &read.note).unwrap();
        assert!(!read.sign(&key("mallory", 9), &needs).unwrap());
    }

    #[test]
    fn an_unsigned_proposal_reads_back() {
        let ada = key("ada", 1);
        let roots = first(&[&ada], 1);
        let note = next(&roots, &RootChange::Expire(Some(NOW.into())), NOW).unwrap();
        let proposal = Proposal::new(Change::Root(note)).unwrap();
        let read = Proposal::parse(&proposal.note.to_text()).unwrap();
        assert_eq!(
            (&read.change, &read.note),
            (&proposal.change, &proposal.note)
        );
        assert!(Proposal::parse("hello\n\n").is_err());
    }

    #[test]
    fn changes_that_cannot_be_are_refused() {
        let (ada, bob) = (key("ada", 1), key("bob", 2));
        let roots = first(&[&ada], 1);
        let (ada, bob) = (ada.public().clone(), bob.public().clone());
        for change in [
            RootChange::AddKey(ada.renamed("other").unwrap()),
            RootChange::RemoveKey(ada.clone()),
            RootChange::RemoveKey(bob.clone()),
            RootChange::SetThreshold(2),
            RootChange::SetThreshold(0),
            RootChange::RemoveLogKey(ada.clone()),
            RootChange::RemoveWitness(bob.clone()),
            RootChange::AddWitness {
                key: bob.clone(),
                validating: false,
                quorum: None,
                validating_quorum: None,
                max_age: Some(60),
            },
            RootChange::Policy {
                policy: NamePolicy::Approve,
                keys: Vec::new(),
                threshold: None,
            },
            RootChange::Rotate {
                old: bob.clone(),
                new: ada.clone(),
            },
        ] {
            assert!(next(&roots, &change, NOW).is_err(), "{change:?}");
        }
        for (validating, quorum, validating_quorum) in [
            (false, Some(2), None),
            (false, None, Some(1)),
            (true, Some(1), Some(2)),
            (true, Some(16), None),
            (true, None, None),
        ] {
            let whose = if quorum.or(validating_quorum).is_some() {
                &bob
            } else {
                &ada
            };
            let change = RootChange::AddWitness {
                key: whose.renamed("witness").unwrap(),
                validating,
                quorum,
                validating_quorum,
                max_age: None,
            };
            assert!(next(&roots, &change, NOW).is_err(), "{change:?}");
        }
        let rotated = RootChange::Rotate {
            old: ada,
            new: bob.clone(),
        };
        let rotated = next(&roots, &rotated, NOW).unwrap();
        assert_eq!(rotated.root, std::slice::from_ref(&bob));
        let log = bob.renamed("test/1").unwrap();
        assert_eq!((rotated.log.len(), &rotated.log[1]), (2, &log));
    }

    #[test]
    fn witnesses_change_their_role_and_go() {
        let (ada, bob) = (key("ada", 1), key("bob", 2));
        let roots = first(&[&ada], 1);
        let add = |validating| RootChange::AddWitness {
            key: bob.public().clone(),
            validating,
            quorum: Some(1),
            validating_quorum: validating.then_some(1),
            max_age: Some(60),
        };
        let plain = next(&roots, &add(false), NOW).unwrap();
        assert!(plain.to_text().starts_with("lumen/root/v1\n"));
        let validating = next(&roots, &add(true), NOW).unwrap();
        assert_eq!(
            (validating.witnesses.len(), validating.validators.len()),
            (0, 1)
        );
        let text = validating.to_text();
        assert!(text.starts_with("lumen/root/v2\n"), "{text}");
        assert_eq!(RootNote::parse(&text).as_ref(), Ok(&validating));
        let mut note = Note::unsigned(text).unwrap();
        note.add(ada.public(), ada.sign(note.text.as_bytes()));
        let events = [
            Event {
                i: 0,
                note: first_note(&roots, &ada),
            },
            Event {
                i: 2,
                note: note.to_text(),
            },
        ];
        let roots = RootHistory::verify(&events, None).unwrap();
        let change = RootChange::RemoveWitness(bob.public().renamed("old-name").unwrap());
        let gone = next(&roots, &change, NOW).unwrap();
        assert!(!gone.has_quorum());
        assert_eq!((gone.max_age, gone.all_witnesses().count()), (None, 0));
        assert!(gone.to_text().starts_with("lumen/root/v1\n"));
    }

    fn first_note(roots: &RootHistory, key: &SecretKey) -> String {
        let mut note = Note::unsigned(roots.current().to_text()).unwrap();
        note.add(key.public(), key.sign(note.text.as_bytes()));
        note.to_text()
    }
}
