//! Root notes: a registry's own keys and rules.

use std::{collections::BTreeSet, fmt::Write};

use super::text::{FormError, Lines, is_time};
use crate::limits::MAX_ROOT_KEYS;
use crate::{
    digest::Digest,
    signing::{CosignerKey, PublicKey},
};

/// The first line of a note without validating witnesses.
pub const KIND: &str = "lumen/root/v1";

/// The first line of a note with validating witnesses.
pub const KIND_V2: &str = "lumen/root/v2";

/// The first line of a note with moderators.
pub const KIND_V3: &str = "lumen/root/v3";

/// Whether this is the first line of a root note.
pub fn is_kind(line: &str) -> bool {
    [KIND, KIND_V2, KIND_V3].contains(&line)
}

/// The text of a root note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootNote {
    /// The registry's own name, which every note in it repeats.
    pub origin: String,
    /// From 1.
    pub seq: u64,
    /// SHA-256 of the bytes of the note before.
    pub prev: Option<Digest>,
    /// When it was made, by its maker's clock.
    pub time: String,
    /// When it stops to be valid; `None`: never.
    pub expires: Option<String>,
    /// How many of `root` have to sign this note and the next one.
    pub threshold: u32,
    /// The keys that may change all this.
    pub root: Vec<PublicKey>,
    /// The keys that sign checkpoints, each alone.
    pub log: Vec<PublicKey>,
    /// Who gets a name.
    pub policy: NamePolicy,
    /// How many of `names` have to agree.
    pub names_threshold: u32,
    /// The keys that approve names and decide who owns them.
    pub names: Vec<PublicKey>,
    /// How many of `moderators` have to agree; 0 where there are none.
    pub moderator_threshold: u32,
    /// The keys that block packages and releases.
    pub moderators: Vec<PublicKey>,
    /// How many witnesses, validating or not, must have cosigned a checkpoint.
    pub witness_quorum: u32,
    /// The witnesses that confirm only that the log grew.
    pub witnesses: Vec<CosignerKey>,
    /// How many validating witnesses must have cosigned a checkpoint.
    pub validating_quorum: u32,
    /// The witnesses that also check every new entry and the name map.
    pub validators: Vec<CosignerKey>,
    /// How old the newest cosignature may be, in seconds.
    pub max_age: Option<u64>,
}

/// Who gets a free name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamePolicy {
    /// The first publisher.
    Open,
    /// Publishers that the names keys approve.
    Approve,
}

impl NamePolicy {
    /// As notes write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approve => "approve",
        }
    }
}

impl RootNote {
    /// The first root note of a registry: one root key, one log key that has the origin as its
    /// name, names for the first publisher, no witnesses.
    pub fn first(origin: &str, time: &str, root: PublicKey, log: PublicKey) -> Self {
        Self {
            origin: origin.to_owned(),
            seq: 1,
            prev: None,
            time: time.to_owned(),
            expires: None,
            threshold: 1,
            root: vec![root],
            log: vec![log],
            policy: NamePolicy::Open,
            names_threshold: 0,
            names: Vec::new(),
            moderator_threshold: 0,
            moderators: Vec::new(),
            witness_quorum: 0,
            witnesses: Vec::new(),
            validating_quorum: 0,
            validators: Vec::new(),
            max_age: None,
        }
    }

