//! Results of commands about keys, owners, roots and what this machine remembers.

use lumen_core::{
    signing::PublicKey,
    trust::{OwnersHistory, text::time_of},
};
use lumen_ops::keys::KeyInfo;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use super::shared::{Lacking, Release, path};

/// A signing key of the user.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Key {
    /// Its name.
    pub name: String,
    /// Its public half.
    pub public: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// The file that has it.
    pub file: String,
    /// Whether a passphrase protects it.
    pub passphrase: bool,
    /// Whether it signs where no other is named.
    pub default: bool,
}

impl From<&KeyInfo> for Key {
    fn from(info: &KeyInfo) -> Self {
        Self {
            name: info.public.name().to_owned(),
            public: info.public.to_string(),
            fingerprint: info.public.fingerprint(),
            file: path(&info.path),
            passphrase: info.sealed,
            default: info.default,
        }
    }
}

/// Signing keys of the user.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Keys {
    /// By name; of `move`, those that were moved.
    pub keys: Vec<Key>,
}

/// The secret half of a key.
#[derive(Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct SecretKey {
    /// Its name.
    pub name: String,
    /// The secret key. A person who has it can sign in the name of its owner.
    #[cfg_attr(test, schemars(with = "String"))]
    #[serde(serialize_with = "as_text")]
    pub secret: zeroize::Zeroizing<String>,
}

fn as_text<S: serde::Serializer>(
    text: &zeroize::Zeroizing<String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// A key that is gone.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct RemovedKey {
    /// Its name.
    pub name: String,
    /// The file that had it.
    pub file: String,
}

/// What became of a change of a root or of owners.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Submitted {
    /// What it is.
    pub subject: String,
    /// Whether it is in the log.
    pub applied: bool,
    /// Its entry there; none when another writer had put it there already.
    pub index: Option<u64>,
    /// The file of the proposal that was written.
    pub file: Option<String>,
    /// Whether this user's key signed it.
    pub signed: bool,
    /// Whether it waits in the registry for the names keys.
    pub queued: bool,
    /// The witnesses that have to sign before readers see it.
    pub waiting: Option<Lacking>,
    /// Signatures that it still needs.
    pub missing: Vec<Missing>,
}

/// Signatures that a change still needs.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Missing {
    /// Whose.
    pub whose: String,
    /// How many more.
    pub more: usize,
    /// The keys that have not signed.
    pub keys: Vec<String>,
}

/// The claims that wait, and those that were rejected.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Claims {
    /// One for each.
    pub claims: Vec<Claim>,
    /// Whether all files of the queue were looked at.
    pub all: bool,
}

/// A claim of a name.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Claim {
    /// The name or scope.
    pub name: String,
    /// SHA-256 of the claim's text.
    pub id: String,
    /// When it was made, by its maker's clock.
    pub time: String,
    /// The admins that it names.
    pub by: Vec<Claimant>,
    /// How many signatures it still needs.
    pub missing: usize,
    /// Why it will not be approved, if a names key said so.
    pub rejected: Option<Rejection>,
}

/// A key that claims a name.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Claimant {
    /// The key.
    pub key: String,
    /// Its fingerprint.
    pub fingerprint: String,
}

/// That a claim was rejected.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Rejection {
    /// When.
    pub time: String,
    /// Why.
    pub reason: String,
}

/// The owners of a name.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Owners {
    /// The name or scope.
    pub name: String,
    /// The number of the ownership note.
    pub seq: u64,
    /// When it was made, by its maker's clock.
    pub time: String,
    /// How many admins must sign a change.
    pub threshold: u32,
    /// How many publishers must sign a release.
    pub publish_threshold: u32,
    /// The keys of the admins.
    pub admins: Vec<String>,
    /// The keys that may publish.
    pub publishers: Vec<Publisher>,
    /// The keys that are revoked.
    pub revoked: Vec<Revoked>,
    /// Where the registry decided about owners, not they themselves.
    pub overrides: Vec<Override>,
}

/// A key that may publish.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Publisher {
    /// The key.
    pub key: String,
    /// The only package that it may publish.
    pub only: Option<String>,
    /// When it may not publish any more, if that is said.
    pub until: Option<String>,
}

/// A key that is revoked.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Revoked {
    /// The key.
    pub key: String,
    /// The first entry of the log that is void.
    pub from: u64,
}

