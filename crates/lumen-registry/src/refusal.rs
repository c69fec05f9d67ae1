//! Why a client does not trust a registry.

use std::{io, path::PathBuf};

use lumen_core::{
    Digest, Key, PackageName, Version,
    signing::PublicKey,
    trust::{LoggedRelease, Moderated, OwnersHistory, Subject, text::time_of},
};

/// The source of a registry's known fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinSource {
    /// The configuration or the command line.
    Pin,
    /// The lock file.
    Lock,
    /// An earlier run on this machine.
    State,
}

impl PinSource {
    const fn says(self) -> &'static str {
        match self {
            Self::Pin => "the pinned fingerprint is",
            Self::Lock => "the lock says",
            Self::State => "this machine remembers",
        }
    }
}

/// Where a note was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenBy {
    /// The lock file has its number and perhaps its hash.
    Lock,
    /// This machine remembers it.
    State,
    /// It is in the log, at this place.
    Log(u64),
}

/// A note that was seen before and is not where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reverted {
    /// `@root`, a name or a scope.
    pub subject: Subject,
    /// The number of the note.
    pub seq: u64,
    /// Its hash, if that was kept.
    pub seen: Option<Digest>,
    /// The hash of the note that is shown at this number now; nothing: the notes end before.
    pub shown: Option<Digest>,
    /// Where it was seen.
    pub by: SeenBy,
}

impl Reverted {
    fn what(&self) -> String {
        match &self.subject {
            Subject::Root => format!("root note {}", self.seq),
            subject => format!("ownership note {} of `{subject}`", self.seq),
        }
    }

    fn reason(&self) -> String {
        let Self {
            seen, shown, by, ..
        } = self;
        let before = match (by, seen) {
            (SeenBy::Lock, Some(hash)) => format!("lumen.lock has {hash}"),
            (SeenBy::Lock, None) => "lumen.lock knows it".to_owned(),
            (SeenBy::State, Some(hash)) => format!("this machine saw {hash}"),
            (SeenBy::State, None) => "this machine saw it".to_owned(),
            (SeenBy::Log(index), Some(hash)) => {
                format!("entry {index} of the log is {hash}")
            }
            (SeenBy::Log(index), None) => format!("entry {index} of the log is it"),
        };
        match shown {
            Some(shown) => format!("{before}, and the registry shows {shown} in its place"),
            None => format!("{before}, and the registry does not show it any more"),
        }
    }
}

/// Owners that the registry's names keys put in the place of those before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The name or scope.
    pub name: String,
    /// The number of the ownership note.
    pub seq: u64,
    /// Its place in the log.
    pub index: u64,
    /// When it was made, by its maker's clock.
    pub time: String,
    /// The new admins.
    pub admins: Vec<PublicKey>,
}

impl Override {
    /// The first override after note `seq`.
    pub fn after(history: &OwnersHistory, seq: u64) -> Option<Self> {
        let (index, note) = history.overrides().find(|(_, note)| note.seq > seq)?;
        Some(Self {
            name: history.subject.to_string(),
            seq: note.seq,
            index: *index,
            time: note.time.clone(),
            admins: note.admins.clone(),
        })
    }

    /// `ada (SHA256:…), bob (SHA256:…)`, of many the first.
    pub fn who(&self) -> String {
        const MOST: usize = 3;
        let shown = self.admins.iter().take(MOST);
        let shown = shown.map(|key| format!("{} ({})", key.name(), key.fingerprint()));
        let mut text = shown.collect::<Vec<_>>().join(", ");
        if self.admins.len() > MOST {
            text.push_str(&format!(" and {} more", self.admins.len() - MOST));
        }
        text
    }
}

