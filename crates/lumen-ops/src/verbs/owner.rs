//! Owners of names: claims and changes.

use std::path::Path;

use lumen_core::{
    PackageName,
    signing::PublicKey,
    trust::{OwnersHistory, OwnersNote, Publisher, Revoked, Subject, text},
};

use crate::{
    error::{ChangeError, OfScope, OpsError},
    session::Session,
    signed::{
        self, Change, Owned, Proposal, Submitted, proposal,
        root::{add, reachable, remove},
    },
};

/// One change of owners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnersChange {
    /// The first note of a free name.
    Claim,
    /// One more key that may publish.
    Add {
        /// The key.
        key: PublicKey,
        /// Whether it may change the owners, too.
        admin: bool,
        /// If not everything: the one package of the scope.
        only: Option<PackageName>,
        /// The last moment, in seconds since 1970; nothing: without an end.
        until: Option<i64>,
    },
    /// One key less.
    Remove {
        /// The key.
        key: PublicKey,
        /// Whether it stays a publisher.
        admin_only: bool,
    },
    /// Other owners in the place of all there are.
    Transfer(Vec<PublicKey>),
    /// Nothing that a key signs from a place in the log on counts.
    Revoke {
        /// The key.
        key: PublicKey,
        /// The place; nothing: the end of the log.
        from: Option<u64>,
    },
    /// How many admins have to sign.
    Threshold(u32),
    /// How many publishers have to sign a release.
    PublishThreshold(u32),
}

/// How a change is made.
#[derive(Debug, Clone, Default)]
pub struct How<'a> {
    /// How many admins have to sign from now on, if that changes, too.
    pub threshold: Option<u32>,
    /// Whether the names keys decide, in the place of the admins.
    pub is_override: bool,
    /// Where to write a proposal instead.
    pub out: Option<&'a Path>,
}

/// The owners of a name.
///
/// # Errors
/// When it has no owner, or the registry is not trustworthy.
pub fn list(session: &Session<'_>, owned: &Owned) -> Result<OwnersHistory, OpsError> {
    let registry = signed::open_for(session, &owned.subject)?;
    let owners = signed::owners(session, &registry, &owned.subject)?;
    match owners.current() {
        Some(_) => Ok(owners),
        None => Err(signed::unowned(&owned.subject)),
    }
}

/// The result of a change of owners.
#[derive(Debug)]
pub struct Changed {
    /// The change.
    pub submitted: Submitted,
    /// Log keys of the registry that the key has which is no owner any more: with them it can
    /// still add to the log.
    pub log_keys: Vec<PublicKey>,
    /// New owners who have no log key of the registry: they cannot write to it.
    pub without_log_key: Vec<PublicKey>,
    /// Whether this user's key is a root key, which may add and remove log keys.
    pub is_root: bool,
}

