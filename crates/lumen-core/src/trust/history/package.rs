//! What was published, yanked and deprecated, and by which key.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    HistoryError, Moderated, ModerationHistory, OwnersHistory, RootHistory, check_origin, parse,
    signers::Signers,
};
use crate::{
    digest::Digest,
    name::PackageName,
    note::Note,
    signing::PublicKey,
    trust::{
        event::{Entry, Event},
        moderation::Moderation,
        statement::{Action, Statement},
        subject::Subject,
        text::seconds,
    },
    version::Version,
};

/// All that the log says about a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageHistory {
    /// The package.
    pub name: PackageName,
    /// Who owns it, or its scope.
    pub owners: OwnersHistory,
    /// Its releases, those by revoked keys too.
    pub releases: BTreeMap<Version, LoggedRelease>,
    /// Releases that are yanked now.
    pub yanked: BTreeMap<Version, Yanked>,
    /// Whether the package is deprecated now.
    pub deprecated: Option<Deprecated>,
    /// All yanks and deprecations, and the statements that took them back, in the order of the log.
    pub remarks: Vec<Remark>,
    /// What moderators say of it.
    pub moderation: ModerationHistory,
    /// Hashes of the texts of all statements.
    said: BTreeSet<Digest>,
}

/// A release in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRelease {
    /// Its place in the log.
    pub index: u64,
    /// SHA-256 of `<version>.json`.
    pub metadata: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Who published it: the first of `signers` that counts.
    pub signer: PublicKey,
    /// The different publishers who signed it, in the order of the ownership note.
    pub signers: Vec<PublicKey>,
    /// When, by the publisher's clock.
    pub time: String,
    /// Whether too few signers are left without those revoked from this place on, or an
    /// earlier one.
    pub revoked: bool,
    /// Until when the log had to have it, in seconds since 1970, since the keys of its signers
    /// end then.
    pub until: Option<i64>,
    /// Whether the log did not have it in time, as far as evidence shows.
    pub late: bool,
}

impl LoggedRelease {
    /// Whether it does not count.
    pub const fn is_void(&self) -> bool {
        self.revoked || self.late
    }
}

/// A statement in the log that is no release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Its place in the log.
    pub index: u64,
    /// What it says.
    pub action: Action,
    /// Who made it.
    pub signer: PublicKey,
    /// When, by their clock.
    pub time: String,
    /// Whether it does not count, since that key was revoked from this place on, or an earlier one.
    pub revoked: bool,
    /// Until when the log had to have it, as for a release.
    pub until: Option<i64>,
    /// Whether the log did not have it in time, as far as evidence shows.
    pub late: bool,
}

/// A yank in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Yanked {
    /// Why.
    pub reason: String,
    /// Its place in the log.
    pub index: u64,
    /// Who did it.
    pub signer: PublicKey,
    /// When, by their clock.
    pub time: String,
}

/// A deprecation in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deprecated {
    /// Why.
    pub reason: String,
    /// What to use in its place.
    pub replacement: Option<PackageName>,
    /// Its place in the log.
    pub index: u64,
    /// Who did it.
    pub signer: PublicKey,
    /// When, by their clock.
    pub time: String,
}

impl PackageHistory {
    /// A package without events; `owners` are those of its scope, if it has one.
    pub const fn new(name: PackageName, owners: OwnersHistory) -> Self {
        Self {
            name,
            owners,
            releases: BTreeMap::new(),
            yanked: BTreeMap::new(),
            deprecated: None,
            remarks: Vec::new(),
            moderation: ModerationHistory { all: Vec::new() },
            said: BTreeSet::new(),
        }
    }

    /// Checks the events of a package and those of its scope, if it has one.
    ///
    /// # Errors
    /// When an event is malformed, misplaced, or not signed by a key that was allowed to cause it.
    pub fn verify(
        roots: &RootHistory,
        name: &PackageName,
        scope_events: &[Event],
        events: &[Event],
    ) -> Result<Self, HistoryError> {
        let owner = Subject::owner_of(name);
        let owners = match owner {
            Subject::Scope(_) => OwnersHistory::verify(roots, owner, scope_events)?,
            owner => OwnersHistory::unclaimed(owner),
        };
        Self::verify_owned(roots, name, owners, events)
    }