/// Why a registry is not believed: one variant an attack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The log is smaller than it was.
    #[error("log rolled back from {from} to {to} entries")]
    Rollback {
        /// Entries seen before.
        from: u64,
        /// Entries shown now.
        to: u64,
    },
    /// Two checkpoints that cannot be of one log.
    #[error(
        "the log was forked: its {to} entries do not continue the {from} seen before{}",
        saved(.evidence)
    )]
    Fork {
        /// Entries seen before.
        from: u64,
        /// Entries shown now.
        to: u64,
        /// Both checkpoints, signed: proof against the registry.
        evidence: Option<PathBuf>,
    },
    /// A witness would confirm two histories of one registry, perhaps at two addresses.
    #[error("{}{}", contradiction(.origin, *.from, *.to), saved(.evidence))]
    SignedAnother {
        /// The registry's own name, which its checkpoints carry.
        origin: String,
        /// Entries that the witness confirmed before.
        from: u64,
        /// Entries shown now.
        to: u64,
        /// Both checkpoints, signed: proof against the registry.
        evidence: Option<PathBuf>,
    },
    /// The index of a name is not all that the log has of it.
    #[error(
        "the events of `{name}` are not those of the log: a release, a yank or a change of owners is withheld or altered"
    )]
    Withheld {
        /// A package, a scope or `@root`.
        name: String,
    },
    /// A package the log has is answered with "not found".
    #[error("`{name}` is in the log, but its index is missing")]
    ForgedAbsence {
        /// A package or a scope.
        name: String,
    },
    /// A package, or a version, the log does not have.
    #[error("`{what}` is not in the log")]
    Unlogged {
        /// A package, or a package and a version.
        what: String,
    },
    /// The signer does not own the name.
    #[error("`{name}`: {reason}")]
    WrongOwner {
        /// A package or a scope.
        name: String,
        /// Who did what.
        reason: String,
    },
    /// The registry replaced owners that the user or the lock relied on.
    #[error(
        "the owners of `{}` were replaced by the registry at entry {} of the log, {}: it belongs to {} now",
        .by.name, .by.index, .by.time, .by.who()
    )]
    Overridden {
        /// The registry's URL or name.
        registry: String,
        /// By whom, and where in the log.
        by: Box<Override>,
    },
    /// A release was signed with a key after it was revoked.
    #[error("`{name}` {version} was signed with a key that had been revoked")]
    RevokedKey {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
    },
    /// A release came into the log after the keys that signed it had ended, or nothing shows
    /// that it came before.
    #[error(
        "`{name}` {version} was signed with a key that could publish until {} only, and nothing shows that the log had it by then",
        time_of(*.until)
    )]
    Late {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// The end of the key's line, in seconds since 1970.
        until: i64,
    },
    /// The registry's moderators block a release.
    #[error("`{name}` {version} is blocked by the registry's moderators{}", because(.reason))]
    Blocked {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// Why, by whom and when.
        reason: String,
    },
    /// Notes made for another registry.
    #[error("`{name}`: {reason}")]
    Replay {
        /// A package, a scope or `@root`.
        name: String,
        /// Which registry they are of.
        reason: String,
    },
    /// Events that break the rules in another way.
    #[error("`{name}`: {reason}")]
    History {
        /// A package or a scope.
        name: String,
        /// The rule.
        reason: String,
    },
    /// A witness found an entry or a map leaf that breaks the rules.
    #[error("this witness does not confirm the log: {reason}{}", kept(evidence))]
    Refused {
        /// Which entry breaks which rule.
        reason: String,
        /// Where the checkpoint and the entry were saved.
        evidence: Option<PathBuf>,
    },
    /// Too few witnesses saw the checkpoint recently enough.
    #[error(
        "it is {age} seconds since {quorum} {} had signed the log's checkpoint, more than the {max} seconds allowed: updates may be withheld",
        if *.quorum == 1 { "witness" } else { "witnesses" }
    )]
    Stale {
        /// Seconds since the last of the quorum signed.
        age: u64,
        /// Witnesses needed.
        quorum: u32,
        /// Seconds that the root note allows.
        max: u64,
    },
    /// Too few witnesses signed the checkpoint.
    #[error(
        "{found} witnesses signed the log's checkpoint, but the registry demands {quorum}{}",
        validators(*validating, *validating_quorum)
    )]
    Witnesses {
        /// Good cosignatures.
        found: usize,
        /// Those needed.
        quorum: u32,
        /// Good cosignatures by validating witnesses.
        validating: usize,
        /// Those needed.
        validating_quorum: u32,
    },
    /// The root note has expired.
    #[error("the registry's root note expired at {at}")]
    Expired {
        /// RFC 3339.
        at: String,
    },
    /// A registry that was signed shows no signatures.
    #[error("the registry was signed before and is not any more ({})", .by.says_signed())]
    Downgraded {
        /// The source of the knowledge that it was signed.
        by: PinSource,
    },
    /// The writer that makes the registry signed has not finished, and may have been interrupted.
    #[error("the registry is not completely signed: it has `{file}`, but no `{missing}` yet")]
    Unfinished {
        /// The file that exists.
        file: Key,
        /// The missing file.
        missing: Key,
    },
    /// A signed registry that lost its root notes, so that it looks like an unsigned one.
    #[error(
        "`{file}` is of a signed registry, but there is no `{missing}`: it is damaged or half copied"
    )]
    HalfCopied {
        /// The file that exists.
        file: Key,
        /// The missing file.
        missing: Key,
    },
    /// Signatures are demanded of an unsigned registry.
    #[error("the registry is not signed, but signed registries are required")]
    NotSigned,
    /// The registry has another first root note.
    #[error("the registry's fingerprint is {found}, but {} {expected}", .by.says())]
    RootPin {
        /// The fingerprint expected.
        expected: Digest,
        /// The fingerprint found.
        found: Digest,
        /// The source of the expectation.
        by: PinSource,
    },
    /// The user pins another fingerprint than the one that is remembered.
    #[error("this machine remembers {remembered} for `{url}`, not {asked}")]
    Pinned {
        /// Where the registry is.
        url: String,
        /// The fingerprint that is remembered.
        remembered: Digest,
        /// The fingerprint that the user gave.
        asked: Digest,
    },
    /// The root notes do not make a chain.
    #[error("the registry's root notes are not in order: {reason}")]
    RootChain {
        /// The rule.
        reason: String,
    },
    /// The notes shown leave out one that was seen before, or have another in its place.
    #[error("{} was taken back: {}", .0.what(), .0.reason())]
    Reverted(Box<Reverted>),
    /// The checkpoint is not one of this registry.
    #[error("the log's checkpoint is not valid: {reason}")]
    Checkpoint {
        /// The rule.
        reason: String,
    },
    /// Files of the log do not fit its checkpoint.
    #[error("the log's files do not fit its checkpoint: {reason}")]
    Log {
        /// The file or the proof.
        reason: String,
    },
    /// Files of the name map do not fit the log.
    #[error("the name map does not fit the log: {reason}")]
    Map {
        /// The node or the rule.
        reason: String,
    },
    /// A release's file is not the one that was signed.
    #[error("`{file}` has the hash {actual}, but the publisher signed {expected}")]
    Metadata {
        /// Path or URL.
        file: String,
        /// The hash signed.
        expected: Digest,
        /// The hash found.
        actual: Digest,
    },
    /// The state on this machine cannot be read or written.
    #[error("cannot use `{file}`: {reason}")]
    State {
        /// The file.
        file: String,
        /// What happened.
        reason: String,
        /// How the disk failed; nothing when the file is damaged.
        disk: Option<io::ErrorKind>,
    },
}