/// Changes owners, or writes a proposal of it to be signed by others. The change may
/// look at the owners there are.
///
/// # Errors
/// When the change is not possible, this user's key was revoked, or the registry cannot be
/// written.
pub fn change(
    session: &Session<'_>,
    owned: &Owned,
    how: &How<'_>,
    change: impl FnOnce(&[PublicKey]) -> Result<OwnersChange, OpsError>,
) -> Result<Changed, OpsError> {
    let registry = signed::open_for(session, &owned.subject)?;
    let newest = signed::newest(session, &registry, Some(&owned.subject))?;
    let (roots, owners) = (&newest.roots, newest.owners);
    let change = change(&known(&owners))?;
    let now = session.timestamp();
    let mut next = match (&change, owners.current()) {
        (OwnersChange::Claim, None) => {
            let (origin, subject) = (roots.origin(), owned.subject.clone());
            OwnersNote::claim(origin, subject, &session.public_key()?, &now)
        }
        (OwnersChange::Claim, Some(_)) => {
            return Err(ChangeError::Owned(owned.subject.clone()).into());
        }
        (_, None) => return Err(signed::unowned(&owned.subject)),
        (_, Some(now)) => OwnersNote {
            seq: now.seq + 1,
            prev: owners.last().copied(),
            is_override: how.is_override,
            ..now.clone()
        },
    };
    next.time = now;
    let size = newest.size;
    make(&mut next, owned, &change, (size, session.now()))?;
    next.threshold = how.threshold.unwrap_or(next.threshold);
    reachable(next.threshold, next.counting_admins(size).count(), "admins")?;
    publishers_reach(&next, session.now())?;
    // Choosing the same number again renews a note; no other change is made for nothing.
    let is_renewal = matches!(change, OwnersChange::Threshold(_));
    let now = owners.current().filter(|_| !is_renewal);
    if now.is_some_and(|now| says_the_same(now, &next)) {
        return Err(ChangeError::Nothing("the owners").into());
    }
    if let Some(now) = owners.current().filter(|_| !how.is_override) {
        counts(now, &session.public_key()?)?;
    }
    let needs = proposal::owners_needs(roots, &owners, &next, size);
    let proposal = Proposal::new(Change::Owners(next))?;
    let submitted = signed::submit(session, &registry, proposal, &needs, how.out)?;
    let gone = match &change {
        OwnersChange::Revoke { key, .. } => Some(key),
        OwnersChange::Remove {
            key,
            admin_only: false,
        } => Some(key),
        _ => None,
    };
    let root = registry.roots.current();
    let among = |keys: &[PublicKey], key: &PublicKey| {
        let same = keys.iter().filter(|other| other.bytes() == key.bytes());
        same.cloned().collect::<Vec<_>>()
    };
    let log_keys = gone.map(|key| among(&root.log, key)).unwrap_or_default();
    let new = match &change {
        OwnersChange::Add { key, .. } => std::slice::from_ref(key),
        OwnersChange::Transfer(keys) => keys,
        _ => &[],
    };
    let lacks = |key: &&PublicKey| among(&root.log, key).is_empty();
    Ok(Changed {
        submitted,
        log_keys,
        without_log_key: new.iter().filter(lacks).cloned().collect(),
        is_root: !among(&root.root, &session.public_key()?).is_empty(),
    })
}

/// Whether two notes list the same owners.
fn says_the_same(one: &OwnersNote, other: &OwnersNote) -> bool {
    let other = OwnersNote {
        seq: one.seq,
        prev: one.prev,
        time: one.time.clone(),
        is_override: one.is_override,
        ..other.clone()
    };
    *one == other
}

/// Fails for an admin whose key was revoked, and is still listed.
fn counts(now: &OwnersNote, key: &PublicKey) -> Result<(), OpsError> {
    let is_admin = now.admins.iter().any(|admin| admin.bytes() == key.bytes());
    match now.revoked_from(key).filter(|_| is_admin) {
        None => Ok(()),
        Some(from) => Err(ChangeError::RevokedAdmin {
            key: key.fingerprint(),
            name: now.name.clone(),
            from,
        }
        .into()),
    }
}

/// Fails for a key that is to become an owner and is revoked.
fn unrevoked(note: &OwnersNote, key: &PublicKey) -> Result<(), OpsError> {
    match note.revoked_from(key) {
        None => Ok(()),
        Some(from) => Err(ChangeError::Revoked {
            key: key.fingerprint(),
            from,
        }
        .into()),
    }
}

/// Every key that the owners' note in force names.
fn known(owners: &OwnersHistory) -> Vec<PublicKey> {
    let Some(note) = owners.current() else {
        return Vec::new();
    };
    let publishers = note.publishers.iter().map(|publisher| &publisher.key);
    note.admins.iter().chain(publishers).cloned().collect()
}

/// Fails when fewer publishers are left than have to sign a release.
fn publishers_reach(note: &OwnersNote, now: i64) -> Result<(), OpsError> {
    match note.publish_threshold {
        1 => Ok(()),
        threshold => reachable(threshold, note.publishing_keys(now), "publishers"),
    }
}