    /// Parses the text of a root note.
    ///
    /// # Errors
    /// On the first line that is not as it must be.
    pub fn parse(text: &str) -> Result<Self, FormError> {
        let first = text.lines().next();
        let known = [KIND_V2, KIND_V3];
        let kind = known.into_iter().find(|kind| first == Some(kind));
        let kind = kind.unwrap_or(KIND);
        let mut lines = Lines::of(text, kind)?;
        let origin = lines.origin()?;
        let (seq, prev) = lines.sequence()?;
        let time = lines.time()?;
        let expires = match lines.value("expires")? {
            "never" => None,
            text => {
                lines.check(is_time(text), "`expires` with a time or `never`")?;
                Some(text.to_owned())
            }
        };
        let threshold: u32 = lines.parsed("root-threshold", "a number")?;
        let root = keys(&mut lines, "root", 1)?;
        lines.check(
            within(threshold, 1, root.len()),
            "a threshold that its keys can reach",
        )?;
        let log = keys(&mut lines, "log", 1)?;
        let named = log.iter().all(|key| key.name() == origin);
        lines.check(named, "a log key whose name is the registry's origin")?;
        let (policy, names_threshold) = policy(&mut lines)?;
        let names = keys(&mut lines, "name", 0)?;
        let least = u32::from(policy == NamePolicy::Approve || !names.is_empty());
        lines.check(
            within(names_threshold, least, names.len()),
            "a threshold that its keys can reach",
        )?;
        let (moderator_threshold, moderators) = match kind == KIND_V3 {
            true => moderators(&mut lines)?,
            false => (0, Vec::new()),
        };
        let witness_quorum: u32 = lines.parsed("witness-quorum", "a number")?;
        let witnesses = lines.all("witness", 0, MAX_ROOT_KEYS)?;
        let witnesses = distinct(&lines, &witnesses, "a different key of a witness")?;
        let (validating_quorum, validators) = match kind {
            KIND_V2 => validators(&mut lines, &witnesses)?,
            KIND_V3 if lines.is_next("validating-quorum") => validators(&mut lines, &witnesses)?,
            _ => (0, Vec::new()),
        };
        lines.check(
            insider(&root, &log, &validators).is_none(),
            "validating witnesses whose keys are no root keys or log keys",
        )?;
        lines.check(
            within(witness_quorum, 0, witnesses.len() + validators.len()),
            "a quorum that the witnesses can reach",
        )?;
        let max_age = match lines.value("max-age")? {
            "none" => None,
            text => Some(lines.number(text, "`max-age` with seconds or `none`")?),
        };
        // Only witnesses say when they saw a checkpoint.
        lines.check(
            max_age.is_none() || witness_quorum > 0 || validating_quorum > 0,
            "`none` where no witness is asked for",
        )?;
        lines.end()?;
        Ok(Self {
            origin,
            seq,
            prev,
            time,
            expires,
            threshold,
            root,
            log,
            policy,
            names_threshold,
            names,
            moderator_threshold,
            moderators,
            witness_quorum,
            witnesses,
            validating_quorum,
            validators,
            max_age,
        })
    }

    /// Whether readers ask for cosignatures.
    pub const fn has_quorum(&self) -> bool {
        self.witness_quorum > 0 || self.validating_quorum > 0
    }

    /// All witnesses, validating or not.
    pub fn all_witnesses(&self) -> impl Iterator<Item = &CosignerKey> {
        self.witnesses.iter().chain(&self.validators)
    }

    /// Whether the note lists a key among its validating witnesses, under any name.
    pub fn is_validator(&self, key: &PublicKey) -> bool {
        let same = |validator: &CosignerKey| validator.key().bytes() == key.bytes();
        self.validators.iter().any(same)
    }

    /// A validating witness whose key is a root key or a log key, too, under any name. No
    /// note that can be parsed has one: the holder of such a key would check their own work.
    pub fn insider(&self) -> Option<&CosignerKey> {
        insider(&self.root, &self.log, &self.validators)
    }

    /// The text that is signed.
    pub fn to_text(&self) -> String {
        let or = |text: Option<String>, none: &str| text.unwrap_or_else(|| none.to_owned());
        let prev = or(self.prev.map(|prev| prev.to_string()), "none");
        let expires = or(self.expires.clone(), "never");
        // Clients that know earlier versions only go on reading registries that need no later one.
        let kind = match (self.moderators.is_empty(), self.validators.is_empty()) {
            (true, true) => KIND,
            (true, false) => KIND_V2,
            (false, _) => KIND_V3,
        };
        let mut out = format!(
            "{kind}\nregistry {}\nseq {}\nprev {prev}\ntime {}\nexpires {expires}\nroot-threshold {}\n",
            self.origin, self.seq, self.time, self.threshold
        );
        let mut add = |line: std::fmt::Arguments<'_>| {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{line}");
        };
        self.root
            .iter()
            .for_each(|key| add(format_args!("root {key}")));
        self.log
            .iter()
            .for_each(|key| add(format_args!("log {key}")));
        add(format_args!(
            "names {} {}",
            self.policy.as_str(),
            self.names_threshold
        ));
        self.names
            .iter()
            .for_each(|key| add(format_args!("name {key}")));
        if !self.moderators.is_empty() {
            add(format_args!(
                "moderator-threshold {}",
                self.moderator_threshold
            ));
        }
        self.moderators
            .iter()
            .for_each(|key| add(format_args!("moderator {key}")));
        add(format_args!("witness-quorum {}", self.witness_quorum));
        self.witnesses
            .iter()
            .for_each(|key| add(format_args!("witness {key}")));
        if !self.validators.is_empty() {
            add(format_args!("validating-quorum {}", self.validating_quorum));
        }
        self.validators
            .iter()
            .for_each(|key| add(format_args!("validator {key}")));
        add(format_args!(
            "max-age {}",
            or(self.max_age.map(|age| age.to_string()), "none")
        ));
        out
    }
}