impl PinSource {
    const fn says_signed(self) -> &'static str {
        match self {
            Self::Pin => "its fingerprint is pinned",
            Self::Lock => "the lock has its fingerprint",
            Self::State => "this machine remembers its fingerprint",
        }
    }
}

impl TrustError {
    /// Why a release of the log does not count, if it does not.
    pub fn void(name: &PackageName, version: &Version, logged: &LoggedRelease) -> Option<Self> {
        let (name, version) = (name.clone(), version.clone());
        match (logged.revoked, logged.until.filter(|_| logged.late)) {
            (true, _) => Some(Self::RevokedKey { name, version }),
            (false, Some(until)) => Some(Self::Late {
                name,
                version,
                until,
            }),
            (false, None) => None,
        }
    }

    /// The refusal of a release that moderators block.
    pub fn blocked(name: &PackageName, version: &Version, block: &Moderated) -> Self {
        Self::Blocked {
            name: name.clone(),
            version: version.clone(),
            reason: block.words(),
        }
    }
}

fn because(reason: &str) -> String {
    match reason {
        "" => String::new(),
        reason => format!(": {reason}"),
    }
}

fn validators(found: usize, quorum: u32) -> String {
    match quorum {
        0 => String::new(),
        quorum => format!("; {found} of its validating witnesses did, of {quorum} that must"),
    }
}

fn kept(evidence: &Option<PathBuf>) -> String {
    match evidence {
        Some(path) => format!("; the checkpoint and the entry are in `{}`", path.display()),
        None => String::new(),
    }
}

/// What a witness cannot confirm after what it signed.
fn contradiction(origin: &str, from: u64, to: u64) -> String {
    match to < from {
        true => format!(
            "this witness already signed {from} entries of `{origin}`, and only {to} are shown here: \
             log rolled back from {from} to {to} entries"
        ),
        false => format!(
            "this witness already signed another history for `{origin}`: the log was forked: its \
             {to} entries do not continue the {from} that it signed"
        ),
    }
}

fn saved(evidence: &Option<PathBuf>) -> String {
    match evidence {
        Some(path) => format!("; both checkpoints are in `{}`", path.display()),
        None => String::new(),
    }
}