/// The package that a new publisher is restricted to: the one of the name, or the one that was
/// given beside it.
fn restricted(owned: &Owned, only: Option<&PackageName>) -> Result<Option<PackageName>, OpsError> {
    match (only, &owned.only) {
        (Some(only), Some(named)) if only != named => Err(ChangeError::Elsewhere {
            only: only.clone(),
            name: named.to_string(),
        }
        .into()),
        (Some(only), _) if Subject::owner_of(only) != owned.subject => {
            Err(ChangeError::Elsewhere {
                only: only.clone(),
                name: owned.subject.to_string(),
            }
            .into())
        }
        // The owner of a name without a scope has no other package.
        (Some(_), None) if matches!(owned.subject, Subject::Package(_)) => Ok(None),
        (only, named) => Ok(only.or(named.as_ref()).cloned()),
    }
}

/// Makes a change in a log of this size, at this time in seconds since 1970.
fn make(
    note: &mut OwnersNote,
    owned: &Owned,
    change: &OwnersChange,
    (size, now): (u64, i64),
) -> Result<(), OpsError> {
    // What has ended allows nothing any more.
    note.publishers
        .retain(|publisher| publisher.is_in_time(now));
    match change {
        OwnersChange::Claim => {}
        OwnersChange::Add {
            key,
            admin,
            only,
            until,
        } => {
            unrevoked(note, key)?;
            if let Some(until) = until.filter(|until| *until <= now) {
                return Err(ChangeError::Over(text::time_of(until)).into());
            }
            let publisher = Publisher {
                key: key.clone(),
                only: restricted(owned, only.as_ref())?,
                until: *until,
            };
            let covered = note.publishers.iter().any(|other| other.covers(&publisher));
            if *admin {
                add(&mut note.admins, key.clone(), "admin")?;
            } else if covered {
                return Err(ChangeError::Already {
                    key: key.fingerprint(),
                    role: "publisher",
                }
                .into());
            }
            if !covered {
                note.publishers.retain(|other| !publisher.covers(other));
                note.publishers.push(publisher);
            }
        }
        OwnersChange::Remove { key, admin_only } => {
            let publishers = note.publishers.len();
            if !admin_only {
                let goes = |other: &Publisher| {
                    other.key.bytes() == key.bytes()
                        && (owned.only.is_none() || other.only == owned.only)
                };
                note.publishers.retain(|other| !goes(other));
            }
            // A package of a scope has publishers of its own, but no admins.
            let is_admin = note.admins.iter().any(|admin| admin.bytes() == key.bytes());
            if is_admin && owned.only.is_none() {
                remove(&mut note.admins, key, "admin")?;
            } else if note.publishers.len() == publishers {
                return Err(ChangeError::NotOne {
                    key: key.fingerprint(),
                    role: "owner",
                }
                .into());
            }
        }
        OwnersChange::Transfer(keys) => {
            whole(owned, OfScope::Transfer)?;
            keys.iter().try_for_each(|key| unrevoked(note, key))?;
            note.publishers = keys.iter().cloned().map(Publisher::always).collect();
            note.admins.clone_from(keys);
            note.threshold = 1;
            note.publish_threshold = 1;
        }
        OwnersChange::Revoke { key, from } => {
            whole(owned, OfScope::Revoke)?;
            let from = from.unwrap_or(size);
            note.publishers
                .retain(|other| other.key.bytes() != key.bytes());
            note.admins.retain(|other| other.bytes() != key.bytes());
            let mut old = note.revoked.iter_mut();
            match old.find(|old| old.key.bytes() == key.bytes()) {
                Some(old) => old.from = old.from.min(from),
                None => note.revoked.push(Revoked {
                    key: key.clone(),
                    from,
                }),
            }
        }
        OwnersChange::Threshold(threshold) => note.threshold = *threshold,
        OwnersChange::PublishThreshold(threshold) => {
            if *threshold == note.publish_threshold {
                return Err(ChangeError::SameThreshold(*threshold).into());
            }
            reachable(*threshold, note.publishing_keys(now), "publishers")?;
            note.publish_threshold = *threshold;
        }
    }
    Ok(())
}