/// A decision of the registry about owners.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Override {
    /// The number of the ownership note.
    pub seq: u64,
    /// Its entry of the log.
    pub index: u64,
    /// When it was made, by its maker's clock.
    pub time: String,
}

impl Owners {
    /// The owners by the newest note; none where there is no note.
    pub fn of(owners: &OwnersHistory) -> Option<Self> {
        let note = owners.current()?;
        let publishers = note.publishers.iter().map(|publisher| Publisher {
            key: publisher.key.to_string(),
            only: publisher.only.as_ref().map(ToString::to_string),
            until: publisher.until.map(time_of),
        });
        let revoked = note.revoked.iter().map(|revoked| Revoked {
            key: revoked.key.to_string(),
            from: revoked.from,
        });
        let overrides = owners.overrides().map(|(index, note)| Override {
            seq: note.seq,
            index: *index,
            time: note.time.clone(),
        });
        Some(Self {
            name: note.name.to_string(),
            seq: note.seq,
            time: note.time.clone(),
            threshold: note.threshold,
            publish_threshold: note.publish_threshold,
            admins: note.admins.iter().map(PublicKey::to_string).collect(),
            publishers: publishers.collect(),
            revoked: revoked.collect(),
            overrides: overrides.collect(),
        })
    }
}

/// The root of a registry.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Root {
    /// The name in the log.
    pub origin: String,
    /// The fingerprint of the registry.
    pub fingerprint: String,
    /// The number of the root note.
    pub root: u64,
    /// When it was made.
    pub time: String,
    /// When it expires, if it does.
    pub expires: Option<String>,
    /// How many entries the log has.
    pub size: u64,
    /// How many root keys must sign a change.
    pub root_threshold: u32,
    /// The root keys.
    pub root_keys: Vec<String>,
    /// The keys that may write to the log.
    pub log_keys: Vec<String>,
    /// `open` or `approve`.
    pub policy: String,
    /// How many names keys must agree.
    pub names_threshold: u32,
    /// The names keys.
    pub names_keys: Vec<String>,
    /// How many moderators must sign what they say.
    pub moderator_threshold: u32,
    /// The keys of the moderators.
    pub moderators: Vec<String>,
    /// How many witnesses, validating or not, must have signed the log.
    pub witness_quorum: u32,
    /// The witnesses that check that the log grew.
    pub witnesses: Vec<String>,
    /// How many validating witnesses must have signed the log.
    pub validating_quorum: u32,
    /// The witnesses that check every entry.
    pub validators: Vec<String>,
    /// How old the newest of their signatures may be, in seconds.
    pub max_age: Option<u64>,
}

/// The signed registries that this machine remembers.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Remembered {
    /// One for each.
    pub registries: Vec<Registry>,
}

/// A signed registry that this machine remembers.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Registry {
    /// Its URL, without secrets.
    pub url: String,
    /// The name in its log; empty while it was only pinned.
    pub origin: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// How many entries of its log were seen.
    pub size: Option<u64>,
    /// When it was seen first.
    pub first_seen: String,
    /// Whether the user said which fingerprint it must have.
    pub pinned: bool,
}

/// What `accept` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(untagged)]
pub enum Accepted {
    /// A registry that was accepted.
    Registry {
        /// What was remembered before.
        before: Option<Box<Registry>>,
        /// What is remembered now.
        now: Box<Registry>,
        /// The lock that was put on that state, with `--lock`.
        lock: Option<Anchored>,
    },
    /// Owners that were accepted.
    Owners {
        /// The registry.
        registry: String,
        /// The names and scopes.
        owners: Vec<AcceptedOwners>,
    },
}

/// A lock that was put on the state of a registry.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Anchored {
    /// How many packages come from there; the hashes of their archives stay.
    pub packages: usize,
    /// How many entries of the log the lock relies on.
    pub size: u64,
    /// Releases that the registry lacks, or has with other bytes.
    pub differing: Vec<Release>,
}

/// A name whose owners were accepted.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct AcceptedOwners {
    /// The name or scope.
    pub name: String,
    /// The number of the ownership note.
    pub seq: u64,
}

/// A registry that was forgotten.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Forgotten {
    /// The registry.
    pub registry: String,
    /// Whether it was known.
    pub changed: bool,
}