/// The moderators of a note of version 3. There is at least one, so that no note can be written in
/// two versions, and none of the keys is listed twice, under whatever name.
fn moderators(lines: &mut Lines<'_>) -> Result<(u32, Vec<PublicKey>), FormError> {
    let threshold: u32 = lines.parsed("moderator-threshold", "a number")?;
    let moderators = keys(lines, "moderator", 1)?;
    let mut bytes = BTreeSet::new();
    let new = |key: &PublicKey| bytes.insert(*key.bytes());
    lines.check(moderators.iter().all(new), "a different key of a moderator")?;
    lines.check(
        within(threshold, 1, moderators.len()),
        "a threshold that its keys can reach",
    )?;
    Ok((threshold, moderators))
}

/// The validating witnesses of a note. There is at least one, so that no note can be
/// written in two versions, and none of the keys is listed twice, under whatever name.
fn validators(
    lines: &mut Lines<'_>,
    witnesses: &[CosignerKey],
) -> Result<(u32, Vec<CosignerKey>), FormError> {
    let quorum: u32 = lines.parsed("validating-quorum", "a number")?;
    let values = lines.all("validator", 1, MAX_ROOT_KEYS)?;
    let what = "a different key of a witness";
    let validators: Vec<CosignerKey> = distinct(lines, &values, what)?;
    let mut bytes = BTreeSet::new();
    let new = |key: &CosignerKey| bytes.insert(*key.key().bytes());
    lines.check(witnesses.iter().chain(&validators).all(new), what)?;
    lines.check(
        within(quorum, 0, validators.len()),
        "a quorum that the validating witnesses can reach",
    )?;
    Ok((quorum, validators))
}

fn insider<'a>(
    root: &[PublicKey],
    log: &[PublicKey],
    validators: &'a [CosignerKey],
) -> Option<&'a CosignerKey> {
    let of_registry = |validator: &&CosignerKey| {
        let mut keys = root.iter().chain(log);
        keys.any(|key| key.bytes() == validator.key().bytes())
    };
    validators.iter().find(of_registry)
}

fn policy(lines: &mut Lines<'_>) -> Result<(NamePolicy, u32), FormError> {
    let text = lines.value("names")?;
    let what = "`names open` or `names approve` and a number";
    let (policy, threshold) = text.split_once(' ').ok_or_else(|| lines.error(what))?;
    let policy = [NamePolicy::Open, NamePolicy::Approve]
        .into_iter()
        .find(|known| known.as_str() == policy)
        .ok_or_else(|| lines.error(what))?;
    Ok((policy, lines.parse(threshold, what)?))
}

/// Whether a threshold is at least `least` and can be reached.
pub(super) fn within(threshold: u32, least: u32, keys: usize) -> bool {
    threshold >= least && usize::try_from(threshold).is_ok_and(|threshold| threshold <= keys)
}

/// All keys of a role, no two of them the same.
pub(super) fn keys(
    lines: &mut Lines<'_>,
    role: &str,
    least: usize,
) -> Result<Vec<PublicKey>, FormError> {
    let values = lines.all(role, least, MAX_ROOT_KEYS)?;
    distinct(lines, &values, "a different key")
}

fn distinct<K: std::str::FromStr + std::fmt::Display + Ord + Clone>(
    lines: &Lines<'_>,
    values: &[&str],
    what: &str,
) -> Result<Vec<K>, FormError> {
    let mut keys = Vec::new();
    for value in values {
        let key: K = lines.parse(value, what)?;
        lines.check(!keys.contains(&key), what)?;
        keys.push(key);
    }
    Ok(keys)
}