    /// The same with the owners of its scope, or no owners if it has no scope.
    pub(super) fn verify_owned(
        roots: &RootHistory,
        name: &PackageName,
        owners: OwnersHistory,
        events: &[Event],
    ) -> Result<Self, HistoryError> {
        let mut history = Self::new(name.clone(), owners);
        let parsed = parse(events, Some(roots.origin()))?;
        let mut statements = Vec::new();
        // Owners first: a later note may revoke the key of an earlier statement.
        for ((index, entry, note), event) in parsed.into_iter().zip(events) {
            match entry {
                Entry::Owners(owners) if name.scope().is_none() => {
                    let hash = Digest::of(event.note.as_bytes());
                    history.owners.push(roots, index, owners, &note, hash)?;
                }
                Entry::Statement(statement) => statements.push((index, statement, note)),
                Entry::Moderation(said) => history.push_moderation(roots, index, said, &note)?,
                _ => return Err(history.other_subject(index)),
            }
        }
        for (index, statement, note) in statements {
            let signers = history.check(index, &statement, &note)?;
            history.said.insert(Digest::of(note.text.as_bytes()));
            history.apply(index, statement, &signers);
        }
        Ok(history)
    }

    /// Places and own times, in seconds since 1970, of the entries that count only if the log
    /// had them by some moment: [`PackageHistory::judge`] needs to know when they came.
    pub fn ending(&self) -> Vec<(u64, i64)> {
        let releases = self.releases.values();
        let releases = releases.map(|it| (it.index, it.time.as_str(), it.until));
        let remarks = self.remarks.iter();
        let remarks = remarks.map(|it| (it.index, it.time.as_str(), it.until));
        let ending = releases
            .chain(remarks)
            .filter(|(.., until)| until.is_some());
        ending.map(|(index, time, _)| (index, own(time))).collect()
    }

    /// Leaves out what the log did not have before the keys of its signers ended. `since`: from
    /// when on the age of the entry with this place and own time counts, as
    /// [`Bounds::since`](crate::trust::Bounds) has it.
    pub fn judge(&mut self, since: impl Fn(u64, i64) -> i64) {
        let is_late = |index: u64, time: &str, until: Option<i64>| {
            until.is_some_and(|until| since(index, own(time)) > until)
        };
        for release in self.releases.values_mut() {
            release.late = is_late(release.index, &release.time, release.until);
        }
        for remark in &mut self.remarks {
            remark.late = is_late(remark.index, &remark.time, remark.until);
        }
        self.yanked.clear();
        self.deprecated = None;
        for remark in self.remarks.clone() {
            self.count(&remark);
        }
    }

    /// Whether a statement with this text, which is that of a note, is a part of it.
    pub fn has_said(&self, text: &str) -> bool {
        self.said.contains(&Digest::of(text.as_bytes()))
    }

    /// Checks a statement that would come next, whose signer must not be revoked.
    ///
    /// # Errors
    /// As [`PackageHistory::verify`], and [`HistoryError::RevokedKey`].
    pub fn check_next(
        &self,
        roots: &RootHistory,
        index: u64,
        statement: &Statement,
        note: &Note,
    ) -> Result<(), HistoryError> {
        self.signers_of_next(roots, index, statement, note)
            .map(drop)
    }

    /// Appends the next statement, under the same rules, and returns until when the log has to
    /// have it. Does not check again whether earlier ones are void.
    pub(super) fn push(
        &mut self,
        roots: &RootHistory,
        index: u64,
        statement: Statement,
        note: &Note,
    ) -> Result<Option<i64>, HistoryError> {
        let signers = self.signers_of_next(roots, index, &statement, note)?;
        self.said.insert(Digest::of(note.text.as_bytes()));
        self.apply(index, statement, &signers);
        Ok(signers.until(self.owners.current(), index))
    }

    /// Checks a statement of moderators that would come next. The package need not have an owner.
    ///
    /// # Errors
    /// When the moderators of the root note in force at this place did not sign it, it does not
    /// come after the one before, or it lifts a block that is not there.
    pub fn check_moderation(
        &self,
        roots: &RootHistory,
        index: u64,
        next: &Moderation,
        note: &Note,
    ) -> Result<(), HistoryError> {
        self.moderators(roots, index, next, note).map(drop)
    }