/// Fails for a package of a scope, which has no owners of its own.
fn whole(owned: &Owned, what: OfScope) -> Result<(), OpsError> {
    match &owned.only {
        None => Ok(()),
        Some(name) => Err(ChangeError::OfScope {
            name: name.to_string(),
            scope: owned.subject.clone(),
            what,
        }
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use lumen_core::signing::SecretKey;

    use super::*;

    /// 2026-01-01, in seconds since 1970.
    const NOW: i64 = 1_767_225_600;

    fn key(name: &str, seed: u8) -> PublicKey {
        let key = SecretKey::from_seed(name, [seed; 32]).unwrap();
        key.public().clone()
    }

    fn note(subject: &str) -> OwnersNote {
        OwnersNote {
            origin: "test/1".into(),
            name: Owned::parse(subject).unwrap().subject,
            seq: 2,
            prev: Some(lumen_core::Digest::of(b"1")),
            time: "2026-01-01T00:00:00Z".into(),
            is_override: false,
            threshold: 1,
            admins: vec![key("ada", 1)],
            publish_threshold: 1,
            publishers: vec![Publisher {
                key: key("ada", 1),
                only: None,
                until: None,
            }],
            revoked: Vec::new(),
        }
    }

    fn changed(name: &str, changes: &[OwnersChange]) -> Result<OwnersNote, OpsError> {
        let mut note = note(name);
        let owned = Owned::parse(name)?;
        for change in changes {
            make(&mut note, &owned, change, (40, NOW))?;
        }
        publishers_reach(&note, NOW)?;
        reachable(note.threshold, note.counting_admins(40).count(), "admins")?;
        Proposal::new(Change::Owners(note.clone()))?;
        Ok(note)
    }

    fn add_bob(admin: bool) -> OwnersChange {
        OwnersChange::Add {
            key: key("bob", 2),
            admin,
            only: None,
            until: None,
        }
    }

    fn add_ending(only: Option<&str>, until: Option<i64>) -> OwnersChange {
        OwnersChange::Add {
            key: key("bob", 2),
            admin: false,
            only: only.map(|only| only.parse().unwrap()),
            until,
        }
    }

    #[test]
    fn publishers_may_end_and_be_narrow() {
        let hour = Some(NOW + 3600);
        let http = Some("@org/http");
        let note = changed("@org", &[add_ending(http, hour)]).unwrap();
        let line = &note.publishers[1];
        assert_eq!(
            (line.only.as_ref().unwrap().as_str(), line.until),
            ("@org/http", hour)
        );
        // The same for the package by its name, and once more is no change.
        assert_eq!(
            changed("@org/http", &[add_ending(None, hour)]).unwrap(),
            note
        );
        assert!(changed("@org", &[add_ending(http, hour), add_ending(http, hour)]).is_err());
        // A later end takes the place of the earlier one, and so does no end.
        let longer = [add_ending(http, hour), add_ending(http, Some(NOW + 7200))];
        assert_eq!(changed("@org", &longer).unwrap().publishers.len(), 2);
        let always = [add_ending(http, hour), add_ending(None, None)];
        let note = changed("@org", &always).unwrap();
        assert_eq!(note.publishers[1], Publisher::always(key("bob", 2)));
        // One that does not end is not made to end by adding it.
        assert!(changed("@org", &[add_bob(false), add_ending(None, hour)]).is_err());
        for wrong in [
            add_ending(Some("@other/http"), hour),
            add_ending(http, Some(NOW)),
        ] {
            assert!(changed("@org", &[wrong]).is_err());
        }
        let other = add_ending(Some("@org/json"), None);
        assert!(changed("@org/http", &[other]).is_err());
        let own = changed("utils", &[add_ending(Some("utils"), None)]).unwrap();
        assert_eq!(own.publishers[1].only, None);
    }

    #[test]
    fn ended_publishers_go_with_the_next_change() {
        let mut note = changed("utils", &[add_ending(None, Some(NOW + 1))]).unwrap();
        let owned = Owned::parse("utils").unwrap();
        make(&mut note, &owned, &add_bob(true), (41, NOW + 2)).unwrap();
        assert_eq!(note.publishers[1], Publisher::always(key("bob", 2)));
        assert_eq!(note.publishers.len(), 2);
    }

    #[test]
    fn a_threshold_of_publishers_is_one_that_they_reach() {
        let two = OwnersChange::PublishThreshold(2);
        let unreachable = |changes: &[OwnersChange]| {
            let error = changed("utils", changes).unwrap_err();
            error.to_string()
        };
        assert_eq!(
            unreachable(std::slice::from_ref(&two)),
            "2 of 1 publishers cannot sign"
        );
        let note = changed("utils", &[add_bob(false), two.clone()]).unwrap();
        assert_eq!((note.publish_threshold, note.threshold), (2, 1));
        let again = unreachable(&[add_bob(false), two.clone(), two.clone()]);
        assert_eq!(again, "the threshold is 2 already");
        let remove = OwnersChange::Remove {
            key: key("bob", 2),
            admin_only: false,
        };
        let left = unreachable(&[add_bob(false), two.clone(), remove]);
        assert_eq!(left, "2 of 1 publishers cannot sign");
        let zero = OwnersChange::PublishThreshold(0);
        assert!(changed("utils", &[add_bob(false), zero]).is_err());
        let transfer = OwnersChange::Transfer(vec![key("bob", 2)]);
        let note = changed("utils", &[add_bob(false), two, transfer]).unwrap();
        assert_eq!(note.publish_threshold, 1);
    }

    #[test]
    fn names_and_scopes() {
        let owned = Owned::parse("@org/http").unwrap();
        assert_eq!(owned.subject, Subject::Scope("@org".into()));
        assert_eq!(owned.only.unwrap().as_str(), "@org/http");
        assert!(Owned::parse("@org").unwrap().only.is_none());
        assert!(Owned::parse("utils").unwrap().only.is_none());
        assert!(Owned::parse("@root").is_err() && Owned::parse("a b").is_err());
    }

    #[test]
    fn publishers_of_one_package_and_admins() {
        let note = changed("@org/http", &[add_bob(false)]).unwrap();
        assert_eq!(
            note.publishers[1].only.as_ref().unwrap().as_str(),
            "@org/http"
        );
        assert!(changed("@org/http", &[add_bob(false), add_bob(false)]).is_err());
        let note = changed("@org", &[add_bob(true)]).unwrap();
        assert_eq!((note.admins.len(), note.publishers.len()), (2, 2));
        let remove = OwnersChange::Remove {
            key: key("ada", 1),
            admin_only: false,
        };
        let note = changed("@org", &[add_bob(true), remove.clone()]).unwrap();
        assert_eq!(note.admins, [key("bob", 2)]);
        assert!(changed("@org", &[remove]).is_err(), "the last admin");
        let stranger = OwnersChange::Remove {
            key: key("eve", 3),
            admin_only: false,
        };
        assert!(changed("@org", &[stranger]).is_err());
    }

    #[test]
    fn revoked_keys_lose_everything_and_only_get_worse() {
        let revoke = |from| OwnersChange::Revoke {
            key: key("ada", 1),
            from,
        };
        let changes = [
            add_bob(true),
            revoke(None),
            revoke(Some(12)),
            revoke(Some(30)),
        ];
        let note = changed("@org", &changes).unwrap();
        assert_eq!(note.revoked[0].from, 12);
        assert_eq!((note.admins.len(), note.publishers.len()), (1, 1));
        assert!(changed("@org", &[revoke(None)]).is_err(), "the last admin");
        assert!(changed("@org/http", &[revoke(None)]).is_err());
    }

    #[test]
    fn a_transfer_replaces_everybody() {
        let transfer = OwnersChange::Transfer(vec![key("bob", 2)]);
        let note = changed("utils", &[transfer]).unwrap();
        assert_eq!(note.admins, [key("bob", 2)]);
        assert_eq!(note.publishers[0].key, key("bob", 2));
    }
}
