//! Ownership notes: the admins and publishers of a name, or of a scope.

use std::{collections::BTreeSet, fmt::Write};

use super::{
    root::{keys, within},
    subject::Subject,
    text::{FormError, Lines, seconds, time_of},
};
use crate::limits::{MAX_PUBLISHERS, MAX_REVOKED};
use crate::{digest::Digest, name::PackageName, signing::PublicKey};

/// The first line.
pub const KIND: &str = "lumen/owners/v1";

/// The first line of a note with a threshold of publishers, or with publisher lines that end.
pub const KIND_V2: &str = "lumen/owners/v2";

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
    /// How many different publishers have to sign a release.
    pub publish_threshold: u32,
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
    /// The last moment, in seconds since 1970; `None`: the line does not end.
    pub until: Option<i64>,
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
            publish_threshold: 1,
            publishers: vec![Publisher::always(key.clone())],
            revoked: Vec::new(),
        }
    }

    /// Parses the text of an ownership note.
    ///
    /// # Errors
    /// On the first line that is not as it must be.
    pub fn parse(text: &str) -> Result<Self, FormError> {
        let is_v2 = text.lines().next() == Some(KIND_V2);
        let mut lines = Lines::of(text, if is_v2 { KIND_V2 } else { KIND })?;
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
        let publish_threshold: u32 = match is_v2 {
            true => lines.parsed("publish-threshold", "a number")?,
            false => 1,
        };
        let mut publishers: Vec<Publisher> = Vec::new();
        for value in lines.all("publish", 0, MAX_PUBLISHERS)? {
            let publisher = publisher(&lines, value, &name, is_v2)?;
            let same =
                |other: &Publisher| other.key == publisher.key && other.only == publisher.only;
            lines.check(!publishers.iter().any(same), "a different publisher")?;
            publishers.push(publisher);
        }
        let what = "a threshold above 1 that its publishers can reach, or a publisher with an end";
        let reachable = within(publish_threshold, 1, different(&publishers));
        let needs_v2 = needs_v2(publish_threshold, &publishers);
        lines.check(!is_v2 || (reachable && needs_v2), what)?;
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
            publish_threshold,
            publishers,
            revoked,
        })
    }

    /// The text that is signed.
    pub fn to_text(&self) -> String {
        let prev = self
            .prev
            .map_or_else(|| "none".to_owned(), |prev| prev.to_string());
        let is_v2 = self.is_v2();
        let kind = if is_v2 { KIND_V2 } else { KIND };
        let mut out = format!(
            "{kind}\nregistry {}\nname {}\nseq {}\nprev {prev}\ntime {}\n",
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
        if is_v2 {
            let _ = writeln!(out, "publish-threshold {}", self.publish_threshold);
        }
        for Publisher { key, only, until } in &self.publishers {
            let _ = write!(out, "publish {key}");
            if let Some(only) = only {
                let _ = write!(out, " only {only}");
            }
            if let Some(until) = until {
                let _ = write!(out, " until {}", time_of(*until));
            }
            out.push('\n');
        }
        for Revoked { key, from } in &self.revoked {
            let _ = writeln!(out, "revoke {key} from {from}");
        }
        out
    }

    /// Whether only version 2 of the note can say it.
    pub fn is_v2(&self) -> bool {
        needs_v2(self.publish_threshold, &self.publishers)
    }

    /// How many different keys may publish something at a moment, in seconds since 1970: the
    /// highest threshold that a release can reach.
    pub fn publishing_keys(&self, now: i64) -> usize {
        different(
            self.publishers
                .iter()
                .filter(|publisher| publisher.is_in_time(now)),
        )
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

    /// The keys that may publish a package of this owner; the lines of some may have ended.
    pub fn publishers_of<'a>(
        &'a self,
        name: &'a PackageName,
    ) -> impl Iterator<Item = &'a PublicKey> {
        self.publisher_lines(name).map(|publisher| &publisher.key)
    }

    /// The same at a moment, in seconds since 1970: without the lines that have ended.
    pub fn publishers_at<'a>(
        &'a self,
        name: &'a PackageName,
        now: i64,
    ) -> impl Iterator<Item = &'a PublicKey> {
        let lines = self.publisher_lines(name);
        let lines = lines.filter(move |publisher| publisher.is_in_time(now));
        lines.map(|publisher| &publisher.key)
    }

    /// The lines about publishers of a package.
    pub fn publisher_lines<'a>(
        &'a self,
        name: &'a PackageName,
    ) -> impl Iterator<Item = &'a Publisher> {
        let may =
            move |publisher: &&Publisher| publisher.only.as_ref().is_none_or(|only| only == name);
        self.publishers.iter().filter(may)
    }
}

impl Publisher {
    /// A key that may publish everything, without an end.
    pub const fn always(key: PublicKey) -> Self {
        Self {
            key,
            only: None,
            until: None,
        }
    }

    /// Whether the line has not ended at a moment, in seconds since 1970.
    pub fn is_in_time(&self, now: i64) -> bool {
        self.until.is_none_or(|until| until >= now)
    }

    /// Whether the line allows all that another one of the same key allows.
    pub fn covers(&self, other: &Self) -> bool {
        let ends = self.until.unwrap_or(i64::MAX) >= other.until.unwrap_or(i64::MAX);
        self.key.bytes() == other.key.bytes()
            && (self.only.is_none() || self.only == other.only)
            && ends
    }
}

/// Whether publishers say what only version 2 of the note can say.
fn needs_v2(threshold: u32, publishers: &[Publisher]) -> bool {
    threshold != 1 || publishers.iter().any(|publisher| publisher.until.is_some())
}

/// How many different keys these are: a key under two names is one.
fn different<'a>(publishers: impl IntoIterator<Item = &'a Publisher>) -> usize {
    let keys = publishers.into_iter();
    let keys: BTreeSet<&[u8; 32]> = keys.map(|publisher| publisher.key.bytes()).collect();
    keys.len()
}

fn publisher(
    lines: &Lines<'_>,
    value: &str,
    owner: &Subject,
    is_v2: bool,
) -> Result<Publisher, FormError> {
    let what = match is_v2 {
        true => "`publish <key>`, then maybe `only <package>`, then maybe `until <time>`",
        false => "`publish <key>` or `publish <key> only <package>`",
    };
    let (value, until) = match value.split_once(" until ").filter(|_| is_v2) {
        Some((value, until)) => (value, Some(until)),
        None => (value, None),
    };
    let until = until.map(|until| seconds(until).ok_or_else(|| lines.error(what)));
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
        until: until.transpose()?,
    })
}