    pub(super) fn push_moderation(
        &mut self,
        roots: &RootHistory,
        index: u64,
        next: Moderation,
        note: &Note,
    ) -> Result<(), HistoryError> {
        let signers = self.moderators(roots, index, &next, note)?;
        self.said.insert(Digest::of(note.text.as_bytes()));
        let said = next;
        self.moderation.all.push(Moderated {
            index,
            said,
            signers,
        });
        Ok(())
    }

    fn moderators(
        &self,
        roots: &RootHistory,
        index: u64,
        next: &Moderation,
        note: &Note,
    ) -> Result<Vec<PublicKey>, HistoryError> {
        if next.package != self.name {
            return Err(self.other_subject(index));
        }
        let moderation = &self.moderation;
        moderation.signers(&self.name, roots, (index, next), note)
    }

    fn signers_of_next(
        &self,
        roots: &RootHistory,
        index: u64,
        statement: &Statement,
        note: &Note,
    ) -> Result<Signers, HistoryError> {
        check_origin(
            index,
            &Entry::Statement(statement.clone()),
            Some(roots.origin()),
        )?;
        let signers = self.check(index, statement, note)?;
        let revoked = signers.revoked(self.owners.current(), index);
        match revoked.filter(|_| signers.is_void(self.owners.current(), index)) {
            Some(key) => Err(HistoryError::RevokedKey {
                index,
                key: key.clone(),
            }),
            None => Ok(signers),
        }
    }

    fn check(
        &self,
        index: u64,
        statement: &Statement,
        note: &Note,
    ) -> Result<Signers, HistoryError> {
        if statement.package != self.name {
            return Err(self.other_subject(index));
        }
        let signers = self.owners.signers(index, statement, note)?;
        let published = |version: &Version| self.releases.contains_key(version);
        match &statement.action {
            Action::Publish { version, .. } if published(version) => Err(HistoryError::Twice {
                index,
                version: version.clone(),
            }),
            Action::Yank { version, .. } | Action::Unyank { version, .. }
                if !published(version) =>
            {
                Err(HistoryError::UnknownVersion {
                    index,
                    version: version.clone(),
                })
            }
            // The holder of a log key could append an old statement again, word for word.
            _ if self.said.contains(&Digest::of(note.text.as_bytes())) => {
                Err(HistoryError::Repeated { index })
            }
            _ => Ok(signers),
        }
    }

    fn apply(&mut self, index: u64, statement: Statement, signers: &Signers) {
        let revoked = signers.is_void(self.owners.current(), index);
        let until = signers.until(self.owners.current(), index);
        let Some(signer) = signers.first(self.owners.current(), index) else {
            return;
        };
        let Statement { action, time, .. } = statement;
        let late = false;
        match action {
            Action::Publish {
                version,
                metadata,
                size,
            } => {
                let release = LoggedRelease {
                    index,
                    metadata,
                    size,
                    signer,
                    signers: signers.all(),
                    time,
                    revoked,
                    until,
                    late,
                };
                self.releases.insert(version, release);
            }
            action => {
                let remark = Remark {
                    index,
                    action,
                    signer,
                    time,
                    revoked,
                    until,
                    late,
                };
                self.count(&remark);
                self.remarks.push(remark);
            }
        }
    }

    /// Lets a statement that is no release have its effect. One that is void has none.
    fn count(&mut self, remark: &Remark) {
        let Remark {
            index,
            signer,
            time,
            ..
        } = remark;
        let (index, signer, time) = (*index, signer.clone(), time.clone());
        match &remark.action {
            _ if remark.revoked || remark.late => {}
            Action::Publish { .. } => {}
            Action::Yank { version, reason } => {
                let yanked = Yanked {
                    reason: reason.clone(),
                    index,
                    signer,
                    time,
                };
                self.yanked.insert(version.clone(), yanked);
            }
            Action::Unyank { version, .. } => drop(self.yanked.remove(version)),
            Action::Deprecate {
                replacement,
                reason,
            } => {
                self.deprecated = Some(Deprecated {
                    reason: reason.clone(),
                    replacement: replacement.clone(),
                    index,
                    signer,
                    time,
                });
            }
            Action::Undeprecate { .. } => self.deprecated = None,
        }
    }

    fn other_subject(&self, index: u64) -> HistoryError {
        HistoryError::Subject {
            index,
            subject: self.name.to_string(),
        }
    }
}

/// The time in a statement; its form was checked when it was read.
fn own(time: &str) -> i64 {
    seconds(time).unwrap_or(i64::MAX)
}
