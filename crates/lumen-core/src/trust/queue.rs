//! Claims of names that wait for the names keys.
//!
//! With the policy `approve`, a claim waits in the registry until enough names keys have
//! signed it. Clients do not trust this folder: it is a set of notes, each under the hash
//! of its bytes, and only their signatures count. To collect signatures, an approver adds
//! the same claim again with more of them.

use std::collections::BTreeMap;

use super::{
    event::{Entry, EntryError},
    owners::OwnersNote,
    rejection::{self, Rejection},
    root::RootNote,
    text::FormError,
};
use crate::{digest::Digest, note::Note, signing::PublicKey, tile::entries::MAX_LEAF};

/// A claim that its own admins signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// SHA-256 of its text, by which people and rejections name it.
    pub id: Digest,
    /// What it says.
    pub claim: OwnersNote,
    /// Its text with all good signatures of its admins and of names keys that are there.
    pub note: Note,
    /// The newest rejection by a names key, if there is one.
    pub rejected: Option<Rejection>,
}

/// The claims among files of the queue, by name and then in the order of their times;
/// any other file, or a claim without the required signatures, is left out.
pub fn claims<'f>(files: impl IntoIterator<Item = &'f [u8]>, root: &RootNote) -> Vec<Claim> {
    let mut claims: BTreeMap<Digest, Claim> = BTreeMap::new();
    let mut rejections: Vec<Rejection> = Vec::new();
    for bytes in files {
        let Ok((file, note)) = parse(bytes) else {
            continue;
        };
        match file {
            File::Rejection(rejection) => {
                let signed = note.verified(&root.names);
                let signed = signed.is_ok_and(|signers| !signers.is_empty());
                if signed && rejection.origin == root.origin {
                    rejections.push(rejection);
                }
            }
            File::Claim(claim) if claim.seq == 1 && claim.origin == root.origin => {
                let keys: Vec<&PublicKey> = claim.admins.iter().chain(&root.names).collect();
                let Some(note) = only_good(&note, &keys) else {
                    continue;
                };
                let id = Digest::of(note.text.as_bytes());
                match claims.get_mut(&id) {
                    Some(known) => merge(&mut known.note, note),
                    None => {
                        let rejected = None;
                        let claim = Claim {
                            id,
                            claim,
                            note,
                            rejected,
                        };
                        claims.insert(id, claim);
                    }
                }
            }
            File::Claim(_) => {}
        }
    }
    rejections.sort_by(|a, b| a.time.cmp(&b.time));
    for rejection in rejections {
        if let Some(claim) = claims.get_mut(&rejection.claim) {
            claim.rejected = Some(rejection);
        }
    }
    let mut claims: Vec<Claim> = claims.into_values().filter(by_admins).collect();
    let order = |claim: &Claim| (claim.claim.name.to_string(), claim.claim.time.clone());
    claims.sort_by_key(order);
    claims
}

enum File {
    Claim(OwnersNote),
    Rejection(Rejection),
}

fn parse(bytes: &[u8]) -> Result<(File, Note), EntryError> {
    if bytes.len() > MAX_LEAF {
        return Err(EntryError::TooLarge);
    }
    let note = Note::parse(bytes)?;
    if note.text.starts_with(rejection::KIND) {
        let rejection = Rejection::parse(&note.text)?;
        return Ok((File::Rejection(rejection), note));
    }
    match Entry::parse(bytes)? {
        (Entry::Owners(claim), _) => Ok((File::Claim(claim), note)),
        _ => Err(EntryError::Form(FormError {
            line: 1,
            expected: "the kind of a claim or a rejection".into(),
        })),
    }
}

/// The note with the signatures of these keys alone; nothing if one of those is not good.
fn only_good(note: &Note, keys: &[&PublicKey]) -> Option<Note> {
    note.verified(keys.iter().copied()).ok()?;
    let known = |name: &str, id: &[u8; 4]| {
        let mut keys = keys.iter();
        keys.any(|key| key.name() == name && key.id() == *id)
    };
    let mut note = note.clone();
    note.signatures
        .retain(|signature| known(&signature.name, &signature.id));
    Some(note)
}

fn merge(into: &mut Note, from: Note) {
    for signature in from.signatures {
        let mut there = into.signatures.iter();
        if !there.any(|other| other.name == signature.name && other.id == signature.id) {
            into.signatures.push(signature);
        }
    }
}

fn by_admins(claim: &Claim) -> bool {
    let signers = claim.note.verified(&claim.claim.admins);
    signers.is_ok_and(|signers| signers.len() >= claim.claim.threshold as usize)
}
