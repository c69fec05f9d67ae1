//! Ownership notes: the admins and publishers of a name, or of a scope.

use std::fmt::Write;

use super::{
    root::{keys, within},
    subject::Subject,
    text::{FormError, Lines},
};
use crate::limits::{MAX_PUBLISHERS, MAX_REVOKED};
use crate::{digest::Digest, name::PackageName, signing::PublicKey};

/// The first line.
pub const KIND: &str = "lumen/owners/v1";

/// The text of an ownership note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnersNote {
    /// The registry.
    pub origin: String,
    /// An unscoped name, or a scope.
    pub name: Subject,
    /// From 1; note 1 claims the name.
    pub seq: u64,
    /// SHA-256 of the bytes of the note before.
    pub prev: Option<Digest>,
    /// When it was made, by its maker's clock.
    pub time: String,
    /// Whether the names keys decided, not the admins before.
    pub is_override: bool,
    /// How many of `admins` have to sign this note and the next one.
    pub threshold: u32,
    /// The keys that may change all this.
    pub admins: Vec<PublicKey>,
    /// The keys that may publish, yank and deprecate.
    pub publishers: Vec<Publisher>,
    /// The keys that may no longer, and since when.
    pub revoked: Vec<Revoked>,
}

/// A key that may publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publisher {
    /// The key.
    pub key: PublicKey,
    /// If not everything: the one package of the scope.
    pub only: Option<PackageName>,
}

/// A key whose events do not count from a place in the log on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// The key.
    pub key: PublicKey,
    /// The first index at which they do not count.
    pub from: u64,
}

impl OwnersNote {
    /// The first note of a name: one key may do everything.
    pub fn claim(origin: &str, name: Subject, key: &PublicKey, time: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            name,
            seq: 1,
            prev: None,
            time: time.to_owned(),
            is_override: false,
            threshold: 1,
            admins: vec![key.clone()],
            publishers: vec![Publisher {
                key: key.clone(),
                only: None,
            }],
            revoked: Vec::new(),
        }
    }

    /// Parses the text of an ownership note.
    ///
    /// # Errors
    /// On the first line that is not as it must be.
    pub fn parse(text: &str) -> Result<Self, FormError> {
        let mut lines = Lines::of(text, KIND)?;
        let origin = lines.origin()?;
        let name = lines.value("name")?;
        let what = "a name without a scope, or a scope";
        let name = Subject::parse(name)
            .filter(|name| !matches!(name, Subject::Root) && !name.is_scoped_package())
            .ok_or_else(|| lines.error(what))?;
        let (seq, prev) = lines.sequence()?;
        let time = lines.time()?;
        let is_override = lines.flag("override");
        lines.check(!is_override || seq > 1, "no `override` of nothing")?;
        let threshold: u32 = lines.parsed("admin-threshold", "a number")?;
        let admins = keys(&mut lines, "admin", 1)?;
        lines.check(
            within(threshold, 1, admins.len()),
            "a threshold that its keys can reach",
        )?;
        let mut publishers: Vec<Publisher> = Vec::new();
        for value in lines.all("publish", 0, MAX_PUBLISHERS)? {
            let publisher = publisher(&lines, value, &name)?;
            lines.check(!publishers.contains(&publisher), "a different publisher")?;
            publishers.push(publisher);
        }
        let mut revoked: Vec<Revoked> = Vec::new();
        for value in lines.all("revoke", 0, MAX_REVOKED)? {
            let what = "`revoke <key> from <index>`, each key once";
            let (key, from) = value
                .split_once(" from ")
                .ok_or_else(|| lines.error(what))?;
            let (key, from) = (lines.parse(key, what)?, lines.number(from, what)?);
            lines.check(revoked.iter().all(|other| other.key != key), what)?;
            revoked.push(Revoked { key, from });
        }
        lines.end()?;
        Ok(Self {
            origin,
            name,
            seq,
            prev,
            time,
            is_override,
            threshold,
            admins,
            publishers,
            revoked,
        })
    }

    /// The text that is signed.
    pub fn to_text(&self) -> String {
        let prev = self
            .prev
            .map_or_else(|| "none".to_owned(), |prev| prev.to_string());
        let mut out = format!(
            "{KIND}\nregistry {}\nname {}\nseq {}\nprev {prev}\ntime {}\n",
            self.origin, self.name, self.seq, self.time
        );
        if self.is_override {
            out.push_str("override\n");
        }
        // Writing to a string cannot fail.
        let _ = writeln!(out, "admin-threshold {}", self.threshold);
        for admin in &self.admins {
            let _ = writeln!(out, "admin {admin}");
        }
        for Publisher { key, only } in &self.publishers {
            let _ = match only {
                Some(only) => writeln!(out, "publish {key} only {only}"),
                None => writeln!(out, "publish {key}"),
            };
        }
        for Revoked { key, from } in &self.revoked {
            let _ = writeln!(out, "revoke {key} from {from}");
        }
        out
    }

    /// The admins whose signatures count at a place in the log. A note may still list a key
    /// that is revoked from there on, or from earlier on.
    pub fn counting_admins(&self, index: u64) -> impl Iterator<Item = &PublicKey> {
        self.admins
            .iter()
            .filter(move |key| self.revoked_from(key).is_none_or(|from| from > index))
    }

    /// The place in the log from which on nothing that a key signs counts, if it is revoked.
    pub fn revoked_from(&self, key: &PublicKey) -> Option<u64> {
        let of_key = |revoked: &&Revoked| revoked.key.bytes() == key.bytes();
        let revoked = self.revoked.iter().filter(of_key);
        revoked.map(|revoked| revoked.from).min()
    }

    /// The keys that may publish a package of this owner.
    pub fn publishers_of<'a>(
        &'a self,
        name: &'a PackageName,
    ) -> impl Iterator<Item = &'a PublicKey> {
        let may =
            move |publisher: &&Publisher| publisher.only.as_ref().is_none_or(|only| only == name);
        self.publishers
            .iter()
            .filter(may)
            .map(|publisher| &publisher.key)
    }
}

fn publisher(lines: &Lines<'_>, value: &str, owner: &Subject) -> Result<Publisher, FormError> {
    let what = "`publish <key>` or `publish <key> only <package>`";
    let (key, only) = match value.split_once(" only ") {
        Some((key, only)) => (key, Some(lines.parse::<PackageName>(only, what)?)),
        None => (value, None),
    };
    let covered = only
        .as_ref()
        .is_none_or(|only| Subject::owner_of(only) == *owner);
    lines.check(covered, "a package of the scope")?;
    Ok(Publisher {
        key: lines.parse(key, what)?,
        only,
    })
}
